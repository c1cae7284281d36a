"""The plugin's handlers for CAM, KMS and SSM: what they say to the API, and that outputs agree with inputs."""

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from sandbox.plugins.tencentcloud import resources
from sandbox.plugins.tencentcloud.diff import diff
from sandbox.plugins.tencentcloud.handler import HANDLERS, CloudError, Partial, Props, ProviderError
from sandbox.plugins.tencentcloud.schema import schema
from tests.sandbox.services.spied import actions, documented, params, spied
from tests.sandbox.world import World, checked, world

TAGS = {"env": "local", "cell": "bj"}
TRUST = json.dumps(
    {
        "version": "2.0",
        "statement": [{"effect": "allow", "action": "sts:AssumeRole", "principal": {"service": ["cvm.qcloud.com"]}}],
    }
)
POLICY = json.dumps({"version": "2.0", "statement": [{"effect": "allow", "action": ["ssm:*"], "resource": ["*"]}]})
ROLE, POLICY_TOKEN = "tencentcloud:Cam/role:Role", "tencentcloud:Cam/policy:Policy"
ATTACHMENT = "tencentcloud:Cam/rolePolicyAttachment:RolePolicyAttachment"
KEY, SECRET = "tencentcloud:Kms/key:Key", "tencentcloud:Ssm/secret:Secret"
VERSION = "tencentcloud:Ssm/secretVersion:SecretVersion"
PAGES = {ROLE: "cam", POLICY_TOKEN: "cam", ATTACHMENT: "cam", KEY: "kms", SECRET: "ssm", VERSION: "ssm"}


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[World]:
    monkeypatch.setenv("SANMEN_TIME_SCALE", "0.001")  # codes that the provider repeats for minutes
    with world(tmp_path) as running:
        yield running


CASES: dict[str, tuple[Props, Props]] = {
    ROLE: (
        {"name": "r", "document": TRUST, "description": "d", "consoleLogin": False, "tags": TAGS},
        {
            "name": "r",
            "document": TRUST.replace("cvm", "scf"),
            "consoleLogin": True,
            "sessionDuration": 3600,
            "tags": {"env": "x"},
        },
    ),
    POLICY_TOKEN: (
        {"name": "p", "document": POLICY},
        {"name": "p", "document": POLICY.replace("ssm:*", "ssm:Get*"), "description": "d"},
    ),
    KEY: (
        {"alias": "k", "isEnabled": True, "keyRotationEnabled": True, "tags": TAGS},
        {"alias": "l", "isEnabled": False, "description": "d"},
    ),
    SECRET: (
        {"secretName": "s", "isEnabled": True, "tags": TAGS},
        {"secretName": "s", "isEnabled": False, "description": "d", "tags": {"a": "b"}},
    ),
}


@pytest.mark.parametrize("token", CASES)
def test_a_resource_is_made_changed_and_deleted_by_what_is_documented(net: World, token: str) -> None:
    first, second = CASES[token]
    with spied(net.cloud) as calls:
        id, outputs = net.up(token, first)
        outputs = net.change(token, id, outputs, second)
        net.down(token, id, outputs)
    assert set(actions(calls)) <= documented(token, PAGES[token])


def test_the_id_is_known_before_anything_else_can_fail(net: World) -> None:
    for token, (inputs, _) in CASES.items():
        partial = Partial()
        made = HANDLERS[token].create(net.cloud, checked(token, inputs), partial)
        assert partial.known == made.id


def test_a_key_is_disabled_unless_it_is_to_be_enabled(net: World) -> None:
    with spied(net.cloud) as calls:
        _, outputs = net.up(KEY, {"alias": "k"})
    assert outputs["keyState"] == "Disabled"
    assert params(calls, "kms:CreateKey") == {"Type": 1, "Alias": "k", "KeyUsage": "ENCRYPT_DECRYPT"}


def test_every_update_of_a_key_says_its_state_again(net: World) -> None:
    id, outputs = net.up(KEY, {"alias": "k", "isEnabled": True})
    with spied(net.cloud) as calls:
        net.change(KEY, id, outputs, {"alias": "k", "isEnabled": True, "description": "d"})
    assert actions(calls)[:2] == ["kms:UpdateKeyDescription", "kms:EnableKey"]


def test_a_key_that_waits_for_its_deletion_is_still_read_and_its_alias_taken(net: World) -> None:
    id, outputs = net.up(KEY, {"alias": "k", "isEnabled": True})
    with spied(net.cloud) as calls:
        net.down(KEY, id, outputs)
    assert actions(calls) == ["kms:DisableKey", "kms:ScheduleKeyDeletion", "kms:DescribeKey"]
    found = HANDLERS[KEY].read(net.cloud, id, outputs)
    assert found is not None
    assert (found["keyState"], "isEnabled" in found) == ("PendingDelete", False)
    with pytest.raises(CloudError, match="AliasAlreadyExists"):
        net.up(KEY, {"alias": "k", "isEnabled": True})


def test_a_missing_key_or_secret_is_an_error_and_not_gone(net: World) -> None:
    with pytest.raises(CloudError, match="CmkNotFound"):
        HANDLERS[KEY].read(net.cloud, "no-such-key", {})
    with pytest.raises(CloudError, match="ResourceNotFound"):
        HANDLERS[SECRET].read(net.cloud, "no-such-secret", {})


def test_a_secret_is_made_with_a_version_that_goes_at_once(net: World) -> None:
    with spied(net.cloud) as calls:
        net.up(SECRET, {"secretName": "s"})
    assert actions(calls)[:2] == ["ssm:CreateSecret", "ssm:DeleteSecretVersion"]
    assert params(calls, "ssm:CreateSecret") == {"SecretName": "s", "VersionId": "default", "SecretString": "default"}
    assert net.call("ssm", "ListSecretVersionIds", SecretName="s")["Versions"] == []


def test_a_version_is_put_changed_and_deleted(net: World) -> None:
    net.up(SECRET, {"secretName": "s"})
    inputs = {"secretName": "s", "versionId": "v1", "secretString": "one"}
    with spied(net.cloud) as calls:
        id, outputs = net.up(VERSION, inputs)
        outputs = net.change(VERSION, id, outputs, {**inputs, "secretString": "two"})
        assert (id, outputs["secretString"], outputs["secretBinary"]) == ("s#v1", "two", "")
        net.down(VERSION, id, outputs)
    assert set(actions(calls)) <= documented(VERSION, "ssm")
    assert HANDLERS[VERSION].read(net.cloud, id, inputs) is None


def test_of_a_disabled_secret_the_value_stays_as_it_was_known(net: World) -> None:
    net.up(SECRET, {"secretName": "s"})
    id, outputs = net.up(VERSION, {"secretName": "s", "versionId": "v1", "secretString": "one"})
    net.call("ssm", "DisableSecret", SecretName="s")
    with spied(net.cloud) as calls:
        changed = {**outputs, "secretString": "two"}
        HANDLERS[VERSION].update(net.cloud, id, outputs, changed, frozenset({"secretString"}))
        assert HANDLERS[VERSION].read(net.cloud, id, changed) == {}
    assert "ssm:UpdateSecret" not in actions(calls)


def test_a_deletion_of_a_secret_that_ends_with_another_code_has_failed(net: World) -> None:
    net.up(SECRET, {"secretName": "s"})
    id, outputs = net.up(VERSION, {"secretName": "s", "versionId": "v1", "secretString": "one"})
    net.call("ssm", "DisableSecret", SecretName="s")
    with pytest.raises(ProviderError, match=r"empty non-retryable error .*ResourceDisabled"):
        net.down(VERSION, id, outputs)


def test_a_role_is_found_in_the_list_and_tagged_after_it_is_made(net: World) -> None:
    with spied(net.cloud) as calls:
        id, _ = net.up(ROLE, {"name": "r", "document": TRUST, "tags": TAGS})
    assert actions(calls)[:3] == ["cam:CreateRole", "cam:DescribeRoleList", "tag:ModifyResourceTags"]
    assert params(calls, "cam:CreateRole") == {"RoleName": "r", "PolicyDocument": TRUST}
    assert params(calls, "tag:ModifyResourceTags")["Resource"] == f"qcs::cam::uin/:role/{id}"
    net.down(ROLE, id, {})
    assert HANDLERS[ROLE].read(net.cloud, id, {}) is None


def test_a_change_of_a_policy_says_that_change_alone(net: World) -> None:
    id, outputs = net.up(POLICY_TOKEN, {"name": "p", "document": POLICY, "description": "d"})
    with spied(net.cloud) as calls:
        net.change(POLICY_TOKEN, id, outputs, {"name": "p", "document": POLICY})
    assert params(calls, "cam:UpdatePolicy") == {"PolicyId": int(id), "Description": ""}
    net.down(POLICY_TOKEN, id, outputs)
    assert HANDLERS[POLICY_TOKEN].read(net.cloud, id, {}) is None


def test_a_policy_is_attached_and_detached(net: World) -> None:
    role, _ = net.up(ROLE, {"name": "r", "document": TRUST})
    policy, _ = net.up(POLICY_TOKEN, {"name": "p", "document": POLICY})
    inputs = {"roleId": role, "policyId": policy}
    with spied(net.cloud) as calls:
        id, outputs = net.up(ATTACHMENT, inputs)
        assert (id, outputs["policyName"], outputs["policyType"]) == (f"{role}#{policy}", "p", "User")
        net.down(ATTACHMENT, id, outputs)
    assert set(actions(calls)) <= documented(ATTACHMENT, "cam")
    assert HANDLERS[ATTACHMENT].read(net.cloud, id, inputs) is None
    net.down(ROLE, role, {})
    assert HANDLERS[ATTACHMENT].read(net.cloud, id, inputs) is None


def test_the_same_json_is_no_difference() -> None:
    resources.load()
    spaced = json.dumps(json.loads(POLICY), indent=2)
    state = {"name": "p", "document": POLICY}
    assert diff(POLICY_TOKEN, schema()[POLICY_TOKEN], state, {**state, "document": spaced}) == []


@pytest.mark.parametrize(
    "document",
    [
        "no json",
        "[]",
        POLICY.replace('["*"]', '"*"'),
        '{"version": "2.0", "statement": [{"action": 1}]}',
        '{"version": "2.0", "statement": [{"principal": {"qcs": "uin/1"}}]}',
    ],
)
def test_documents_that_the_provider_refuses_are_not_sent(net: World, document: str) -> None:
    with spied(net.cloud) as calls, pytest.raises(ProviderError, match=r"`(document|resource|action|principal)`"):
        net.up(POLICY_TOKEN, {"name": "p", "document": document})
    assert calls == []


def test_more_tags_than_a_page_are_all_read(net: World) -> None:
    many = {f"k{number:02d}": "v" for number in range(45)}
    _, outputs = net.up(SECRET, {"secretName": "s", "tags": many})
    assert outputs["tags"] == many
