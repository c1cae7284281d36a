"""Address pools: addresses or names that answer together."""

import re
from collections.abc import Mapping, Sequence
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
from sandbox.services.igtm.catalogue import fits
from sandbox.services.igtm.kinds import FOREIGN_MONITOR, FOREIGN_POOL, INSTANCE, MONITOR, POOL, STRATEGY, pool_ids
from sandbox.services.params import Params, check_name, check_one_of, given, public, stamp

_NAME = re.compile(r"([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]\.?")


def _kind(address: str) -> str:
    """IPV4, IPV6 or DOMAIN. Raises ApiError for what no client could reach."""
    try:
        parsed = ip_address(address)
    except ValueError:
        if not _NAME.fullmatch(address):
            message = f"`Addr` `{address}` is neither an address nor a domain."
            raise ApiError("InvalidParameterValue.PoolAddrInvalid", message) from None
        return "DOMAIN"
    # The sandbox's public addresses are of a range that is reserved on the internet.
    ours = parsed.version == 4 and parsed in PUBLIC_RANGE
    if not ours and not parsed.is_global:
        message = f"`Addr` {address} is private or reserved; a pool needs public addresses."
        raise ApiError("InvalidParameterValue.PoolAddrInvalid", message)
    return f"IPV{parsed.version}"


def _settle(ctx: Context, asked: Mapping[str, Any], before: Doc) -> Doc:
    """The pool after a request."""
    doc = Params(
        {**before, **{key: asked[key] for key in ("PoolName", "TrafficStrategy", "MonitorId") if key in asked}}
    )
    check_name("PoolName", doc["PoolName"], 60)
    doc["TrafficStrategy"] = traffic_strategy(doc["TrafficStrategy"])
    if doc["MonitorId"] and MONITOR.find(ctx, str(doc["MonitorId"])) is None:
        raise ApiError(FOREIGN_MONITOR, f"The monitor {doc['MonitorId']} does not exist.")
    for other in POOL.list(ctx):
        if other["PoolName"] == doc["PoolName"] and other["PoolId"] != doc["PoolId"]:
            message = f"The name `{doc['PoolName']}` is that of pool {other['PoolId']}."
            raise ApiError("UnsupportedOperation.PoolNameDuplicate", message)
    if "AddressSet" in asked:
        doc["AddressSet"] = _addresses(ctx, asked["AddressSet"], before, doc["TrafficStrategy"])
    kinds = {_kind(address["Addr"]) for address in doc["AddressSet"]}
    if not kinds:
        raise ApiError("InvalidParameterValue.PoolAddrEmpty", "A pool has at least one address.")
    if len(kinds) > 1:
        message = "A pool has addresses of one kind: IPv4, IPv6 or domains."
        raise ApiError("InvalidParameterValue.PoolAddrMixed", message)
    return doc | {"AddrType": kinds.pop(), "UpdatedOn": stamp(ctx)}


def traffic_strategy(asked: object) -> str:
    """ALL or WEIGHT; the documented examples write it small too."""
    if str(asked).upper() not in ("ALL", "WEIGHT"):
        message = f"`TrafficStrategy` is {asked}; allowed: ALL, WEIGHT."
        raise ApiError("InvalidParameterValue.TrafficStrategyInvalid", message)
    return str(asked).upper()


def _addresses(ctx: Context, asked: Sequence[Params], before: Doc, traffic: str) -> list[Doc]:
    known = {address["Addr"]: address for address in before["AddressSet"]}
    answer: list[Doc] = []
    for each in asked:
        check_one_of("IsEnable", each["IsEnable"], ("ENABLED", "DISABLED"))
        if traffic == "WEIGHT" and not 1 <= int(each.get("Weight", 0)) <= 100:
            message = f"`Weight` of {each['Addr']} is {each.get('Weight')}; WEIGHT needs 1 to 100."
            raise ApiError("InvalidParameterValue.PoolAddrWeightEmpty", message)
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
        raise ApiError("InvalidParameterValue.PoolAddrDuplicated", "`AddressSet` names an address twice.")
    return answer


@action
def create_address_pool(ctx: Context, request: models.CreateAddressPoolRequest) -> dict[str, Any]:
    """A pool; it answers once a strategy names it."""
    with zones.changing():
        id = ctx.store.number("igtm.pool", 11001)
        empty: Doc = {"PoolId": id, "MonitorId": 0, "AddressSet": [], "CreatedOn": stamp(ctx)}
        POOL.create(ctx, _settle(ctx, given(request), empty))
    return {"AddressPoolId": id}


@action
def modify_address_pool(ctx: Context, request: models.ModifyAddressPoolRequest) -> dict[str, Any]:
    """What is given changes."""
    asked = given(request)
    with zones.changing():
        before = POOL.need(ctx, str(asked["PoolId"]), FOREIGN_POOL)
        zones.keep(ctx, POOL, _settle(ctx, asked, before), "FailedOperation.ModifyPoolFailed")
    return {"Msg": "success"}


def _users(ctx: Context, id: int) -> list[Doc]:
    return [doc for doc in STRATEGY.list(ctx) if id in pool_ids(doc)]


def _with_states(doc: Doc) -> list[Doc]:
    living = states.of_pool(doc)
    return [address | {"Status": living[address["Addr"]]} for address in doc["AddressSet"]]


@action
def describe_address_pool_detail(ctx: Context, request: models.DescribeAddressPoolDetailRequest) -> dict[str, Any]:
    """A pool and the state of its addresses: OK, DOWN, UNMONITORED."""
    doc = POOL.need(ctx, str(given(request)["PoolId"]))
    pool = {key: value for key, value in public(doc).items() if key != "AddressSet"}
    return {"AddressPool": pool, "AddressSet": _with_states(doc)}


@action
def describe_address_pool_list(ctx: Context, request: models.DescribeAddressPoolListRequest) -> dict[str, Any]:
    """Pools by PoolId, PoolName, MonitorId."""
    asked = given(request)
    answer: list[Doc] = []
    for doc in POOL.list(ctx):
        if not fits(doc, asked.get("Filters")):
            continue
        addresses = _with_states(doc)
        users = sorted({user["InstanceId"] for user in _users(ctx, doc["PoolId"])})
        answer.append(
            public(doc)
            | {
                "AddressSet": addresses,
                "AddressNum": len(addresses),
                "Status": states.summary([address["Status"] for address in addresses]),
                "MonitorGroupNum": 1 if doc["MonitorId"] else 0,
                "MonitorTaskNum": len(addresses) if doc["MonitorId"] else 0,
                "InstanceInfo": [
                    {"InstanceId": id, "InstanceName": INSTANCE.need(ctx, id)["InstanceName"]} for id in users
                ],
            }
        )
    return {"AddressPoolSet": page(answer, request.Offset, request.Limit), "TotalCount": len(answer)}


@action
def delete_address_pool(ctx: Context, request: models.DeleteAddressPoolRequest) -> dict[str, Any]:
    """Refused while a strategy names it."""
    with zones.changing():
        id = POOL.need(ctx, str(given(request)["PoolId"]), FOREIGN_POOL)["PoolId"]
        users = _users(ctx, id)
        if users:
            message = f"The address pool {id} is used by strategy {users[0]['StrategyId']}."
            raise ApiError("FailedOperation.PoolWasUsingError", message)
        POOL.drop(ctx, str(id))
    return {"Msg": "success"}
