"""Route/table and Route/tableEntry. Source: docs/fidelity/vpc.md."""

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
    tag_list,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import arguments
from sandbox.plugins.tencentcloud.resources.network_calls import delete_patiently, described

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


def _table(cloud: Cloud, table_id: str) -> dict[str, Any]:
    """The table; empty when it is gone."""
    return described(cloud, "DescribeRouteTables", "RouteTableSet", {"route-table-id": table_id})


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
        return arguments.faults(props, {"name": arguments.NAME})

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateRouteTable, SetId, and the tags once more."""
        params = {"VpcId": props["vpcId"], "RouteTableName": props["name"], "Tags": tag_list(props.get("tags"))}
        made = cloud.call("vpc", "CreateRouteTable", params, retry_s=0)
        table_id: str = made["RouteTable"]["RouteTableId"]
        partial.id(table_id)
        write_tags(cloud, "vpc", "rtb", table_id, None, props.get("tags"))
        return Created(table_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeRouteTables."""
        doc = _table(cloud, id)
        if not doc:
            return None
        return {
            "vpcId": doc["VpcId"],
            "name": doc["RouteTableName"],
            "isDefault": doc["Main"],
            "createTime": doc["CreatedTime"],
            "subnetIds": [each["SubnetId"] for each in doc.get("AssociationSet") or ()],
            "routeEntryIds": [f"{each['RouteId']}.{id}" for each in doc.get("RouteSet") or ()],
            "tags": read_tags(cloud, "vpc", "rtb", id),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Name and tags."""
        if old.get("name") != new["name"]:
            name = {"RouteTableId": id, "RouteTableName": new["name"]}
            cloud.call("vpc", "ModifyRouteTableAttribute", name, retry_s=0)
        write_tags(cloud, "vpc", "rtb", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteRouteTable; every error is repeated."""
        delete_patiently(cloud, "DeleteRouteTable", {"RouteTableId": id})


@resource("tencentcloud:Route/tableEntry:TableEntry")
class TableEntry(Handler):
    """A route; id `<number>.<table>`."""

    kind = "route_table"
    whole = TABLE

    def identify(self, doc: Doc) -> Iterable[str]:
        """The routes of a table."""
        return [f"{route['RouteId']}.{doc['RouteTableId']}" for route in doc["RouteSet"]]

    def check(self, props: Props) -> dict[str, str]:
        """Destination, kind of next hop."""
        return arguments.faults(
            props, {"destinationCidrBlock": arguments.cidr_fault, "nextType": arguments.one_of(*NEXT_TYPES)}
        )

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateRoutes (enabled), SetId, then DisableRoutes if it is to be disabled."""
        table_id = props["routeTableId"]
        if props["nextType"] == "EIP" and props["nextHub"] != "0":
            raise ProviderError('if next_type is EIP, next_hub can only be "0"')
        route = {
            "DestinationCidrBlock": props["destinationCidrBlock"],
            "GatewayType": props["nextType"],
            "GatewayId": props["nextHub"],
            "RouteDescription": props.get("description") or "",
            "Enabled": True,
        }
        made = cloud.call("vpc", "CreateRoutes", {"RouteTableId": table_id, "Routes": [route]})
        routes: list[dict[str, Any]] = [each for table in made["RouteTableSet"] for each in table["RouteSet"]]
        if len(routes) != 1:
            raise ProviderError(f"CreateRoutes answered with {len(routes)} routes where one was made")
        number = routes[0]["RouteId"]
        id = f"{number}.{table_id}"
        partial.id(id)
        if props.get("disabled"):
            cloud.call("vpc", "DisableRoutes", {"RouteTableId": table_id, "RouteIds": [number]})
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """Searches the whole table."""
        number, table_id = _parts(id)
        routes: list[dict[str, Any]] = _table(cloud, table_id).get("RouteSet") or []
        doc = next((each for each in routes if each["RouteId"] == number), None)
        if doc is None:
            return None
        return {
            "routeTableId": table_id,
            "destinationCidrBlock": doc["DestinationCidrBlock"],
            "nextType": doc["GatewayType"],
            "nextHub": doc["GatewayId"],
            "description": doc["RouteDescription"],
            "disabled": not doc["Enabled"],
            "routeItemId": doc["RouteItemId"],
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Only `disabled` changes in place."""
        number, table_id = _parts(id)
        action = "DisableRoutes" if new.get("disabled") else "EnableRoutes"
        cloud.call("vpc", action, {"RouteTableId": table_id, "RouteIds": [number]})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteRoutes; every error is repeated."""
        number, table_id = _parts(id)
        delete_patiently(cloud, "DeleteRoutes", {"RouteTableId": table_id, "Routes": [{"RouteId": number}]})


def _parts(id: str) -> tuple[int, str]:
    """Route id and route table id."""
    number, _, table_id = id.partition(".")
    if not table_id or not number.isdigit():
        raise ProviderError(f"tencentcloud_route_table_entry id {id!r} is not <route id>.<route table id>")
    return int(number), table_id
