"""As/scalingPolicy and As/lifecycleHook. What the official provider does: docs/fidelity/autoscaling.md."""

from typing import Any

from sandbox.plugins.tencentcloud.cloud import READ_RETRY_S
from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    given,
    resource,
)
from sandbox.plugins.tencentcloud.resources import arguments

_ALARM_TEXTS = {
    "comparisonOperator": "ComparisonOperator",
    "metricName": "MetricName",
    "statistic": "Statistic",
}
_ALARM_NUMBERS = {"threshold": "Threshold", "period": "Period", "continuousTime": "ContinuousTime"}
_ALARM = {**_ALARM_TEXTS, **_ALARM_NUMBERS}
_SIMPLE = {"adjustmentType": "AdjustmentType", "cooldown": "Cooldown"}
_TRACKING = {
    "targetValue": "TargetValue",
    "estimatedInstanceWarmup": "EstimatedInstanceWarmup",
    "disableScaleIn": "DisableScaleIn",
}
_GROUPS = {"notificationUserGroupIds": "NotificationUserGroupIds"}
_READ = {
    **_SIMPLE,
    **_TRACKING,
    "scalingGroupId": "AutoScalingGroupId",
    "policyName": "ScalingPolicyName",
    "adjustmentValue": "AdjustmentValue",
    "policyType": "ScalingPolicyType",
    "predefinedMetricType": "PredefinedMetricType",
}


def _alarm(props: Props) -> dict[str, Any]:
    return arguments.nonzero(props, _ALARM_TEXTS) | given(props, _ALARM_NUMBERS)


def _tracking(props: Props) -> dict[str, Any]:
    return arguments.nonzero(props, {"predefinedMetricType": "PredefinedMetricType"}) | given(props, _TRACKING)


@resource("tencentcloud:As/scalingPolicy:ScalingPolicy")
class ScalingPolicy(Handler):
    """Id: `asp-…`. None of its writes is repeated."""

    kind = "as.policy"
    key = ("AutoScalingPolicyId",)

    def check(self, props: Props) -> dict[str, str]:
        """Kinds and ranges."""
        return arguments.faults(
            props,
            {
                "adjustmentType": arguments.one_of(
                    "CHANGE_IN_CAPACITY", "EXACT_CAPACITY", "PERCENT_CHANGE_IN_CAPACITY"
                ),
                "comparisonOperator": arguments.one_of(
                    "GREATER_THAN",
                    "GREATER_THAN_OR_EQUAL_TO",
                    "LESS_THAN",
                    "LESS_THAN_OR_EQUAL_TO",
                    "EQUAL_TO",
                    "NOT_EQUAL_TO",
                ),
                "metricName": arguments.one_of(
                    "CPU_UTILIZATION",
                    "MEM_UTILIZATION",
                    "LAN_TRAFFIC_OUT",
                    "LAN_TRAFFIC_IN",
                    "WAN_TRAFFIC_OUT",
                    "WAN_TRAFFIC_IN",
                ),
                "period": arguments.one_of(60, 300),
                "continuousTime": arguments.between(1, 10),
                "statistic": arguments.one_of("AVERAGE", "MAXIMUM", "MINIMUM"),
            },
        )

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateScalingPolicy."""
        params = {"AutoScalingGroupId": props["scalingGroupId"], "ScalingPolicyName": props["policyName"]}
        params |= arguments.nonzero(props, {**_SIMPLE, **_GROUPS, "policyType": "ScalingPolicyType"})
        params |= {"AdjustmentValue": props.get("adjustmentValue"), "MetricAlarm": _alarm(props) or None}
        made = cloud.call("as", "CreateScalingPolicy", params | _tracking(props), retry_s=0)
        policy_id: str = made["AutoScalingPolicyId"]
        partial.id(policy_id)
        return Created(policy_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeScalingPolicies."""
        found = cloud.call("as", "DescribeScalingPolicies", {"AutoScalingPolicyIds": [id]})
        doc = next(iter(found["ScalingPolicySet"]), None)
        if doc is None:
            return None
        shown = arguments.shown(doc, _READ) | arguments.shown(doc.get("MetricAlarm") or {}, _ALARM)
        return shown | {"notificationUserGroupIds": doc.get("NotificationUserGroupIds")}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """ModifyScalingPolicy: what changed, the alarm as a whole, and the tracked metric whether it changed or not."""
        changed = changed or frozenset(new)
        known = old | new  # what the cloud filled in goes along
        names = {name: api for name, api in {**_SIMPLE, "policyName": "ScalingPolicyName"}.items() if name in changed}
        params = given(new, {name: api for name, api in {**names, **_GROUPS}.items() if name in changed})
        if "adjustmentValue" in changed:
            params["AdjustmentValue"] = new.get("adjustmentValue")
        if changed.intersection(_ALARM):
            params["MetricAlarm"] = _alarm(known)
        params |= {"AutoScalingPolicyId": id, **_tracking(known)}
        cloud.call("as", "ModifyScalingPolicy", params, retry_s=0)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteScalingPolicy."""
        cloud.call("as", "DeleteScalingPolicy", {"AutoScalingPolicyId": id}, retry_s=0)


_HOOK = {
    "lifecycleHookName": "LifecycleHookName",
    "lifecycleTransition": "LifecycleTransition",
    "defaultResult": "DefaultResult",
    "heartbeatTimeout": "HeartbeatTimeout",
    "notificationMetadata": "NotificationMetadata",
    "lifecycleTransitionType": "LifecycleTransitionType",
}
_TARGETS = {
    "CMQ_QUEUE": ("notificationQueueName", "QueueName", "queue_name"),
    "CMQ_TOPIC": ("notificationTopicName", "TopicName", "topic_name"),
}
"""Kind of target -> its property, parameter and word. The provider names no other kind's queue or topic."""
_TARGET = {
    "notificationTargetType": "TargetType",
    "notificationQueueName": "QueueName",
    "notificationTopicName": "TopicName",
}
_COMMAND = {"commandId": "CommandId", "parameters": "Parameters"}


def _hook(props: Props) -> dict[str, Any]:
    params = arguments.nonzero(props, _HOOK)
    if kind := props.get("notificationTargetType"):
        params["NotificationTarget"] = {"TargetType": kind}
        if kind in _TARGETS:
            name, parameter, word = _TARGETS[kind]
            if not props.get(name):
                raise ProviderError(f"{word} must not be null when target_type is {kind}")
            params["NotificationTarget"][parameter] = props[name]
    return params


@resource("tencentcloud:As/lifecycleHook:LifecycleHook")
class LifecycleHook(Handler):
    """Id: `ash-…`. Only its creation is repeated."""

    kind = "as.hook"
    key = ("LifecycleHookId",)

    def check(self, props: Props) -> dict[str, str]:
        """Kinds and ranges."""
        return arguments.faults(
            props,
            {
                "lifecycleTransition": arguments.one_of("INSTANCE_LAUNCHING", "INSTANCE_TERMINATING"),
                "defaultResult": arguments.one_of("CONTINUE", "ABANDON"),
                "heartbeatTimeout": arguments.between(30, 7200),
                "notificationTargetType": arguments.one_of(*_TARGETS, *(f"TDMQ_{kind}" for kind in _TARGETS)),
            },
        )

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateLifecycleHook; a used-up quota is tried again."""
        params = {"AutoScalingGroupId": props["scalingGroupId"], **_hook(props)}
        params["LifecycleCommand"] = arguments.pascal(props.get("lifecycleCommand"))

        def full(error: CloudError) -> bool:
            return "LimitExceeded.QuotaNotEnough" in error.code

        made = cloud.call("as", "CreateLifecycleHook", params, retry_s=READ_RETRY_S, retry=full)
        hook_id: str = made["LifecycleHookId"]
        partial.id(hook_id)
        return Created(hook_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeLifecycleHooks."""
        found = cloud.call("as", "DescribeLifecycleHooks", {"LifecycleHookIds": [id]})
        doc = next(iter(found["LifecycleHookSet"]), None)
        if doc is None:
            return None
        shown = arguments.shown(doc, {**_HOOK, "scalingGroupId": "AutoScalingGroupId"})
        shown |= arguments.shown(doc.get("NotificationTarget") or {}, _TARGET)
        if doc.get("LifecycleCommand"):
            shown["lifecycleCommand"] = arguments.shown(doc["LifecycleCommand"], _COMMAND)
        return shown

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """UpgradeLifecycleHook: the whole hook, but its command only when that changed."""
        kept = {name: old[name] for name in ("lifecycleTransitionType",) if old.get(name)}
        params = {"LifecycleHookId": id, **_hook(kept | new)}
        if not changed or "lifecycleCommand" in changed:
            params["LifecycleCommand"] = arguments.pascal(new.get("lifecycleCommand"))
        cloud.call("as", "UpgradeLifecycleHook", params, retry_s=0)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteLifecycleHook."""
        cloud.call("as", "DeleteLifecycleHook", {"LifecycleHookId": id}, retry_s=0)
