"""Scaling groups keep their count: launches over zones, replacement of what dies, draining before what goes."""

from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from sandbox.api.actions import Context
from sandbox.api.restoring import restore
from sandbox.services.autoscaling import reconciler
from sandbox.services.autoscaling.kinds import MEMBER
from tests.sandbox.world import World, world

ZONES = {"ap-beijing-3": "10.20.1.0/24", "ap-beijing-5": "10.20.2.0/24"}


@pytest.fixture
def net(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as running:
        yield running


class Group:
    """A scaling group of gateways in two zones, behind an HTTP rule of a load balancer if asked."""

    def __init__(self, net: World, *, image: str = "img-sanmengw", count: int = 2, balanced: bool = False) -> None:
        self.net = net
        vpc_id = net.vpc()
        subnets = [net.subnet(vpc_id, cidr, zone) for zone, cidr in ZONES.items()]
        config = {"LaunchConfigurationName": "c", "ImageId": image, "InstanceTypes": ["S5.MEDIUM4"]}
        self.config = net.call("as", "CreateLaunchConfiguration", **config)["LaunchConfigurationId"]
        self.place = self._balancer(vpc_id) if balanced else {}
        params = {
            "AutoScalingGroupName": "g",
            "LaunchConfigurationId": self.config,
            "MinSize": 0,
            "MaxSize": 4,
            "DesiredCapacity": count,
            "VpcId": vpc_id,
            "SubnetIds": subnets,
            "MultiZoneSubnetPolicy": "EQUALITY",
            "HealthCheckType": "CLB" if balanced else "CVM",
            "ServiceSettings": {"ReplaceLoadBalancerUnhealthy": True},
            "ForwardLoadBalancers": [{**self.place, "TargetAttributes": [{"Port": 8080, "Weight": 10}]}]
            if balanced
            else [],
        }
        self.id = net.call("as", "CreateAutoScalingGroup", **params)["AutoScalingGroupId"]

    def _balancer(self, vpc_id: str) -> dict[str, str]:
        net = self.net
        made = net.call("clb", "CreateLoadBalancer", LoadBalancerType="OPEN", VpcId=vpc_id, LoadBalancerName="b")
        lb_id = made["LoadBalancerIds"][0]
        self._settled(lb_id)
        listener = {"LoadBalancerId": lb_id, "Ports": [80], "Protocol": "HTTP", "ListenerNames": ["l"]}
        listener_id = net.call("clb", "CreateListener", **listener)["ListenerIds"][0]
        self._settled(lb_id)
        rules = [{"Domain": "api.sanmen.test", "Url": "/"}]
        made = net.call("clb", "CreateRule", LoadBalancerId=lb_id, ListenerId=listener_id, Rules=rules)
        self._settled(lb_id)
        return {"LoadBalancerId": lb_id, "ListenerId": listener_id, "LocationId": made["LocationIds"][0]}

    def _settled(self, lb_id: str) -> None:
        def running() -> bool:
            doc = self.net.api.store.find("clb.load_balancer", lb_id)
            return doc is not None and doc["Status"] == 1 and not doc.get("_task")

        self.net.until(running, f"{lb_id} is settled")

    def members(self) -> list[dict[str, Any]]:
        filters = [{"Name": "auto-scaling-group-id", "Values": [self.id]}]
        return self.net.call("as", "DescribeAutoScalingInstances", Filters=filters)["AutoScalingInstanceSet"]

    def serving(self) -> list[str]:
        return [each["InstanceId"] for each in self.members() if each["LifeCycleState"] == "IN_SERVICE"]

    def until_serving(self, count: int) -> list[str]:
        self.net.until(lambda: len(self.serving()) == len(self.members()) == count, f"{count} instances serve")
        return self.serving()

    def weights(self) -> dict[str, int]:
        params = {"LoadBalancerId": self.place["LoadBalancerId"]}
        listener = self.net.call("clb", "DescribeTargets", **params)["Listeners"][0]
        return {target["InstanceId"]: target["Weight"] for target in listener["Rules"][0]["Targets"]}

    def desire(self, count: int) -> None:
        self.net.call("as", "ModifyDesiredCapacity", AutoScalingGroupId=self.id, DesiredCapacity=count)


def test_instances_are_spread_over_the_zones_and_take_addresses_from_the_fourth_on(net: World) -> None:
    group = Group(net, count=4)
    group.until_serving(4)
    assert Counter(each["Zone"] for each in group.members()) == {"ap-beijing-3": 2, "ap-beijing-5": 2}
    shown = net.call("cvm", "DescribeInstances")["InstanceSet"]
    addresses = {address for each in shown for address in each["PrivateIpAddresses"]}
    assert addresses == {"10.20.1.4", "10.20.1.5", "10.20.2.4", "10.20.2.5"}
    assert not any(each["PublicIpAddresses"] for each in shown)


def test_a_machine_that_ends_is_replaced(net: World) -> None:
    group = Group(net)
    dead, alive = group.until_serving(2)
    net.plane.running[dead] = False
    net.until(lambda: dead not in net.plane.machines, "the dead machine is removed")
    assert alive in group.until_serving(2)


def test_an_instance_that_is_terminated_by_hand_is_replaced(net: World) -> None:
    group = Group(net)
    gone, _ = group.until_serving(2)
    net.call("cvm", "TerminateInstances", InstanceIds=[gone])
    net.until(lambda: gone not in group.serving(), "the group has noticed")
    group.until_serving(2)


def test_a_new_desired_capacity_scales_out_and_in(net: World) -> None:
    group = Group(net)
    oldest = group.until_serving(2)[0]
    group.desire(3)
    group.until_serving(3)
    group.desire(2)
    net.until(lambda: len(group.members()) == 2, "one instance went")
    assert oldest not in group.until_serving(2)
    with pytest.raises(TencentCloudSDKException, match=r"LimitExceeded\.MaxSizeLimitExceeded"):
        group.desire(5)


def test_instances_are_targets_while_they_serve(net: World) -> None:
    group = Group(net, balanced=True)
    serving = group.until_serving(2)
    assert group.weights() == dict.fromkeys(serving, 10)
    group.desire(1)
    net.until(lambda: len(group.weights()) == 1, "one target is left")


def test_a_terminating_hook_drains_until_it_is_completed(net: World) -> None:
    group = Group(net, balanced=True)
    leaving, staying = group.until_serving(2)
    hook = {
        "AutoScalingGroupId": group.id,
        "LifecycleHookName": "drain",
        "LifecycleTransition": "INSTANCE_TERMINATING",
        "HeartbeatTimeout": 600,
    }
    hook_id = net.call("as", "CreateLifecycleHook", **hook)["LifecycleHookId"]
    group.desire(1)
    net.until(lambda: group.weights() == {leaving: 0, staying: 10}, "the leaving instance drains")
    assert net.instance_state(leaving) == "RUNNING"
    done = {"LifecycleHookId": hook_id, "LifecycleActionResult": "CONTINUE", "InstanceId": leaving}
    net.call("as", "CompleteLifecycleAction", **done)
    net.until(lambda: net.instance_state(leaving) is None, "the instance is gone")
    assert group.weights() == {staying: 10}


def test_an_instance_that_its_load_balancer_calls_dead_is_replaced(net: World) -> None:
    group = Group(net, balanced=True)
    sick, well = group.until_serving(2)
    states = {f"{sick}-8080": False, f"{well}-8080": True}
    net.plane.health[group.place["LoadBalancerId"]] = {group.place["LocationId"]: states}
    net.until(lambda: net.instance_state(sick) is None, "the sick instance is gone")
    assert well in group.until_serving(2)


def test_members_that_boot_again_are_not_replaced_until_they_had_the_time_to_serve(net: World) -> None:
    group = Group(net, balanced=True)
    sick, well = group.until_serving(2)
    asked = {"AutoScalingGroupId": group.id, "LoadBalancerHealthCheckGracePeriod": 60}
    net.call("as", "ModifyAutoScalingGroup", **asked)
    store = net.api.store
    with store.lock:
        for member in MEMBER.all(store):
            MEMBER.save(store, {**member, "_since": 0.0})  # they have served for long
    restore(Context(store=store))
    states = {f"{sick}-8080": False, f"{well}-8080": True}
    net.plane.health[group.place["LoadBalancerId"]] = {group.place["LocationId"]: states}
    reconciler.reconcile(Context(store=store))
    assert group.serving() == [sick, well]


def test_a_launch_that_fails_is_an_activity_that_says_why_and_the_group_rests(net: World) -> None:
    group = Group(net, image="img-mmytdhbn")

    def failed() -> list[str]:
        shown = net.call("as", "DescribeAutoScalingActivities")["ActivitySet"]
        return [each["StatusMessage"] for each in shown if each["StatusCode"] == "FAILED"]

    net.until(failed, "a launch has failed")
    assert "img-sanmengw" in failed()[0]
    shown = net.call("as", "DescribeAutoScalingGroups", AutoScalingGroupIds=[group.id])["AutoScalingGroupSet"][0]
    assert (shown["InstanceCount"], shown["InActivityStatus"]) == (0, "NOT_IN_ACTIVITY")


def test_a_group_with_instances_cannot_be_deleted(net: World) -> None:
    group = Group(net)
    group.until_serving(2)
    with pytest.raises(TencentCloudSDKException, match=r"ResourceInUse\.InstanceInGroup"):
        net.call("as", "DeleteAutoScalingGroup", AutoScalingGroupId=group.id)
    group.desire(0)
    net.until(lambda: group.members() == [], "the group is empty")
    net.call("as", "DeleteAutoScalingGroup", AutoScalingGroupId=group.id)
    net.call("as", "DeleteLaunchConfiguration", LaunchConfigurationId=group.config)


def test_user_data_above_sixteen_kilobytes_is_refused(net: World) -> None:
    config = {"LaunchConfigurationName": "c", "ImageId": "img-sanmengw", "InstanceTypes": ["S5.MEDIUM4"]}
    with pytest.raises(TencentCloudSDKException, match=r"InvalidParameterValue\.TooLong"):
        net.call("as", "CreateLaunchConfiguration", **config, UserData="QUJD" * 5462)
    net.call("as", "CreateLaunchConfiguration", **config, UserData="QUJD" * 5461)
