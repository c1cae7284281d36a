"""Scaling groups. What keeps their count stands in reconciler.py. Source: docs/sources.md, machines."""

from typing import Any

from tencentcloud.autoscaling.v20180419 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.services.autoscaling import balancers
from sandbox.services.autoscaling.kinds import COMING, CONFIG, GOING, GROUP, HOOK, POLICY, members, of_group
from sandbox.services.params import check_name, check_one_of, given, public, stamp_utc, tag_set
from sandbox.services.vpc.kinds import SUBNET, VPC

QUOTA = 50
CHOICES = {
    "RetryPolicy": ("IMMEDIATE_RETRY", "INCREMENTAL_INTERVALS", "NO_RETRY"),
    "MultiZoneSubnetPolicy": ("PRIORITY", "EQUALITY"),
    "HealthCheckType": ("CVM", "CLB"),
}
TERMINATION = ("OLDEST_INSTANCE", "NEWEST_INSTANCE")
_SERVICE_SETTINGS = {
    "ReplaceMonitorUnhealthy": False,
    "ScalingMode": "CLASSIC_SCALING",
    "ReplaceLoadBalancerUnhealthy": False,
    "ReplaceMode": "RECREATE",
    "AutoUpdateInstanceTags": False,
    "DesiredCapacitySyncWithMaxMinSize": False,
}


def _check_sizes(doc: Doc) -> None:
    low, wanted, high = doc["MinSize"], doc["DesiredCapacity"], doc["MaxSize"]
    if not 0 <= low <= high <= 2000:
        message = f"`MinSize` {low} and `MaxSize` {high} must be 0 to 2000 and in this order."
        raise ApiError("InvalidParameterValue.Size", message)
    if wanted < low:
        message = f"`DesiredCapacity` {wanted} is below `MinSize` {low}."
        raise ApiError("LimitExceeded.MinSizeLimitExceeded", message)
    if wanted > high:
        message = f"`DesiredCapacity` {wanted} is above `MaxSize` {high}."
        raise ApiError("LimitExceeded.MaxSizeLimitExceeded", message)


def _check(ctx: Context, doc: Doc) -> None:
    check_name("AutoScalingGroupName", doc["AutoScalingGroupName"])
    _check_sizes(doc)
    for name, allowed in CHOICES.items():
        check_one_of(name, doc[name], allowed)
    for each in doc["TerminationPolicySet"]:
        check_one_of("TerminationPolicies", each, TERMINATION)
    check_one_of(
        "ServiceSettings.ScalingMode",
        doc["ServiceSettings"]["ScalingMode"],
        ("CLASSIC_SCALING", "WAKE_UP_STOPPED_SCALING"),
    )
    CONFIG.need(ctx, doc["LaunchConfigurationId"])
    VPC.need(ctx, doc["VpcId"], "InvalidParameterValue.OnlyVpc")
    if not doc["SubnetIdSet"]:
        raise ApiError("InvalidParameterValue.SubnetIds", "A scaling group in a VPC needs `SubnetIds`.")
    for subnet_id in doc["SubnetIdSet"]:
        subnet = SUBNET.find(ctx, subnet_id)
        if subnet is None or subnet["VpcId"] != doc["VpcId"]:
            message = f"The subnet `{subnet_id}` is not in `{doc['VpcId']}`."
            raise ApiError("InvalidParameterValue.InvalidSubnetId", message)
    if len(set(doc["SubnetIdSet"])) != len(doc["SubnetIdSet"]):
        raise ApiError("InvalidParameterValue.DuplicatedSubnet", "`SubnetIds` names a subnet twice.")
    balancers.check(ctx, doc["VpcId"], doc["ForwardLoadBalancerSet"])


def _check_new_name(ctx: Context, name: str, group_id: str = "") -> None:
    for doc in GROUP.list(ctx):
        if doc["AutoScalingGroupName"] == name and doc["AutoScalingGroupId"] != group_id:
            raise ApiError("InvalidParameterValue.GroupNameDuplicated", f"There is already a scaling group `{name}`.")


@action
def create_auto_scaling_group(ctx: Context, request: models.CreateAutoScalingGroupRequest) -> dict[str, Any]:
    """A group; its instances come within seconds."""
    asked = given(request)
    if asked.get("LoadBalancerIds"):
        message = "Classic load balancers are not sold any more: use `ForwardLoadBalancers`."
        raise ApiError("ResourceNotFound.ClassicLoadBalancerNotFound", message)
    with ctx.store.lock:
        group_id = ctx.store.new_id("asg")
        doc: Doc = {
            "AutoScalingGroupId": group_id,
            "AutoScalingGroupName": asked["AutoScalingGroupName"],
            "CreatedTime": stamp_utc(ctx),
            "DefaultCooldown": asked.get("DefaultCooldown", 300),
            "DesiredCapacity": asked.get("DesiredCapacity", asked["MinSize"]),
            "EnabledStatus": "ENABLED",
            "ForwardLoadBalancerSet": balancers.settled(ctx, asked.get("ForwardLoadBalancers", [])),
            "LaunchConfigurationId": asked["LaunchConfigurationId"],
            "LoadBalancerIdSet": [],
            "MaxSize": asked["MaxSize"],
            "MinSize": asked["MinSize"],
            "ProjectId": asked.get("ProjectId", 0),
            "SubnetIdSet": asked.get("SubnetIds", []),
            "TerminationPolicySet": asked.get("TerminationPolicies", ["OLDEST_INSTANCE"]),
            "VpcId": asked["VpcId"],
            "ZoneSet": asked.get("Zones", []),
            "RetryPolicy": asked.get("RetryPolicy", "IMMEDIATE_RETRY"),
            "Tags": tag_set(asked.get("Tags")),
            "ServiceSettings": {**_SERVICE_SETTINGS, **asked.get("ServiceSettings", {})},
            "Ipv6AddressCount": 0,
            "MultiZoneSubnetPolicy": asked.get("MultiZoneSubnetPolicy", "PRIORITY"),
            "HealthCheckType": asked.get("HealthCheckType", "CVM"),
            "LoadBalancerHealthCheckGracePeriod": asked.get("LoadBalancerHealthCheckGracePeriod", 0),
            "InstanceAllocationPolicy": "LAUNCH_CONFIGURATION",
            "CapacityRebalance": False,
            "_retry_at": 0.0,
            "_failures": 0,
        }
        _check(ctx, doc)
        _check_new_name(ctx, doc["AutoScalingGroupName"])
        if len(GROUP.list(ctx)) >= QUOTA:
            raise ApiError("LimitExceeded.AutoScalingGroupLimitExceeded", f"The quota of {QUOTA} groups is used up.")
        GROUP.create(ctx, doc)
    return {"AutoScalingGroupId": group_id}


def _shown(ctx: Context, doc: Doc) -> Doc:
    inside = members(ctx.store, doc["AutoScalingGroupId"])
    used = CONFIG.find(ctx, doc["LaunchConfigurationId"]) or {}
    active = any(member["LifeCycleState"] in (*COMING, *GOING) for member in inside)
    return {
        **public(doc),
        "AutoScalingGroupStatus": "NORMAL",
        "InstanceCount": len(inside),
        "InServiceInstanceCount": sum(1 for member in inside if member["LifeCycleState"] == "IN_SERVICE"),
        "LaunchConfigurationName": used.get("LaunchConfigurationName", ""),
        "InActivityStatus": "IN_ACTIVITY" if active or _will_act(doc, inside) else "NOT_IN_ACTIVITY",
    }


def _will_act(doc: Doc, inside: list[Doc]) -> bool:
    """Whether the reconciler is about to change the count. One that waits after a failed launch is at rest."""
    staying = [member for member in inside if member["LifeCycleState"] not in GOING]
    return len(staying) != doc["DesiredCapacity"] and not doc["_failures"] and doc["EnabledStatus"] == "ENABLED"


_FILTERS = {
    "auto-scaling-group-id": "AutoScalingGroupId",
    "auto-scaling-group-name": "AutoScalingGroupName",
    "vague-auto-scaling-group-name": "AutoScalingGroupName",
    "launch-configuration-id": "LaunchConfigurationId",
    "vpc-id": "VpcId",
}


@action
def describe_auto_scaling_groups(ctx: Context, request: models.DescribeAutoScalingGroupsRequest) -> dict[str, Any]:
    """Groups with their counts as they are now; ids that do not exist are left out."""
    docs = GROUP.pick(ctx, given(request).get("AutoScalingGroupIds"))
    docs = [doc for doc in docs if matches(doc, request.Filters, _FILTERS)]
    shown = [_shown(ctx, doc) for doc in page(docs, request.Offset, request.Limit)]
    return {"TotalCount": len(docs), "AutoScalingGroupSet": shown}


_RENAMED = {"SubnetIds": "SubnetIdSet", "Zones": "ZoneSet", "TerminationPolicies": "TerminationPolicySet"}


@action
def modify_auto_scaling_group(ctx: Context, request: models.ModifyAutoScalingGroupRequest) -> None:
    """Whatever is given. A desired capacity outside new limits is an error, unless the settings say to follow them."""
    asked = given(request)
    with ctx.store.lock:
        doc = GROUP.need(ctx, asked["AutoScalingGroupId"])
        for key, value in asked.items():
            if key == "ServiceSettings":
                doc[key] = {**doc[key], **value}
            elif key not in ("AutoScalingGroupId", "ZonesCheckPolicy"):
                doc[_RENAMED.get(key, key)] = value
        if doc["ServiceSettings"]["DesiredCapacitySyncWithMaxMinSize"] and "DesiredCapacity" not in asked:
            doc["DesiredCapacity"] = min(max(doc["DesiredCapacity"], doc["MinSize"]), doc["MaxSize"])
        _check(ctx, doc)
        _check_new_name(ctx, doc["AutoScalingGroupName"], doc["AutoScalingGroupId"])
        save(ctx, doc)


def save(ctx: Context, doc: Doc) -> None:
    """Keep a changed group; a pause after failed launches ends."""
    doc |= {"_retry_at": 0.0, "_failures": 0}
    GROUP.save(ctx.store, doc)


@action
def modify_desired_capacity(ctx: Context, request: models.ModifyDesiredCapacityRequest) -> None:
    """The count to keep, and its limits if given."""
    asked = given(request)
    with ctx.store.lock:
        doc = GROUP.need(ctx, asked["AutoScalingGroupId"])
        doc |= {key: asked[key] for key in ("DesiredCapacity", "MinSize", "MaxSize") if key in asked}
        _check_sizes(doc)
        save(ctx, doc)


def _enable(ctx: Context, group_id: str, status: str) -> None:
    with ctx.store.lock:
        doc = GROUP.need(ctx, group_id)
        doc["EnabledStatus"] = status
        save(ctx, doc)


@action
def enable_auto_scaling_group(ctx: Context, request: models.EnableAutoScalingGroupRequest) -> None:
    """The group keeps its count again."""
    _enable(ctx, given(request)["AutoScalingGroupId"], "ENABLED")


@action
def disable_auto_scaling_group(ctx: Context, request: models.DisableAutoScalingGroupRequest) -> None:
    """The group leaves its instances alone."""
    _enable(ctx, given(request)["AutoScalingGroupId"], "DISABLED")


@action
def delete_auto_scaling_group(ctx: Context, request: models.DeleteAutoScalingGroupRequest) -> None:
    """Only an empty group at rest goes; its hooks and policies go with it."""
    group_id = given(request)["AutoScalingGroupId"]
    with ctx.store.lock:
        GROUP.need(ctx, group_id)
        inside = members(ctx.store, group_id)
        if any(member["LifeCycleState"] in (*COMING, *GOING) for member in inside):
            raise ApiError("ResourceInUse.ActivityInProgress", f"The group `{group_id}` is in an activity.")
        if inside:
            raise ApiError("ResourceInUse.InstanceInGroup", f"The group `{group_id}` has {len(inside)} instances.")
        for kind in (HOOK, POLICY):
            for doc in of_group(ctx.store, kind, group_id):
                kind.drop(ctx, doc[kind.key])
        GROUP.drop(ctx, group_id)
