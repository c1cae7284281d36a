"""What groups have done and are doing."""

from typing import Any

from tencentcloud.autoscaling.v20180419 import models

from sandbox.api.actions import Context, action
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.services.autoscaling.kinds import ACTIVITY
from sandbox.services.params import given, public, stamp_utc

KEPT = 200
"""Activities of a region that are remembered."""


def begin(ctx: Context, group: Doc, kind: str, cause: str, instance_ids: list[str]) -> str:
    """A running activity (SCALE_OUT, SCALE_IN, REPLACE_..., ...). Returns its id."""
    activity_id = ctx.store.new_id("asa")
    doc: Doc = {
        "AutoScalingGroupId": group["AutoScalingGroupId"],
        "ActivityId": activity_id,
        "ActivityType": kind,
        "StatusCode": "RUNNING",
        "StatusMessage": "",
        "Cause": cause,
        "Description": cause,
        "StartTime": stamp_utc(ctx),
        "EndTime": None,
        "CreatedTime": stamp_utc(ctx),
        "ActivityRelatedInstanceSet": [{"InstanceId": each, "InstanceStatus": "RUNNING"} for each in instance_ids],
        "StatusMessageSimplified": "",
        "LifecycleActionResultSet": [],
    }
    ACTIVITY.create(ctx, doc)
    for old in ACTIVITY.list(ctx)[:-KEPT]:
        ACTIVITY.drop(ctx, old["ActivityId"])
    return activity_id


def end(ctx: Context, activity_id: str, error: str = "") -> None:
    """The activity SUCCESSFUL or, with an error, FAILED."""
    doc = ACTIVITY.anywhere(ctx.store, activity_id)
    if doc is None or doc["StatusCode"] != "RUNNING":
        return
    status = "FAILED" if error else "SUCCESSFUL"
    doc |= {"StatusCode": status, "StatusMessage": error, "StatusMessageSimplified": error, "EndTime": stamp_utc(ctx)}
    for each in doc["ActivityRelatedInstanceSet"]:
        each["InstanceStatus"] = status
    ACTIVITY.save(ctx.store, doc)


_FILTERS = {
    "auto-scaling-group-id": "AutoScalingGroupId",
    "activity-status-code": "StatusCode",
    "activity-type": "ActivityType",
    "activity-id": "ActivityId",
}


@action
def describe_auto_scaling_activities(
    ctx: Context, request: models.DescribeAutoScalingActivitiesRequest
) -> dict[str, Any]:
    """Activities, the newest first."""
    docs = reversed(ACTIVITY.pick(ctx, given(request).get("ActivityIds")))
    docs = [public(doc) for doc in docs if matches(doc, request.Filters, _FILTERS)]
    return {"TotalCount": len(docs), "ActivitySet": page(docs, request.Offset, request.Limit)}
