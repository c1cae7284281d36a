"""All types of the VPC service that a stack has."""

from tests.sandbox.plugins.provider_run import TAGS, Run


def live(run: Run) -> None:
    """Networks, the way out, rules, flow logs."""
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
