"""As/scalingPolicy and As/lifecycleHook. Source: docs/sources.md, machines."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    given,
    resource,
)
from sandbox.plugins.tencentcloud.resources import shapes

_ALARM = {
    "comparisonOperator": "ComparisonOperator",
    "metricName": "MetricName",
    "threshold": "Threshold",
    "period": "Period",
    "continuousTime": "ContinuousTime",
    "statistic": "Statistic",
}
_POLICY = {
    "policyName": "ScalingPolicyName",
    "adjustmentType": "AdjustmentType",
    "adjustmentValue": "AdjustmentValue",
    "cooldown": "Cooldown",
    "predefinedMetricType": "PredefinedMetricType",
    "targetValue": "TargetValue",
    "estimatedInstanceWarmup": "EstimatedInstanceWarmup",
    "disableScaleIn": "DisableScaleIn",
    "notificationUserGroupIds": "NotificationUserGroupIds",
}


def _policy(props: Props) -> dict[str, Any]:
    params = given(props, _POLICY)
    if props.get("policyType", "SIMPLE") == "SIMPLE":
        params["MetricAlarm"] = given(props, _ALARM) or None
    return params


@resource("tencentcloud:As/scalingPolicy:ScalingPolicy")
class ScalingPolicy(Handler):
    """A scaling policy."""

    def check(self, props: Props) -> dict[str, str]:
        """Kinds and ranges."""
        return shapes.faults(
            props,
            {
                "policyType": shapes.one_of("SIMPLE", "TARGET_TRACKING"),
                "adjustmentType": shapes.one_of("CHANGE_IN_CAPACITY", "EXACT_CAPACITY", "PERCENT_CHANGE_IN_CAPACITY"),
                "comparisonOperator": shapes.one_of(
                    "GREATER_THAN",
                    "GREATER_THAN_OR_EQUAL_TO",
                    "LESS_THAN",
                    "LESS_THAN_OR_EQUAL_TO",
                    "EQUAL_TO",
                    "NOT_EQUAL_TO",
                ),
                "metricName": shapes.one_of(
                    "CPU_UTILIZATION",
                    "MEM_UTILIZATION",
                    "LAN_TRAFFIC_OUT",
                    "LAN_TRAFFIC_IN",
                    "WAN_TRAFFIC_OUT",
                    "WAN_TRAFFIC_IN",
                ),
                "period": shapes.one_of(60, 300),
                "continuousTime": shapes.between(1, 10),
                "statistic": shapes.one_of("AVERAGE", "MAXIMUM", "MINIMUM"),
            },
        )

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateScalingPolicy."""
        params = {"AutoScalingGroupId": props["scalingGroupId"], "ScalingPolicyType": props.get("policyType")}
        policy_id: str = cloud.call("as", "CreateScalingPolicy", params | _policy(props))["AutoScalingPolicyId"]
        partial.id(policy_id)
        return Created(policy_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeScalingPolicies."""
        ids = {"AutoScalingPolicyIds": [id]}
        doc = shapes.one(cloud, "as", "DescribeScalingPolicies", ids, "ScalingPolicySet")
        if doc is None:
            return None
        alarm: dict[str, Any] = doc.get("MetricAlarm") or {}
        shown = {name: doc.get(api) for name, api in _POLICY.items()}
        shown |= {name: alarm.get(api) for name, api in _ALARM.items()}
        return shown | {"scalingGroupId": doc["AutoScalingGroupId"], "policyType": doc["ScalingPolicyType"]}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """ModifyScalingPolicy."""
        policy_type = new.get("policyType") or old.get("policyType") or "SIMPLE"
        params = _policy(new | {"policyType": policy_type})
        cloud.call("as", "ModifyScalingPolicy", {"AutoScalingPolicyId": id, **params})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteScalingPolicy."""
        shapes.delete(cloud, "as", "DeleteScalingPolicy", {"AutoScalingPolicyId": id})


_HOOK = {
    "lifecycleHookName": "LifecycleHookName",
    "lifecycleTransition": "LifecycleTransition",
    "defaultResult": "DefaultResult",
    "heartbeatTimeout": "HeartbeatTimeout",
    "notificationMetadata": "NotificationMetadata",
    "lifecycleTransitionType": "LifecycleTransitionType",
}
_QUEUES, _TOPICS = ("CMQ_QUEUE", "TDMQ_CMQ_QUEUE"), ("CMQ_TOPIC", "TDMQ_CMQ_TOPIC")


def _hook(props: Props) -> dict[str, Any]:
    params = given(props, _HOOK)
    kind = props.get("notificationTargetType")
    if kind:
        name = "notificationQueueName" if kind in _QUEUES else "notificationTopicName"
        if not props.get(name):
            wanted = "notification_queue_name" if kind in _QUEUES else "notification_topic_name"
            raise ProviderError(f"`{wanted}` must not be null when `notification_target_type` is {kind}")
        key = "QueueName" if kind in _QUEUES else "TopicName"
        params["NotificationTarget"] = {"TargetType": kind, key: props[name]}
    if props.get("lifecycleCommand"):
        params["LifecycleCommand"] = shapes.pascal(props["lifecycleCommand"])
    return params


@resource("tencentcloud:As/lifecycleHook:LifecycleHook")
class LifecycleHook(Handler):
    """A lifecycle hook."""

    def check(self, props: Props) -> dict[str, str]:
        """Kinds and ranges."""
        return shapes.faults(
            props,
            {
                "lifecycleHookName": shapes.length(1, 128),
                "lifecycleTransition": shapes.one_of("INSTANCE_LAUNCHING", "INSTANCE_TERMINATING"),
                "defaultResult": shapes.one_of("CONTINUE", "ABANDON"),
                "heartbeatTimeout": shapes.between(30, 7200),
                "notificationTargetType": shapes.one_of(*_QUEUES, *_TOPICS),
            },
        )

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateLifecycleHook; a used-up quota is tried again."""
        params = {"AutoScalingGroupId": props["scalingGroupId"], **_hook(props)}
        made = cloud.call(
            "as", "CreateLifecycleHook", params, retry=lambda error: error.code == "LimitExceeded.QuotaNotEnough"
        )
        hook_id: str = made["LifecycleHookId"]
        partial.id(hook_id)
        return Created(hook_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeLifecycleHooks."""
        doc = shapes.one(cloud, "as", "DescribeLifecycleHooks", {"LifecycleHookIds": [id]}, "LifecycleHookSet")
        if doc is None:
            return None
        target: dict[str, Any] = doc.get("NotificationTarget") or {}
        command: dict[str, Any] = doc.get("LifecycleCommand") or {}
        return {name: doc.get(api) for name, api in _HOOK.items()} | {
            "scalingGroupId": doc["AutoScalingGroupId"],
            "notificationTargetType": target.get("TargetType"),
            "notificationQueueName": target.get("QueueName"),
            "notificationTopicName": target.get("TopicName"),
            "lifecycleCommand": {"commandId": command["CommandId"], "parameters": command.get("Parameters")}
            if command
            else None,
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """UpgradeLifecycleHook: the whole hook."""
        cloud.call("as", "UpgradeLifecycleHook", {"LifecycleHookId": id, **_hook(new)})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteLifecycleHook."""
        shapes.delete(cloud, "as", "DeleteLifecycleHook", {"LifecycleHookId": id})
