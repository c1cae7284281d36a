"""As/scalingGroup. What the official provider does, call by call: docs/fidelity/autoscaling.md."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Handler,
    Partial,
    Props,
    read_tags,
    resource,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import arguments

REST_S = 360.0
DELETE_S = 1200.0
_SETTINGS = {
    "replaceMonitorUnhealthy": ("ReplaceMonitorUnhealthy", False),
    "scalingMode": ("ScalingMode", "CLASSIC_SCALING"),
    "replaceLoadBalancerUnhealthy": ("ReplaceLoadBalancerUnhealthy", False),
    "replaceMode": ("ReplaceMode", "RECREATE"),
    "desiredCapacitySyncWithMaxMinSize": ("DesiredCapacitySyncWithMaxMinSize", False),
}
"""Property -> parameter and what goes over the wire for an unset one, once any of them is set."""
_ALWAYS = {"scalingGroupName": "AutoScalingGroupName", "configurationId": "LaunchConfigurationId"} | {
    "maxSize": "MaxSize",
    "minSize": "MinSize",
    "vpcId": "VpcId",
}
_SET = {
    "subnetIds": "SubnetIds",
    "zones": "Zones",
    "defaultCooldown": "DefaultCooldown",
    "desiredCapacity": "DesiredCapacity",
    "retryPolicy": "RetryPolicy",
    "multiZoneSubnetPolicy": "MultiZoneSubnetPolicy",
}
_HEALTH = {"healthCheckType": "HealthCheckType", "lbHealthCheckGracePeriod": "LoadBalancerHealthCheckGracePeriod"}
_READ = {
    **_ALWAYS,
    **_HEALTH,
    "projectId": "ProjectId",
    "subnetIds": "SubnetIdSet",
    "zones": "ZoneSet",
    "defaultCooldown": "DefaultCooldown",
    "desiredCapacity": "DesiredCapacity",
    "loadBalancerIds": "LoadBalancerIdSet",
    "retryPolicy": "RetryPolicy",
    "status": "AutoScalingGroupStatus",
    "instanceCount": "InstanceCount",
    "createTime": "CreatedTime",
}


def group(cloud: Cloud, group_id: str) -> dict[str, Any] | None:
    """The scaling group, or None."""
    found = cloud.call("as", "DescribeAutoScalingGroups", {"AutoScalingGroupIds": [group_id]})
    return next(iter(found["AutoScalingGroupSet"]), None)


def tagged(kind: str, tags: dict[str, str] | None) -> list[dict[str, str]] | None:
    """Tags as Auto Scaling's create requests take them: each names the type of resource."""
    return [{"ResourceType": kind, "Key": key, "Value": value} for key, value in sorted((tags or {}).items())] or None


def _forward(props: Props) -> list[dict[str, Any]]:
    """Load balancers as the API takes them; the id of a rule that there is none of is an empty text."""
    balancers: list[Props] = props.get("forwardBalancerIds") or []
    return [
        {
            "LoadBalancerId": each["loadBalancerId"],
            "ListenerId": each["listenerId"],
            "LocationId": each.get("ruleId") or "",
            "TargetAttributes": arguments.pascal(each["targetAttributes"]),
        }
        for each in balancers
    ]


def _policies(props: Props) -> list[str] | None:
    """A list of at most one, which the schema flattens."""
    policy = props.get("terminationPolicies")
    return policy if isinstance(policy, list) or policy is None else [str(policy)]  # pyright: ignore[reportUnknownVariableType]  # plain data


def _settings(props: Props) -> dict[str, Any] | None:
    """All of the settings as soon as one is set."""
    if not any(props.get(name) for name in _SETTINGS):
        return None
    return {parameter: props.get(name) or unset for name, (parameter, unset) in _SETTINGS.items()}


@resource("tencentcloud:As/scalingGroup:ScalingGroup")
class ScalingGroup(Handler):
    """Id: `asg-…`."""

    kind = "as.group"
    key = ("AutoScalingGroupId",)
    write_only = tuple(_SETTINGS)

    def check(self, props: Props) -> dict[str, str]:
        """Sizes and kinds."""
        found = arguments.faults(
            props,
            {
                "scalingGroupName": arguments.length(1, 55),
                "maxSize": arguments.between(0, 2000),
                "minSize": arguments.between(0, 2000),
                "retryPolicy": arguments.one_of("IMMEDIATE_RETRY", "INCREMENTAL_INTERVALS"),
                "multiZoneSubnetPolicy": arguments.one_of("PRIORITY", "EQUALITY"),
            },
        )
        for policy in _policies(props) or ():
            if policy not in ("OLDEST_INSTANCE", "NEWEST_INSTANCE"):
                found["terminationPolicies"] = f"is {policy!r}; allowed are OLDEST_INSTANCE, NEWEST_INSTANCE"
        return found

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateAutoScalingGroup, SetId, wait until it rests (a failed scale-out does not fail it)."""
        params = {parameter: props[name] for name, parameter in _ALWAYS.items()}
        params |= arguments.nonzero(props, {**_SET, "healthCheckType": "HealthCheckType"})
        params |= {
            "LoadBalancerHealthCheckGracePeriod": props.get("lbHealthCheckGracePeriod"),
            "TerminationPolicies": _policies(props),
            "LoadBalancerIds": props.get("loadBalancerIds") or None,
            "ForwardLoadBalancers": _forward(props) or None,
            "ServiceSettings": _settings(props),
            "Tags": tagged("auto-scaling-group", props.get("tags")),
        }
        made = cloud.call("as", "CreateAutoScalingGroup", params)
        group_id: str = made["AutoScalingGroupId"]
        partial.id(group_id)

        def resting() -> bool:
            doc = group(cloud, group_id)
            return doc is None or doc["InActivityStatus"] == "NOT_IN_ACTIVITY"

        cloud.wait(resting, (True,), REST_S, what=f"{group_id} NOT_IN_ACTIVITY")
        return Created(group_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeAutoScalingGroups; the desired capacity is whatever it is now."""
        doc = group(cloud, id)
        if doc is None:
            return None
        shown = arguments.shown(doc, _READ) | {
            "terminationPolicies": next(iter(doc["TerminationPolicySet"]), None),
            "tags": read_tags(cloud, "as", "auto-scaling-group", id),
        }
        if props.get("multiZoneSubnetPolicy"):  # the cloud's default must not show as a change
            shown["multiZoneSubnetPolicy"] = doc["MultiZoneSubnetPolicy"]
        balancers: list[dict[str, Any]] = doc.get("ForwardLoadBalancerSet") or []
        shown["forwardBalancerIds"] = [
            {
                "loadBalancerId": each["LoadBalancerId"],
                "listenerId": each["ListenerId"],
                "ruleId": each["LocationId"],
                "targetAttributes": [{"port": at["Port"], "weight": at["Weight"]} for at in each["TargetAttributes"]],
            }
            for each in balancers
        ]
        return shown

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """ModifyAutoScalingGroup with what changed (called even when it is nothing), ModifyLoadBalancers, tags."""
        changed = changed or frozenset(new)
        params: dict[str, Any] = {
            parameter: new.get(name)
            for name, parameter in {**_ALWAYS, **_SET, "projectId": "ProjectId"}.items()
            if name in changed
        }
        if "terminationPolicies" in changed:
            params["TerminationPolicies"] = _policies(new)
        if changed.intersection(_SETTINGS):
            params["ServiceSettings"] = {api: new.get(name) or unset for name, (api, unset) in _SETTINGS.items()}
        if changed.intersection(_HEALTH):
            params |= {parameter: new.get(name, old.get(name)) for name, parameter in _HEALTH.items()}
        cloud.call("as", "ModifyAutoScalingGroup", {"AutoScalingGroupId": id, **params})
        balancers: dict[str, Any] = {}
        if "loadBalancerIds" in changed:
            balancers["LoadBalancerIds"] = new.get("loadBalancerIds") or []
        if "forwardBalancerIds" in changed:
            balancers["ForwardLoadBalancers"] = _forward(new)
        if balancers:
            cloud.call("as", "ModifyLoadBalancers", {"AutoScalingGroupId": id, **balancers})
        write_tags(cloud, "as", "auto-scaling-group", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Sizes to 0 if there are instances, then delete until it is empty and at rest."""
        doc = group(cloud, id)
        if doc is None:
            return
        if doc["InstanceCount"] or doc["DesiredCapacity"]:
            none = {"MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0}
            cloud.call("as", "ModifyAutoScalingGroup", {"AutoScalingGroupId": id, **none})

        def deleted() -> bool:
            try:
                cloud.call("as", "DeleteAutoScalingGroup", {"AutoScalingGroupId": id}, retry_s=0)
            except CloudError as error:
                if error.code in ("ResourceInUse.ActivityInProgress", "ResourceInUse.InstanceInGroup"):
                    return False
                if error.code != "ResourceNotFound.AutoScalingGroupNotFound":
                    raise
            return True

        cloud.wait(deleted, (True,), DELETE_S, what=f"{id} empty")
