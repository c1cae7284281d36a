"""The plugin's handlers for CAM, tags, KMS, SSM and CLS against the running API: what a program does with them.

After each create and update the outputs must agree with the inputs, or the next preview would show a change.
"""

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from sandbox.plugins.tencentcloud import resources
from sandbox.plugins.tencentcloud.diff import diff
from sandbox.plugins.tencentcloud.errors import CloudError, ProviderError
from sandbox.plugins.tencentcloud.handler import Props
from sandbox.plugins.tencentcloud.schema import schema
from tests.sandbox.world import World, world

TAGS = {"env": "local", "cell": "bj"}
TRUST = json.dumps(
    {
        "version": "2.0",
        "statement": [{"effect": "allow", "action": "sts:AssumeRole", "principal": {"service": ["cvm.qcloud.com"]}}],
    }
)
POLICY = json.dumps({"version": "2.0", "statement": [{"effect": "allow", "action": ["ssm:*"], "resource": ["*"]}]})
RULE = {
    "fullText": {"caseSensitive": False, "containZH": True, "tokenizer": ",;"},
    "keyValue": {
        "caseSensitive": True,
        "keyValues": [{"key": "status", "value": {"type": "long", "sqlFlag": True, "containZH": False}}],
    },
}


@pytest.fixture
def program(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as made:
        yield made


def down_twice(program: World, token: str, id: str, outputs: Props) -> None:
    """Delete; a second time finds nothing to do."""
    program.down(token, id, outputs)
    program.down(token, id, outputs)


CASES: dict[str, tuple[Props, Props]] = {
    "tencentcloud:Cam/role:Role": (
        {"name": "r", "document": TRUST, "description": "d", "consoleLogin": False, "tags": TAGS},
        {"name": "r", "document": TRUST, "description": "e", "consoleLogin": True, "tags": {"env": "x"}},
    ),
    "tencentcloud:Cam/policy:Policy": (
        {"name": "p", "document": POLICY},
        {"name": "p", "document": POLICY.replace("ssm:*", "ssm:Get*"), "description": "d"},
    ),
    "tencentcloud:Kms/key:Key": (
        {"alias": "k", "isEnabled": True, "keyRotationEnabled": True, "tags": TAGS},
        {"alias": "l", "isEnabled": False, "description": "d"},
    ),
    "tencentcloud:Ssm/secret:Secret": (
        {"secretName": "s", "isEnabled": True, "recoveryWindowInDays": 0, "tags": TAGS},
        {"secretName": "s", "isEnabled": False, "description": "d", "recoveryWindowInDays": 0, "tags": {"a": "b"}},
    ),
    "tencentcloud:Cls/logset:Logset": ({"logsetName": "l", "tags": TAGS}, {"logsetName": "m", "tags": {"a": "b"}}),
}


@pytest.mark.parametrize("token", CASES)
def test_a_resource_is_made_changed_repaired_and_deleted(program: World, token: str) -> None:
    first, second = CASES[token]
    id, outputs = program.up(token, first)
    program.repair(token, id, outputs, first)
    outputs = program.change(token, id, outputs, second)
    down_twice(program, token, id, outputs)
    if "logset" in token:
        with pytest.raises(ProviderError, match="does not exist"):
            program.read(token, id, second)
    else:
        assert program.read(token, id, second) is None


def test_a_key_is_disabled_unless_it_is_to_be_enabled(program: World) -> None:
    _, outputs = program.up("tencentcloud:Kms/key:Key", {"alias": "k"})
    assert outputs["keyState"] == "Disabled"


def test_an_alias_stays_taken_after_the_key_is_deleted(program: World) -> None:
    token = "tencentcloud:Kms/key:Key"
    id, outputs = program.up(token, {"alias": "k", "isEnabled": True})
    down_twice(program, token, id, outputs)
    with pytest.raises(CloudError, match="AliasAlreadyExists"):
        program.up(token, {"alias": "k", "isEnabled": True})


def test_a_secret_has_the_versions_of_the_program_alone(program: World) -> None:
    secret, version = "tencentcloud:Ssm/secret:Secret", "tencentcloud:Ssm/secretVersion:SecretVersion"
    program.up(secret, {"secretName": "s", "isEnabled": True})
    inputs = {"secretName": "s", "versionId": "v1", "secretString": "one"}
    id, outputs = program.up(version, inputs)
    assert id == "s#v1"
    listed = program.cloud.call("ssm", "ListSecretVersionIds", {"SecretName": "s"})["Versions"]
    assert [each["VersionId"] for each in listed] == ["v1"]
    outputs = program.change(version, id, outputs, {**inputs, "secretString": "two"})
    assert outputs["secretString"] == "two"
    down_twice(program, version, id, outputs)
    assert program.read(version, id, inputs) is None


def test_a_policy_is_attached_and_detached(program: World) -> None:
    role, _ = program.up("tencentcloud:Cam/role:Role", {"name": "r", "document": TRUST})
    policy, _ = program.up("tencentcloud:Cam/policy:Policy", {"name": "p", "document": POLICY})
    token = "tencentcloud:Cam/rolePolicyAttachment:RolePolicyAttachment"
    inputs = {"roleId": role, "policyId": policy}
    id, outputs = program.up(token, inputs)
    assert (id, outputs["policyName"], outputs["policyType"]) == (f"{role}#{policy}", "p", "User")
    down_twice(program, token, id, outputs)
    assert program.read(token, id, inputs) is None


def test_the_same_json_is_no_difference() -> None:
    token = "tencentcloud:Cam/policy:Policy"
    resources.load()
    spaced = json.dumps(json.loads(POLICY), indent=2)
    state = {"name": "p", "document": POLICY}
    assert diff(token, schema()[token], state, {**state, "document": spaced}) == []


@pytest.mark.parametrize(
    "document", ["no json", "[]", POLICY.replace('["*"]', '"*"'), '{"version": "2.0", "Statement": []}']
)
def test_documents_that_the_provider_refuses_are_not_sent(program: World, document: str) -> None:
    with pytest.raises(ProviderError, match=r"`(document|resource)`") as caught:
        program.up("tencentcloud:Cam/policy:Policy", {"name": "p", "document": document})
    assert not isinstance(caught.value, CloudError)


def test_a_topic_with_its_index(program: World) -> None:
    topic_token, index_token = "tencentcloud:Cls/topic:Topic", "tencentcloud:Cls/index:Index"
    logset, _ = program.up("tencentcloud:Cls/logset:Logset", {"logsetName": "l"})
    inputs = {"logsetId": logset, "topicName": "t", "period": 180, "partitionCount": 2, "autoSplit": True, "tags": TAGS}
    topic, outputs = program.up(topic_token, inputs)
    index, index_outputs = program.up(index_token, {"topicId": topic, "rule": RULE, "status": True})
    assert index == topic
    index_outputs = program.change(index_token, index, index_outputs, {"topicId": topic, "rule": RULE, "status": False})
    outputs = program.change(topic_token, topic, outputs, {**inputs, "period": 30, "tags": {"a": "b"}})
    down_twice(program, index_token, index, index_outputs)
    down_twice(program, topic_token, topic, outputs)
    with pytest.raises(ProviderError, match="tencentcloud_cls_topic"):
        program.read(topic_token, topic, inputs)


def test_a_tag_exists_once(program: World) -> None:
    token, inputs = "tencentcloud:Tag/instance:Instance", {"tagKey": "env", "tagValue": "x"}
    id, outputs = program.up(token, inputs)
    with pytest.raises(CloudError, match="TagDuplicate"):
        program.up(token, inputs)
    down_twice(program, token, id, outputs)
    assert program.read(token, id, inputs) is None
