"""Address pools: addresses or names that answer together."""

import re
from ipaddress import ip_address
from typing import Any

from tencentcloud.igtm.v20231024 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.layout import PUBLIC_RANGE
from sandbox.services import zones
from sandbox.services.igtm import states
from sandbox.services.igtm.catalogue import MONITOR, POOL, STRATEGY, fits
from sandbox.services.params import check_name, check_one_of, given, public, stamp

_NAME = re.compile(r"([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]\.?")


def pool_of(ctx: Context, id: int) -> Doc:
    """The pool. Raises ApiError ResourceNotFound."""
    doc = ctx.store.find(POOL, str(id))
    if doc is None:
        raise ApiError("ResourceNotFound", f"The address pool {id} does not exist.")
    return doc


def _kind(address: str) -> str:
    """IPV4, IPV6 or DOMAIN. Raises ApiError for what no client could reach."""
    try:
        parsed = ip_address(address)
    except ValueError:
        if not _NAME.fullmatch(address):
            raise ApiError("InvalidParameter", f"`Addr` `{address}` is neither an address nor a domain.") from None
        return "DOMAIN"
    # The sandbox's public addresses are of a range that is reserved on the internet.
    ours = parsed.version == 4 and parsed in PUBLIC_RANGE
    if not ours and not parsed.is_global:
        raise ApiError("InvalidParameter", f"`Addr` {address} is private or reserved; a pool needs public addresses.")
    return f"IPV{parsed.version}"


def _settle(ctx: Context, asked: dict[str, Any], before: Doc) -> Doc:
    """The pool after a request."""
    doc = before | {key: asked[key] for key in ("PoolName", "TrafficStrategy", "MonitorId") if key in asked}
    check_name("PoolName", doc["PoolName"], 60)
    check_one_of("TrafficStrategy", doc["TrafficStrategy"], ("ALL", "WEIGHT"))
    if doc["MonitorId"] and ctx.store.find(MONITOR, str(doc["MonitorId"])) is None:
        raise ApiError("ResourceNotFound", f"The monitor {doc['MonitorId']} does not exist.")
    for other in ctx.store.list(POOL):
        if other["PoolName"] == doc["PoolName"] and other["PoolId"] != doc["PoolId"]:
            raise ApiError("ResourceInUse", f"The name `{doc['PoolName']}` is that of pool {other['PoolId']}.")
    if "AddressSet" in asked:
        doc["AddressSet"] = _addresses(ctx, asked["AddressSet"], before, doc["TrafficStrategy"])
    kinds = {_kind(address["Addr"]) for address in doc["AddressSet"]}
    if len(kinds) != 1:
        raise ApiError("InvalidParameter", "A pool has addresses of one kind: IPv4, IPv6 or domains; at least one.")
    return doc | {"AddrType": kinds.pop(), "UpdatedOn": stamp(ctx)}


def _addresses(ctx: Context, asked: list[dict[str, Any]], before: Doc, traffic: str) -> list[Doc]:
    known = {address["Addr"]: address for address in before["AddressSet"]}
    answer: list[Doc] = []
    for each in asked:
        check_one_of("IsEnable", each["IsEnable"], ("ENABLED", "DISABLED"))
        if traffic == "WEIGHT" and not 1 <= int(each.get("Weight", 0)) <= 100:
            message = f"`Weight` of {each['Addr']} is {each.get('Weight')}; WEIGHT needs 1 to 100."
            raise ApiError("InvalidParameter", message)
        old = known.get(each["Addr"], {})
        answer.append(
            {
                "Addr": each["Addr"],
                "IsEnable": each["IsEnable"],
                "AddressId": old.get("AddressId") or ctx.store.number("igtm.address", 1001),
                "Location": each.get("Location", ""),
                "Weight": each.get("Weight"),
                "CreatedOn": old.get("CreatedOn", stamp(ctx)),
                "UpdatedOn": stamp(ctx),
            }
        )
    if len({address["Addr"] for address in answer}) < len(answer):
        raise ApiError("InvalidParameter", "`AddressSet` names an address twice.")
    return answer


@action
def create_address_pool(ctx: Context, request: models.CreateAddressPoolRequest) -> dict[str, Any]:
    """A pool; it answers once a strategy names it."""
    asked = given(request)
    with ctx.store.lock:
        id = ctx.store.number("igtm.pool", 11001)
        empty: Doc = {"PoolId": id, "MonitorId": 0, "AddressSet": [], "CreatedOn": stamp(ctx)}
        ctx.store.put(POOL, str(id), _settle(ctx, asked, empty))
    return {"AddressPoolId": id}


@action
def modify_address_pool(ctx: Context, request: models.ModifyAddressPoolRequest) -> dict[str, Any]:
    """What is given changes."""
    asked = given(request)
    with ctx.store.lock:
        ctx.store.put(POOL, str(asked["PoolId"]), _settle(ctx, asked, pool_of(ctx, asked["PoolId"])))
        zones.publish(ctx.store)
    return {"Msg": "success"}


def _users(ctx: Context, id: int) -> list[Doc]:
    return [
        doc
        for doc in ctx.store.list(STRATEGY)
        for group in (*doc["MainAddressPoolSet"], *doc["FallbackAddressPoolSet"])
        if any(pool["PoolId"] == id for pool in group["AddressPools"])
    ]


def _with_states(ctx: Context, doc: Doc) -> list[Doc]:
    living = states.of_pool(ctx.store, doc)
    return [address | {"Status": living[address["Addr"]]} for address in doc["AddressSet"]]


@action
def describe_address_pool_detail(ctx: Context, request: models.DescribeAddressPoolDetailRequest) -> dict[str, Any]:
    """A pool and the state of its addresses: OK, DOWN, UNMONITORED."""
    doc = pool_of(ctx, request.PoolId)
    pool = {key: value for key, value in public(doc).items() if key != "AddressSet"}
    return {"AddressPool": pool, "AddressSet": _with_states(ctx, doc)}


@action
def describe_address_pool_list(ctx: Context, request: models.DescribeAddressPoolListRequest) -> dict[str, Any]:
    """Pools by PoolId, PoolName, MonitorId."""
    asked = given(request)
    answer: list[Doc] = []
    for doc in ctx.store.list(POOL):
        if not fits(doc, asked.get("Filters")):
            continue
        addresses = _with_states(ctx, doc)
        users = {user["InstanceId"] for user in _users(ctx, doc["PoolId"])}
        answer.append(
            public(doc)
            | {
                "AddressSet": addresses,
                "AddressNum": len(addresses),
                "Status": states.summary([address["Status"] for address in addresses]),
                "MonitorGroupNum": 1 if doc["MonitorId"] else 0,
                "MonitorTaskNum": len(addresses) if doc["MonitorId"] else 0,
                "InstanceInfo": [{"InstanceId": id, "InstanceName": id} for id in sorted(users)],
            }
        )
    return {"AddressPoolSet": page(answer, request.Offset, request.Limit), "TotalCount": len(answer)}


@action
def delete_address_pool(ctx: Context, request: models.DeleteAddressPoolRequest) -> dict[str, Any]:
    """Refused while a strategy names it; the cloud says so in `Msg` of a good answer."""
    with ctx.store.lock:
        pool_of(ctx, request.PoolId)
        users = _users(ctx, request.PoolId)
        if users:
            return {"Msg": f"The address pool {request.PoolId} is used by strategy {users[0]['StrategyId']}."}
        ctx.store.delete(POOL, str(request.PoolId))
    return {"Msg": "success"}
