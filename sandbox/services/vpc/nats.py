"""NAT gateways. Source: docs/sources.md, network."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from ipaddress import IPv4Address
from typing import Any

from tencentcloud.vpc.v20170312 import models

from sandbox.api.actions import Context, action, task
from sandbox.api.errors import ApiError
from sandbox.api.locks import holding
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.services import plane
from sandbox.services.params import check_name, check_one_of, given, public, stamp, tag_set
from sandbox.services.places import check_zone
from sandbox.services.vpc import eips
from sandbox.services.vpc.hosts import router_name
from sandbox.services.vpc.kinds import NAT, ROUTE_TABLE, TASK, VPC, of_vpc
from sandbox.services.vpc.networks import QUOTAS, or_take_back
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
    """Bind elastic addresses to a gateway; the caller holds the store's lock, and keeps the gateway."""
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


def _let_eips_go(ctx: Context, nat: Doc, ips: list[str]) -> None:
    """The opposite; an address that it does not have is passed over."""
    for each in nat["PublicIpAddressSet"]:
        if each["PublicIpAddress"] in ips:
            eips.unbind_one(ctx.store, each["AddressId"])
    nat["PublicIpAddressSet"] = [each for each in nat["PublicIpAddressSet"] if each["PublicIpAddress"] not in ips]


def apply(nat: Doc) -> None:
    """Bring a gateway with its addresses to the data plane."""
    plane.current().ensure(
        specs.Nat(
            name=nat["NatGatewayId"],
            router=router_name(nat["VpcId"]),
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
        VPC.need(ctx, asked["VpcId"])
        same = of_vpc(ctx.store, NAT, asked["VpcId"])
        if len(same) >= QUOTAS["vpc-max-nat-gateways"]:
            message = f"The VPC `{asked['VpcId']}` has {len(same)} NAT gateways, the most it may have."
            raise ApiError("LimitExceeded.NatGatewayPerVpcLimitExceeded", message)
        doc: Doc = {
            "NatGatewayId": ctx.store.new_id("nat"),
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
        NAT.create(ctx, doc)
    ctx.later(STEP_S, "nat.start", {"id": doc["NatGatewayId"]})
    return {"NatGatewaySet": [public(doc)], "TotalCount": 1}


def _not_made(ctx: Context, payload: dict[str, Any], reason: str) -> None:
    _set_state(ctx, payload["id"], "PENDFAILURE")


@task("nat.start", attempts=4, given_up=_not_made)
def start(ctx: Context, payload: dict[str, Any]) -> None:
    """The gateway translates from here on."""
    found = NAT.find(ctx, payload["id"])
    if found is None:
        return
    with holding(VPC.name, found["VpcId"]):
        doc = NAT.find(ctx, payload["id"])
        if doc is not None and doc["State"] == "PENDING":
            apply(doc)
            _set_state(ctx, payload["id"], "AVAILABLE")


def _set_state(ctx: Context, nat_id: str, state: str) -> None:
    """Unless it is being deleted."""
    with ctx.store.lock:
        doc = NAT.find(ctx, nat_id)
        if doc is not None and doc["State"] != "DELETING":
            NAT.save(ctx.store, {**doc, "State": state})


_FILTERS = {"nat-gateway-id": "NatGatewayId", "vpc-id": "VpcId", "nat-gateway-name": "NatGatewayName"}


@action
def describe_nat_gateways(ctx: Context, request: models.DescribeNatGatewaysRequest) -> dict[str, Any]:
    """Gateways by ids or filters. An id that does not exist is left out: so a client sees that one is gone."""
    docs = NAT.pick(ctx, given(request).get("NatGatewayIds"))
    docs = [public(doc) for doc in docs if matches(doc, request.Filters, _FILTERS)]
    return {"TotalCount": len(docs), "NatGatewaySet": page(docs, request.Offset, request.Limit)}


@action
def modify_nat_gateway_attribute(ctx: Context, request: models.ModifyNatGatewayAttributeRequest) -> None:
    """Name, bandwidth (recorded: the sandbox does not shape traffic), deletion protection."""
    asked = given(request)
    with ctx.store.lock:
        doc = NAT.need(ctx, asked["NatGatewayId"])
        if "NatGatewayName" in asked:
            check_name("NatGatewayName", asked["NatGatewayName"])
            doc["NatGatewayName"] = asked["NatGatewayName"]
        if "InternetMaxBandwidthOut" in asked:
            bandwidth = asked["InternetMaxBandwidthOut"]
            _check_size(doc["NatProductVersion"], doc["MaxConcurrentConnection"], bandwidth)
            doc["InternetMaxBandwidthOut"] = bandwidth
        doc["DeletionProtectionEnabled"] = asked.get("DeletionProtectionEnabled", doc["DeletionProtectionEnabled"])
        NAT.save(ctx.store, doc)


@action
def reset_nat_gateway_connection(ctx: Context, request: models.ResetNatGatewayConnectionRequest) -> None:
    """The connection limit (recorded)."""
    asked = given(request)
    with ctx.store.lock:
        doc = NAT.need(ctx, asked["NatGatewayId"])
        _check_size(doc["NatProductVersion"], asked["MaxConcurrentConnection"], doc["InternetMaxBandwidthOut"])
        NAT.save(ctx.store, {**doc, "MaxConcurrentConnection": asked["MaxConcurrentConnection"]})


@contextmanager
def _changed(ctx: Context, nat_id: str, undo: Callable[[Doc], None]) -> Generator[Doc]:
    """A gateway to change: what is done to it is kept and brought to the data plane, or taken back by `undo`.

    The id of the request is that of the task, which has succeeded when the request is answered.
    """
    with holding(VPC.name, NAT.need(ctx, nat_id)["VpcId"]):
        with ctx.store.lock:
            doc = NAT.need(ctx, nat_id)
            yield doc
            NAT.save(ctx.store, doc)

        def take_back() -> None:
            undo(doc)
            NAT.save(ctx.store, doc)

        with or_take_back(ctx.store, take_back):
            apply(doc)
    TASK.create(ctx, {"TaskId": ctx.request_id, "Result": "SUCCESS"})


@action
def associate_nat_gateway_address(ctx: Context, request: models.AssociateNatGatewayAddressRequest) -> None:
    """More addresses to leave with."""
    asked = given(request)
    ips: list[str] = asked["PublicIpAddresses"]
    with _changed(ctx, asked["NatGatewayId"], lambda doc: _let_eips_go(ctx, doc, ips)) as doc:
        _take_eips(ctx, doc, ips)


@action
def disassociate_nat_gateway_address(ctx: Context, request: models.DisassociateNatGatewayAddressRequest) -> None:
    """Fewer addresses; one always stays."""
    asked = given(request)
    ips: list[str] = asked["PublicIpAddresses"]
    with _changed(ctx, asked["NatGatewayId"], lambda doc: _take_eips(ctx, doc, ips)) as doc:
        if all(each["PublicIpAddress"] in ips for each in doc["PublicIpAddressSet"]):
            raise ApiError("UnsupportedOperation.PublicIpAddressDisassociate", "A NAT gateway keeps one address.")
        _let_eips_go(ctx, doc, ips)


@action
def describe_vpc_task_result(ctx: Context, request: models.DescribeVpcTaskResultRequest) -> dict[str, Any]:
    """What a request became, by its id."""
    doc = TASK.need(ctx, given(request)["TaskId"])
    return {"Status": doc["Result"], "Output": "", "Result": []}


@action
def delete_nat_gateway(ctx: Context, request: models.DeleteNatGatewayRequest) -> None:
    """DELETING, then gone; its addresses are UNBIND again. Not while a route leads to it."""
    nat_id = given(request)["NatGatewayId"]
    with ctx.store.lock:
        doc = NAT.need(ctx, nat_id)
        if doc["DeletionProtectionEnabled"]:
            raise ApiError("UnsupportedOperation", f"`{nat_id}` is protected from deletion.")
        for table in of_vpc(ctx.store, ROUTE_TABLE, doc["VpcId"]):
            if any(route["GatewayId"] == nat_id for route in table["RouteSet"]):
                message = f"The route table `{table['RouteTableId']}` has a route to `{nat_id}`."
                raise ApiError("UnsupportedOperation.NatGatewayHaveRoute", message)
        NAT.save(ctx.store, {**doc, "State": "DELETING"})
    ctx.later(STEP_S, "nat.remove", {"id": nat_id})


@task("nat.remove")
def remove(ctx: Context, payload: dict[str, Any]) -> None:
    """Take the gateway away."""
    doc = NAT.find(ctx, payload["id"])
    if doc is None:
        return
    with holding(VPC.name, doc["VpcId"]):
        plane.current().remove(specs.Nat, payload["id"])
        with ctx.store.lock:
            eips.unbind(ctx.store, payload["id"])
            NAT.drop(ctx, payload["id"])
