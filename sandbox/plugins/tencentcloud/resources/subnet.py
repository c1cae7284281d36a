"""Subnet/instance. Source: docs/fidelity/vpc.md."""

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    read_tags,
    resource,
    tag_list,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import arguments
from sandbox.plugins.tencentcloud.resources.network_calls import delete_patiently, described, internal, text


@resource("tencentcloud:Subnet/instance:Instance")
class Subnet(Handler):
    """A subnet."""

    kind = "subnet"
    key = ("SubnetId",)

    def check(self, props: Props) -> dict[str, str]:
        """Name length, canonical range."""
        return arguments.faults(props, {"name": arguments.NAME, "cidrBlock": arguments.cidr_fault})

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateSubnet, SetId, multicast, route table, and the tags once more."""
        table_id = props.get("routeTableId")
        if table_id:
            _check_table(cloud, table_id, props["vpcId"])
        params = {
            "VpcId": props["vpcId"],
            "SubnetName": props["name"],
            "CidrBlock": props["cidrBlock"],
            "Zone": props["availabilityZone"],
            "CdcId": props.get("cdcId") or None,
            "Tags": tag_list(props.get("tags")),
        }
        subnet_id: str = cloud.call("vpc", "CreateSubnet", params)["Subnet"]["SubnetId"]
        partial.id(subnet_id)
        self._name(cloud, subnet_id, props)
        if table_id:
            self._associate(cloud, subnet_id, table_id)
        write_tags(cloud, "vpc", "subnet", subnet_id, None, props.get("tags"))
        return Created(subnet_id)

    def _name(self, cloud: Cloud, subnet_id: str, props: Props) -> None:
        broadcast = text(props.get("isMulticast", True))
        name = {"SubnetId": subnet_id, "SubnetName": props["name"], "EnableBroadcast": broadcast}
        cloud.call("vpc", "ModifySubnetAttribute", name, retry=internal)

    def _associate(self, cloud: Cloud, subnet_id: str, table_id: str) -> None:
        table = {"SubnetId": subnet_id, "RouteTableId": table_id}
        cloud.call("vpc", "ReplaceRouteTableAssociation", table, retry_s=0)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeSubnets; the free addresses are live."""
        doc = described(cloud, "DescribeSubnets", "SubnetSet", {"subnet-id": id}, retry=internal)
        if not doc:
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
            "cdcId": doc["CdcId"],
            "tags": read_tags(cloud, "vpc", "subnet", id),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Name and multicast on any change, route table, tags. Leaving the route table out changes nothing."""
        self._name(cloud, id, new)
        table_id = new.get("routeTableId")
        if table_id and table_id != old.get("routeTableId"):
            _check_table(cloud, table_id, new["vpcId"])
            self._associate(cloud, id, table_id)
        write_tags(cloud, "vpc", "subnet", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteSubnet; every error is repeated."""
        delete_patiently(cloud, "DeleteSubnet", {"SubnetId": id})


def _check_table(cloud: Cloud, table_id: str, vpc_id: str) -> None:
    filters = {"route-table-id": table_id, "vpc-id": vpc_id}
    if not described(cloud, "DescribeRouteTables", "RouteTableSet", filters, retry_s=0):
        raise ProviderError(f"the route table `{table_id}` is not in the VPC `{vpc_id}`")
