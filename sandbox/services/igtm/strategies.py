"""Strategies: for askers of some lines, which pools answer, in which order."""

from collections.abc import Sequence
from typing import Any

from tencentcloud.igtm.v20231024 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services import zones
from sandbox.services.igtm import states
from sandbox.services.igtm.catalogue import LINES, fits
from sandbox.services.igtm.kinds import (
    FOREIGN_INSTANCE,
    FOREIGN_POOL,
    FOREIGN_STRATEGY,
    INSTANCE,
    POOL,
    STRATEGY,
    strategies_of,
    strategy_of,
)
from sandbox.services.igtm.pools import traffic_strategy
from sandbox.services.params import Params, check_name, check_one_of, given, stamp

MAIN_LEVELS = 4


def _groups(ctx: Context, asked: Sequence[Params], key: str) -> list[Doc]:
    """Pool sets with their defaults; every pool exists."""
    answer: list[Doc] = []
    for group in asked:
        pools = [POOL.need(ctx, str(each["PoolId"]), FOREIGN_POOL) for each in group.get("AddressPools", ())]
        if not pools:
            raise ApiError("UnsupportedOperation.MainBindPoolEmpty", f"`{key}`: a level names no pool.")
        addresses = sum(len(pool["AddressSet"]) for pool in pools)
        survive = int(group.get("MinSurviveNum", 1))
        if not 1 <= survive <= addresses:
            message = f"`{key}`: `MinSurviveNum` is {survive}; the level has {addresses} addresses."
            raise ApiError("UnsupportedOperation.MainPoolSurviveNumInvalid", message)
        answer.append(
            {
                "AddressPools": [{"PoolId": p["PoolId"], "Weight": p.get("Weight", 1)} for p in group["AddressPools"]],
                "MainAddressPoolId": group.get("MainAddressPoolId") or ctx.store.number("igtm.level", 13001),
                "MinSurviveNum": survive,
                "TrafficStrategy": traffic_strategy(group.get("TrafficStrategy", "ALL")),
            }
        )
    return answer


def _settle(ctx: Context, asked: Params, before: Doc) -> Doc:
    doc = before | {key: asked[key] for key in ("KeepDomainRecords", "SwitchPoolType", "IsEnabled") if key in asked}
    doc["Name"] = asked["StrategyName"] if "Name" not in before else asked.get("StrategyName", before["Name"])
    check_name("StrategyName", doc["Name"], 60)
    if doc["SwitchPoolType"] not in ("AUTO", "STOP"):
        message = f"`SwitchPoolType` is {doc['SwitchPoolType']}; allowed: AUTO, STOP."
        raise ApiError("UnsupportedOperation.StrategySwitchTypeInvalid", message)
    doc["KeepDomainRecords"] = str(doc["KeepDomainRecords"]).upper()
    check_one_of("KeepDomainRecords", doc["KeepDomainRecords"], ("ENABLED", "DISABLED"))
    if "Source" in asked or "Source" not in before:
        doc["Source"] = _sources(asked["Source"])
    for key in ("MainAddressPoolSet", "FallbackAddressPoolSet"):
        if key in asked or key not in before:
            doc[key] = _groups(ctx, asked[key], key)
    if not doc["MainAddressPoolSet"]:
        raise ApiError("UnsupportedOperation.MainPoolEmpty", "`MainAddressPoolSet` has no level.")
    if len(doc["MainAddressPoolSet"]) > MAIN_LEVELS:
        message = f"`MainAddressPoolSet` has at most {MAIN_LEVELS} levels."
        raise ApiError("UnsupportedOperation.MainBindPoolLevelExceed", message)
    fallback = doc["FallbackAddressPoolSet"]
    if len(fallback) != 1 or len(fallback[0]["AddressPools"]) != 1:
        message = "`FallbackAddressPoolSet` has one level with one pool."
        raise ApiError("UnsupportedOperation.FallBackPoolInvalid", message)
    _check_beside(ctx, doc)
    return doc | {"UpdatedOn": stamp(ctx)}


def _sources(asked: Sequence[Params]) -> list[Doc]:
    answer: list[Doc] = []
    for source in asked:
        if source["DnsLineId"] not in LINES:
            message = f"`DnsLineId` {source['DnsLineId']} is no line; DescribeDnsLineList lists them."
            raise ApiError("UnsupportedOperation.StrategySourceUnauthorized", message)
        answer.append({"DnsLineId": source["DnsLineId"], "Name": source.get("Name") or LINES[source["DnsLineId"]]})
    if not answer:
        raise ApiError("InvalidParameterValue", "`Source` names no line.")
    return answer


def _check_beside(ctx: Context, doc: Doc) -> None:
    lines = {source["DnsLineId"] for source in doc["Source"]}
    for other in strategies_of(ctx.store, doc["InstanceId"]):
        if other["StrategyId"] == doc["StrategyId"]:
            continue
        if other["Name"] == doc["Name"]:
            message = f"The name `{doc['Name']}` is that of strategy {other['StrategyId']}."
            raise ApiError("UnsupportedOperation.StrategyNameDuplicate", message)
        both = lines & {source["DnsLineId"] for source in other["Source"]}
        if both:
            message = f"Line {min(both)} belongs to strategy {other['StrategyId']}."
            raise ApiError("UnsupportedOperation.StrategySourceInUsed", message)


@action
def create_strategy(ctx: Context, request: models.CreateStrategyRequest) -> dict[str, Any]:
    """A strategy; the name answers by it when this returns."""
    asked = given(request)
    with zones.changing():
        INSTANCE.need(ctx, asked["InstanceId"], FOREIGN_INSTANCE)
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
        zones.keep(ctx, STRATEGY, _settle(ctx, asked, fresh), "FailedOperation.CreateStrategyFailed")
    return {"StrategyId": id}


@action
def modify_strategy(ctx: Context, request: models.ModifyStrategyRequest) -> dict[str, Any]:
    """What is given changes."""
    asked = given(request)
    with zones.changing():
        before = strategy_of(ctx, asked["InstanceId"], asked["StrategyId"], FOREIGN_STRATEGY)
        zones.keep(ctx, STRATEGY, _settle(ctx, asked, before), "FailedOperation.ModifyStrategyFailed")
    return {"Msg": "success"}


def _active(ctx: Context, doc: Doc) -> Doc:
    """Which level answers now: the first with enough living addresses, else the fallback."""
    for level, group in enumerate(doc["MainAddressPoolSet"], start=1):
        living = [
            state
            for each in group["AddressPools"]
            for state in states.of_pool(POOL.need(ctx, str(each["PoolId"]))).values()
            if state != "DOWN"
        ]
        if len(living) >= group["MinSurviveNum"]:
            return {"ActivateLevel": level, "ActivePoolType": "MAIN", "ActivateMainPoolId": group["MainAddressPoolId"]}
    group = doc["FallbackAddressPoolSet"][0]
    return {"ActivateLevel": 0, "ActivePoolType": "FALLBACK", "ActivateMainPoolId": group["MainAddressPoolId"]}


@action
def describe_strategy_detail(ctx: Context, request: models.DescribeStrategyDetailRequest) -> dict[str, Any]:
    """A strategy and the level that answers now."""
    asked = given(request)
    doc = strategy_of(ctx, asked["InstanceId"], asked["StrategyId"])
    detail = {key: value for key, value in doc.items() if key not in ("IsEnabled", "Status")}  # in lists alone
    return {"StrategyDetail": detail | {"ActivateMainPoolId": _active(ctx, doc)["ActivateMainPoolId"]}}


@action
def describe_strategy_list(ctx: Context, request: models.DescribeStrategyListRequest) -> dict[str, Any]:
    """An instance's strategies by StrategyId, Name."""
    asked = given(request)
    docs = [
        {key: value for key, value in doc.items() if not key.endswith("PoolSet")} | _active(ctx, doc)
        for doc in strategies_of(ctx.store, asked["InstanceId"])
        if fits(doc, asked.get("Filters"))
    ]
    return {"StrategySet": page(docs, request.Offset, request.Limit), "TotalCount": len(docs)}


@action
def delete_strategy(ctx: Context, request: models.DeleteStrategyRequest) -> dict[str, Any]:
    """Its lines fall back to the default strategy."""
    asked = given(request)
    with zones.changing():
        strategy_of(ctx, asked["InstanceId"], asked["StrategyId"], FOREIGN_STRATEGY)
        STRATEGY.drop(ctx, str(asked["StrategyId"]))
        zones.publish(ctx.store)
    return {"Msg": "success"}
