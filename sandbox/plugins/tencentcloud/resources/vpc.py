"""Vpc/instance and Vpc/flowLog. Source: docs/fidelity/vpc.md."""

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
    tag_map,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import arguments
from sandbox.plugins.tencentcloud.resources.network_calls import delete_patiently, described, internal, set_only, text


def _check_dns(props: Props) -> None:
    servers = props.get("dnsServers")
    if servers is not None and not 1 <= len(servers) <= 4:
        raise ProviderError(f"if `dns_servers` is set, the number of dns servers must be 1 to 4, given: {len(servers)}")


@resource("tencentcloud:Vpc/instance:Instance")
class Vpc(Handler):
    """A VPC."""

    kind = "vpc"
    key = ("VpcId",)

    def check(self, props: Props) -> dict[str, str]:
        """Name length, canonical ranges."""
        found = arguments.faults(props, {"name": arguments.NAME, "cidrBlock": arguments.cidr_fault})
        for cidr in props.get("assistantCidrs") or ():
            if reason := arguments.cidr_fault(cidr):
                found["assistantCidrs"] = reason
        return found

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateVpc, SetId, then the secondary ranges."""
        _check_dns(props)
        params = given(props, {"name": "VpcName", "cidrBlock": "CidrBlock", "dnsServers": "DnsServers"})
        params |= {"EnableMulticast": text(props.get("isMulticast", True)), "Tags": tag_list(props.get("tags"))}
        vpc_id: str = cloud.call("vpc", "CreateVpc", params)["Vpc"]["VpcId"]
        partial.id(vpc_id)
        if props.get("assistantCidrs"):
            cidrs = {"VpcId": vpc_id, "CidrBlocks": props["assistantCidrs"]}
            cloud.call("vpc", "CreateAssistantCidr", cidrs, retry_s=0)
        return Created(vpc_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeVpcs, tags included, and DescribeRouteTables for the default table."""
        doc = described(cloud, "DescribeVpcs", "VpcSet", {"vpc-id": id}, retry=internal)
        if not doc:
            return None
        ranges: list[dict[str, Any]] = doc.get("AssistantCidrSet") or []
        return {
            **self._default_table(cloud, id),
            "name": doc["VpcName"],
            "cidrBlock": doc["CidrBlock"],
            "isMulticast": doc["EnableMulticast"],
            "dnsServers": doc.get("DnsServerSet") or [],
            "assistantCidrs": [each["CidrBlock"] for each in ranges if each.get("AssistantType") == 0],
            "dockerAssistantCidrs": [each["CidrBlock"] for each in ranges if each.get("AssistantType") != 0],
            "createTime": doc["CreatedTime"],
            "isDefault": doc["IsDefault"],
            "tags": tag_map(doc.get("TagSet")),
        }

    def _default_table(self, cloud: Cloud, id: str) -> Props:
        filters = {"vpc-id": id, "association.main": "true"}
        try:
            table = described(cloud, "DescribeRouteTables", "RouteTableSet", filters, retry_s=0)
        except CloudError:
            return {}  # the official provider only logs it
        return {"defaultRouteTableId": table["RouteTableId"]} if table else {}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """ModifyVpcAttribute on any change, with the name servers of the state where the program names none."""
        _check_dns(new)
        params = {
            "VpcId": id,
            "VpcName": new["name"],
            "DnsServers": new.get("dnsServers") or old.get("dnsServers") or None,
            "EnableMulticast": text(new.get("isMulticast", True)),
        }
        cloud.call("vpc", "ModifyVpcAttribute", params, retry=internal)
        before, after = set(old.get("assistantCidrs") or ()), set(new.get("assistantCidrs") or ())
        if "assistantCidrs" in new and before != after:
            ranges = {"NewCidrBlocks": sorted(after - before), "OldCidrBlocks": sorted(before - after)}
            cloud.call("vpc", "ModifyAssistantCidr", {"VpcId": id, **set_only(ranges)}, retry_s=0)
        write_tags(cloud, "vpc", "vpc", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteVpc; every error is repeated."""
        delete_patiently(cloud, "DeleteVpc", {"VpcId": id})


@resource("tencentcloud:Vpc/flowLog:FlowLog")
class FlowLog(Handler):
    """A flow log; id `<log>#<vpc>`."""

    kind = "flow_log"
    key = ("FlowLogId", "VpcId")
    immutable = (
        "cloudLogId",
        "cloudLogRegion",
        "flowLogStorage",
        "resourceId",
        "resourceType",
        "storageType",
        "trafficType",
        "vpcId",
    )

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateFlowLog, SetId, tags."""
        names = (
            "flowLogName",
            "resourceType",
            "resourceId",
            "trafficType",
            "vpcId",
            "flowLogDescription",
            "cloudLogId",
            "storageType",
            "flowLogStorage",
            "cloudLogRegion",
        )
        params = set_only({name: props.get(name) for name in names})
        made = cloud.call("vpc", "CreateFlowLog", arguments.pascal(params))["FlowLog"]
        if not made:
            raise ProviderError("CreateFlowLog answered without a flow log")
        log_id: str = made[0]["FlowLogId"]
        id = f"{log_id}#{props.get('vpcId') or ''}"
        partial.id(id)
        write_tags(cloud, "vpc", "fl", log_id, None, props.get("tags"))
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeFlowLogs. A missing log is an error, not a clean removal."""
        log_id, _, vpc_id = id.partition("#")
        found = cloud.call("vpc", "DescribeFlowLogs", set_only({"FlowLogId": log_id, "VpcId": vpc_id}))["FlowLog"]
        if not found:
            raise ProviderError(f"resource `vpc_flow_log` {log_id} does not exist")
        doc: dict[str, Any] = found[0]
        fields = {name[:1].lower() + name[1:]: doc.get(name) for name in _FLOW_LOG_FIELDS}
        if storage := doc.get("FlowLogStorage"):
            ends = {"storageId": storage.get("StorageId"), "storageTopic": storage.get("StorageTopic")}
            fields["flowLogStorage"] = {name: value or "" for name, value in ends.items()}
        if tags := read_tags(cloud, "vpc", "fl", log_id):
            fields["tags"] = tags
        return {name: value for name, value in fields.items() if value is not None}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Name and description."""
        log_id, _, vpc_id = id.partition("#")
        if changed & {"flowLogName", "flowLogDescription"} or not changed:
            names = {"FlowLogName": new.get("flowLogName"), "FlowLogDescription": new.get("flowLogDescription")}
            params = {"FlowLogId": log_id, "VpcId": vpc_id, **names}
            cloud.call("vpc", "ModifyFlowLogAttribute", set_only(params))
        write_tags(cloud, "vpc", "fl", log_id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteFlowLog; the official provider swallows its error."""
        log_id, _, vpc_id = id.partition("#")
        try:
            cloud.call("vpc", "DeleteFlowLog", set_only({"FlowLogId": log_id, "VpcId": vpc_id}), retry_s=0)
        except CloudError:
            return


_FLOW_LOG_FIELDS = (
    "FlowLogName",
    "FlowLogDescription",
    "ResourceType",
    "ResourceId",
    "TrafficType",
    "VpcId",
    "CloudLogId",
    "CloudLogRegion",
    "StorageType",
)
