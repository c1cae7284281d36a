"""Subnet/instance. Source: docs/sources.md, network."""

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    read_tags,
    resource,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import shapes


@resource("tencentcloud:Subnet/instance:Instance")
class Subnet(Handler):
    """A subnet."""

    kind = "subnet"
    key = ("SubnetId",)

    def check(self, props: Props) -> dict[str, str]:
        """Name length, canonical range."""
        return shapes.faults(props, {"name": shapes.NAME, "cidrBlock": shapes.cidr_fault})

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateSubnet, SetId, multicast, route table, tags."""
        table_id = props.get("routeTableId")
        if table_id:
            _check_table(cloud, table_id, props["vpcId"])
        params = {
            "VpcId": props["vpcId"],
            "SubnetName": props["name"],
            "CidrBlock": props["cidrBlock"],
            "Zone": props["availabilityZone"],
            "CdcId": props.get("cdcId"),
        }
        subnet_id: str = cloud.call("vpc", "CreateSubnet", params)["Subnet"]["SubnetId"]
        partial.id(subnet_id)
        self._settle(cloud, subnet_id, props)
        write_tags(cloud, "vpc", "subnet", subnet_id, None, props.get("tags"))
        return Created(subnet_id)

    def _settle(self, cloud: Cloud, subnet_id: str, props: Props) -> None:
        broadcast = "true" if props.get("isMulticast", True) else "false"
        name = {"SubnetId": subnet_id, "SubnetName": props["name"], "EnableBroadcast": broadcast}
        cloud.call("vpc", "ModifySubnetAttribute", name)
        if props.get("routeTableId"):
            table = {"SubnetId": subnet_id, "RouteTableId": props["routeTableId"]}
            cloud.call("vpc", "ReplaceRouteTableAssociation", table)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeSubnets; the free addresses are live."""
        filters = {"Filters": shapes.by_filter("subnet-id", id)}
        doc = shapes.one(cloud, "vpc", "DescribeSubnets", filters, "SubnetSet")
        if doc is None:
            return None
        return {
            "vpcId": doc["VpcId"],
            "name": doc["SubnetName"],
            "cidrBlock": doc["CidrBlock"],
            "availabilityZone": doc["Zone"],
            "isMulticast": doc["EnableBroadcast"],
            "routeTableId": doc["RouteTableId"],
            "isDefault": doc["IsDefault"],
            "availableIpCount": doc["AvailableIpAddressCount"],
            "createTime": doc["CreatedTime"],
            "cdcId": doc.get("CdcId") or None,
            "tags": read_tags(cloud, "vpc", "subnet", id),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Name, multicast, route table, tags. Leaving the route table out changes nothing."""
        if new.get("routeTableId") and "routeTableId" in changed:
            _check_table(cloud, new["routeTableId"], new["vpcId"])
        self._settle(cloud, id, new)
        write_tags(cloud, "vpc", "subnet", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteSubnet; every error is repeated."""
        shapes.delete(cloud, "vpc", "DeleteSubnet", {"SubnetId": id}, patient=True)


def _check_table(cloud: Cloud, table_id: str, vpc_id: str) -> None:
    filters = {"Filters": [*shapes.by_filter("route-table-id", table_id), *shapes.by_filter("vpc-id", vpc_id)]}
    if shapes.one(cloud, "vpc", "DescribeRouteTables", filters, "RouteTableSet") is None:
        raise ProviderError(f"this route_table_id `{table_id}` is not in vpc `{vpc_id}`")
