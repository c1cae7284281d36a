"""Instances of groups, by hand. Source: docs/sources.md, machines."""

import time
from typing import Any

from tencentcloud.autoscaling.v20180419 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.services.autoscaling import activities, groups
from sandbox.services.autoscaling.kinds import GOING, GROUP, MEMBER, hooks, members
from sandbox.services.params import given, public

_FILTERS = {
    "instance-id": "InstanceId",
    "auto-scaling-group-id": "AutoScalingGroupId",
    "life-cycle-state": "LifeCycleState",
    "health-status": "HealthStatus",
    "zone": "Zone",
}


def begin_termination(ctx: Context, doc: Doc, chosen: list[Doc], kind: str, cause: str, *, hooked: bool = True) -> str:
    """Mark members of a group as going; the reconciler drains, waits for hooks and ends them. Returns the activity.

    hooked: whether lifecycle hooks hold them; a dead instance has nothing to finish.
    """
    with ctx.store.lock:
        activity = activities.begin(ctx, doc, kind, cause, [member["InstanceId"] for member in chosen])
        held = hooked and hooks(ctx.store, doc["AutoScalingGroupId"], "INSTANCE_TERMINATING")
        for member in chosen:
            member |= {
                "LifeCycleState": "IN_TERMINATING_HOOK" if held else "TERMINATING",
                "_activity": activity,
                "_since": time.time(),
                "_drained": False,
                "_completed": None,
            }
            MEMBER.save(ctx.store, member)
        return activity


@action
def describe_auto_scaling_instances(
    ctx: Context, request: models.DescribeAutoScalingInstancesRequest
) -> dict[str, Any]:
    """Members by ids or filters."""
    docs = MEMBER.pick(ctx, given(request).get("InstanceIds"))
    docs = [public(doc) for doc in docs if matches(doc, request.Filters, _FILTERS)]
    return {"TotalCount": len(docs), "AutoScalingInstanceSet": page(docs, request.Offset, request.Limit)}


def _named(ctx: Context, group_id: str, instance_ids: list[str]) -> list[Doc]:
    found = [doc for doc in members(ctx.store, group_id) if doc["InstanceId"] in instance_ids]
    missing = set(instance_ids) - {doc["InstanceId"] for doc in found}
    if missing:
        message = f"The instance `{sorted(missing)[0]}` is not in the group `{group_id}`."
        raise ApiError("ResourceNotFound.InstancesNotInAutoScalingGroup", message)
    return [doc for doc in found if doc["LifeCycleState"] not in GOING]


def _lower(ctx: Context, doc: Doc, by: int) -> None:
    wanted = doc["DesiredCapacity"] - by
    if wanted < doc["MinSize"]:
        message = f"{wanted} instances would be less than `MinSize` {doc['MinSize']}."
        raise ApiError("ResourceInsufficient.AutoScalingGroupBelowMinSize", message)
    doc["DesiredCapacity"] = wanted
    groups.save(ctx, doc)


@action
def remove_instances(ctx: Context, request: models.RemoveInstancesRequest) -> dict[str, Any]:
    """End these instances and lower the desired capacity."""
    asked = given(request)
    with ctx.store.lock:
        doc = GROUP.need(ctx, asked["AutoScalingGroupId"])
        chosen = _named(ctx, doc["AutoScalingGroupId"], asked["InstanceIds"])
        _lower(ctx, doc, len(chosen))
        cause = "Instances were removed by request."
        return {"ActivityId": begin_termination(ctx, doc, chosen, "REMOVE_INSTANCES", cause)}


@action
def scale_out_instances(ctx: Context, request: models.ScaleOutInstancesRequest) -> dict[str, Any]:
    """So many more than now."""
    asked = given(request)
    with ctx.store.lock:
        doc = GROUP.need(ctx, asked["AutoScalingGroupId"])
        wanted = doc["DesiredCapacity"] + asked["ScaleOutNumber"]
        if wanted > doc["MaxSize"]:
            message = f"{wanted} instances would be more than `MaxSize` {doc['MaxSize']}."
            raise ApiError("ResourceInsufficient.AutoScalingGroupAboveMaxSize", message)
        doc["DesiredCapacity"] = wanted
        groups.save(ctx, doc)
        activity = activities.begin(ctx, doc, "SCALE_OUT", "Scale out by request.", [])
        activities.end(ctx, activity)
        return {"ActivityId": activity}


@action
def scale_in_instances(ctx: Context, request: models.ScaleInInstancesRequest) -> dict[str, Any]:
    """So many fewer than now; which ones the termination policy says."""
    asked = given(request)
    with ctx.store.lock:
        doc = GROUP.need(ctx, asked["AutoScalingGroupId"])
        _lower(ctx, doc, asked["ScaleInNumber"])
        chosen = choose(doc, members(ctx.store, doc["AutoScalingGroupId"]), asked["ScaleInNumber"])
        return {"ActivityId": begin_termination(ctx, doc, chosen, "SCALE_IN", "Scale in by request.")}


def choose(doc: Doc, inside: list[Doc], count: int) -> list[Doc]:
    """Who goes first: from the fullest zone under EQUALITY, then by age. Protected instances stay."""
    free = [each for each in inside if each["LifeCycleState"] not in GOING and not each["ProtectedFromScaleIn"]]
    if doc["TerminationPolicySet"] == ["NEWEST_INSTANCE"]:
        free.reverse()
    chosen: list[Doc] = []
    for _ in range(min(count, len(free))):
        zones = [each["Zone"] for each in free]
        fullest = max(zones, key=zones.count)
        equal = doc["MultiZoneSubnetPolicy"] == "EQUALITY"
        pick = next(each for each in free if not equal or each["Zone"] == fullest)
        free.remove(pick)
        chosen.append(pick)
    return chosen


@action
def set_instances_protection(ctx: Context, request: models.SetInstancesProtectionRequest) -> None:
    """Whether scaling in may choose these."""
    asked = given(request)
    with ctx.store.lock:
        for member in _named(ctx, asked["AutoScalingGroupId"], asked["InstanceIds"]):
            member["ProtectedFromScaleIn"] = asked["ProtectedFromScaleIn"]
            MEMBER.save(ctx.store, member)
