"""The plugin's handlers for networks and machines: what they read back never differs from what was asked."""

from collections.abc import Generator
from pathlib import Path

import pytest

from sandbox.plugins.tencentcloud.handler import HANDLERS, CloudError, Props, ProviderError
from tests.sandbox.world import World, world

TAGS = {"env": "local"}


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[World]:
    # The official provider repeats a refused delete for minutes.
    monkeypatch.setenv("SANMEN_TIME_SCALE", "0.001")
    with world(tmp_path) as running:
        yield running


def _cycle(net: World, token: str, first: Props, second: Props) -> None:
    id, outputs = net.up(token, first)
    net.agreed(token, id, outputs)
    outputs = net.change(token, id, outputs, second)
    net.down(token, id, outputs)


def test_a_vpc(net: World) -> None:
    first = {"name": "v", "cidrBlock": "10.20.0.0/16", "tags": TAGS, "assistantCidrs": ["172.16.0.0/16"]}
    second: Props = {"name": "w", "cidrBlock": "10.20.0.0/16", "tags": {}, "dnsServers": ["10.0.0.1"]}
    _cycle(net, "tencentcloud:Vpc/instance:Instance", first, second)


def test_a_subnet(net: World) -> None:
    same = {"vpcId": net.vpc(), "cidrBlock": "10.20.1.0/24", "availabilityZone": "ap-beijing-3"}
    token = "tencentcloud:Subnet/instance:Instance"
    _cycle(net, token, {"name": "a", "tags": TAGS, **same}, {"name": "b", "isMulticast": False, **same})


def test_a_security_group_and_its_rules(net: World) -> None:
    token = "tencentcloud:Security/group:Group"
    id, outputs = net.up(token, {"name": "g", "description": "d", "tags": TAGS})
    rule: Props = {"action": "ACCEPT", "cidrBlock": "10.0.0.0/8", "protocol": "TCP", "port": "443"}
    everything: Props = {"action": "ACCEPT", "cidrBlock": "0.0.0.0/0", "protocol": "ALL", "port": "ALL"}
    first: Props = {"securityGroupId": id, "ingresses": [rule], "egresses": [everything]}
    second: Props = {"securityGroupId": id, "ingresses": [{**rule, "port": "80"}, rule]}
    rules = "tencentcloud:Security/groupRuleSet:GroupRuleSet"
    rules_id, rules_outputs = net.up(rules, first)
    assert rules_id == id
    rules_outputs = net.change(rules, id, rules_outputs, second)
    assert rules_outputs["egresses"] == []
    net.down(rules, id, rules_outputs)
    net.down(token, id, net.change(token, id, outputs, {"name": "h", "description": "e"}))
    with pytest.raises(ProviderError, match="does not exist"):
        HANDLERS[rules].read(net.cloud, id, second)


RULES = "tencentcloud:Security/groupRuleSet:GroupRuleSet"


def test_rules_that_a_hand_has_changed_once_are_a_conflict(net: World) -> None:
    rule: Props = {"action": "ACCEPT", "cidrBlock": "10.0.0.0/8", "protocol": "TCP", "port": "443"}
    inputs: Props = {"securityGroupId": net.group(), "ingresses": [rule]}
    id, outputs = net.up(RULES, inputs)
    by_hand = {"Action": "ACCEPT", "Protocol": "TCP", "Port": "22", "CidrBlock": "10.0.0.0/8"}
    net.rules(id, [by_hand])
    with pytest.raises(CloudError, match="VersionMismatch"):
        net.change(RULES, id, outputs, {**inputs, "ingresses": [{**rule, "port": "80"}]})
    refreshed = net.read(RULES, id, outputs)
    assert refreshed is not None
    net.change(RULES, id, refreshed, {**inputs, "ingresses": [{**rule, "port": "80"}]})


def test_a_rule_without_a_source_is_refused(net: World) -> None:
    with pytest.raises(CloudError, match="MissingParameter"):
        net.up(RULES, {"securityGroupId": net.group(), "ingresses": [{"action": "ACCEPT", "protocol": "ALL"}]})


def test_a_rule_keeps_the_protocol_and_port_that_it_does_not_name(net: World) -> None:
    rule: Props = {"action": "ACCEPT", "cidrBlock": "10.0.0.0/8", "protocol": "TCP", "port": "443"}
    inputs: Props = {"securityGroupId": net.group(), "ingresses": [rule]}
    id, outputs = net.up(RULES, inputs)
    changed = {"action": "DROP", "cidrBlock": "10.0.0.0/8"}
    outputs = net.change(RULES, id, outputs, {**inputs, "ingresses": [changed, changed]})
    assert [(each["protocol"], each["port"]) for each in outputs["ingresses"]] == [("TCP", "443"), ("ALL", "ALL")]


def test_an_address_that_a_gateway_holds_is_not_released(net: World) -> None:
    """The gateway keeps one address: the provider fails, as nothing frees it."""
    eip, outputs = net.up("tencentcloud:Eip/instance:Instance")
    net.up("tencentcloud:Nat/gateway:Gateway", vpcId=net.vpc(), name="n", assignedEipSets=[outputs["publicIp"]])
    with pytest.raises(CloudError, match="PublicIpAddressDisassociate"):
        net.down("tencentcloud:Eip/instance:Instance", eip, outputs)


def test_a_way_out(net: World) -> None:
    vpc_id = net.vpc()
    eip, eip_outputs = net.up("tencentcloud:Eip/instance:Instance", {"name": "e", "tags": TAGS})
    nat = "tencentcloud:Nat/gateway:Gateway"
    inputs: Props = {"vpcId": vpc_id, "name": "n", "assignedEipSets": [eip_outputs["publicIp"]], "bandwidth": 100}
    nat_id, nat_outputs = net.up(nat, inputs)
    table_id, table = net.up("tencentcloud:Route/table:Table", {"vpcId": vpc_id, "name": "t"})
    route: Props = {"destinationCidrBlock": "0.0.0.0/0", "nextType": "NAT", "nextHub": nat_id, "routeTableId": table_id}
    entry = "tencentcloud:Route/tableEntry:TableEntry"
    entry_id, entry_outputs = net.up(entry, route)
    assert entry_id.endswith(f".{table_id}")
    entry_outputs = net.change(entry, entry_id, entry_outputs, {**route, "disabled": True})
    other, other_outputs = net.up("tencentcloud:Eip/instance:Instance", {"name": "f"})
    swapped = {**inputs, "assignedEipSets": [other_outputs["publicIp"]], "name": "m"}
    nat_outputs = net.change(nat, nat_id, nat_outputs, swapped)
    net.down(entry, entry_id, entry_outputs)
    net.down("tencentcloud:Route/table:Table", table_id, table)
    net.down(nat, nat_id, nat_outputs)
    net.down("tencentcloud:Eip/instance:Instance", eip, eip_outputs)
    net.down("tencentcloud:Eip/instance:Instance", other, other_outputs)
    assert net.plane.nats == {}


def test_a_flow_log_refuses_another_resource_when_it_is_applied(net: World) -> None:
    vpc_id = net.vpc()
    inputs: Props = {
        "flowLogName": "f",
        "resourceType": "VPC",
        "resourceId": vpc_id,
        "trafficType": "ALL",
        "vpcId": vpc_id,
        "cloudLogId": "topic",
        "storageType": "cls",
    }
    _cycle(net, "tencentcloud:Vpc/flowLog:FlowLog", inputs, {**inputs, "flowLogName": "g"})


def test_a_subnet_in_use_shows_its_real_error_in_the_end(net: World) -> None:
    vpc_id = net.vpc()
    inputs = {"name": "s", "vpcId": vpc_id, "cidrBlock": "10.20.1.0/24", "availabilityZone": "ap-beijing-3"}
    id, outputs = net.up("tencentcloud:Subnet/instance:Instance", inputs)
    net.instance(vpc_id, id)
    with pytest.raises(CloudError, match="Code=ResourceInUse"):
        net.down("tencentcloud:Subnet/instance:Instance", id, outputs)


def _group_inputs(net: World, config_id: str) -> Props:
    vpc_id = net.vpc()
    zones = {"ap-beijing-3": "10.20.1.0/24", "ap-beijing-5": "10.20.2.0/24"}
    return {
        "scalingGroupName": "gateways",
        "configurationId": config_id,
        "vpcId": vpc_id,
        "subnetIds": [net.subnet(vpc_id, cidr, zone) for zone, cidr in zones.items()],
        "minSize": 2,
        "maxSize": 4,
        "multiZoneSubnetPolicy": "EQUALITY",
        "healthCheckType": "CLB",
        "lbHealthCheckGracePeriod": 30,
        "replaceLoadBalancerUnhealthy": True,
        "retryPolicy": "INCREMENTAL_INTERVALS",
        "terminationPolicies": "OLDEST_INSTANCE",
        "tags": TAGS,
    }


CONFIG: Props = {
    "configurationName": "gateway",
    "imageId": "img-sanmengw",
    "instanceTypes": ["S5.MEDIUM4"],
    "instanceChargeType": "POSTPAID_BY_HOUR",
    "keepImageLogin": True,
    "camRoleName": "role",
    "userData": "I2Nsb3VkLWNvbmZpZwo=",
    "instanceNameSettings": {"instanceName": "gw", "instanceNameStyle": "UNIQUE"},
    "instanceTags": TAGS,
    "tags": TAGS,
}


def test_a_scaling_group_with_everything_around_it(net: World) -> None:
    config_token, group_token = (
        "tencentcloud:As/scalingConfig:ScalingConfig",
        "tencentcloud:As/scalingGroup:ScalingGroup",
    )
    config_id, config = net.up(config_token, CONFIG)
    config = net.change(config_token, config_id, config, {**CONFIG, "userData": "I2Nsb3VkLWNvbmZpZwoK"})
    inputs = _group_inputs(net, config_id)
    group_id, outputs = net.up(group_token, inputs)
    assert outputs["instanceCount"] == 2
    policy: Props = {
        "policyName": "cpu",
        "scalingGroupId": group_id,
        "policyType": "TARGET_TRACKING",
        "predefinedMetricType": "ASG_AVG_CPU_UTILIZATION",
        "targetValue": 60,
        "disableScaleIn": False,
    }
    _cycle(net, "tencentcloud:As/scalingPolicy:ScalingPolicy", policy, {**policy, "targetValue": 70})
    hook: Props = {
        "lifecycleHookName": "drain",
        "scalingGroupId": group_id,
        "lifecycleTransition": "INSTANCE_TERMINATING",
        "heartbeatTimeout": 60,
        "notificationMetadata": "drain",
    }
    _cycle(net, "tencentcloud:As/lifecycleHook:LifecycleHook", hook, {**hook, "heartbeatTimeout": 90})
    with pytest.raises(CloudError, match="LaunchConfigurationIdInUse"):
        net.down(config_token, config_id, config)
    outputs = net.change(group_token, group_id, outputs, {**inputs, "minSize": 1, "maxSize": 3})
    net.down(group_token, group_id, outputs)
    net.down(config_token, config_id, config)
    assert net.plane.machines == {}


@pytest.mark.parametrize(
    ("token", "inputs", "property"),
    [
        ("tencentcloud:Vpc/instance:Instance", {"name": "v", "cidrBlock": "10.0.0.1/16"}, "cidrBlock"),
        ("tencentcloud:Vpc/instance:Instance", {"name": "v" * 61, "cidrBlock": "10.0.0.0/16"}, "name"),
        ("tencentcloud:Nat/gateway:Gateway", {"assignedEipSets": ["eip-12345678"]}, "assignedEipSets"),
        ("tencentcloud:Nat/gateway:Gateway", {"bandwidth": 101}, "bandwidth"),
        ("tencentcloud:Route/tableEntry:TableEntry", {"nextType": "INTERNET"}, "nextType"),
        ("tencentcloud:As/lifecycleHook:LifecycleHook", {"heartbeatTimeout": 10}, "heartbeatTimeout"),
        ("tencentcloud:As/scalingConfig:ScalingConfig", {"systemDiskSize": 20}, "systemDiskSize"),
    ],
)
def test_the_preview_refuses_what_the_provider_refuses(net: World, token: str, inputs: Props, property: str) -> None:
    assert property in HANDLERS[token].check(inputs)
