"""Instances: a business domain and the name that answers for it. They cannot be deleted, as in the cloud."""

from collections.abc import Mapping
from typing import Any

from tencentcloud.igtm.v20231024 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services import zones
from sandbox.services.dnspod.kinds import RECORD
from sandbox.services.igtm.catalogue import fits, package
from sandbox.services.igtm.kinds import FOREIGN_INSTANCE, INSTANCE, POOL, access_name, pool_ids, strategies_of
from sandbox.services.params import Params, check_name, given, stamp

SYSTEM_DOMAIN = "igtm-dns.com"
"""Where names of access type SYSTEM live."""


@action
def create_instance(ctx: Context, request: models.CreateInstanceRequest) -> dict[str, Any]:
    """An instance in a package that no other uses."""
    asked = given(request)
    kind = str(asked["PackageType"]).upper()
    check_name("InstanceName", asked["InstanceName"], 60)
    with zones.changing():
        owned = package(ctx.store, asked["ResourceId"])
        if owned["PackageType"] != kind:
            message = f"The package `{asked['ResourceId']}` is {owned['PackageType']}, not {kind}."
            raise ApiError("UnauthorizedOperation.ResourceIdNotMatch", message)
        if owned["InstanceId"]:
            message = f"The package `{asked['ResourceId']}` is used by `{owned['InstanceId']}`."
            raise ApiError("UnsupportedOperation.PackageUnauthorized", message)
        _check_ttl(owned, asked["GlobalTtl"])
        doc = _new(ctx, asked, ctx.store.new_id("gtm"))
        _check_free(ctx, doc)
        INSTANCE.create(ctx, doc)
    return {"InstanceId": doc["InstanceId"]}


def _access_type(asked: Mapping[str, Any]) -> str:
    """CUSTOM or SYSTEM; the documented examples write it small too."""
    kind = str(asked["AccessType"]).upper()
    if kind not in ("CUSTOM", "SYSTEM"):
        message = f"`AccessType` is {asked['AccessType']}; allowed: CUSTOM, SYSTEM."
        raise ApiError("InvalidParameter.AccessTypeInvalid", message)
    return kind


def _check_ttl(owned: Doc, ttl: int) -> None:
    if not owned["MinGlobalTtl"] <= ttl <= 604800:
        message = f"`GlobalTtl` is {ttl}; package {owned['PackageType']} allows {owned['MinGlobalTtl']} to 604800 s."
        raise ApiError("UnsupportedOperation.TTLInvalid", message)


def _check_free(ctx: Context, doc: Doc) -> None:
    for other in INSTANCE.list(ctx):
        if other["InstanceId"] != doc["InstanceId"] and access_name(other) == access_name(doc):
            message = f"`{access_name(doc)}` is the name of `{other['InstanceId']}`."
            raise ApiError("InvalidParameter.GlobalAccessDomainConflict", message)


def _new(ctx: Context, asked: Params, id: str) -> Doc:
    access = _access_type(asked)
    system = access == "SYSTEM"
    return {
        "InstanceId": id,
        "InstanceName": asked["InstanceName"],
        "ResourceId": asked["ResourceId"],
        "Domain": asked["Domain"].lower().rstrip("."),
        "AccessType": access,
        "AccessDomain": SYSTEM_DOMAIN if system else asked["AccessDomain"].lower().rstrip("."),
        "AccessSubDomain": id.replace("-", "") if system else asked["AccessSubDomain"].lower(),
        "GlobalTtl": asked["GlobalTtl"],
        "PackageType": asked["PackageType"].upper(),
        "WorkingStatus": "NORMAL",
        "Status": "ENABLED",
        "Remark": asked.get("Remark", ""),
        "NotifyEventSet": [],
        "CreatedOn": stamp(ctx),
        "UpdatedOn": stamp(ctx),
    }


def _detail(ctx: Context, doc: Doc) -> Doc:
    """With what is computed: counts, and whether a record of the business domain points here."""
    strategies = strategies_of(ctx.store, doc["InstanceId"])
    used = {id for each in strategies for id in pool_ids(each)}
    pools = [pool for pool in POOL.list(ctx) if pool["PoolId"] in used]
    monitors = {pool["MonitorId"] for pool in pools if pool["MonitorId"]}
    pointing = doc["Domain"] == access_name(doc) or any(
        record["Type"] == "CNAME"
        and record["Value"].rstrip(".").lower() == access_name(doc)
        and f"{record['Name']}.{record['_domain']}".removeprefix("@.") == doc["Domain"]
        for record in RECORD.list(ctx)
    )
    counts = {"StrategyNum": len(strategies), "AddressPoolNum": len(pools), "MonitorNum": len(monitors)}
    return doc | counts | {"IsCnameConfigured": pointing}


@action
def describe_instance_detail(ctx: Context, request: models.DescribeInstanceDetailRequest) -> dict[str, Any]:
    """An instance."""
    return {"Instance": _detail(ctx, INSTANCE.need(ctx, given(request)["InstanceId"]))}


@action
def describe_instance_list(ctx: Context, request: models.DescribeInstanceListRequest) -> dict[str, Any]:
    """Instances by InstanceId, Domain, InstanceName."""
    asked = given(request)
    docs = [
        {key: value for key, value in _detail(ctx, doc).items() if key != "NotifyEventSet"}
        for doc in INSTANCE.list(ctx)
        if fits(doc, asked.get("Filters"))
    ]
    found = page(docs, request.Offset, request.Limit)
    return {"InstanceSet": found, "TotalCount": len(docs), "SystemAccessEnabled": True}


@action
def modify_instance_config(ctx: Context, request: models.ModifyInstanceConfigRequest) -> dict[str, Any]:
    """Name, business domain, access name, TTL."""
    asked = given(request)
    change = asked["InstanceConfig"]
    with zones.changing():
        doc = INSTANCE.need(ctx, asked["InstanceId"], FOREIGN_INSTANCE)
        if "GlobalTtl" in change:
            _check_ttl(package(ctx.store, doc["ResourceId"]), change["GlobalTtl"])
        doc |= change | {"UpdatedOn": stamp(ctx)}
        doc["AccessType"] = _access_type(doc)
        _check_free(ctx, doc)
        zones.keep(ctx, INSTANCE, doc, "FailedOperation.ModifyInstanceFailed")
    return {"Instance": _detail(ctx, doc)}
