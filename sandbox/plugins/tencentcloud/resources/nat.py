"""Nat/gateway. Source: docs/fidelity/vpc.md."""

from ipaddress import AddressValueError, IPv4Address
from typing import Any

from sandbox.plugins.tencentcloud.errors import snake_case
from sandbox.plugins.tencentcloud.handler import (
    Cloud,
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
from sandbox.plugins.tencentcloud.resources import arguments
from sandbox.plugins.tencentcloud.resources.network_calls import internal

WAIT_S = 180.0
ONLY_STANDARD = {"maxConcurrent": 2_000_000, "bandwidth": 5000}


@resource("tencentcloud:Nat/gateway:Gateway")
class Gateway(Handler):
    """A NAT gateway. It adds no route."""

    kind = "nat"
    key = ("NatGatewayId",)
    immutable = ("zone",)

    def check(self, props: Props) -> dict[str, str]:
        """Sizes of the product version, addresses."""
        found = arguments.faults(
            props,
            {
                "name": arguments.NAME,
                "natProductVersion": arguments.one_of(1, 2),
                "maxConcurrent": arguments.one_of(1_000_000, 2_000_000, 3_000_000, 10_000_000),
                "bandwidth": arguments.one_of(20, 50, 100, 200, 500, 1000, 2000, 5000),
            },
        )
        addresses: list[Any] = props.get("assignedEipSets") or []
        for address in addresses:
            try:
                IPv4Address(address)
            except AddressValueError:
                found["assignedEipSets"] = f"{address!r} is not an IPv4 address (the set takes addresses, not ids)"
        return found

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateNatGateway, SetId, wait for AVAILABLE, and the tags once more."""
        for name in ONLY_STANDARD:
            _check_standard(props, name)
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
        params["Tags"] = tag_list(props.get("tags"))
        made = cloud.call("vpc", "CreateNatGateway", params)["NatGatewaySet"]
        if not made:
            raise ProviderError("create NAT gateway failed")
        nat_id: str = made[0]["NatGatewayId"]
        partial.id(nat_id)
        cloud.wait(lambda: self._made(cloud, nat_id), ("AVAILABLE",), WAIT_S, what=f"{nat_id} AVAILABLE")
        write_tags(cloud, "vpc", "nat", nat_id, None, props.get("tags"))
        return Created(nat_id)

    def _find(self, cloud: Cloud, id: str) -> dict[str, Any]:
        """The gateway; empty when it is gone."""
        found: list[dict[str, Any]] = cloud.call("vpc", "DescribeNatGateways", {"NatGatewayIds": [id]})["NatGatewaySet"]
        return found[0] if found else {}

    def _made(self, cloud: Cloud, id: str) -> str:
        found = self._find(cloud, id)
        if not found:
            raise ProviderError(f"{id} was gone while it was created")
        return found["State"]

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeNatGateways, and DescribeAddresses for the bandwidth of its first address."""
        doc = self._find(cloud, id)
        if not doc:
            return None
        addresses = [each["PublicIpAddress"] for each in doc.get("PublicIpAddressSet") or ()]
        filters = [{"Name": "address-ip", "Values": addresses}]
        eips: list[dict[str, Any]] = cloud.call("vpc", "DescribeAddresses", {"Filters": filters})["AddressSet"]
        found = {
            "vpcId": doc["VpcId"],
            "name": doc["NatGatewayName"],
            "maxConcurrent": doc["MaxConcurrentConnection"],
            "bandwidth": doc["InternetMaxBandwidthOut"],
            "createdTime": doc["CreatedTime"],
            "assignedEipSets": addresses,
            "zone": doc["Zone"],
            "subnetId": doc.get("SubnetId"),
            "natProductVersion": doc.get("NatProductVersion"),
            "stockPublicIpAddressesBandwidthOut": eips[0].get("Bandwidth") if eips else None,
            "tags": read_tags(cloud, "vpc", "nat", id),
        }
        return {name: value for name, value in found.items() if value is not None}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Name and bandwidth, connections, addresses, tags."""
        wanted = {"name": "NatGatewayName", "bandwidth": "InternetMaxBandwidthOut"}
        if changed & wanted.keys():
            if "bandwidth" in changed:
                _check_standard(new, "bandwidth")
            params = given(new, {name: api for name, api in wanted.items() if name in changed})
            cloud.call("vpc", "ModifyNatGatewayAttribute", {"NatGatewayId": id, **params})
        if "maxConcurrent" in changed:
            _check_standard(new, "maxConcurrent")
            connections = {"NatGatewayId": id, "MaxConcurrentConnection": new["maxConcurrent"]}
            cloud.call("vpc", "ResetNatGatewayConnection", connections, retry=internal)
        self._swap(cloud, id, old.get("assignedEipSets") or [], new["assignedEipSets"])
        write_tags(cloud, "vpc", "nat", id, old.get("tags"), new.get("tags"))

    def _swap(self, cloud: Cloud, id: str, old: list[str], new: list[str]) -> None:
        """All removed but one go, all added come, then the last goes: one address always stays."""
        removed, added = sorted(set(old) - set(new)), sorted(set(new) - set(old))
        last = removed[-1:] if len(removed) == len(set(old)) else []
        self._disassociate(cloud, id, [each for each in removed if each not in last])
        self._change(cloud, "AssociateNatGatewayAddress", id, added)
        self._disassociate(cloud, id, last)

    def _disassociate(self, cloud: Cloud, id: str, addresses: list[str]) -> None:
        """Only what is still bound."""
        if not addresses:
            return
        bound = {each["PublicIpAddress"] for each in self._find(cloud, id).get("PublicIpAddressSet") or ()}
        self._change(cloud, "DisassociateNatGatewayAddress", id, [address for address in addresses if address in bound])

    def _change(self, cloud: Cloud, action: str, id: str, addresses: list[str]) -> None:
        """The id of the request is the id of the task to wait for."""
        if not addresses:
            return
        task = cloud.call("vpc", action, {"NatGatewayId": id, "PublicIpAddresses": addresses})["RequestId"]

        def status() -> str:
            return cloud.call("vpc", "DescribeVpcTaskResult", {"TaskId": task}).get("Status") or ""

        cloud.wait(status, lambda now: now != "RUNNING", WAIT_S, what=f"{action} of {id}")

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteNatGateway, then wait until it is gone; FAILED aborts."""
        cloud.call("vpc", "DeleteNatGateway", {"NatGatewayId": id})

        def state() -> str:
            return self._find(cloud, id).get("State", "GONE")

        if cloud.wait(state, ("GONE", "FAILED"), WAIT_S, what=f"{id} gone") == "FAILED":
            raise ProviderError(f"delete nat gateway {id}: its state is FAILED")


def _check_standard(props: Props, name: str) -> None:
    """A standard gateway (version 2) has one size."""
    wanted = ONLY_STANDARD[name]
    if props.get("natProductVersion") == 2 and props.get(name) not in (None, wanted):
        raise ProviderError(f"a NAT gateway of product version 2 takes no {snake_case(name)} but {wanted}")
