"""VPCs and their quotas. Source: docs/sources.md, network.

Whoever changes what stands on a VPC's router holds the VPC meanwhile (`holding(VPC.name, vpc_id)`), writes the
documents under the store's lock, lets go of that, and brings the plane to them.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import Any

from tencentcloud.vpc.v20170312 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.locks import holding
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc, Store
from sandbox.services import plane
from sandbox.services.params import check_name, given, public, stamp, tag_set
from sandbox.services.vpc.hosts import router_name
from sandbox.services.vpc.kinds import HOST, NAT, ROUTE_TABLE, SUBNET, VPC, of_vpc
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.specs import Router

QUOTAS = {
    "appid-max-vpcs": 20,
    "vpc-max-subnets": 100,
    "vpc-max-route-tables": 10,
    "route-table-max-policies": 50,
    "vpc-max-nat-gateways": 3,
    "eip-per-nat-gateway": 10,
    "appid-max-security-groups": 50,
    "vpc-max-assistant-cidrs": 5,
}
"""Per region. Source: catalogue section 9."""
PRIVATE_RANGES = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
DEFAULT_DNS = ["183.60.82.98", "183.60.83.19"]


def network(parameter: str, text: str) -> IPv4Network:
    """A canonical network. Raises ApiError InvalidParameterValue.Malformed."""
    try:
        if "/" not in text:
            raise ValueError(text)
        return IPv4Network(text)
    except (AddressValueError, NetmaskValueError, ValueError):
        message = f"The value `{text}` of parameter `{parameter}` is not a network address such as 10.0.0.0/16."
        raise ApiError("InvalidParameterValue.Malformed", message) from None


def private_network(parameter: str, text: str, longest_prefix: int) -> IPv4Network:
    """A canonical network inside the private ranges, prefix 12 to `longest_prefix`."""
    found = network(parameter, text)
    if not any(found.subnet_of(each) for each in PRIVATE_RANGES) or not 12 <= found.prefixlen <= longest_prefix:
        ranges = ", ".join(str(each) for each in PRIVATE_RANGES)
        message = f"`{parameter}` {text} must lie in {ranges} with a prefix of 12 to {longest_prefix}."
        raise ApiError("InvalidParameterValue.Range", message)
    return found


def check_quota(ctx: Context, quota: str, used: int) -> None:
    """Raise LimitExceeded when one more would be too many."""
    if used >= QUOTAS[quota]:
        raise ApiError("LimitExceeded", f"The quota {quota} of {QUOTAS[quota]} in {ctx.region} is used up.")


def check_dns(servers: list[str]) -> None:
    """1 to 4 IPv4 addresses."""
    if not 1 <= len(servers) <= 4:
        raise ApiError("InvalidParameterValue", f"`DnsServers` takes 1 to 4 addresses, given were {len(servers)}.")
    for server in servers:
        try:
            IPv4Address(server)
        except AddressValueError:
            message = f"The value `{server}` in `DnsServers` is no IPv4 address."
            raise ApiError("InvalidParameterValue.Malformed", message) from None


def default_table(store: Store, vpc_id: str) -> Doc:
    """The route table that a VPC is born with."""
    return next(doc for doc in of_vpc(store, ROUTE_TABLE, vpc_id) if doc["Main"])


@contextmanager
def or_take_back(store: Store, undo: Callable[[], None]) -> Generator[None]:
    """Bring the plane up for documents that are written. Where it cannot be done, `undo` takes them back."""
    try:
        yield
    except SubstrateError:
        with store.lock:
            undo()
        raise


def ensure_router(region: str, doc: Doc) -> None:
    """Bring a VPC's router up."""
    plane.current().ensure(Router(name=doc["_router"], region=region))


@action
def create_vpc(ctx: Context, request: models.CreateVpcRequest) -> dict[str, Any]:
    """A VPC, its router and its default route table."""
    asked = given(request)
    check_name("VpcName", asked["VpcName"])
    cidr = private_network("CidrBlock", asked["CidrBlock"], 28)
    servers = asked.get("DnsServers")
    if servers is not None:
        check_dns(servers)
    vpc_id = ctx.store.new_id("vpc")
    doc: Doc = {
        "VpcId": vpc_id,
        "VpcName": asked["VpcName"],
        "CidrBlock": str(cidr),
        "IsDefault": False,
        "EnableMulticast": str(asked.get("EnableMulticast", "false")).lower() == "true",
        "CreatedTime": stamp(ctx),
        "DnsServerSet": servers or DEFAULT_DNS,
        "DomainName": asked.get("DomainName", ""),
        "DhcpOptionsId": "",
        "EnableDhcp": True,
        "Ipv6CidrBlock": "",
        "TagSet": tag_set(asked.get("Tags")),
        "AssistantCidrSet": [],
        "_router": router_name(vpc_id),
    }
    table: Doc = {
        "VpcId": vpc_id,
        "RouteTableId": ctx.store.new_id("rtb"),
        "RouteTableName": "default",
        "AssociationSet": [],
        "RouteSet": [],
        "Main": True,
        "CreatedTime": stamp(ctx),
        "TagSet": [],
    }
    with holding(VPC.name, vpc_id):
        with ctx.store.lock:
            check_quota(ctx, "appid-max-vpcs", len(VPC.list(ctx)))
            _keep(ctx, doc, table)
        with or_take_back(ctx.store, lambda: _forget(ctx, vpc_id)):
            ensure_router(ctx.region, doc)
    return {"Vpc": public(doc)}


def _keep(ctx: Context, doc: Doc, table: Doc) -> None:
    VPC.create(ctx, doc)
    ROUTE_TABLE.create(ctx, table)


def _forget(ctx: Context, vpc_id: str) -> None:
    ROUTE_TABLE.drop(ctx, default_table(ctx.store, vpc_id)["RouteTableId"])
    VPC.drop(ctx, vpc_id)


_FILTERS = {
    "vpc-id": "VpcId",
    "vpc-name": "VpcName",
    "is-default": "IsDefault",
    "cidr-block": "CidrBlock",
    "dhcp-options-id": "DhcpOptionsId",
}


@action
def describe_vpcs(ctx: Context, request: models.DescribeVpcsRequest) -> dict[str, Any]:
    """VPCs by ids or filters."""
    docs = VPC.select(ctx, given(request).get("VpcIds"))
    docs = [public(doc) for doc in docs if matches(doc, request.Filters, _FILTERS)]
    return {"TotalCount": len(docs), "VpcSet": page(docs, request.Offset, request.Limit)}


@action
def modify_vpc_attribute(ctx: Context, request: models.ModifyVpcAttributeRequest) -> None:
    """Name, name servers, multicast, domain name."""
    asked = given(request)
    with ctx.store.lock:
        doc = VPC.need(ctx, asked["VpcId"])
        if "VpcName" in asked:
            check_name("VpcName", asked["VpcName"])
            doc["VpcName"] = asked["VpcName"]
        if asked.get("DnsServers"):
            check_dns(asked["DnsServers"])
            doc["DnsServerSet"] = asked["DnsServers"]
        if "EnableMulticast" in asked:
            doc["EnableMulticast"] = str(asked["EnableMulticast"]).lower() == "true"
        doc["DomainName"] = asked.get("DomainName", doc["DomainName"])
        VPC.save(ctx.store, doc)


Occupants = Callable[[Context, str], Sequence[str]]
_occupants: list[Occupants] = []


def occupies(run: Occupants) -> Occupants:
    """Register who knows what lives in a VPC: a function from the VPC's id to ids. A VPC that holds something stays."""
    _occupants.append(run)
    return run


@occupies
def _inside(ctx: Context, vpc_id: str) -> list[str]:
    store = ctx.store
    found = [doc["SubnetId"] for doc in of_vpc(store, SUBNET, vpc_id)]
    found += [doc["NatGatewayId"] for doc in of_vpc(store, NAT, vpc_id)]
    found += [doc["RouteTableId"] for doc in of_vpc(store, ROUTE_TABLE, vpc_id) if not doc["Main"]]
    return found + [doc["owner"] for doc in HOST.all(store) if doc["vpc_id"] == vpc_id]


@action
def delete_vpc(ctx: Context, request: models.DeleteVpcRequest) -> None:
    """Only an empty VPC goes."""
    vpc_id = given(request)["VpcId"]
    with holding(VPC.name, vpc_id):
        with ctx.store.lock:
            doc = VPC.select(ctx, [vpc_id])[0]
            left = dict.fromkeys(id for occupants in _occupants for id in occupants(ctx, vpc_id))
            if left:
                raise ApiError("ResourceInUse", f"The VPC `{vpc_id}` still holds {', '.join(list(left)[:5])}.")
            table = default_table(ctx.store, vpc_id)
            _forget(ctx, vpc_id)
        with or_take_back(ctx.store, lambda: _keep(ctx, doc, table)):
            plane.current().remove(Router, doc["_router"])


@action
def create_assistant_cidr(ctx: Context, request: models.CreateAssistantCidrRequest) -> dict[str, Any]:
    """Secondary ranges of a VPC."""
    asked = given(request)
    return {"AssistantCidrSet": _change_assistants(ctx, asked["VpcId"], asked["CidrBlocks"], [])}


@action
def modify_assistant_cidr(ctx: Context, request: models.ModifyAssistantCidrRequest) -> dict[str, Any]:
    """Add and remove secondary ranges."""
    asked = given(request)
    new, old = asked.get("NewCidrBlocks", []), asked.get("OldCidrBlocks", [])
    return {"AssistantCidrSet": _change_assistants(ctx, asked["VpcId"], new, old)}


def _change_assistants(ctx: Context, vpc_id: str, new: list[str], old: list[str]) -> list[dict[str, Any]]:
    with ctx.store.lock:
        doc = VPC.need(ctx, vpc_id)
        kept = [each for each in doc["AssistantCidrSet"] if each["CidrBlock"] not in old]
        for subnet in of_vpc(ctx.store, SUBNET, vpc_id):
            if any(IPv4Network(subnet["CidrBlock"]).subnet_of(IPv4Network(cidr)) for cidr in old):
                raise ApiError("ResourceInUse", f"The subnet `{subnet['SubnetId']}` lies in the range to remove.")
        for text in new:
            cidr = private_network("CidrBlocks", text, 28)
            if any(cidr.overlaps(IPv4Network(each)) for each in (doc["CidrBlock"], *(k["CidrBlock"] for k in kept))):
                raise ApiError("InvalidParameterValue.VpcCidrConflict", f"{text} overlaps a range of `{vpc_id}`.")
            kept.append({"VpcId": vpc_id, "CidrBlock": text, "AssistantType": 0, "SubnetSet": []})
        check_quota(ctx, "vpc-max-assistant-cidrs", max(len(kept) - 1, 0))
        doc["AssistantCidrSet"] = kept
        VPC.save(ctx.store, doc)
        return kept
