"""Lives of resources, family by family, for provider_run: each type is made, read, changed and deleted."""

from tests.sandbox.plugins.provider_run import Run

TAGS = {"env": "local", "team": "a"}


def vpc(run: Run) -> None:
    """All types of the VPC service that a stack has."""
    network = run.create(
        "Vpc/instance", name="v", cidrBlock="10.20.0.0/16", tags=TAGS, assistantCidrs=["172.16.0.0/16"]
    )
    network.refresh()
    network.change(name="w", dnsServers=["10.0.0.1"], tags={"env": "x"}, assistantCidrs=["172.17.0.0/16"])
    network.change("dnsServers", "assistantCidrs", "tags")
    table = run.create("Route/table", vpcId=network.id, name="t", tags=TAGS)
    place = {"vpcId": network.id, "availabilityZone": "ap-beijing-3"}
    subnet = run.create(
        "Subnet/instance", name="s", cidrBlock="10.20.1.0/24", routeTableId=table.id, tags=TAGS, **place
    )
    other = run.create("Subnet/instance", name="o", cidrBlock="10.20.2.0/24", **place)
    subnet.change("tags", name="u", isMulticast=False)
    other.change(routeTableId=table.id)
    _way_out(run, network.id, table.id)
    _rules(run)
    log = run.create(
        "Vpc/flowLog",
        flowLogName="f",
        resourceType="VPC",
        resourceId=network.id,
        vpcId=network.id,
        trafficType="ALL",
        cloudLogId="topic",
        storageType="cls",
        tags=TAGS,
    )
    log.change(flowLogName="g", flowLogDescription="d", tags={})
    for made in (log, subnet, other, table, network):
        made.delete()


def _way_out(run: Run, vpc_id: str, table_id: str) -> None:
    charge = {"internetChargeType": "TRAFFIC_POSTPAID_BY_HOUR", "type": "EIP"}
    first = run.create("Eip/instance", name="e", tags=TAGS, internetMaxBandwidthOut=5, **charge)
    second = run.create("Eip/instance", name="o")
    addresses = [first.outputs["publicIp"]]
    gateway = run.create(
        "Nat/gateway", vpcId=vpc_id, name="n", assignedEipSets=addresses, bandwidth=100, natProductVersion=1, tags=TAGS
    )
    to_gateway = {"nextType": "NAT", "nextHub": gateway.id, "routeTableId": table_id}
    route = run.create("Route/tableEntry", destinationCidrBlock="0.0.0.0/0", **to_gateway)
    again = run.create("Route/tableEntry", destinationCidrBlock="192.0.2.0/24", description="d", **to_gateway)
    route.change(disabled=True)
    route.refresh()
    gateway.change(assignedEipSets=[second.outputs["publicIp"]], name="m", maxConcurrent=3000000)
    gateway.refresh()
    first.change(name="f", internetMaxBandwidthOut=10, tags={})
    first.change(internetChargeType="BANDWIDTH_POSTPAID_BY_HOUR")
    for made in (again, route, gateway, first, second):
        made.delete()


def _rules(run: Run) -> None:
    group = run.create("Security/group", name="g", description="d", tags=TAGS)
    friends = run.create("Security/group", name="friends")
    web = {"action": "ACCEPT", "cidrBlock": "10.0.0.0/8", "protocol": "TCP", "port": "443"}
    from_friends = {
        "action": "ACCEPT",
        "sourceSecurityId": friends.id,
        "protocol": "TCP",
        "port": "80",
        "description": "x",
    }
    out = {"action": "ACCEPT", "cidrBlock": "0.0.0.0/0", "protocol": "ALL", "port": "ALL"}
    rules = run.create("Security/groupRuleSet", securityGroupId=group.id, ingresses=[web, from_friends], egresses=[out])
    rules.refresh()
    rules.change(ingresses=[{**web, "port": "80"}])
    rules.change("egresses", ingresses=[{"action": "DROP", "cidrBlock": "10.0.0.0/8"}])
    rules.change("ingresses")
    rules.change(egresses=[out])
    rules.delete()
    group.change("tags", name="h")
    for made in (group, friends):
        made.delete()


def autoscaling(run: Run) -> None:
    """All types of Auto Scaling that a stack has."""
    network = run.create("Vpc/instance", name="v", cidrBlock="10.20.0.0/16")
    place = {"vpcId": network.id, "availabilityZone": "ap-beijing-3"}
    subnet = run.create("Subnet/instance", name="s", cidrBlock="10.20.1.0/24", **place)
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
        vpcId=network.id,
        subnetIds=[subnet.id],
        multiZoneSubnetPolicy="EQUALITY",
        retryPolicy="INCREMENTAL_INTERVALS",
        replaceMonitorUnhealthy=True,
        terminationPolicies="OLDEST_INSTANCE",
        tags=TAGS,
    )
    group.change(maxSize=3, lbHealthCheckGracePeriod=60, replaceLoadBalancerUnhealthy=True, tags={"env": "x"})
    _scaling_rules(run, group.id)
    for made in (group, config, subnet, network):
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


def tcr(run: Run) -> None:
    """All types of TCR that a stack has."""
    clients = {"cidrBlock": "198.19.0.0/16", "description": "d"}
    registry = run.create(
        "Tcr/instance",
        name="sanmen-images",
        instanceType="basic",
        openPublicOperation=True,
        securityPolicies=[clients],
        deleteBucket=True,
        tags=TAGS,
    )
    registry.refresh()
    registry.change(instanceType="standard", securityPolicies=[{"cidrBlock": "198.19.0.0/17"}], tags={"env": "x"})
    space = run.create("Tcr/namespace", instanceId=registry.id, name="sanmen", isAutoScan=True, severity="high")
    space.change(severity="medium", isPublic=True, cveWhitelistItems=[{"cveId": "CVE-2020-1"}])
    image = run.create("Tcr/repository", instanceId=registry.id, namespaceName="sanmen", name="gw", briefDesc="b")
    image.change(description="long")
    pull = {"resource": "sanmen", "actions": ["tcr:PullRepository"]}
    puller = run.create("Tcr/serviceAccount", registryId=registry.id, name="pull", permissions=[pull], duration=30)
    puller.change(description="d", disable=True)
    puller.change(password="Secret-word-1")
    network = run.create("Vpc/instance", name="v", cidrBlock="10.20.0.0/16")
    place = {"vpcId": network.id, "availabilityZone": "ap-beijing-3"}
    subnet = run.create("Subnet/instance", name="s", cidrBlock="10.20.1.0/24", **place)
    way_in = {"instanceId": registry.id, "vpcId": network.id, "subnetId": subnet.id}
    attached = run.create("Tcr/vpcAttachment", enablePublicDomainDns=True, **way_in)
    attached.change(enablePublicDomainDns=False, enableVpcDomainDns=True)
    for made in (attached, puller, image, space, registry, subnet, network):
        made.delete()
