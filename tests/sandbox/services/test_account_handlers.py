"""The plugin's handlers for CAM, tags, KMS, SSM, CLS and TCR against the running API: what a program does with them.

After each create and update the outputs must agree with the inputs, or the next preview would show a change.
"""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from sandbox.api.testing import LocalCloud, local_cloud
from sandbox.plugins.tencentcloud import resources
from sandbox.plugins.tencentcloud.cloud import Cloud, Credentials
from sandbox.plugins.tencentcloud.diff import diff
from sandbox.plugins.tencentcloud.endpoint import Endpoint
from sandbox.plugins.tencentcloud.errors import CloudError, ProviderError
from sandbox.plugins.tencentcloud.handler import HANDLERS, Partial, Props
from sandbox.plugins.tencentcloud.schema import schema
from sandbox.services import account, cam, cls, kms, plane, ssm, tag, tcr
from tests.sandbox.recording import Recording

SERVICES = (account, cam, cls, kms, ssm, tag, tcr)
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


def checked(token: str, inputs: Props) -> Props:
    """The schema's defaults, which the core's check fills in."""
    defaults = {name: field.default for name, field in schema()[token].items() if field.default is not None}
    return {**defaults, **inputs}


class Program:
    """One resource after the other, as the engine has them made."""

    def __init__(self, running: LocalCloud) -> None:
        resources.load()
        endpoint = Endpoint(protocol="http", domain=f"tencentcloudapi.localhost:{running.server.port}")
        credentials = Credentials(secret_id=running.key.secret_id, secret_key=running.key.secret_key)
        self.cloud = Cloud(region="ap-beijing", endpoint=endpoint, credentials=credentials)

    def _agree(self, token: str, outputs: Props, inputs: Props) -> None:
        assert diff(token, schema()[token], outputs, inputs) == []
        assert set(outputs) <= set(schema()[token])

    def read(self, token: str, id: str, inputs: Props) -> Props | None:
        found = HANDLERS[token].read(self.cloud, id, inputs)
        return None if found is None else {**inputs, **found}

    def up(self, token: str, inputs: Props) -> tuple[str, Props]:
        inputs, partial = checked(token, inputs), Partial()
        id = HANDLERS[token].create(self.cloud, inputs, partial).id
        assert partial.known == id
        outputs = self.read(token, id, inputs)
        assert outputs is not None
        self._agree(token, outputs, inputs)
        return id, outputs

    def change(self, token: str, id: str, outputs: Props, inputs: Props) -> Props:
        inputs = checked(token, inputs)
        changed = frozenset(change.top for change in diff(token, schema()[token], outputs, inputs))
        assert changed
        HANDLERS[token].update(self.cloud, id, outputs, inputs, changed)
        changed_outputs = self.read(token, id, inputs)
        assert changed_outputs is not None
        self._agree(token, changed_outputs, inputs)
        return changed_outputs

    def repair(self, token: str, id: str, outputs: Props, inputs: Props) -> None:
        inputs = checked(token, inputs)
        HANDLERS[token].update(self.cloud, id, outputs, inputs, frozenset())
        repaired = self.read(token, id, inputs)
        assert repaired is not None
        self._agree(token, repaired, inputs)

    def down(self, token: str, id: str, outputs: Props) -> None:
        HANDLERS[token].delete(self.cloud, id, outputs)
        HANDLERS[token].delete(self.cloud, id, outputs)


@pytest.fixture
def program(tmp_path: Path) -> Generator[Program]:
    with plane.use(Recording()), local_cloud(tmp_path) as running:
        yield Program(running)


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
def test_a_resource_is_made_changed_repaired_and_deleted(program: Program, token: str) -> None:
    first, second = CASES[token]
    id, outputs = program.up(token, first)
    program.repair(token, id, outputs, first)
    outputs = program.change(token, id, outputs, second)
    program.down(token, id, outputs)
    if "logset" in token:
        with pytest.raises(ProviderError, match="does not exist"):
            program.read(token, id, second)
    else:
        assert program.read(token, id, second) is None


def test_a_key_is_disabled_unless_it_is_to_be_enabled(program: Program) -> None:
    _, outputs = program.up("tencentcloud:Kms/key:Key", {"alias": "k"})
    assert outputs["keyState"] == "Disabled"


def test_an_alias_stays_taken_after_the_key_is_deleted(program: Program) -> None:
    token = "tencentcloud:Kms/key:Key"
    id, outputs = program.up(token, {"alias": "k", "isEnabled": True})
    program.down(token, id, outputs)
    with pytest.raises(CloudError, match="AliasAlreadyExists"):
        program.up(token, {"alias": "k", "isEnabled": True})


def test_a_secret_has_the_versions_of_the_program_alone(program: Program) -> None:
    secret, version = "tencentcloud:Ssm/secret:Secret", "tencentcloud:Ssm/secretVersion:SecretVersion"
    program.up(secret, {"secretName": "s", "isEnabled": True})
    inputs = {"secretName": "s", "versionId": "v1", "secretString": "one"}
    id, outputs = program.up(version, inputs)
    assert id == "s#v1"
    listed = program.cloud.call("ssm", "ListSecretVersionIds", {"SecretName": "s"})["Versions"]
    assert [each["VersionId"] for each in listed] == ["v1"]
    outputs = program.change(version, id, outputs, {**inputs, "secretString": "two"})
    assert outputs["secretString"] == "two"
    program.down(version, id, outputs)
    assert program.read(version, id, inputs) is None


def test_a_policy_is_attached_and_detached(program: Program) -> None:
    role, _ = program.up("tencentcloud:Cam/role:Role", {"name": "r", "document": TRUST})
    policy, _ = program.up("tencentcloud:Cam/policy:Policy", {"name": "p", "document": POLICY})
    token = "tencentcloud:Cam/rolePolicyAttachment:RolePolicyAttachment"
    inputs = {"roleId": role, "policyId": policy}
    id, outputs = program.up(token, inputs)
    assert (id, outputs["policyName"], outputs["policyType"]) == (f"{role}#{policy}", "p", "User")
    program.down(token, id, outputs)
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
def test_documents_that_the_provider_refuses_are_not_sent(program: Program, document: str) -> None:
    with pytest.raises(ProviderError, match=r"`(document|resource)`") as caught:
        program.up("tencentcloud:Cam/policy:Policy", {"name": "p", "document": document})
    assert not isinstance(caught.value, CloudError)


def test_a_topic_with_its_index(program: Program) -> None:
    topic_token, index_token = "tencentcloud:Cls/topic:Topic", "tencentcloud:Cls/index:Index"
    logset, _ = program.up("tencentcloud:Cls/logset:Logset", {"logsetName": "l"})
    inputs = {"logsetId": logset, "topicName": "t", "period": 180, "partitionCount": 2, "autoSplit": True, "tags": TAGS}
    topic, outputs = program.up(topic_token, inputs)
    index, index_outputs = program.up(index_token, {"topicId": topic, "rule": RULE, "status": True})
    assert index == topic
    index_outputs = program.change(index_token, index, index_outputs, {"topicId": topic, "rule": RULE, "status": False})
    outputs = program.change(topic_token, topic, outputs, {**inputs, "period": 30, "tags": {"a": "b"}})
    program.down(index_token, index, index_outputs)
    program.down(topic_token, topic, outputs)
    with pytest.raises(ProviderError, match="tencentcloud_cls_topic"):
        program.read(topic_token, topic, inputs)


def test_a_tag_exists_once(program: Program) -> None:
    token, inputs = "tencentcloud:Tag/instance:Instance", {"tagKey": "env", "tagValue": "x"}
    id, outputs = program.up(token, inputs)
    with pytest.raises(CloudError, match="TagDuplicate"):
        program.up(token, inputs)
    program.down(token, id, outputs)
    assert program.read(token, id, inputs) is None


def test_a_registry_with_namespace_and_repository(program: Program) -> None:
    token = "tencentcloud:Tcr/instance:Instance"
    policies = [{"cidrBlock": "198.19.0.0/16", "description": "clients"}]
    inputs: Props = {
        "name": "sanmen-images",
        "instanceType": "basic",
        "registryChargeType": 1,
        "openPublicOperation": True,
        "securityPolicies": policies,
        "tags": TAGS,
    }
    id, outputs = program.up(token, inputs)
    assert (outputs["status"], outputs["publicStatus"]) == ("Running", "Opened")
    program.repair(token, id, outputs, inputs)
    space: Props = {"instanceId": id, "name": "sanmen", "isPublic": False, "severity": "high", "isAutoScan": True}
    namespace, space_outputs = program.up("tencentcloud:Tcr/namespace:Namespace", space)
    wanted: dict[str, Any] = {"instanceId": id, "namespaceName": "sanmen", "name": "gateway", "briefDesc": "b"}
    repository, repository_outputs = program.up("tencentcloud:Tcr/repository:Repository", wanted)
    assert repository_outputs["url"] == "sanmen-images.tencentcloudcr.com/sanmen/gateway"
    program.change("tencentcloud:Tcr/namespace:Namespace", namespace, space_outputs, {**space, "isPublic": True})
    closed = {name: value for name, value in inputs.items() if name != "securityPolicies"}
    outputs = program.change(token, id, outputs, {**closed, "openPublicOperation": False, "tags": {}})
    assert outputs["publicStatus"] == "Closed"
    program.down("tencentcloud:Tcr/repository:Repository", repository, repository_outputs)
    program.down("tencentcloud:Tcr/namespace:Namespace", namespace, space_outputs)
    program.down(token, id, outputs)
    assert program.read(token, id, inputs) is None
