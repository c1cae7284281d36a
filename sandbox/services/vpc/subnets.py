"""Subnets. Source: docs/sources.md, network."""

from ipaddress import IPv4Network
from typing import Any

from tencentcloud.vpc.v20170312 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc, Store
from sandbox.services import plane
from sandbox.services.params import check_name, create, drop, given, need, public, select, stamp, tag_set
from sandbox.services.places import check_zone
from sandbox.services.vpc import addresses
from sandbox.services.vpc.networks import check_quota, default_table, network
from sandbox.substrate import specs


def apply(store: Store, subnet: Doc) -> None:
    """Bring the subnet and its way out to the data plane."""
    table = store.get("route_table", subnet["RouteTableId"])
    routed = any(
        route["DestinationCidrBlock"] == "0.0.0.0/0" and route["GatewayType"] == "NAT" and route["Enabled"]
        for route in table["RouteSet"]
    )
    plane.current().ensure(
        specs.Subnet(
            name=subnet["SubnetId"],
            router=store.get("vpc", subnet["VpcId"])["_router"],
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
    for other in ctx.store.list("subnet", ctx.region):
        if other["VpcId"] == vpc["VpcId"] and cidr.overlaps(IPv4Network(other["CidrBlock"])):
            message = f"The subnet range {text} overlaps {other['CidrBlock']} of `{other['SubnetId']}`."
            raise ApiError("InvalidParameterValue.SubnetConflict", message)
    return cidr


def _create(ctx: Context, vpc_id: str, name: str, cidr_text: str, zone: str, tags: list[Any]) -> Doc:
    check_name("SubnetName", name)
    check_zone(ctx.region, zone)
    with ctx.store.lock:
        vpc = need(ctx, "vpc", vpc_id)
        count = sum(1 for each in ctx.store.list("subnet", ctx.region) if each["VpcId"] == vpc_id)
        check_quota(ctx, "vpc-max-subnets", count)
        cidr = _check_range(ctx, vpc, cidr_text)
        table = default_table(ctx, vpc_id)
        subnet_id = ctx.store.new_id("subnet")
        doc: Doc = {
            "VpcId": vpc_id,
            "SubnetId": subnet_id,
            "SubnetName": name,
            "CidrBlock": str(cidr),
            "IsDefault": False,
            "EnableBroadcast": False,
            "Zone": zone,
            "RouteTableId": table["RouteTableId"],
            "CreatedTime": stamp(ctx),
            "Ipv6CidrBlock": "",
            "NetworkAclId": "",
            "IsRemoteVpcSnat": False,
            "TagSet": tag_set(tags),
            "CdcId": "",
        }
        apply(ctx.store, doc)
        create(ctx, "subnet", subnet_id, doc)
        table["AssociationSet"].append({"SubnetId": subnet_id, "RouteTableId": table["RouteTableId"]})
        ctx.store.put("route_table", table["RouteTableId"], table)
    return shown(ctx.store, doc)


@action
def create_subnet(ctx: Context, request: models.CreateSubnetRequest) -> dict[str, Any]:
    """A subnet in a zone, on the VPC's default route table."""
    asked = given(request)
    for name in ("CidrBlock", "Zone"):
        if name not in asked:
            raise ApiError("MissingParameter", f"The request is missing the parameter `{name}`.")
    made = _create(ctx, asked["VpcId"], asked["SubnetName"], asked["CidrBlock"], asked["Zone"], asked.get("Tags", []))
    return {"Subnet": made}


@action
def create_subnets(ctx: Context, request: models.CreateSubnetsRequest) -> dict[str, Any]:
    """Several subnets; the first that is refused ends the request."""
    asked = given(request)
    tags = asked.get("Tags", [])
    made = [
        _create(ctx, asked["VpcId"], each["SubnetName"], each["CidrBlock"], each["Zone"], tags)
        for each in asked["Subnets"]
    ]
    return {"SubnetSet": made}


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
    docs = select(ctx, "subnet", given(request).get("SubnetIds"), "SubnetId")
    docs = [doc for doc in docs if matches(doc, request.Filters, _FILTERS)]
    shown_docs = [shown(ctx.store, doc) for doc in page(docs, request.Offset, request.Limit)]
    return {"TotalCount": len(docs), "SubnetSet": shown_docs}


@action
def modify_subnet_attribute(ctx: Context, request: models.ModifySubnetAttributeRequest) -> None:
    """Name and broadcast."""
    asked = given(request)
    with ctx.store.lock:
        doc = need(ctx, "subnet", asked["SubnetId"])
        if "SubnetName" in asked:
            check_name("SubnetName", asked["SubnetName"])
            doc["SubnetName"] = asked["SubnetName"]
        if "EnableBroadcast" in asked:
            doc["EnableBroadcast"] = str(asked["EnableBroadcast"]).lower() == "true"
        ctx.store.put("subnet", doc["SubnetId"], doc)


@action
def replace_route_table_association(ctx: Context, request: models.ReplaceRouteTableAssociationRequest) -> None:
    """Put a subnet on another route table of its VPC."""
    asked = given(request)
    with ctx.store.lock:
        doc = need(ctx, "subnet", asked["SubnetId"])
        table = need(ctx, "route_table", asked["RouteTableId"])
        if table["VpcId"] != doc["VpcId"]:
            raise ApiError("UnsupportedOperation.VpcMismatch", "The route table and the subnet are in different VPCs.")
        leave_table(ctx.store, doc)
        table = ctx.store.get("route_table", asked["RouteTableId"])
        table["AssociationSet"].append({"SubnetId": doc["SubnetId"], "RouteTableId": table["RouteTableId"]})
        ctx.store.put("route_table", table["RouteTableId"], table)
        doc["RouteTableId"] = table["RouteTableId"]
        ctx.store.put("subnet", doc["SubnetId"], doc)
        apply(ctx.store, doc)


def leave_table(store: Store, subnet: Doc) -> None:
    """Take a subnet out of its route table's associations."""
    table = store.get("route_table", subnet["RouteTableId"])
    table["AssociationSet"] = [each for each in table["AssociationSet"] if each["SubnetId"] != subnet["SubnetId"]]
    store.put("route_table", table["RouteTableId"], table)


@action
def delete_subnet(ctx: Context, request: models.DeleteSubnetRequest) -> None:
    """Only a subnet whose addresses are all free goes."""
    subnet_id = given(request)["SubnetId"]
    with ctx.store.lock:
        doc = need(ctx, "subnet", subnet_id)
        owners = [each["owner"] for each in addresses.private_of(ctx.store, subnet_id)]
        owners += [each["owner"] for each in ctx.store.list("network_host") if each["subnet_id"] == subnet_id]
        if owners:
            used_by = ", ".join(list(dict.fromkeys(owners))[:5])
            raise ApiError("ResourceInUse", f"The subnet `{subnet_id}` is in use by {used_by}.")
        leave_table(ctx.store, doc)
        plane.current().remove(specs.Subnet, subnet_id)
        drop(ctx, "subnet", subnet_id)
