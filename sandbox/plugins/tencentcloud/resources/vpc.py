"""Vpc/instance and Vpc/flowLog. Source: docs/sources.md, network."""

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


def _check_dns(props: Props) -> None:
    servers = props.get("dnsServers")
    if servers is not None and not 1 <= len(servers) <= 4:
        raise ProviderError(f"if `dns_servers` is set, the number of dns servers must be 1 to 4, given: {len(servers)}")


def _text(flag: Any) -> str:
    return "true" if flag else "false"


@resource("tencentcloud:Vpc/instance:Instance")
class Vpc(Handler):
    """A VPC."""

    kind = "vpc"
    key = ("VpcId",)

    def check(self, props: Props) -> dict[str, str]:
        """Name length, canonical ranges."""
        found = shapes.faults(props, {"name": shapes.NAME, "cidrBlock": shapes.cidr_fault})
        for cidr in props.get("assistantCidrs") or ():
            if reason := shapes.cidr_fault(cidr):
                found["assistantCidrs"] = reason
        return found

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateVpc, SetId, then the secondary ranges."""
        _check_dns(props)
        params = given(props, {"name": "VpcName", "cidrBlock": "CidrBlock", "dnsServers": "DnsServers"})
        params |= {"EnableMulticast": _text(props.get("isMulticast", True)), "Tags": tag_list(props.get("tags"))}
        vpc_id: str = cloud.call("vpc", "CreateVpc", params)["Vpc"]["VpcId"]
        partial.id(vpc_id)
        if props.get("assistantCidrs"):
            # A single call, no retry: as the official provider does.
            cidrs = {"VpcId": vpc_id, "CidrBlocks": props["assistantCidrs"]}
            cloud.call("vpc", "CreateAssistantCidr", cidrs, retry_s=0)
        return Created(vpc_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeVpcs, and DescribeRouteTables for the default table."""
        filters = {"Filters": shapes.by_filter("vpc-id", id)}
        doc = shapes.one(cloud, "vpc", "DescribeVpcs", filters, "VpcSet")
        if doc is None:
            return None
        tables = {"Filters": [*shapes.by_filter("vpc-id", id), *shapes.by_filter("association.main", "true")]}
        table = shapes.one(cloud, "vpc", "DescribeRouteTables", tables, "RouteTableSet")
        ranges: list[dict[str, Any]] = doc.get("AssistantCidrSet") or []
        return {
            "name": doc["VpcName"],
            "cidrBlock": doc["CidrBlock"],
            "isMulticast": doc["EnableMulticast"],
            "dnsServers": doc["DnsServerSet"],
            "assistantCidrs": [each["CidrBlock"] for each in ranges if each["AssistantType"] == 0],
            "dockerAssistantCidrs": [each["CidrBlock"] for each in ranges if each["AssistantType"] == 1],
            "createTime": doc["CreatedTime"],
            "isDefault": doc["IsDefault"],
            "defaultRouteTableId": table["RouteTableId"] if table else "",
            "tags": read_tags(cloud, "vpc", "vpc", id),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """ModifyVpcAttribute on any change, secondary ranges, tags."""
        _check_dns(new)
        params = {"VpcId": id, **given(new, {"name": "VpcName", "dnsServers": "DnsServers"})}
        cloud.call("vpc", "ModifyVpcAttribute", params | {"EnableMulticast": _text(new.get("isMulticast", True))})
        if "assistantCidrs" in new:
            before, after = set(old.get("assistantCidrs") or ()), set(new["assistantCidrs"] or ())
            if before != after:
                ranges = {"NewCidrBlocks": sorted(after - before), "OldCidrBlocks": sorted(before - after)}
                cloud.call("vpc", "ModifyAssistantCidr", {"VpcId": id, **ranges})
        write_tags(cloud, "vpc", "vpc", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteVpc; every error is repeated."""
        shapes.delete(cloud, "vpc", "DeleteVpc", {"VpcId": id}, patient=True)


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

    def check(self, props: Props) -> dict[str, str]:
        """Name length and kinds."""
        return shapes.faults(
            props,
            {
                "flowLogName": shapes.NAME,
                "resourceType": shapes.one_of("VPC", "SUBNET", "NETWORKINTERFACE", "CCN", "NAT", "DCG"),
                "trafficType": shapes.one_of("ACCEPT", "REJECT", "ALL"),
                "storageType": shapes.one_of("cls", "ckafka"),
            },
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
        made = cloud.call("vpc", "CreateFlowLog", shapes.pascal({name: props.get(name) for name in names}))
        log_id: str = made["FlowLog"][0]["FlowLogId"]
        id = f"{log_id}#{props.get('vpcId') or ''}"
        partial.id(id)
        write_tags(cloud, "vpc", "fl", log_id, None, props.get("tags"))
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeFlowLogs. A missing log is an error, not a clean removal."""
        log_id = id.split("#")[0]
        doc = shapes.one(cloud, "vpc", "DescribeFlowLogs", {"FlowLogId": log_id}, "FlowLog")
        if doc is None:
            raise ProviderError(f"resource `track` {id} does not exist")
        storage = doc.get("FlowLogStorage")
        return {
            "flowLogName": doc["FlowLogName"],
            "flowLogDescription": doc["FlowLogDescription"],
            "resourceType": doc["ResourceType"],
            "resourceId": doc["ResourceId"],
            "trafficType": doc["TrafficType"],
            "vpcId": doc["VpcId"] or None,
            "cloudLogId": doc["CloudLogId"],
            "cloudLogRegion": doc["CloudLogRegion"],
            "storageType": doc["StorageType"] if props.get("storageType") or doc["StorageType"] != "cls" else None,
            "flowLogStorage": {"storageId": storage.get("StorageId"), "storageTopic": storage.get("StorageTopic")}
            if storage
            else None,
            "tags": read_tags(cloud, "vpc", "fl", log_id),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Name and description."""
        log_id, _, vpc_id = id.partition("#")
        params = given(new, {"flowLogName": "FlowLogName", "flowLogDescription": "FlowLogDescription"})
        cloud.call("vpc", "ModifyFlowLogAttribute", {"FlowLogId": log_id, "VpcId": vpc_id or None, **params})
        write_tags(cloud, "vpc", "fl", log_id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteFlowLog; the official provider swallows its error."""
        log_id, _, vpc_id = id.partition("#")
        try:
            cloud.call("vpc", "DeleteFlowLog", {"FlowLogId": log_id, "VpcId": vpc_id or None})
        except CloudError:
            return
