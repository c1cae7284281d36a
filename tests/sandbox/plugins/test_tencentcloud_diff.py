"""What would change, and whether by replacement."""

from sandbox.plugins.protocol.values import UNKNOWN, Secret
from tests.sandbox.plugins.plugin_driver import Plugin

VPC = "tencentcloud:Vpc/instance:Instance"
SUBNET = "tencentcloud:Subnet/instance:Instance"
REDIS = "tencentcloud:Redis/instance:Instance"
NAT = "tencentcloud:Nat/gateway:Gateway"
RULES = "tencentcloud:Security/groupRuleSet:GroupRuleSet"
STATE = {
    "name": "core",
    "cidrBlock": "10.0.0.0/16",
    "isMulticast": True,
    "dnsServers": ["183.60.82.98", "183.60.83.19"],
    "createTime": "2026-11-01 00:00:00",
    "tags": {"env": "local"},
}
INPUTS = {"name": "core", "cidrBlock": "10.0.0.0/16", "isMulticast": True, "tags": {"env": "local"}}


def test_what_the_cloud_filled_in_is_no_difference(tencentcloud: Plugin) -> None:
    assert tencentcloud.changes(VPC, STATE, INPUTS) == {}


def test_a_changed_argument_is_an_update(tencentcloud: Plugin) -> None:
    assert tencentcloud.changes(VPC, STATE, {**INPUTS, "name": "edge"}) == {"name": "UPDATE"}


def test_a_changed_argument_that_forces_a_new_resource_is_a_replacement(tencentcloud: Plugin) -> None:
    answer = tencentcloud.diff(VPC, STATE, {**INPUTS, "cidrBlock": "10.1.0.0/16"})
    assert list(answer.replaces) == ["cidrBlock"]
    assert answer.detailedDiff["cidrBlock"].kind == 5
    assert not answer.detailedDiff["cidrBlock"].inputDiff


def test_a_name_the_program_chose_must_be_free_before_the_replacement(tencentcloud: Plugin) -> None:
    changed = {**INPUTS, "cidrBlock": "10.1.0.0/16"}
    assert tencentcloud.diff(VPC, STATE, changed).deleteBeforeReplace
    automatic = {"name": "core-0123abc"}
    assert not tencentcloud.diff(VPC, STATE | automatic, changed | automatic).deleteBeforeReplace


def test_an_unknown_value_for_an_argument_that_forces_a_new_resource_is_a_replacement(tencentcloud: Plugin) -> None:
    subnet = {"name": "a", "vpcId": "vpc-1", "cidrBlock": "10.0.1.0/24", "availabilityZone": "ap-beijing-3"}
    assert tencentcloud.changes(SUBNET, subnet, {**subnet, "vpcId": UNKNOWN}) == {"vpcId": "UPDATE_REPLACE"}


def test_tags_differ_key_by_key(tencentcloud: Plugin) -> None:
    changed = {**INPUTS, "tags": {"owner": "ops", "cost-centre": "1"}}
    found = tencentcloud.changes(VPC, STATE, changed)
    assert found == {'tags["cost-centre"]': "ADD", "tags.env": "DELETE", "tags.owner": "ADD"}


def test_a_left_out_argument_is_deleted_unless_the_cloud_fills_it(tencentcloud: Plugin) -> None:
    inputs = {name: value for name, value in INPUTS.items() if name != "tags"}
    assert tencentcloud.changes(VPC, STATE, inputs) == {"tags": "DELETE"}
    assert tencentcloud.changes(VPC, {**STATE, "tags": {}}, inputs) == {}


def test_sets_have_no_order(tencentcloud: Plugin) -> None:
    state = {"name": "n", "vpcId": "vpc-1", "assignedEipSets": ["1.1.1.1", "2.2.2.2"]}
    assert tencentcloud.changes(NAT, state, {**state, "assignedEipSets": ["2.2.2.2", "1.1.1.1"]}) == {}
    changed = {**state, "assignedEipSets": ["2.2.2.2", "3.3.3.3"]}
    found = tencentcloud.changes(NAT, state, changed)
    assert set(found.values()) <= {"ADD", "DELETE", "UPDATE"}
    assert all(path.startswith("assignedEipSets[") for path in found)
    assert found


def test_lists_have_an_order(tencentcloud: Plugin) -> None:
    one, two = {"action": "ACCEPT", "port": "443"}, {"action": "DROP", "port": "ALL"}
    state = {"securityGroupId": "sg-1", "ingresses": [{**one, "policyIndex": 0}, {**two, "policyIndex": 1}]}
    assert tencentcloud.changes(RULES, state, {"securityGroupId": "sg-1", "ingresses": [one, two]}) == {}
    assert tencentcloud.changes(RULES, state, {"securityGroupId": "sg-1", "ingresses": [two, one]}) == {
        "ingresses[0].action": "UPDATE",
        "ingresses[0].port": "UPDATE",
        "ingresses[1].action": "UPDATE",
        "ingresses[1].port": "UPDATE",
    }


def test_false_in_the_cloud_against_a_default_of_true_is_drift(tencentcloud: Plugin) -> None:
    assert tencentcloud.changes(VPC, {**STATE, "isMulticast": False}, INPUTS) == {"isMulticast": "UPDATE"}


def test_secrets_are_compared_by_their_value(tencentcloud: Plugin) -> None:
    state = {"memSize": 1024, "availabilityZone": "z", "password": Secret("a")}
    assert tencentcloud.changes(REDIS, state, {**state, "password": Secret("a")}) == {}
    assert tencentcloud.changes(REDIS, state, {**state, "password": Secret("b")}) == {"password": "UPDATE"}


def test_paths_the_program_ignores_are_no_difference(tencentcloud: Plugin) -> None:
    drifted = {**STATE, "tags": {"env": "local", "x": "y"}, "name": "z"}
    assert tencentcloud.changes(VPC, drifted, INPUTS, ("tags", "name")) == {}
    assert tencentcloud.changes(VPC, drifted, INPUTS, ("tags.x",)) == {"name": "UPDATE"}
