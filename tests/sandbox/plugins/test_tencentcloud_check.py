"""What a preview refuses and fills in."""

import re

import grpc
import pytest
from google.protobuf import empty_pb2

from sandbox.plugins.protocol.values import UNKNOWN, Secret
from tests.sandbox.plugins.plugin_driver import Plugin

VPC = "tencentcloud:Vpc/instance:Instance"
SUBNET = "tencentcloud:Subnet/instance:Instance"
REDIS = "tencentcloud:Redis/instance:Instance"
RULES = "tencentcloud:Security/groupRuleSet:GroupRuleSet"


def test_the_plugin_has_the_official_version(tencentcloud: Plugin) -> None:
    assert tencentcloud.stub.GetPluginInfo(empty_pb2.Empty()).version == "0.2.3"


def test_defaults_are_filled_in_and_an_unset_name_is_made_from_the_logical_one(tencentcloud: Plugin) -> None:
    inputs, failures = tencentcloud.check(VPC, {"cidrBlock": "10.0.0.0/16"}, name="local-bj-vpc")
    assert failures == {}
    assert inputs["isMulticast"] is True
    assert re.fullmatch(r"local-bj-vpc-[0-9a-f]{7}", inputs["name"])


def test_a_made_up_name_is_kept_as_long_as_the_resource_lives(tencentcloud: Plugin) -> None:
    inputs, _ = tencentcloud.check(VPC, {"cidrBlock": "10.0.0.0/16"}, {"name": "core-1234567"})
    assert inputs["name"] == "core-1234567"


def test_only_an_argument_called_name_is_made_up(tencentcloud: Plugin) -> None:
    _, failures = tencentcloud.check("tencentcloud:Clb/instance:Instance", {"networkType": "OPEN"})
    assert failures == {"clbName": 'the argument "clb_name" is required, but no definition was found'}


def test_every_fault_is_named_at_once(tencentcloud: Plugin) -> None:
    _, failures = tencentcloud.check(SUBNET, {"name": "a", "vpcid": "vpc-1", "cidrBlock": ["10.0.0.0/24"]})
    assert set(failures) == {"vpcid", "vpcId", "availabilityZone", "cidrBlock"}
    assert "did you mean 'vpc_id'" in failures["vpcid"]
    assert failures["cidrBlock"] == "expected a string, got a list"


def test_a_fault_in_a_nested_block_has_its_path(tencentcloud: Plugin) -> None:
    _, failures = tencentcloud.check(
        RULES, {"securityGroupId": "sg-1", "ingresses": [{"action": "ACCEPT", "prt": "1"}]}
    )
    assert list(failures) == ["ingresses[0].prt"]


def test_a_value_of_the_wrong_type_is_refused_without_being_shown(tencentcloud: Plugin) -> None:
    _, failures = tencentcloud.check(REDIS, {"memSize": "hunter2", "availabilityZone": "ap-beijing-3", "typeId": 16})
    assert failures == {"memSize": "expected an integer, got a string"}


def test_the_same_value_in_another_spelling_is_taken(tencentcloud: Plugin) -> None:
    inputs, failures = tencentcloud.check(REDIS, {"memSize": "1024", "availabilityZone": "z", "typeId": 16.0})
    assert failures == {}
    assert (inputs["memSize"], inputs["typeId"]) == (1024, 16)


def test_a_fraction_is_no_integer(tencentcloud: Plugin) -> None:
    _, failures = tencentcloud.check(REDIS, {"memSize": 10.5, "availabilityZone": "ap-beijing-3"})
    assert failures == {"memSize": "expected an integer, got a number with a fraction"}


def test_unknown_values_pass_wherever_they_stand(tencentcloud: Plugin) -> None:
    rules = {"securityGroupId": UNKNOWN, "ingresses": [{"action": "ACCEPT", "cidrBlock": UNKNOWN}], "egresses": UNKNOWN}
    inputs, failures = tencentcloud.check(RULES, rules)
    assert failures == {}
    assert inputs["ingresses"][0]["cidrBlock"] is UNKNOWN
    assert inputs["egresses"] is UNKNOWN


def test_a_sensitive_argument_becomes_a_secret_and_a_secret_stays_one(tencentcloud: Plugin) -> None:
    given = {"memSize": 1024, "availabilityZone": "ap-beijing-3", "password": "pass-1234", "name": Secret("n")}
    inputs, failures = tencentcloud.check(REDIS, given)
    assert failures == {}
    assert inputs["password"] == Secret("pass-1234")
    assert inputs["name"] == Secret("n")


def test_an_argument_that_is_not_sensitive_by_schema_stays_plain(tencentcloud: Plugin) -> None:
    token = "tencentcloud:Ssm/secretVersion:SecretVersion"
    inputs, failures = tencentcloud.check(token, {"secretName": "a", "versionId": "v1", "secretString": "s"})
    assert failures == {}
    assert inputs["secretString"] == "s"


def test_arguments_that_exclude_each_other_are_refused(tencentcloud: Plugin) -> None:
    rule = {"clbId": "lb-1", "listenerId": "lbl-1", "url": "/", "domain": "a.test", "domains": ["a.test"]}
    _, failures = tencentcloud.check("tencentcloud:Clb/listenerRule:ListenerRule", rule)
    assert set(failures) == {"domain", "domains"}


def test_exactly_one_of_two_arguments_is_asked_for(tencentcloud: Plugin) -> None:
    token = "tencentcloud:Ssm/secretVersion:SecretVersion"
    _, failures = tencentcloud.check(token, {"secretName": "a", "versionId": "v1"})
    assert "exactly one of secret_binary, secret_string is needed, 0 are given" in failures.values()


@pytest.mark.parametrize(
    "token",
    [
        "tencentcloud:Ccn/attachment:Attachment",
        "tencentcloud:AuditIns/none:none",
        "tencentcloud:index/clsIndex:ClsIndex",
    ],
)
def test_types_that_the_official_provider_does_not_have_are_refused(tencentcloud: Plugin, token: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        tencentcloud.check(token, {})
    assert f"unknown resource type {token}" in str(refused.value.details())
    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_a_handlers_own_validator_speaks_in_the_preview(fake: Plugin) -> None:
    _, failures = fake.check(VPC, {"cidrBlock": "10.0.0.0/16", "name": "hey!"})
    assert failures == {"name": "no exclamation marks"}
    _, failures = fake.check(VPC, {"cidrBlock": "10.0.0.0/16", "name": UNKNOWN})
    assert failures == {}
