"""Route tables and their entries. Source: docs/sources.md, network."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tencentcloud.vpc.v20170312 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.locks import holding
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.services.params import check_name, check_one_of, given, public, stamp, tag_set
from sandbox.services.vpc import subnets
from sandbox.services.vpc.kinds import NAT, ROUTE_TABLE, SUBNET, VPC, of_vpc
from sandbox.services.vpc.networks import check_quota, network, or_take_back

GATEWAY_TYPES = (
    "CVM",
    "VPN",
    "DIRECTCONNECT",
    "PEERCONNECTION",
    "HAVIP",
    "NAT",
    "NORMAL_CVM",
    "EIP",
    "LOCAL_GATEWAY",
    "INTRANAT",
    "USER_CCN",
)


@action
def create_route_table(ctx: Context, request: models.CreateRouteTableRequest) -> dict[str, Any]:
    """A route table without entries; the VPC's own range is always reachable."""
    asked = given(request)
    check_name("RouteTableName", asked["RouteTableName"])
    with ctx.store.lock:
        VPC.need(ctx, asked["VpcId"])
        check_quota(ctx, "vpc-max-route-tables", len(of_vpc(ctx.store, ROUTE_TABLE, asked["VpcId"])))
        doc: Doc = {
            "VpcId": asked["VpcId"],
            "RouteTableId": ctx.store.new_id("rtb"),
            "RouteTableName": asked["RouteTableName"],
            "AssociationSet": [],
            "RouteSet": [],
            "Main": False,
            "CreatedTime": stamp(ctx),
            "TagSet": tag_set(asked.get("Tags")),
        }
        ROUTE_TABLE.create(ctx, doc)
    return {"RouteTable": public(doc)}


_FILTERS = {
    "route-table-id": "RouteTableId",
    "route-table-name": "RouteTableName",
    "vpc-id": "VpcId",
    "association.main": "Main",
    "next-hop-type": "RouteSet.GatewayType",
}


@action
def describe_route_tables(ctx: Context, request: models.DescribeRouteTablesRequest) -> dict[str, Any]:
    """Route tables with entries and associations."""
    docs = ROUTE_TABLE.select(ctx, given(request).get("RouteTableIds"))
    docs = [public(doc) for doc in docs if matches(doc, request.Filters, _FILTERS)]
    return {"TotalCount": len(docs), "RouteTableSet": page(docs, request.Offset, request.Limit)}


@action
def modify_route_table_attribute(ctx: Context, request: models.ModifyRouteTableAttributeRequest) -> None:
    """The name."""
    asked = given(request)
    with ctx.store.lock:
        doc = ROUTE_TABLE.need(ctx, asked["RouteTableId"])
        check_name("RouteTableName", asked["RouteTableName"])
        ROUTE_TABLE.save(ctx.store, {**doc, "RouteTableName": asked["RouteTableName"]})


@action
def delete_route_table(ctx: Context, request: models.DeleteRouteTableRequest) -> None:
    """Not the default one, and none that a subnet uses."""
    table_id = given(request)["RouteTableId"]
    with ctx.store.lock:
        doc = ROUTE_TABLE.need(ctx, table_id)
        if doc["Main"]:
            message = f"`{table_id}` is the VPC's default route table: it goes with the VPC."
            raise ApiError("UnsupportedOperation.RouteTableCanNotDelete", message)
        if doc["AssociationSet"]:
            raise ApiError("ResourceInUse", f"The subnet `{doc['AssociationSet'][0]['SubnetId']}` uses `{table_id}`.")
        ROUTE_TABLE.drop(ctx, table_id)


def _check_next_hop(ctx: Context, table: Doc, route: dict[str, Any]) -> None:
    kind, hop = route["GatewayType"], route["GatewayId"]
    check_one_of("GatewayType", kind, GATEWAY_TYPES)
    if kind == "EIP" and hop != "0":
        raise ApiError("InvalidParameterValue", "A route to EIP has the next hop `0`.")
    if kind == "NAT":
        nat = NAT.need(ctx, hop, "InvalidParameterValue.RouteNextHopInvalid")
        if nat["VpcId"] != table["VpcId"]:
            raise ApiError("InvalidParameterValue.RouteNextHopInvalid", f"`{hop}` is in another VPC.")


@contextmanager
def _changed(ctx: Context, table_id: str) -> Generator[Doc]:
    """A table to change: what is done to it is kept, and brought to the subnets that use it."""
    with holding(VPC.name, ROUTE_TABLE.need(ctx, table_id)["VpcId"]):
        with ctx.store.lock:
            before, table = ROUTE_TABLE.need(ctx, table_id), ROUTE_TABLE.need(ctx, table_id)
            yield table
            ROUTE_TABLE.save(ctx.store, table)
        with or_take_back(ctx.store, lambda: ROUTE_TABLE.save(ctx.store, before)):
            for association in table["AssociationSet"]:
                subnets.apply(ctx.store, ctx.store.get(SUBNET.name, association["SubnetId"]))


@action
def create_routes(ctx: Context, request: models.CreateRoutesRequest) -> dict[str, Any]:
    """Add entries to a table; each gets a numeric id. The answer has the new ones alone."""
    asked = given(request)
    with _changed(ctx, asked["RouteTableId"]) as table:
        made = [_add(ctx, table, route) for route in asked["Routes"]]
    return {"TotalCount": len(made), "RouteTableSet": [public({**table, "RouteSet": made})]}


def _add(ctx: Context, table: Doc, route: dict[str, Any]) -> Doc:
    destination = str(network("DestinationCidrBlock", route.get("DestinationCidrBlock", "")))
    _check_next_hop(ctx, table, route)
    if any(each["DestinationCidrBlock"] == destination for each in table["RouteSet"]):
        message = f"The table `{table['RouteTableId']}` already has a route to {destination}."
        raise ApiError("InvalidParameterValue.Duplicate", message)
    check_quota(ctx, "route-table-max-policies", len(table["RouteSet"]))
    made: Doc = {
        "DestinationCidrBlock": destination,
        "GatewayType": route["GatewayType"],
        "GatewayId": route["GatewayId"],
        "RouteId": ctx.store.number("route", 100001),
        "RouteItemId": ctx.store.new_id("rti"),
        "RouteDescription": route.get("RouteDescription", ""),
        "Enabled": bool(route.get("Enabled", True)),
        "RouteType": "USER",
        "RouteTableId": table["RouteTableId"],
        "DestinationIpv6CidrBlock": "",
        "PublishedToVbc": False,
        "CreatedTime": stamp(ctx),
    }
    table["RouteSet"].append(made)
    return made


def _is_one(route: Doc, asked: dict[str, Any]) -> bool:
    """A request names an entry by number, by item id, or by destination and next hop."""
    if asked.get("RouteId"):
        return route["RouteId"] == asked["RouteId"]
    if asked.get("RouteItemId"):
        return route["RouteItemId"] == asked["RouteItemId"]
    keys = ("DestinationCidrBlock", "GatewayType", "GatewayId")
    return all(route[key] == asked[key] for key in keys if key in asked)


@action
def delete_routes(ctx: Context, request: models.DeleteRoutesRequest) -> dict[str, Any]:
    """Remove entries. An entry that does not exist is ResourceNotFound."""
    asked = given(request)
    gone: list[Doc] = []
    with _changed(ctx, asked["RouteTableId"]) as table:
        for each in asked["Routes"]:
            found = [route for route in table["RouteSet"] if _is_one(route, each)]
            if not found:
                raise ApiError("ResourceNotFound", f"The table `{table['RouteTableId']}` has no such route.")
            gone += found
        table["RouteSet"] = [route for route in table["RouteSet"] if route not in gone]
    return {"RouteSet": gone}


def _switch(ctx: Context, asked: dict[str, Any], enabled: bool) -> None:
    wanted = [*asked.get("RouteIds", []), *asked.get("RouteItemIds", [])]
    with _changed(ctx, asked["RouteTableId"]) as table:
        known = {key for route in table["RouteSet"] for key in (route["RouteId"], route["RouteItemId"])}
        if missing := [each for each in wanted if each not in known]:
            raise ApiError("ResourceNotFound", f"The table `{table['RouteTableId']}` has no route `{missing[0]}`.")
        for route in table["RouteSet"]:
            if route["RouteId"] in wanted or route["RouteItemId"] in wanted:
                route["Enabled"] = enabled


@action
def disable_routes(ctx: Context, request: models.DisableRoutesRequest) -> None:
    """Switch entries off."""
    _switch(ctx, given(request), False)


@action
def enable_routes(ctx: Context, request: models.EnableRoutesRequest) -> None:
    """Switch entries on."""
    _switch(ctx, given(request), True)
