"""Scaling policies. A simple policy is executed by request; no metric triggers one in the sandbox (recorded only).

Source: docs/sources.md, machines; SDK docstrings.
"""

from typing import Any

from tencentcloud.autoscaling.v20180419 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.services.autoscaling import activities, groups
from sandbox.services.autoscaling.kinds import GROUP, POLICY, of_group
from sandbox.services.params import check_name, check_one_of, given, public

ADJUSTMENTS = ("CHANGE_IN_CAPACITY", "EXACT_CAPACITY", "PERCENT_CHANGE_IN_CAPACITY")
METRICS = (
    "CPU_UTILIZATION",
    "MEM_UTILIZATION",
    "LAN_TRAFFIC_OUT",
    "LAN_TRAFFIC_IN",
    "WAN_TRAFFIC_OUT",
    "WAN_TRAFFIC_IN",
)
COMPARISONS = (
    "GREATER_THAN",
    "GREATER_THAN_OR_EQUAL_TO",
    "LESS_THAN",
    "LESS_THAN_OR_EQUAL_TO",
    "EQUAL_TO",
    "NOT_EQUAL_TO",
)
PREDEFINED = (
    "ASG_AVG_CPU_UTILIZATION",
    "ASG_AVG_LAN_TRAFFIC_OUT",
    "ASG_AVG_LAN_TRAFFIC_IN",
    "ASG_AVG_WAN_TRAFFIC_OUT",
    "ASG_AVG_WAN_TRAFFIC_IN",
)


def _check_alarm(alarm: dict[str, Any]) -> dict[str, Any]:
    check_one_of("MetricAlarm.MetricName", alarm["MetricName"], METRICS)
    check_one_of("MetricAlarm.ComparisonOperator", alarm["ComparisonOperator"], COMPARISONS)
    check_one_of("MetricAlarm.Statistic", alarm.get("Statistic", "AVERAGE"), ("AVERAGE", "MAXIMUM", "MINIMUM"))
    check_one_of("MetricAlarm.Period", str(alarm["Period"]), ("60", "300"))
    if not 1 <= alarm["ContinuousTime"] <= 10:
        raise ApiError("InvalidParameterValue.Range", "`MetricAlarm.ContinuousTime` must be 1 to 10.")
    return {"Statistic": "AVERAGE", "PreciseThreshold": float(alarm["Threshold"]), **alarm}


def _settle(doc: Doc) -> None:
    """Check a policy and fill in what its kind has."""
    check_name("ScalingPolicyName", doc["ScalingPolicyName"])
    check_one_of("ScalingPolicyType", doc["ScalingPolicyType"], ("SIMPLE", "TARGET_TRACKING"))
    wanted = (
        ("AdjustmentType", "AdjustmentValue", "MetricAlarm")
        if doc["ScalingPolicyType"] == "SIMPLE"
        else ("PredefinedMetricType", "TargetValue")
    )
    for name in wanted:
        if doc.get(name) is None:
            message = f"A {doc['ScalingPolicyType']} policy needs the parameter `{name}`."
            raise ApiError("MissingParameter", message)
    if doc["ScalingPolicyType"] == "SIMPLE":
        check_one_of("AdjustmentType", doc["AdjustmentType"], ADJUSTMENTS)
        doc["MetricAlarm"] = _check_alarm(doc["MetricAlarm"])
        doc.setdefault("Cooldown", 300)
    else:
        check_one_of("PredefinedMetricType", doc["PredefinedMetricType"], PREDEFINED)
        doc.setdefault("EstimatedInstanceWarmup", 300)
        doc.setdefault("DisableScaleIn", False)


@action
def create_scaling_policy(ctx: Context, request: models.CreateScalingPolicyRequest) -> dict[str, Any]:
    """A policy of a group."""
    asked = given(request)
    with ctx.store.lock:
        GROUP.need(ctx, asked["AutoScalingGroupId"])
        policy_id = ctx.store.new_id("asp")
        doc: Doc = {
            "ScalingPolicyType": "SIMPLE",
            "NotificationUserGroupIds": [],
            **asked,
            "ScalingPolicyName": asked["ScalingPolicyName"],
            "AutoScalingPolicyId": policy_id,
        }
        _settle(doc)
        same = of_group(ctx.store, POLICY, asked["AutoScalingGroupId"])
        if any(each["ScalingPolicyName"] == doc["ScalingPolicyName"] for each in same):
            message = f"The group already has a policy `{doc['ScalingPolicyName']}`."
            raise ApiError("InvalidParameterValue.ScalingPolicyNameDuplicate", message)
        POLICY.create(ctx, doc)
    return {"AutoScalingPolicyId": policy_id}


_FILTERS = {
    "auto-scaling-policy-id": "AutoScalingPolicyId",
    "auto-scaling-group-id": "AutoScalingGroupId",
    "scaling-policy-name": "ScalingPolicyName",
    "scaling-policy-type": "ScalingPolicyType",
}


@action
def describe_scaling_policies(ctx: Context, request: models.DescribeScalingPoliciesRequest) -> dict[str, Any]:
    """Policies by ids or filters; ids that do not exist are left out."""
    docs = POLICY.pick(ctx, given(request).get("AutoScalingPolicyIds"))
    docs = [public(doc) for doc in docs if matches(doc, request.Filters, _FILTERS)]
    return {"TotalCount": len(docs), "ScalingPolicySet": page(docs, request.Offset, request.Limit)}


@action
def modify_scaling_policy(ctx: Context, request: models.ModifyScalingPolicyRequest) -> None:
    """Change what is given; the kind stays."""
    asked = given(request)
    with ctx.store.lock:
        doc = {**POLICY.need(ctx, asked["AutoScalingPolicyId"]), **asked}
        _settle(doc)
        POLICY.save(ctx.store, doc)


@action
def delete_scaling_policy(ctx: Context, request: models.DeleteScalingPolicyRequest) -> None:
    """Remove a policy."""
    policy_id = given(request)["AutoScalingPolicyId"]
    with ctx.store.lock:
        POLICY.need(ctx, policy_id)
        POLICY.drop(ctx, policy_id)


@action
def execute_scaling_policy(ctx: Context, request: models.ExecuteScalingPolicyRequest) -> dict[str, Any]:
    """Do at once what a simple policy would do; the result is kept within the group's limits."""
    with ctx.store.lock:
        doc = POLICY.need(ctx, given(request)["AutoScalingPolicyId"])
        if doc["ScalingPolicyType"] != "SIMPLE":
            raise ApiError("UnsupportedOperation", "Only a SIMPLE policy can be executed.")
        target = GROUP.need(ctx, doc["AutoScalingGroupId"])
        now, value = target["DesiredCapacity"], doc["AdjustmentValue"]
        change = {"EXACT_CAPACITY": value - now, "CHANGE_IN_CAPACITY": value}.get(
            doc["AdjustmentType"], round(now * value / 100)
        )
        target["DesiredCapacity"] = min(max(now + change, target["MinSize"]), target["MaxSize"])
        groups.save(ctx, target)
        kind = "SCALE_OUT" if target["DesiredCapacity"] >= now else "SCALE_IN"
        activity = activities.begin(ctx, target, kind, f"Policy {doc['ScalingPolicyName']} was executed.", [])
        activities.end(ctx, activity)
        return {"ActivityId": activity}
