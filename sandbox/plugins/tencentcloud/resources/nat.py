"""Nat/gateway. Source: docs/sources.md, network."""

from ipaddress import AddressValueError, IPv4Address
from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    Created,
    Handler,
    Immutable,
    Partial,
    Props,
    ProviderError,
    given,
    read_tags,
    resource,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import shapes

WAIT_S = 180.0
MOST_ADDRESSES = 10


@resource("tencentcloud:Nat/gateway:Gateway")
class Gateway(Handler):
    """A NAT gateway. It adds no route."""

    kind = "nat"
    key = ("NatGatewayId",)

    def check(self, props: Props) -> dict[str, str]:
        """Sizes of the product version, addresses."""
        found = shapes.faults(
            props,
            {
                "name": shapes.NAME,
                "natProductVersion": shapes.one_of(1, 2),
                "maxConcurrent": shapes.one_of(1_000_000, 2_000_000, 3_000_000, 10_000_000),
                "bandwidth": shapes.one_of(20, 50, 100, 200, 500, 1000, 2000, 5000),
            },
        )
        addresses: list[Any] = props.get("assignedEipSets") or []
        for address in addresses:
            try:
                IPv4Address(address)
            except AddressValueError:
                found["assignedEipSets"] = f"{address!r} is not an IPv4 address (the set takes addresses, not ids)"
        if len(addresses) > MOST_ADDRESSES:
            found["assignedEipSets"] = f"has {len(addresses)} addresses; allowed are 1 to {MOST_ADDRESSES}"
        return found

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateNatGateway, SetId, wait for AVAILABLE, tags."""
        if props.get("natProductVersion") == 2:
            if props.get("maxConcurrent") not in (None, 2_000_000):
                raise ProviderError("If `nat_product_version` is 2, `max_concurrent` can only be set to `2000000`")
            if props.get("bandwidth") not in (None, 5000):
                raise ProviderError("If `nat_product_version` is 2, `bandwidth` can only be set to `5000`")
        params = given(
            props,
            {
                "vpcId": "VpcId",
                "name": "NatGatewayName",
                "maxConcurrent": "MaxConcurrentConnection",
                "bandwidth": "InternetMaxBandwidthOut",
                "assignedEipSets": "PublicIpAddresses",
                "zone": "Zone",
                "subnetId": "SubnetId",
                "natProductVersion": "NatProductVersion",
                "stockPublicIpAddressesBandwidthOut": "StockPublicIpAddressesBandwidthOut",
            },
        )
        nat_id: str = cloud.call("vpc", "CreateNatGateway", params)["NatGatewaySet"][0]["NatGatewayId"]
        partial.id(nat_id)
        cloud.wait(lambda: self._state(cloud, nat_id), ("AVAILABLE",), WAIT_S, what=f"{nat_id} AVAILABLE")
        write_tags(cloud, "vpc", "nat", nat_id, None, props.get("tags"))
        return Created(nat_id)

    def _find(self, cloud: Cloud, id: str) -> dict[str, Any] | None:
        return shapes.one(cloud, "vpc", "DescribeNatGateways", {"NatGatewayIds": [id]}, "NatGatewaySet")

    def _state(self, cloud: Cloud, id: str) -> str:
        return (self._find(cloud, id) or {"State": "GONE"})["State"]

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeNatGateways."""
        doc = self._find(cloud, id)
        if doc is None:
            return None
        return {
            "vpcId": doc["VpcId"],
            "name": doc["NatGatewayName"],
            "maxConcurrent": doc["MaxConcurrentConnection"],
            "bandwidth": doc["InternetMaxBandwidthOut"],
            "createdTime": doc["CreatedTime"],
            "assignedEipSets": [each["PublicIpAddress"] for each in doc["PublicIpAddressSet"]],
            "zone": doc["Zone"],
            "subnetId": doc["SubnetId"],
            "natProductVersion": doc["NatProductVersion"],
            "tags": read_tags(cloud, "vpc", "nat", id),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Name and bandwidth, connections, addresses, tags."""
        if "zone" in changed and new.get("zone") != old.get("zone"):
            raise Immutable("zone")
        if changed & {"name", "bandwidth"}:
            params = given(new, {"name": "NatGatewayName", "bandwidth": "InternetMaxBandwidthOut"})
            cloud.call("vpc", "ModifyNatGatewayAttribute", {"NatGatewayId": id, **params})
        if "maxConcurrent" in changed and new.get("maxConcurrent"):
            connections = {"NatGatewayId": id, "MaxConcurrentConnection": new["maxConcurrent"]}
            cloud.call("vpc", "ResetNatGatewayConnection", connections)
        self._swap(cloud, id, old.get("assignedEipSets") or [], new["assignedEipSets"])
        write_tags(cloud, "vpc", "nat", id, old.get("tags"), new.get("tags"))

    def _swap(self, cloud: Cloud, id: str, old: list[str], new: list[str]) -> None:
        """All removed but one go, all added come, then the last goes: one address always stays."""
        removed, added = sorted(set(old) - set(new)), sorted(set(new) - set(old))
        kept_for_now = removed[:1] if set(removed) == set(old) else []
        self._call(cloud, "DisassociateNatGatewayAddress", id, [each for each in removed if each not in kept_for_now])
        self._call(cloud, "AssociateNatGatewayAddress", id, added)
        self._call(cloud, "DisassociateNatGatewayAddress", id, kept_for_now)

    def _call(self, cloud: Cloud, action: str, id: str, addresses: list[str]) -> None:
        if addresses:
            cloud.call("vpc", action, {"NatGatewayId": id, "PublicIpAddresses": addresses})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteNatGateway, then wait until it is gone; FAILED aborts."""
        shapes.delete(cloud, "vpc", "DeleteNatGateway", {"NatGatewayId": id})
        if cloud.wait(lambda: self._state(cloud, id), ("GONE", "FAILED"), WAIT_S, what=f"{id} gone") == "FAILED":
            raise ProviderError(f"delete nat gateway {id}: its state is FAILED")
