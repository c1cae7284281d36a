"""Lifecycle hooks: recorded here, obeyed in reconciler.py. Source: docs/sources.md, machines."""

from typing import Any

from tencentcloud.autoscaling.v20180419 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.services.autoscaling.kinds import GROUP, HOOK, MEMBER, of_group
from sandbox.services.params import check_name, check_one_of, given, public, stamp_utc

PER_GROUP = 10
TRANSITIONS = ("INSTANCE_LAUNCHING", "INSTANCE_TERMINATING")
_DEFAULTS: dict[str, Any] = {
    "DefaultResult": "CONTINUE",
    "HeartbeatTimeout": 300,
    "NotificationMetadata": "",
    "NotificationTarget": None,
    "LifecycleTransitionType": "NORMAL",
    "LifecycleCommand": None,
}


def _check(ctx: Context, doc: Doc) -> None:
    check_name("LifecycleHookName", doc["LifecycleHookName"], 128)
    check_one_of("LifecycleTransition", doc["LifecycleTransition"], TRANSITIONS)
    check_one_of("DefaultResult", doc["DefaultResult"], ("CONTINUE", "ABANDON"))
    check_one_of("LifecycleTransitionType", doc["LifecycleTransitionType"], ("NORMAL", "EXTENSION"))
    if not 30 <= doc["HeartbeatTimeout"] <= 7200:
        message = f"`HeartbeatTimeout` {doc['HeartbeatTimeout']} must be 30 to 7200 seconds."
        raise ApiError("InvalidParameterValue.Range", message)
    if doc["NotificationTarget"] and doc["LifecycleCommand"]:
        message = "`NotificationTarget` and `LifecycleCommand` exclude each other."
        raise ApiError("InvalidParameterValue.LifecycleHookConflict", message)
    same = of_group(ctx.store, HOOK, doc["AutoScalingGroupId"])
    others = [each for each in same if each["LifecycleHookId"] != doc["LifecycleHookId"]]
    if any(each["LifecycleHookName"] == doc["LifecycleHookName"] for each in others):
        message = f"The group already has a hook `{doc['LifecycleHookName']}`."
        raise ApiError("InvalidParameterValue.LifecycleHookNameDuplicated", message)
    if len(others) >= PER_GROUP:
        raise ApiError("LimitExceeded.QuotaNotEnough", f"A group takes {PER_GROUP} hooks.")


@action
def create_lifecycle_hook(ctx: Context, request: models.CreateLifecycleHookRequest) -> dict[str, Any]:
    """Hold instances of a group for a while when they come or go."""
    asked = given(request)
    with ctx.store.lock:
        GROUP.need(ctx, asked["AutoScalingGroupId"])
        hook_id = ctx.store.new_id("ash")
        doc: Doc = {
            **_DEFAULTS,
            **asked,
            "LifecycleHookId": hook_id,
            "LifecycleHookName": asked["LifecycleHookName"],
            "LifecycleTransition": asked["LifecycleTransition"],
            "CreatedTime": stamp_utc(ctx),
        }
        _check(ctx, doc)
        HOOK.create(ctx, doc)
    return {"LifecycleHookId": hook_id}


_FILTERS = {
    "auto-scaling-group-id": "AutoScalingGroupId",
    "lifecycle-hook-id": "LifecycleHookId",
    "lifecycle-hook-name": "LifecycleHookName",
}


@action
def describe_lifecycle_hooks(ctx: Context, request: models.DescribeLifecycleHooksRequest) -> dict[str, Any]:
    """Hooks by ids or filters; ids that do not exist are left out."""
    docs = HOOK.pick(ctx, given(request).get("LifecycleHookIds"))
    docs = [public(doc) for doc in docs if matches(doc, request.Filters, _FILTERS)]
    return {"TotalCount": len(docs), "LifecycleHookSet": page(docs, request.Offset, request.Limit)}


@action
def upgrade_lifecycle_hook(ctx: Context, request: models.UpgradeLifecycleHookRequest) -> None:
    """Replace a hook: what is not given goes back to its default."""
    asked = given(request)
    with ctx.store.lock:
        doc = {**HOOK.need(ctx, asked["LifecycleHookId"]), **_DEFAULTS, **asked}
        _check(ctx, doc)
        HOOK.save(ctx.store, doc)


@action
def delete_lifecycle_hook(ctx: Context, request: models.DeleteLifecycleHookRequest) -> None:
    """Instances that the hook holds go on."""
    hook_id = given(request)["LifecycleHookId"]
    with ctx.store.lock:
        HOOK.need(ctx, hook_id)
        HOOK.drop(ctx, hook_id)


@action
def complete_lifecycle_action(ctx: Context, request: models.CompleteLifecycleActionRequest) -> None:
    """End the wait of an instance, by its id."""
    asked = given(request)
    check_one_of("LifecycleActionResult", asked["LifecycleActionResult"], ("CONTINUE", "ABANDON"))
    with ctx.store.lock:
        HOOK.need(ctx, asked["LifecycleHookId"])
        member = MEMBER.find(ctx, asked["InstanceId"])
        if member is None or not member["LifeCycleState"].endswith("_HOOK"):
            message = f"No hook holds the instance `{asked['InstanceId']}`."
            raise ApiError("ResourceNotFound.LifecycleHookInstanceNotFound", message)
        MEMBER.save(ctx.store, {**member, "_completed": asked["LifecycleActionResult"]})
