"""Subnets. Source: docs/sources.md, network."""

from ipaddress import IPv4Network
from typing import Any

from tencentcloud.vpc.v20170312 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.locks import holding
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc, Store
from sandbox.services import plane
from sandbox.services.params import check_name, given, public, stamp, tag_set
from sandbox.services.places import check_zone
from sandbox.services.vpc import addresses
from sandbox.services.vpc.hosts import router_name
from sandbox.services.vpc.kinds import HOST, ROUTE_TABLE, SUBNET, VPC, of_vpc
from sandbox.services.vpc.networks import check_quota, default_table, network, or_take_back
from sandbox.substrate import specs


def apply(store: Store, subnet: Doc) -> None:
    """Bring the subnet and its way out to the data plane."""
    table = store.get(ROUTE_TABLE.name, subnet["RouteTableId"])
    routed = any(
        route["DestinationCidrBlock"] == "0.0.0.0/0" and route["GatewayType"] == "NAT" and route["Enabled"]
        for route in table["RouteSet"]
    )
    plane.current().ensure(
        specs.Subnet(
            name=subnet["SubnetId"],
            router=router_name(subnet["VpcId"]),
            cidr=IPv4Network(subnet["CidrBlock"]),
            routed_out=routed,
        )
    )


def shown(store: Store, doc: Doc) -> Doc:
    """A subnet as answers have it: free addresses are counted now."""
    total = IPv4Network(doc["CidrBlock"]).num_addresses - addresses.RESERVED
    used = len(addresses.private_of(store, doc["SubnetId"]))
    return {**public(doc), "TotalIpAddressCount": total, "AvailableIpAddressCount": total - used}


def _check_range(ctx: Context, vpc: Doc, text: str) -> IPv4Network:
    cidr = network("CidrBlock", text)
    ranges = [vpc["CidrBlock"], *(each["CidrBlock"] for each in vpc["AssistantCidrSet"])]
    if not any(cidr.subnet_of(IPv4Network(each)) for each in ranges) or cidr.prefixlen > 29:
        message = f"The subnet range {text} must lie in the VPC's {', '.join(ranges)} with a prefix of at most 29."
        raise ApiError("InvalidParameterValue.SubnetRange", message)
    for other in of_vpc(ctx.store, SUBNET, vpc["VpcId"]):
        if cidr.overlaps(IPv4Network(other["CidrBlock"])):
            message = f"The subnet range {text} overlaps {other['CidrBlock']} of `{other['SubnetId']}`."
            raise ApiError("InvalidParameterValue.SubnetConflict", message)
    return cidr


@action
def create_subnet(ctx: Context, request: models.CreateSubnetRequest) -> dict[str, Any]:
    """A subnet in a zone, on the VPC's default route table."""
    asked = given(request)
    vpc_id = asked["VpcId"]
    check_name("SubnetName", asked["SubnetName"])
    check_zone(ctx.region, asked["Zone"])
    with holding(VPC.name, vpc_id):
        with ctx.store.lock:
            vpc = VPC.need(ctx, vpc_id)
            check_quota(ctx, "vpc-max-subnets", len(of_vpc(ctx.store, SUBNET, vpc_id)))
            doc: Doc = {
                "VpcId": vpc_id,
                "SubnetId": ctx.store.new_id("subnet"),
                "SubnetName": asked["SubnetName"],
                "CidrBlock": str(_check_range(ctx, vpc, asked["CidrBlock"])),
                "IsDefault": False,
                "EnableBroadcast": False,
                "Zone": asked["Zone"],
                "RouteTableId": default_table(ctx.store, vpc_id)["RouteTableId"],
                "CreatedTime": stamp(ctx),
                "Ipv6CidrBlock": "",
                "NetworkAclId": "",
                "IsRemoteVpcSnat": False,
                "TagSet": tag_set(asked.get("Tags")),
                "CdcId": "",
            }
            _keep(ctx, doc)
        with or_take_back(ctx.store, lambda: _forget(ctx, doc)):
            apply(ctx.store, doc)
    return {"Subnet": shown(ctx.store, doc)}


def _keep(ctx: Context, subnet: Doc) -> None:
    SUBNET.create(ctx, subnet)
    _join_table(ctx.store, subnet)


def _forget(ctx: Context, subnet: Doc) -> None:
    _leave_table(ctx.store, subnet)
    SUBNET.drop(ctx, subnet["SubnetId"])


def _join_table(store: Store, subnet: Doc) -> None:
    table = store.get(ROUTE_TABLE.name, subnet["RouteTableId"])
    table["AssociationSet"].append({"SubnetId": subnet["SubnetId"], "RouteTableId": table["RouteTableId"]})
    ROUTE_TABLE.save(store, table)


def _leave_table(store: Store, subnet: Doc) -> None:
    table = store.get(ROUTE_TABLE.name, subnet["RouteTableId"])
    table["AssociationSet"] = [each for each in table["AssociationSet"] if each["SubnetId"] != subnet["SubnetId"]]
    ROUTE_TABLE.save(store, table)


_FILTERS = {
    "subnet-id": "SubnetId",
    "vpc-id": "VpcId",
    "cidr-block": "CidrBlock",
    "is-default": "IsDefault",
    "subnet-name": "SubnetName",
    "zone": "Zone",
    "route-table-id": "RouteTableId",
}


@action
def describe_subnets(ctx: Context, request: models.DescribeSubnetsRequest) -> dict[str, Any]:
    """Subnets by ids or filters."""
    docs = SUBNET.select(ctx, given(request).get("SubnetIds"))
    docs = [doc for doc in docs if matches(doc, request.Filters, _FILTERS)]
    shown_docs = [shown(ctx.store, doc) for doc in page(docs, request.Offset, request.Limit)]
    return {"TotalCount": len(docs), "SubnetSet": shown_docs}


@action
def modify_subnet_attribute(ctx: Context, request: models.ModifySubnetAttributeRequest) -> None:
    """Name and broadcast."""
    asked = given(request)
    with ctx.store.lock:
        doc = SUBNET.need(ctx, asked["SubnetId"])
        if "SubnetName" in asked:
            check_name("SubnetName", asked["SubnetName"])
            doc["SubnetName"] = asked["SubnetName"]
        if "EnableBroadcast" in asked:
            doc["EnableBroadcast"] = str(asked["EnableBroadcast"]).lower() == "true"
        SUBNET.save(ctx.store, doc)


@action
def replace_route_table_association(ctx: Context, request: models.ReplaceRouteTableAssociationRequest) -> None:
    """Put a subnet on another route table of its VPC."""
    asked = given(request)
    subnet = SUBNET.need(ctx, asked["SubnetId"])
    with holding(VPC.name, subnet["VpcId"]):
        with ctx.store.lock:
            subnet = SUBNET.need(ctx, asked["SubnetId"])
            table = ROUTE_TABLE.need(ctx, asked["RouteTableId"])
            if table["VpcId"] != subnet["VpcId"]:
                message = "The route table and the subnet are in different VPCs."
                raise ApiError("UnsupportedOperation.VpcMismatch", message)
            moved = {**subnet, "RouteTableId": table["RouteTableId"]}
            _move(ctx.store, subnet, moved)
        with or_take_back(ctx.store, lambda: _move(ctx.store, moved, subnet)):
            apply(ctx.store, moved)


def _move(store: Store, subnet: Doc, moved: Doc) -> None:
    _leave_table(store, subnet)
    SUBNET.save(store, moved)
    _join_table(store, moved)


@action
def delete_subnet(ctx: Context, request: models.DeleteSubnetRequest) -> None:
    """Only a subnet whose addresses are all free goes."""
    subnet_id = given(request)["SubnetId"]
    with holding(VPC.name, SUBNET.need(ctx, subnet_id)["VpcId"]):
        with ctx.store.lock:
            doc = SUBNET.select(ctx, [subnet_id])[0]
            owners = [each["owner"] for each in addresses.private_of(ctx.store, subnet_id)]
            owners += [each["owner"] for each in HOST.all(ctx.store) if each["subnet_id"] == subnet_id]
            if owners:
                used_by = ", ".join(list(dict.fromkeys(owners))[:5])
                raise ApiError("ResourceInUse", f"The subnet `{subnet_id}` is in use by {used_by}.")
            _forget(ctx, doc)
        with or_take_back(ctx.store, lambda: _keep(ctx, doc)):
            plane.current().remove(specs.Subnet, subnet_id)
