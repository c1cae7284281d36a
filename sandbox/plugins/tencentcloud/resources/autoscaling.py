"""As/scalingGroup and As/loadBalancer. Source: docs/sources.md, machines."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    given,
    read_tags,
    resource,
    tag_list,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import shapes

REST_S = 360.0
DELETE_S = 1200.0
_SETTINGS = {
    "replaceMonitorUnhealthy": "ReplaceMonitorUnhealthy",
    "scalingMode": "ScalingMode",
    "replaceLoadBalancerUnhealthy": "ReplaceLoadBalancerUnhealthy",
    "replaceMode": "ReplaceMode",
    "desiredCapacitySyncWithMaxMinSize": "DesiredCapacitySyncWithMaxMinSize",
}
_DEFAULTS = (None, False, "CLASSIC_SCALING", "RECREATE")
_PARAMETERS = {
    "scalingGroupName": "AutoScalingGroupName",
    "configurationId": "LaunchConfigurationId",
    "maxSize": "MaxSize",
    "minSize": "MinSize",
    "vpcId": "VpcId",
    "projectId": "ProjectId",
    "subnetIds": "SubnetIds",
    "zones": "Zones",
    "defaultCooldown": "DefaultCooldown",
    "desiredCapacity": "DesiredCapacity",
    "retryPolicy": "RetryPolicy",
    "multiZoneSubnetPolicy": "MultiZoneSubnetPolicy",
    "healthCheckType": "HealthCheckType",
    "lbHealthCheckGracePeriod": "LoadBalancerHealthCheckGracePeriod",
}


def group(cloud: Cloud, group_id: str) -> dict[str, Any] | None:
    """The scaling group, or None."""
    return shapes.one(
        cloud, "as", "DescribeAutoScalingGroups", {"AutoScalingGroupIds": [group_id]}, "AutoScalingGroupSet"
    )


def _forward(balancers: list[Props], rule: str) -> list[dict[str, Any]]:
    """Load balancers as the API takes them; `rule`: the property that holds the rule's id."""
    return [
        {
            "LoadBalancerId": each["loadBalancerId"],
            "ListenerId": each["listenerId"],
            "LocationId": each.get(rule) or None,
            "TargetAttributes": shapes.pascal(each["targetAttributes"]),
        }
        for each in balancers
    ]


def _backward(balancers: list[dict[str, Any]], rule: str) -> list[Props]:
    return [
        {
            "loadBalancerId": each["LoadBalancerId"],
            "listenerId": each["ListenerId"],
            rule: each.get("LocationId") or "",
            "targetAttributes": [{"port": at["Port"], "weight": at["Weight"]} for at in each["TargetAttributes"]],
        }
        for each in balancers
    ]


def _policies(props: Props) -> list[str] | None:
    """A list of at most one, which the schema flattens."""
    policy = props.get("terminationPolicies")
    return policy if isinstance(policy, list) or policy is None else [str(policy)]  # pyright: ignore[reportUnknownVariableType]  # plain data


@resource("tencentcloud:As/scalingGroup:ScalingGroup")
class ScalingGroup(Handler):
    """A scaling group."""

    def check(self, props: Props) -> dict[str, str]:
        """Sizes and kinds."""
        found = shapes.faults(
            props,
            {
                "scalingGroupName": shapes.length(1, 55),
                "maxSize": shapes.between(0, 2000),
                "minSize": shapes.between(0, 2000),
                "retryPolicy": shapes.one_of("IMMEDIATE_RETRY", "INCREMENTAL_INTERVALS", "NO_RETRY"),
                "multiZoneSubnetPolicy": shapes.one_of("PRIORITY", "EQUALITY"),
                "healthCheckType": shapes.one_of("CVM", "CLB"),
                "scalingMode": shapes.one_of("CLASSIC_SCALING", "WAKE_UP_STOPPED_SCALING"),
            },
        )
        for policy in _policies(props) or ():
            if policy not in ("OLDEST_INSTANCE", "NEWEST_INSTANCE"):
                found["terminationPolicies"] = f"is {policy!r}; allowed are OLDEST_INSTANCE, NEWEST_INSTANCE"
        return found

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateAutoScalingGroup, SetId, wait until it rests (a failed scale-out does not fail it)."""
        params = given(props, _PARAMETERS)
        params |= {
            "TerminationPolicies": _policies(props),
            "LoadBalancerIds": props.get("loadBalancerIds"),
            "ForwardLoadBalancers": _forward(props.get("forwardBalancerIds") or [], "ruleId") or None,
            "ServiceSettings": given(props, _SETTINGS) or None,
            "Tags": tag_list(props.get("tags")),
        }
        group_id: str = cloud.call("as", "CreateAutoScalingGroup", params)["AutoScalingGroupId"]
        partial.id(group_id)
        self._rest(cloud, group_id, REST_S)
        return Created(group_id)

    def _rest(self, cloud: Cloud, group_id: str, timeout_s: float) -> None:
        def resting() -> bool:
            doc = group(cloud, group_id)
            return doc is None or doc["InActivityStatus"] == "NOT_IN_ACTIVITY"

        cloud.wait(resting, (True,), timeout_s, what=f"{group_id} NOT_IN_ACTIVITY")

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeAutoScalingGroups; the desired capacity is whatever it is now."""
        doc = group(cloud, id)
        if doc is None:
            return None
        settings: dict[str, Any] = doc["ServiceSettings"]
        policies: list[str] = doc["TerminationPolicySet"]
        shown = {name: doc[_READ.get(name, api)] for name, api in _PARAMETERS.items()}
        # Unset ones are not computed in the schema: the API's default must not show as a change.
        shown |= {
            name: settings.get(api)
            for name, api in _SETTINGS.items()
            if props.get(name) is not None or settings.get(api) not in _DEFAULTS
        }
        return shown | {
            "terminationPolicies": policies[0] if policies else None,
            "loadBalancerIds": doc["LoadBalancerIdSet"] or None,
            "forwardBalancerIds": _backward(doc["ForwardLoadBalancerSet"], "ruleId"),
            "status": doc["AutoScalingGroupStatus"],
            "instanceCount": doc["InstanceCount"],
            "createTime": doc["CreatedTime"],
            "tags": read_tags(cloud, "as", "auto-scaling-group", id),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """ModifyAutoScalingGroup, ModifyLoadBalancers when those changed, tags."""
        params = given(new, {name: api for name, api in _PARAMETERS.items() if name in changed or not changed})
        params |= {"AutoScalingGroupId": id, "TerminationPolicies": _policies(new)}
        params["ServiceSettings"] = given(new, _SETTINGS) or None
        cloud.call("as", "ModifyAutoScalingGroup", params)
        if "forwardBalancerIds" in changed:
            balancers = {"ForwardLoadBalancers": _forward(new.get("forwardBalancerIds") or [], "ruleId")}
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
                shapes.delete(cloud, "as", "DeleteAutoScalingGroup", {"AutoScalingGroupId": id})
            except CloudError as error:
                if error.matches("ResourceInUse.ActivityInProgress", "ResourceInUse.InstanceInGroup"):
                    return False
                raise
            return True

        cloud.wait(deleted, (True,), DELETE_S, what=f"{id} empty")


_READ = {"subnetIds": "SubnetIdSet", "zones": "ZoneSet"}


@resource("tencentcloud:As/loadBalancer:LoadBalancer")
class LoadBalancer(Handler):
    """Load balancers of a group; its id is the group's."""

    immutable = ("autoScalingGroupId",)

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """AttachLoadBalancers."""
        group_id = props["autoScalingGroupId"]
        balancers = _forward(props.get("forwardLoadBalancers") or [], "locationId")
        cloud.call("as", "AttachLoadBalancers", {"AutoScalingGroupId": group_id, "ForwardLoadBalancers": balancers})
        return Created(group_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """All load balancers that the group has."""
        doc = group(cloud, id)
        if doc is None:
            return None
        shown = _backward(doc["ForwardLoadBalancerSet"], "locationId")
        for each in shown:
            each["region"] = cloud.region
        return {"autoScalingGroupId": id, "forwardLoadBalancers": shown}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Only ports and weights: another load balancer cannot be added this way."""
        balancers = _forward(new.get("forwardLoadBalancers") or [], "locationId")
        params = {"AutoScalingGroupId": id, "ForwardLoadBalancers": balancers}
        cloud.call("as", "ModifyLoadBalancerTargetAttributes", params)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DetachLoadBalancers."""
        if group(cloud, id) is None:
            return
        attached: list[Props] = props.get("forwardLoadBalancers") or []
        gone = [
            {
                "LoadBalancerId": each["loadBalancerId"],
                "ListenerId": each["listenerId"],
                "LocationId": each.get("locationId") or None,
            }
            for each in attached
        ]
        params = {"AutoScalingGroupId": id, "ForwardLoadBalancerIdentifications": gone}
        try:
            cloud.call("as", "DetachLoadBalancers", params)
        except CloudError as error:
            if not error.matches("ResourceNotFound"):
                raise ProviderError(f"detach load balancers of {id}: {error}") from None
