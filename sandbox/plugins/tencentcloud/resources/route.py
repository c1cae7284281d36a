"""Route/table and Route/tableEntry. Source: docs/sources.md, network."""

from collections.abc import Iterable
from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    Created,
    Doc,
    Handler,
    Partial,
    Props,
    ProviderError,
    read_tags,
    resource,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import shapes

TABLE = "tencentcloud:Route/table:Table"
NEXT_TYPES = (
    "CVM",
    "VPN",
    "DIRECTCONNECT",
    "PEERCONNECTION",
    "SSLVPN",
    "HAVIP",
    "NAT",
    "NORMAL_CVM",
    "EIP",
    "CCN",
    "LOCAL_GATEWAY",
    "INTRANAT",
    "USER_CCN",
)


def _table(cloud: Cloud, table_id: str) -> dict[str, Any] | None:
    filters = {"Filters": shapes.by_filter("route-table-id", table_id)}
    return shapes.one(cloud, "vpc", "DescribeRouteTables", filters, "RouteTableSet")


@resource(TABLE)
class Table(Handler):
    """A route table."""

    kind = "route_table"
    key = ("RouteTableId",)

    def identify(self, doc: Doc) -> Iterable[str]:
        """But for the one that came with the VPC."""
        return () if doc["Main"] else super().identify(doc)

    def check(self, props: Props) -> dict[str, str]:
        """Name length."""
        return shapes.faults(props, {"name": shapes.NAME})

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateRouteTable, SetId, tags."""
        params = {"VpcId": props["vpcId"], "RouteTableName": props["name"]}
        table_id: str = cloud.call("vpc", "CreateRouteTable", params)["RouteTable"]["RouteTableId"]
        partial.id(table_id)
        write_tags(cloud, "vpc", "rtb", table_id, None, props.get("tags"))
        return Created(table_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeRouteTables."""
        doc = _table(cloud, id)
        if doc is None:
            return None
        return {
            "vpcId": doc["VpcId"],
            "name": doc["RouteTableName"],
            "isDefault": doc["Main"],
            "createTime": doc["CreatedTime"],
            "subnetIds": [each["SubnetId"] for each in doc["AssociationSet"]],
            "routeEntryIds": [f"{each['RouteId']}.{id}" for each in doc["RouteSet"]],
            "tags": read_tags(cloud, "vpc", "rtb", id),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Name and tags."""
        if old.get("name") != new["name"]:
            cloud.call("vpc", "ModifyRouteTableAttribute", {"RouteTableId": id, "RouteTableName": new["name"]})
        write_tags(cloud, "vpc", "rtb", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteRouteTable; every error is repeated."""
        shapes.delete(cloud, "vpc", "DeleteRouteTable", {"RouteTableId": id}, patient=True)


@resource("tencentcloud:Route/tableEntry:TableEntry")
class TableEntry(Handler):
    """A route; id `<number>.<table>`."""

    kind = "route_table"
    whole = TABLE

    def identify(self, doc: Doc) -> Iterable[str]:
        """The routes of a table."""
        return [f"{route['RouteId']}.{doc['RouteTableId']}" for route in doc["RouteSet"]]

    def check(self, props: Props) -> dict[str, str]:
        """Destination, kind of next hop; EIP goes with hub 0."""
        found = shapes.faults(
            props, {"destinationCidrBlock": shapes.cidr_fault, "nextType": shapes.one_of(*NEXT_TYPES)}
        )
        if props.get("nextType") == "EIP" and props.get("nextHub", "0") != "0":
            found["nextHub"] = "must be `0` when next_type is EIP"
        return found

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateRoutes (enabled), SetId, then DisableRoutes if it is to be disabled."""
        table_id, destination = props["routeTableId"], props["destinationCidrBlock"]
        route = {
            "DestinationCidrBlock": destination,
            "GatewayType": props["nextType"],
            "GatewayId": props["nextHub"],
            "RouteDescription": props.get("description"),
            "Enabled": True,
        }
        made = cloud.call("vpc", "CreateRoutes", {"RouteTableId": table_id, "Routes": [route]})
        routes: list[dict[str, Any]] = made["RouteTableSet"][0]["RouteSet"]
        found = next(each for each in routes if each["DestinationCidrBlock"] == destination)
        id = f"{found['RouteId']}.{table_id}"
        partial.id(id)
        if props.get("disabled"):
            cloud.call("vpc", "DisableRoutes", {"RouteTableId": table_id, "RouteIds": [found["RouteId"]]})
        return Created(id)

    def _find(self, cloud: Cloud, id: str) -> dict[str, Any] | None:
        number, _, table_id = id.partition(".")
        if not table_id:
            raise ProviderError(f"tencentcloud_route_table_entry id {id!r} is not <route id>.<route table id>")
        table = _table(cloud, table_id)
        return next((each for each in (table or {"RouteSet": []})["RouteSet"] if str(each["RouteId"]) == number), None)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """Searches the whole table."""
        doc = self._find(cloud, id)
        if doc is None:
            return None
        return {
            "routeTableId": doc["RouteTableId"],
            "destinationCidrBlock": doc["DestinationCidrBlock"],
            "nextType": doc["GatewayType"],
            "nextHub": doc["GatewayId"],
            "description": doc["RouteDescription"] or None,
            "disabled": not doc["Enabled"],
            "routeItemId": doc["RouteItemId"],
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Only `disabled` changes in place."""
        number, _, table_id = id.partition(".")
        action = "DisableRoutes" if new.get("disabled") else "EnableRoutes"
        cloud.call("vpc", action, {"RouteTableId": table_id, "RouteIds": [int(number)]})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteRoutes; every error is repeated."""
        number, _, table_id = id.partition(".")
        if self._find(cloud, id) is not None:
            routes = {"RouteTableId": table_id, "Routes": [{"RouteId": int(number)}]}
            shapes.delete(cloud, "vpc", "DeleteRoutes", routes, patient=True)
