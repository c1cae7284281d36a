"""All types of Auto Scaling that a stack has."""

from tests.sandbox.plugins.provider_run import TAGS, Run


def live(run: Run) -> None:
    """A configuration, a group, and what acts on it."""
    vpc_id, subnet_id = run.network()
    names = {"instanceName": "gw", "instanceNameStyle": "UNIQUE"}
    config = run.create(
        "As/scalingConfig",
        configurationName="c",
        imageId="img-sanmengw",
        instanceTypes=["S5.MEDIUM4"],
        instanceChargeType="POSTPAID_BY_HOUR",
        publicIpAssigned=False,
        internetMaxBandwidthOut=0,
        keepImageLogin=True,
        userData="QUJD",
        camRoleName="role",
        instanceNameSettings=names,
        hostNameSettings={"hostName": "gw", "hostNameStyle": "UNIQUE"},
        instanceTags={"a": "b"},
        tags=TAGS,
    )
    config.change(userData="QUJE", enhancedMonitorService=False, tags={"env": "x"})
    group = run.create(
        "As/scalingGroup",
        scalingGroupName="g",
        configurationId=config.id,
        minSize=0,
        maxSize=2,
        desiredCapacity=1,
        vpcId=vpc_id,
        subnetIds=[subnet_id],
        multiZoneSubnetPolicy="EQUALITY",
        retryPolicy="INCREMENTAL_INTERVALS",
        replaceMonitorUnhealthy=True,
        terminationPolicies="OLDEST_INSTANCE",
        tags=TAGS,
    )
    group.change(maxSize=3, lbHealthCheckGracePeriod=60, replaceLoadBalancerUnhealthy=True, tags={"env": "x"})
    _scaling_rules(run, group.id)
    for made in (group, config):
        made.delete()


def _scaling_rules(run: Run, group_id: str) -> None:
    tracking = {"policyType": "TARGET_TRACKING", "predefinedMetricType": "ASG_AVG_CPU_UTILIZATION"}
    alarm = {"comparisonOperator": "GREATER_THAN", "metricName": "CPU_UTILIZATION", "threshold": 80}
    hook = {"lifecycleHookName": "h", "lifecycleTransition": "INSTANCE_TERMINATING"}
    follows = run.create("As/scalingPolicy", scalingGroupId=group_id, policyName="t", targetValue=60, **tracking)
    simple = run.create(
        "As/scalingPolicy",
        scalingGroupId=group_id,
        policyName="s",
        adjustmentType="EXACT_CAPACITY",
        adjustmentValue=0,
        period=300,
        continuousTime=10,
        **alarm,
    )
    drains = run.create("As/lifecycleHook", scalingGroupId=group_id, notificationMetadata="m", **hook)
    for made, change in (
        (follows, {"targetValue": 50}),
        (simple, {"threshold": 70}),
        (drains, {"heartbeatTimeout": 90}),
    ):
        made.refresh()
        made.change(**change)
        made.delete()
