"""Route tables and their entries. Source: docs/sources.md, network."""

from typing import Any

from tencentcloud.vpc.v20170312 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.services.params import check_name, check_one_of, create, drop, given, need, public, select, stamp, tag_set
from sandbox.services.vpc import subnets
from sandbox.services.vpc.networks import check_quota, network

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
        need(ctx, "vpc", asked["VpcId"])
        count = sum(1 for each in ctx.store.list("route_table", ctx.region) if each["VpcId"] == asked["VpcId"])
        check_quota(ctx, "vpc-max-route-tables", count)
        table_id = ctx.store.new_id("rtb")
        doc: Doc = {
            "VpcId": asked["VpcId"],
            "RouteTableId": table_id,
            "RouteTableName": asked["RouteTableName"],
            "AssociationSet": [],
            "RouteSet": [],
            "Main": False,
            "CreatedTime": stamp(ctx),
            "TagSet": tag_set(asked.get("Tags")),
        }
        create(ctx, "route_table", table_id, doc)
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
    docs = select(ctx, "route_table", given(request).get("RouteTableIds"), "RouteTableId")
    docs = [public(doc) for doc in docs if matches(doc, request.Filters, _FILTERS)]
    return {"TotalCount": len(docs), "RouteTableSet": page(docs, request.Offset, request.Limit)}


@action
def modify_route_table_attribute(ctx: Context, request: models.ModifyRouteTableAttributeRequest) -> None:
    """The name."""
    asked = given(request)
    with ctx.store.lock:
        doc = need(ctx, "route_table", asked["RouteTableId"])
        check_name("RouteTableName", asked["RouteTableName"])
        doc["RouteTableName"] = asked["RouteTableName"]
        ctx.store.put("route_table", doc["RouteTableId"], doc)


@action
def delete_route_table(ctx: Context, request: models.DeleteRouteTableRequest) -> None:
    """Not the default one, and none that a subnet uses."""
    table_id = given(request)["RouteTableId"]
    with ctx.store.lock:
        doc = need(ctx, "route_table", table_id)
        if doc["Main"]:
            message = f"`{table_id}` is the VPC's default route table: it goes with the VPC."
            raise ApiError("UnsupportedOperation.RouteTableCanNotDelete", message)
        if doc["AssociationSet"]:
            raise ApiError("ResourceInUse", f"The subnet `{doc['AssociationSet'][0]['SubnetId']}` uses `{table_id}`.")
        drop(ctx, "route_table", table_id)


def _check_next_hop(ctx: Context, table: Doc, route: dict[str, Any]) -> None:
    kind, hop = route["GatewayType"], route["GatewayId"]
    check_one_of("GatewayType", kind, GATEWAY_TYPES)
    if kind == "EIP" and hop != "0":
        raise ApiError("InvalidParameterValue", "A route to EIP has the next hop `0`.")
    if kind == "NAT":
        nat = need(ctx, "nat", hop, "InvalidParameterValue.RouteNextHopInvalid")
        if nat["VpcId"] != table["VpcId"]:
            raise ApiError("InvalidParameterValue.RouteNextHopInvalid", f"`{hop}` is in another VPC.")


@action
def create_routes(ctx: Context, request: models.CreateRoutesRequest) -> dict[str, Any]:
    """Add entries to a table; each gets a numeric id."""
    asked = given(request)
    with ctx.store.lock:
        table = need(ctx, "route_table", asked["RouteTableId"])
        for route in asked["Routes"]:
            destination = str(network("DestinationCidrBlock", route.get("DestinationCidrBlock", "")))
            _check_next_hop(ctx, table, route)
            if any(each["DestinationCidrBlock"] == destination for each in table["RouteSet"]):
                message = f"The table `{table['RouteTableId']}` already has a route to {destination}."
                raise ApiError("InvalidParameterValue.Duplicate", message)
            check_quota(ctx, "route-table-max-policies", len(table["RouteSet"]))
            table["RouteSet"].append(
                {
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
            )
        _save(ctx, table)
    return {"TotalCount": len(asked["Routes"]), "RouteTableSet": [public(table)]}


def _save(ctx: Context, table: Doc) -> None:
    ctx.store.put("route_table", table["RouteTableId"], table)
    for association in table["AssociationSet"]:
        subnets.apply(ctx.store, ctx.store.get("subnet", association["SubnetId"]))


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
    with ctx.store.lock:
        table = need(ctx, "route_table", asked["RouteTableId"])
        gone: list[Doc] = []
        for each in asked["Routes"]:
            found = [route for route in table["RouteSet"] if _is_one(route, each)]
            if not found:
                raise ApiError("ResourceNotFound", f"The table `{table['RouteTableId']}` has no such route.")
            gone += found
        table["RouteSet"] = [route for route in table["RouteSet"] if route not in gone]
        _save(ctx, table)
    return {"RouteSet": gone}


def _switch(ctx: Context, asked: dict[str, Any], enabled: bool) -> None:
    with ctx.store.lock:
        table = need(ctx, "route_table", asked["RouteTableId"])
        wanted = [*asked.get("RouteIds", []), *asked.get("RouteItemIds", [])]
        known = {key for route in table["RouteSet"] for key in (route["RouteId"], route["RouteItemId"])}
        if missing := [each for each in wanted if each not in known]:
            raise ApiError("ResourceNotFound", f"The table `{table['RouteTableId']}` has no route `{missing[0]}`.")
        for route in table["RouteSet"]:
            if route["RouteId"] in wanted or route["RouteItemId"] in wanted:
                route["Enabled"] = enabled
        _save(ctx, table)


@action
def disable_routes(ctx: Context, request: models.DisableRoutesRequest) -> None:
    """Switch entries off."""
    _switch(ctx, given(request), False)


@action
def enable_routes(ctx: Context, request: models.EnableRoutesRequest) -> None:
    """Switch entries on."""
    _switch(ctx, given(request), True)
