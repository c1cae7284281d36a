"""NAT gateways. Source: docs/sources.md, network."""

from ipaddress import IPv4Address
from typing import Any

from tencentcloud.vpc.v20170312 import models

from sandbox.api.actions import Context, action, task
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.services import plane
from sandbox.services.params import check_name, check_one_of, create, drop, given, need, public, select, stamp, tag_set
from sandbox.services.places import check_zone
from sandbox.services.vpc import eips
from sandbox.services.vpc.networks import QUOTAS
from sandbox.substrate import specs

STEP_S = 0.4
"""How long a gateway is PENDING or DELETING."""
CONNECTIONS = (1_000_000, 2_000_000, 3_000_000, 10_000_000)
BANDWIDTHS = (20, 50, 100, 200, 500, 1000, 2000, 5000)


def _check_size(version: int, connections: int, bandwidth: int) -> None:
    check_one_of("NatProductVersion", str(version), ("1", "2"))
    allowed = (2_000_000,) if version == 2 else CONNECTIONS
    check_one_of("MaxConcurrentConnection", str(connections), [str(each) for each in allowed])
    check_one_of(
        "InternetMaxBandwidthOut", str(bandwidth), [str(each) for each in ((5000,) if version == 2 else BANDWIDTHS)]
    )


def _take_eips(ctx: Context, nat: Doc, ips: list[str]) -> None:
    """Bind elastic addresses to a gateway; the caller holds the lock."""
    docs = [eips.by_address(ctx, ip) for ip in ips]
    for doc in docs:
        if doc["AddressStatus"] != "UNBIND":
            message = f"The address {doc['AddressIp']} is {doc['AddressStatus']}, not UNBIND."
            raise ApiError("UnsupportedOperation.AddressStatusNotPermit", message)
    if len(nat["PublicIpAddressSet"]) + len(docs) > QUOTAS["eip-per-nat-gateway"]:
        raise ApiError("LimitExceeded.PublicIpAddressPerNatGatewayLimitExceeded", "A NAT gateway takes 10 addresses.")
    for doc in docs:
        eips.bind(ctx.store, doc["AddressId"], nat["NatGatewayId"], "NAT")
        shown = {"AddressId": doc["AddressId"], "PublicIpAddress": doc["AddressIp"], "IsBlocked": False}
        nat["PublicIpAddressSet"].append(shown)


def _apply(ctx: Context, nat: Doc) -> None:
    plane.current().ensure(
        specs.Nat(
            name=nat["NatGatewayId"],
            router=ctx.store.get("vpc", nat["VpcId"])["_router"],
            public=tuple(IPv4Address(each["PublicIpAddress"]) for each in nat["PublicIpAddressSet"]),
        )
    )


@action
def create_nat_gateway(ctx: Context, request: models.CreateNatGatewayRequest) -> dict[str, Any]:
    """A gateway, PENDING and then AVAILABLE. It adds no route."""
    asked = given(request)
    check_name("NatGatewayName", asked["NatGatewayName"])
    version = asked.get("NatProductVersion", 1)
    connections = asked.get("MaxConcurrentConnection", 2_000_000 if version == 2 else 1_000_000)
    bandwidth = asked.get("InternetMaxBandwidthOut", 5000 if version == 2 else 100)
    _check_size(version, connections, bandwidth)
    if asked.get("Zone"):
        check_zone(ctx.region, asked["Zone"])
    with ctx.store.lock:
        need(ctx, "vpc", asked["VpcId"])
        same = [doc for doc in ctx.store.list("nat", ctx.region) if doc["VpcId"] == asked["VpcId"]]
        if len(same) >= QUOTAS["vpc-max-nat-gateways"]:
            message = f"The VPC `{asked['VpcId']}` has {len(same)} NAT gateways, the most it may have."
            raise ApiError("LimitExceeded.NatGatewayPerVpcLimitExceeded", message)
        if not asked.get("PublicIpAddresses"):
            raise ApiError("MissingParameter", "The request is missing the parameter `PublicIpAddresses`.")
        nat_id = ctx.store.new_id("nat")
        doc: Doc = {
            "NatGatewayId": nat_id,
            "NatGatewayName": asked["NatGatewayName"],
            "CreatedTime": stamp(ctx),
            "State": "PENDING",
            "InternetMaxBandwidthOut": bandwidth,
            "MaxConcurrentConnection": connections,
            "PublicIpAddressSet": [],
            "NetworkState": "AVAILABLE",
            "DestinationIpPortTranslationNatRuleSet": [],
            "VpcId": asked["VpcId"],
            "Zone": asked.get("Zone", ""),
            "SubnetId": asked.get("SubnetId", ""),
            "TagSet": tag_set(asked.get("Tags")),
            "SecurityGroupSet": [],
            "NatProductVersion": version,
            "DeletionProtectionEnabled": asked.get("DeletionProtectionEnabled", False),
        }
        _take_eips(ctx, doc, asked["PublicIpAddresses"])
        create(ctx, "nat", nat_id, doc)
    ctx.later(STEP_S, "nat.start", {"id": nat_id})
    return {"NatGatewaySet": [public(doc)], "TotalCount": 1}


@task("nat.start")
def start(ctx: Context, payload: dict[str, Any]) -> None:
    """The gateway translates from here on."""
    with ctx.store.lock:
        doc = ctx.store.find("nat", payload["id"])
        if doc is None or doc["State"] == "DELETING":
            return
        _apply(ctx, doc)
        ctx.store.put("nat", payload["id"], {**doc, "State": "AVAILABLE"})


_FILTERS = {"nat-gateway-id": "NatGatewayId", "vpc-id": "VpcId", "nat-gateway-name": "NatGatewayName"}


@action
def describe_nat_gateways(ctx: Context, request: models.DescribeNatGatewaysRequest) -> dict[str, Any]:
    """Gateways by ids or filters."""
    docs = select(ctx, "nat", given(request).get("NatGatewayIds"), "NatGatewayId")
    docs = [public(doc) for doc in docs if matches(doc, request.Filters, _FILTERS)]
    return {"TotalCount": len(docs), "NatGatewaySet": page(docs, request.Offset, request.Limit)}


@action
def modify_nat_gateway_attribute(ctx: Context, request: models.ModifyNatGatewayAttributeRequest) -> None:
    """Name, bandwidth (recorded: the sandbox does not shape traffic), deletion protection."""
    asked = given(request)
    with ctx.store.lock:
        doc = need(ctx, "nat", asked["NatGatewayId"])
        if "NatGatewayName" in asked:
            check_name("NatGatewayName", asked["NatGatewayName"])
            doc["NatGatewayName"] = asked["NatGatewayName"]
        if "InternetMaxBandwidthOut" in asked:
            bandwidth = asked["InternetMaxBandwidthOut"]
            _check_size(doc["NatProductVersion"], doc["MaxConcurrentConnection"], bandwidth)
            doc["InternetMaxBandwidthOut"] = bandwidth
        doc["DeletionProtectionEnabled"] = asked.get("DeletionProtectionEnabled", doc["DeletionProtectionEnabled"])
        ctx.store.put("nat", doc["NatGatewayId"], doc)


@action
def reset_nat_gateway_connection(ctx: Context, request: models.ResetNatGatewayConnectionRequest) -> None:
    """The connection limit (recorded)."""
    asked = given(request)
    with ctx.store.lock:
        doc = need(ctx, "nat", asked["NatGatewayId"])
        _check_size(doc["NatProductVersion"], asked["MaxConcurrentConnection"], doc["InternetMaxBandwidthOut"])
        ctx.store.put("nat", doc["NatGatewayId"], {**doc, "MaxConcurrentConnection": asked["MaxConcurrentConnection"]})


@action
def associate_nat_gateway_address(ctx: Context, request: models.AssociateNatGatewayAddressRequest) -> None:
    """More addresses to leave with."""
    asked = given(request)
    with ctx.store.lock:
        doc = need(ctx, "nat", asked["NatGatewayId"])
        _take_eips(ctx, doc, asked.get("PublicIpAddresses", []))
        ctx.store.put("nat", doc["NatGatewayId"], doc)
        _apply(ctx, doc)


@action
def disassociate_nat_gateway_address(ctx: Context, request: models.DisassociateNatGatewayAddressRequest) -> None:
    """Fewer addresses; one always stays."""
    asked = given(request)
    gone: list[str] = asked["PublicIpAddresses"]
    with ctx.store.lock:
        doc = need(ctx, "nat", asked["NatGatewayId"])
        kept = [each for each in doc["PublicIpAddressSet"] if each["PublicIpAddress"] not in gone]
        if not kept:
            raise ApiError("UnsupportedOperation.PublicIpAddressDisassociate", "A NAT gateway keeps one address.")
        for each in doc["PublicIpAddressSet"]:
            if each not in kept:
                eips.unbind_one(ctx.store, each["AddressId"])
        doc["PublicIpAddressSet"] = kept
        ctx.store.put("nat", doc["NatGatewayId"], doc)
        _apply(ctx, doc)


@action
def delete_nat_gateway(ctx: Context, request: models.DeleteNatGatewayRequest) -> None:
    """DELETING, then gone; its addresses are UNBIND again. Not while a route leads to it."""
    nat_id = given(request)["NatGatewayId"]
    with ctx.store.lock:
        doc = need(ctx, "nat", nat_id)
        if doc["DeletionProtectionEnabled"]:
            raise ApiError("UnsupportedOperation", f"`{nat_id}` is protected from deletion.")
        for table in ctx.store.list("route_table", ctx.region):
            if any(route["GatewayId"] == nat_id for route in table["RouteSet"]):
                message = f"The route table `{table['RouteTableId']}` has a route to `{nat_id}`."
                raise ApiError("UnsupportedOperation.NatGatewayHaveRoute", message)
        ctx.store.put("nat", nat_id, {**doc, "State": "DELETING"})
    ctx.later(STEP_S, "nat.remove", {"id": nat_id})


@task("nat.remove")
def remove(ctx: Context, payload: dict[str, Any]) -> None:
    """Take the gateway away."""
    plane.current().remove(specs.Nat, payload["id"])
    with ctx.store.lock:
        eips.unbind(ctx.store, payload["id"])
        drop(ctx, "nat", payload["id"])
