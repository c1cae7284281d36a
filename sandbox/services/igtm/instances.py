"""Instances: a business domain and the name that answers for it. They cannot be deleted, as in the cloud."""

from typing import Any

from tencentcloud.igtm.v20231024 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services import zones
from sandbox.services.igtm.catalogue import INSTANCE, POOL, STRATEGY, fits, package
from sandbox.services.params import check_name, check_one_of, given, stamp

SYSTEM_DOMAIN = "igtm-dns.com"
"""Where names of access type SYSTEM live."""


def instance_of(ctx: Context, id: str) -> Doc:
    """The instance. Raises ApiError ResourceNotFound."""
    doc = ctx.store.find(INSTANCE, id)
    if doc is None:
        raise ApiError("ResourceNotFound", f"The instance `{id}` does not exist.")
    return doc


def access_name(doc: Doc) -> str:
    """The name that IGTM answers for."""
    sub, domain = doc["AccessSubDomain"], doc["AccessDomain"]
    return str(domain if sub in ("", "@") else f"{sub}.{domain}").lower()


@action
def create_instance(ctx: Context, request: models.CreateInstanceRequest) -> dict[str, Any]:
    """An instance in a package that no other uses."""
    asked = given(request)
    check_one_of("AccessType", asked["AccessType"], ("CUSTOM", "SYSTEM"))
    check_name("InstanceName", asked["InstanceName"], 60)
    with ctx.store.lock:
        owned = package(ctx.store, asked["ResourceId"])
        if owned["PackageType"] != asked["PackageType"]:
            message = f"The package `{asked['ResourceId']}` is {owned['PackageType']}, not {asked['PackageType']}."
            raise ApiError("InvalidParameter", message)
        if owned["InstanceId"]:
            raise ApiError("ResourceInUse", f"The package `{asked['ResourceId']}` is used by `{owned['InstanceId']}`.")
        _check_ttl(owned, asked["GlobalTtl"])
        id = ctx.store.new_id("gtm")
        doc = _new(ctx, asked, id)
        _check_free(ctx, doc)
        ctx.store.put(INSTANCE, id, doc)
    return {"InstanceId": id}


def _check_ttl(owned: Doc, ttl: int) -> None:
    if not owned["MinGlobalTtl"] <= ttl <= 604800:
        message = f"`GlobalTtl` is {ttl}; package {owned['PackageType']} allows {owned['MinGlobalTtl']} to 604800 s."
        raise ApiError("InvalidParameter", message)


def _check_free(ctx: Context, doc: Doc) -> None:
    for other in ctx.store.list(INSTANCE):
        if other["InstanceId"] != doc["InstanceId"] and access_name(other) == access_name(doc):
            raise ApiError("ResourceInUse", f"`{access_name(doc)}` is the name of `{other['InstanceId']}`.")


def _new(ctx: Context, asked: dict[str, Any], id: str) -> Doc:
    system = asked["AccessType"] == "SYSTEM"
    return {
        "InstanceId": id,
        "InstanceName": asked["InstanceName"],
        "ResourceId": asked["ResourceId"],
        "Domain": asked["Domain"].lower().rstrip("."),
        "AccessType": asked["AccessType"],
        "AccessDomain": SYSTEM_DOMAIN if system else asked["AccessDomain"].lower().rstrip("."),
        "AccessSubDomain": id.replace("-", "") if system else asked["AccessSubDomain"].lower(),
        "GlobalTtl": asked["GlobalTtl"],
        "PackageType": asked["PackageType"],
        "WorkingStatus": "NORMAL",
        "Status": "ENABLED",
        "Remark": asked.get("Remark", ""),
        "NotifyEventSet": [],
        "CreatedOn": stamp(ctx),
        "UpdatedOn": stamp(ctx),
    }


def _detail(ctx: Context, doc: Doc) -> Doc:
    """With what is computed: counts, and whether a record of the business domain points here."""
    strategies = [other for other in ctx.store.list(STRATEGY) if other["InstanceId"] == doc["InstanceId"]]
    used = {
        pool["PoolId"]
        for each in strategies
        for group in (*each["MainAddressPoolSet"], *each["FallbackAddressPoolSet"])
        for pool in group["AddressPools"]
    }
    pools = [pool for pool in ctx.store.list(POOL) if pool["PoolId"] in used]
    monitors = {pool["MonitorId"] for pool in pools if pool["MonitorId"]}
    pointing = doc["Domain"] == access_name(doc) or any(
        record["Type"] == "CNAME"
        and record["Value"].rstrip(".").lower() == access_name(doc)
        and f"{record['Name']}.{record['_domain']}".removeprefix("@.") == doc["Domain"]
        for record in ctx.store.list("dnspod.record")
    )
    counts = {"StrategyNum": len(strategies), "AddressPoolNum": len(pools), "MonitorNum": len(monitors)}
    return doc | counts | {"IsCnameConfigured": pointing}


@action
def describe_instance_detail(ctx: Context, request: models.DescribeInstanceDetailRequest) -> dict[str, Any]:
    """An instance."""
    return {"Instance": _detail(ctx, instance_of(ctx, request.InstanceId))}


@action
def describe_instance_list(ctx: Context, request: models.DescribeInstanceListRequest) -> dict[str, Any]:
    """Instances by InstanceId, Domain, InstanceName."""
    asked = given(request)
    docs = [_detail(ctx, doc) for doc in ctx.store.list(INSTANCE) if fits(doc, asked.get("Filters"))]
    found = page(docs, request.Offset, request.Limit)
    return {"InstanceSet": found, "TotalCount": len(docs), "SystemAccessEnabled": True}


@action
def modify_instance_config(ctx: Context, request: models.ModifyInstanceConfigRequest) -> dict[str, Any]:
    """Name, business domain, access name, TTL."""
    asked = given(request)
    change = asked["InstanceConfig"]
    with ctx.store.lock:
        doc = instance_of(ctx, asked["InstanceId"])
        if "GlobalTtl" in change:
            _check_ttl(package(ctx.store, doc["ResourceId"]), change["GlobalTtl"])
        check_one_of("AccessType", change.get("AccessType", doc["AccessType"]), ("CUSTOM", "SYSTEM"))
        doc |= change | {"UpdatedOn": stamp(ctx)}
        _check_free(ctx, doc)
        ctx.store.put(INSTANCE, doc["InstanceId"], doc)
        zones.publish(ctx.store)
    return {"Instance": _detail(ctx, doc)}
