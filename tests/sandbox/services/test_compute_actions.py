"""Actions of CVM, Auto Scaling and TCR that no stack needs and people at a command line do."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from sandbox.api.actions import Context
from sandbox.services.cvm import machines
from tests.sandbox.world import World, world


@pytest.fixture
def net(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    ("action", "params", "answer", "field", "values"),
    [
        ("DescribeRegions", {}, "RegionSet", "Region", {"ap-beijing", "ap-shanghai", "ap-guangzhou"}),
        ("DescribeZones", {}, "ZoneSet", "ZoneState", {"AVAILABLE"}),
        ("DescribeImages", {"ImageIds": ["img-sanmengw"]}, "ImageSet", "ImageType", {"PRIVATE_IMAGE"}),
        (
            "DescribeZoneInstanceConfigInfos",
            {"Filters": [{"Name": "zone", "Values": ["ap-beijing-3"]}]},
            "InstanceTypeQuotaSet",
            "Zone",
            {"ap-beijing-3"},
        ),
    ],
)
def test_what_is_on_sale_is_told(
    net: World, action: str, params: dict[str, Any], answer: str, field: str, values: set[str]
) -> None:
    assert {each[field] for each in net.call("cvm", action, **params)[answer]} == values


class Group:
    """A scaling group of up to three instances."""

    def __init__(self, net: World, count: int) -> None:
        self.net = net
        vpc_id, subnet_id = net.network()
        config = {"LaunchConfigurationName": "c", "ImageId": "img-sanmengw", "InstanceTypes": ["S5.MEDIUM4"]}
        config_id = net.call("as", "CreateLaunchConfiguration", **config)["LaunchConfigurationId"]
        sizes = {"MinSize": 0, "MaxSize": 3, "DesiredCapacity": count}
        self.id: str = net.call(
            "as",
            "CreateAutoScalingGroup",
            AutoScalingGroupName="g",
            LaunchConfigurationId=config_id,
            VpcId=vpc_id,
            SubnetIds=[subnet_id],
            **sizes,
        )["AutoScalingGroupId"]
        self.until_serving(count)

    def call(self, action: str, **params: Any) -> dict[str, Any]:
        return self.net.call("as", action, AutoScalingGroupId=self.id, **params)

    def serving(self) -> list[str]:
        filters = [{"Name": "auto-scaling-group-id", "Values": [self.id]}]
        found = self.net.call("as", "DescribeAutoScalingInstances", Filters=filters)["AutoScalingInstanceSet"]
        return [each["InstanceId"] for each in found if each["LifeCycleState"] == "IN_SERVICE"]

    def until_serving(self, count: int) -> list[str]:
        self.net.until(lambda: len(self.serving()) == count, f"{count} instances serve")
        return self.serving()


@pytest.mark.parametrize(
    ("action", "params", "count"),
    [
        ("ScaleOutInstances", {"ScaleOutNumber": 1}, 3),
        ("ScaleInInstances", {"ScaleInNumber": 1}, 1),
    ],
)
def test_a_group_is_scaled_by_hand(net: World, action: str, params: dict[str, Any], count: int) -> None:
    group = Group(net, 2)
    assert group.call(action, **params)["ActivityId"]
    group.until_serving(count)
    with pytest.raises(TencentCloudSDKException, match=r"ResourceInsufficient\.AutoScalingGroup"):
        group.call(action, **dict.fromkeys(params, 3))


def test_a_chosen_instance_is_removed_and_a_protected_one_stays(net: World) -> None:
    group = Group(net, 3)
    first, second, third = group.serving()
    group.call("RemoveInstances", InstanceIds=[second])
    assert group.until_serving(2) == [first, third]
    group.call("SetInstancesProtection", InstanceIds=[first], ProtectedFromScaleIn=True)
    group.call("ScaleInInstances", ScaleInNumber=1)
    assert group.until_serving(1) == [first]


def test_a_disabled_group_leaves_its_count_alone_until_it_is_enabled(net: World) -> None:
    group = Group(net, 1)
    group.call("DisableAutoScalingGroup")
    group.call("ModifyDesiredCapacity", DesiredCapacity=2)
    (shown,) = net.call("as", "DescribeAutoScalingGroups", AutoScalingGroupIds=[group.id])["AutoScalingGroupSet"]
    assert (shown["EnabledStatus"], shown["InActivityStatus"]) == ("DISABLED", "NOT_IN_ACTIVITY")
    group.call("EnableAutoScalingGroup")
    group.until_serving(2)


def test_a_simple_policy_does_what_it_says_when_it_is_executed(net: World) -> None:
    group = Group(net, 1)
    alarm = {
        "ComparisonOperator": "GREATER_THAN",
        "MetricName": "CPU_UTILIZATION",
        "Threshold": 80,
        "Period": 60,
        "ContinuousTime": 3,
    }
    made = group.call(
        "CreateScalingPolicy",
        ScalingPolicyName="p",
        AdjustmentType="CHANGE_IN_CAPACITY",
        AdjustmentValue=1,
        MetricAlarm=alarm,
    )
    net.call("as", "ExecuteScalingPolicy", AutoScalingPolicyId=made["AutoScalingPolicyId"])
    group.until_serving(2)


def test_an_instance_gets_another_name_and_other_groups(net: World) -> None:
    vpc_id, subnet_id = net.network()
    instance = net.instance(vpc_id, subnet_id, net.group())
    other = net.group()
    net.call("cvm", "ModifyInstancesAttribute", InstanceIds=[instance], InstanceName="renamed", SecurityGroups=[other])
    (shown,) = net.call("cvm", "DescribeInstances", InstanceIds=[instance])["InstanceSet"]
    assert (shown["InstanceName"], shown["SecurityGroupIds"]) == ("renamed", [other])


def test_machines_stand_again_after_a_restart_of_the_machine(net: World) -> None:
    vpc_id, subnet_id = net.network()
    instance = net.instance(vpc_id, subnet_id, net.group())
    before = net.plane.hosts[instance], net.plane.machines[instance]
    net.plane.machines.clear()
    del net.plane.hosts[instance]
    machines.restore(Context(store=net.api.store))
    assert (net.plane.hosts[instance], net.plane.machines[instance]) == before


@pytest.mark.parametrize(("image", "on"), [("img-sanmengw", False), ("img-7ag0z2jt", True)])
def test_what_a_launch_configuration_leaves_out_has_its_default(net: World, image: str, on: bool) -> None:
    asked = {"LaunchConfigurationName": "c", "ImageId": image, "InstanceTypes": ["S5.MEDIUM4"]}
    some = {"EnhancedService": {"MonitorService": {"Enabled": False}}, "SystemDisk": {"DiskSize": 60}}
    config_id = net.call("as", "CreateLaunchConfiguration", **asked, **some)["LaunchConfigurationId"]
    less = {"InternetAccessible": {"InternetMaxBandwidthOut": 5}}
    net.call("as", "ModifyLaunchConfigurationAttributes", LaunchConfigurationId=config_id, **less)
    (shown,) = net.call("as", "DescribeLaunchConfigurations")["LaunchConfigurationSet"]
    for service, wanted in (("SecurityService", True), ("MonitorService", False), ("AutomationToolsService", on)):
        assert shown["EnhancedService"][service]["Enabled"] is wanted, service
    assert (shown["SystemDisk"]["DiskType"], shown["SystemDisk"]["DiskSize"]) == ("CLOUD_PREMIUM", 60)
    internet = shown["InternetAccessible"]
    assert (internet["InternetChargeType"], internet["InternetMaxBandwidthOut"]) == ("TRAFFIC_POSTPAID_BY_HOUR", 5)
    assert internet["PublicIpAssigned"] is False


def test_a_token_is_switched_off_and_on(net: World) -> None:
    id = net.call("tcr", "CreateInstance", RegistryName="sanmen-images", RegistryType="basic")["RegistryId"]

    def status() -> str:
        return net.call("tcr", "DescribeInstances", Registryids=[id])["Registries"][0]["Status"]

    net.until(lambda: status() == "Running", "the registry")
    token = net.call("tcr", "CreateInstanceToken", RegistryId=id, TokenType="longterm", Desc="ci")
    for enabled in (False, True):
        net.call("tcr", "ModifyInstanceToken", RegistryId=id, TokenId=token["TokenId"], Enable=enabled, Desc="d")
        assert (token["Username"] in net.plane.registries[id].users) is enabled
    (shown,) = net.call("tcr", "DescribeInstanceToken", RegistryId=id)["Tokens"]
    assert (shown["Enabled"], shown["Desc"]) == (True, "d")
