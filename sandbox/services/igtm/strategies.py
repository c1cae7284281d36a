"""Strategies: for askers of some lines, which pools answer, in which order."""

from typing import Any

from tencentcloud.igtm.v20231024 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services import zones
from sandbox.services.igtm import states
from sandbox.services.igtm.catalogue import LINES, STRATEGY, fits
from sandbox.services.igtm.instances import instance_of
from sandbox.services.igtm.pools import pool_of
from sandbox.services.params import check_name, check_one_of, given, stamp
from sandbox.substrate.errors import SubstrateError

MAIN_LEVELS = 4


def strategy_of(ctx: Context, instance_id: str, id: int) -> Doc:
    """The instance's strategy. Raises ApiError ResourceNotFound."""
    doc = ctx.store.find(STRATEGY, str(id))
    if doc is None or doc["InstanceId"] != instance_id:
        raise ApiError("ResourceNotFound", f"The strategy {id} of instance `{instance_id}` does not exist.")
    return doc


def _groups(ctx: Context, asked: list[dict[str, Any]], key: str) -> list[Doc]:
    """Pool sets with their defaults; every pool exists."""
    answer: list[Doc] = []
    for group in asked:
        pools = [pool_of(ctx, each["PoolId"]) for each in group["AddressPools"]]
        if not pools:
            raise ApiError("InvalidParameter", f"`{key}`: a level names no pool.")
        addresses = sum(len(pool["AddressSet"]) for pool in pools)
        survive = int(group.get("MinSurviveNum", 1))
        if not 1 <= survive <= addresses:
            message = f"`{key}`: `MinSurviveNum` is {survive}; the level has {addresses} addresses."
            raise ApiError("InvalidParameter", message)
        traffic = group.get("TrafficStrategy", "ALL")
        check_one_of("TrafficStrategy", traffic, ("ALL", "WEIGHT"))
        answer.append(
            {
                "AddressPools": [{"PoolId": p["PoolId"], "Weight": p.get("Weight", 1)} for p in group["AddressPools"]],
                "MainAddressPoolId": group.get("MainAddressPoolId") or ctx.store.number("igtm.level", 13001),
                "MinSurviveNum": survive,
                "TrafficStrategy": traffic,
            }
        )
    return answer


def _settle(ctx: Context, asked: dict[str, Any], before: Doc) -> Doc:
    doc = before | {key: asked[key] for key in ("KeepDomainRecords", "SwitchPoolType", "IsEnabled") if key in asked}
    doc["Name"] = asked.get("StrategyName", before.get("Name", ""))
    check_name("StrategyName", doc["Name"], 60)
    check_one_of("SwitchPoolType", doc["SwitchPoolType"], ("AUTO", "STOP"))
    doc["KeepDomainRecords"] = str(doc["KeepDomainRecords"]).upper()
    check_one_of("KeepDomainRecords", doc["KeepDomainRecords"], ("ENABLED", "DISABLED"))
    if "Source" in asked:
        doc["Source"] = _sources(asked["Source"])
    if "MainAddressPoolSet" in asked:
        doc["MainAddressPoolSet"] = _groups(ctx, asked["MainAddressPoolSet"], "MainAddressPoolSet")
    if "FallbackAddressPoolSet" in asked:
        doc["FallbackAddressPoolSet"] = _groups(ctx, asked["FallbackAddressPoolSet"], "FallbackAddressPoolSet")
    if not 1 <= len(doc["MainAddressPoolSet"]) <= MAIN_LEVELS:
        raise ApiError("InvalidParameter", f"`MainAddressPoolSet` has 1 to {MAIN_LEVELS} levels.")
    fallback = doc["FallbackAddressPoolSet"]
    if len(fallback) != 1 or len(fallback[0]["AddressPools"]) != 1:
        raise ApiError("InvalidParameter", "`FallbackAddressPoolSet` has one level with one pool.")
    _check_beside(ctx, doc)
    return doc | {"UpdatedOn": stamp(ctx)}


def _sources(asked: list[dict[str, Any]]) -> list[Doc]:
    answer: list[Doc] = []
    for source in asked:
        if source["DnsLineId"] not in LINES:
            message = f"`DnsLineId` {source['DnsLineId']} is no line; DescribeDnsLineList lists them."
            raise ApiError("InvalidParameter", message)
        answer.append({"DnsLineId": source["DnsLineId"], "Name": source.get("Name") or LINES[source["DnsLineId"]]})
    if not answer:
        raise ApiError("InvalidParameter", "`Source` names no line.")
    return answer


def _check_beside(ctx: Context, doc: Doc) -> None:
    lines = {source["DnsLineId"] for source in doc["Source"]}
    for other in ctx.store.list(STRATEGY):
        if other["InstanceId"] != doc["InstanceId"] or other["StrategyId"] == doc["StrategyId"]:
            continue
        if other["Name"] == doc["Name"]:
            raise ApiError("ResourceInUse", f"The name `{doc['Name']}` is that of strategy {other['StrategyId']}.")
        both = lines & {source["DnsLineId"] for source in other["Source"]}
        if both:
            raise ApiError("ResourceInUse", f"Line {min(both)} belongs to strategy {other['StrategyId']}.")


def _publish(ctx: Context, id: int, before: Doc | None) -> None:
    try:
        zones.publish(ctx.store)
    except SubstrateError as error:
        if before is None:
            ctx.store.delete(STRATEGY, str(id))
        else:
            ctx.store.put(STRATEGY, str(id), before)
        raise ApiError("InvalidParameter", f"The name server refuses it: {error}") from error


@action
def create_strategy(ctx: Context, request: models.CreateStrategyRequest) -> dict[str, Any]:
    """A strategy; the name answers by it when this returns."""
    asked = given(request)
    with ctx.store.lock:
        instance_of(ctx, asked["InstanceId"])
        id = ctx.store.number("igtm.strategy", 14001)
        fresh: Doc = {
            "InstanceId": asked["InstanceId"],
            "StrategyId": id,
            "Status": "ENABLED",
            "IsEnabled": "ENABLED",
            "KeepDomainRecords": "DISABLED",
            "SwitchPoolType": "AUTO",
            "CreatedOn": stamp(ctx),
        }
        ctx.store.put(STRATEGY, str(id), _settle(ctx, asked, fresh))
        _publish(ctx, id, None)
    return {"StrategyId": id}


@action
def modify_strategy(ctx: Context, request: models.ModifyStrategyRequest) -> dict[str, Any]:
    """What is given changes."""
    asked = given(request)
    with ctx.store.lock:
        before = strategy_of(ctx, asked["InstanceId"], asked["StrategyId"])
        ctx.store.put(STRATEGY, str(asked["StrategyId"]), _settle(ctx, asked, dict(before)))
        _publish(ctx, asked["StrategyId"], before)
    return {"Msg": "success"}


def _active(ctx: Context, doc: Doc) -> Doc:
    """Which level answers now: the first with enough living addresses, else the fallback."""
    for level, group in enumerate(doc["MainAddressPoolSet"], start=1):
        living = [
            state
            for each in group["AddressPools"]
            for state in states.of_pool(ctx.store, pool_of(ctx, each["PoolId"])).values()
            if state != "DOWN"
        ]
        if len(living) >= group["MinSurviveNum"]:
            return {"ActivateLevel": level, "ActivePoolType": "MAIN", "ActivateMainPoolId": group["MainAddressPoolId"]}
    group = doc["FallbackAddressPoolSet"][0]
    return {"ActivateLevel": 0, "ActivePoolType": "FALLBACK", "ActivateMainPoolId": group["MainAddressPoolId"]}


@action
def describe_strategy_detail(ctx: Context, request: models.DescribeStrategyDetailRequest) -> dict[str, Any]:
    """A strategy and the level that answers now."""
    doc = strategy_of(ctx, request.InstanceId, request.StrategyId)
    detail = {key: value for key, value in doc.items() if key not in ("IsEnabled", "Status")}  # in lists alone
    return {"StrategyDetail": detail | {"ActivateMainPoolId": _active(ctx, doc)["ActivateMainPoolId"]}}


@action
def describe_strategy_list(ctx: Context, request: models.DescribeStrategyListRequest) -> dict[str, Any]:
    """An instance's strategies by StrategyId, Name."""
    asked = given(request)
    docs = [
        {key: value for key, value in doc.items() if not key.endswith("PoolSet")} | _active(ctx, doc)
        for doc in ctx.store.list(STRATEGY)
        if doc["InstanceId"] == asked["InstanceId"] and fits(doc, asked.get("Filters"))
    ]
    return {"StrategySet": page(docs, request.Offset, request.Limit), "TotalCount": len(docs)}


@action
def delete_strategy(ctx: Context, request: models.DeleteStrategyRequest) -> dict[str, Any]:
    """Its lines fall back to the default strategy."""
    with ctx.store.lock:
        strategy_of(ctx, request.InstanceId, request.StrategyId)
        ctx.store.delete(STRATEGY, str(request.StrategyId))
        zones.publish(ctx.store)
    return {"Msg": "success"}
