"""Elastic addresses. Source: docs/sources.md, network."""

from dataclasses import replace
from typing import Any

from tencentcloud.vpc.v20170312 import models

from sandbox.api.actions import Context, action, task
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc, Store
from sandbox.services.params import (
    check_name,
    check_one_of,
    create,
    drop,
    given,
    in_region,
    need,
    public,
    select,
    stamp_utc,
    tag_set,
)
from sandbox.services.vpc import addresses, hosts

QUOTA = 20
STEP_S = 0.2
"""How long an address is CREATING, BINDING or UNBINDING."""
CHARGE_TYPES = (
    "BANDWIDTH_PACKAGE",
    "BANDWIDTH_POSTPAID_BY_HOUR",
    "BANDWIDTH_PREPAID_BY_MONTH",
    "TRAFFIC_POSTPAID_BY_HOUR",
)
MAX_MBPS = {"BANDWIDTH_PACKAGE": 2000, "BANDWIDTH_PREPAID_BY_MONTH": 200}
"""Others: 100. Source: catalogue section 9."""


def _check_charge(charge: str, mbps: int) -> None:
    check_one_of("InternetChargeType", charge, CHARGE_TYPES)
    most = MAX_MBPS.get(charge, 100)
    if not 0 <= mbps <= most:
        message = f"`InternetMaxBandwidthOut` {mbps} must be 0 to {most} Mbps for {charge}."
        raise ApiError("InvalidParameterValue.BandwidthOutOfRange", message)


def _task(ctx: Context, result: str = "RUNNING") -> str:
    number = ctx.store.number("eip_task", 1001)
    ctx.store.put("eip_task", str(number), {"TaskId": number, "Result": result}, ctx.region)
    return str(number)


@action
def allocate_addresses(ctx: Context, request: models.AllocateAddressesRequest) -> dict[str, Any]:
    """Addresses, CREATING and then UNBIND."""
    asked = given(request)
    check_one_of("AddressType", asked.get("AddressType", "EIP"), ("EIP",))
    charge = asked.get("InternetChargeType", "TRAFFIC_POSTPAID_BY_HOUR")
    bandwidth = asked.get("InternetMaxBandwidthOut", 1)
    _check_charge(charge, bandwidth)
    check_name("AddressName", asked.get("AddressName", ""), 60, 0)
    count = asked.get("AddressCount", 1)
    with ctx.store.lock:
        used = len(ctx.store.list("eip", ctx.region))
        if used + count > QUOTA:
            message = f"{used} of {QUOTA} elastic addresses in {ctx.region} are taken; asked for {count} more."
            raise ApiError("LimitExceeded.AddressQuotaLimitExceeded", message)
        made: list[str] = []
        for _ in range(count):
            eip_id = ctx.store.new_id("eip")
            doc: Doc = {
                "AddressId": eip_id,
                "AddressName": asked.get("AddressName", ""),
                "AddressStatus": "CREATING",
                "AddressIp": str(addresses.take_public(ctx.store, ctx.region, eip_id)),
                "InstanceId": "",
                "CreatedTime": stamp_utc(ctx),
                "NetworkInterfaceId": "",
                "PrivateAddressIp": "",
                "IsArrears": False,
                "IsBlocked": False,
                "IsEipDirectConnection": False,
                "AddressType": "EIP",
                "CascadeRelease": False,
                "InternetServiceProvider": "BGP",
                "LocalBgp": False,
                "Bandwidth": bandwidth,
                "InternetChargeType": charge,
                "TagSet": tag_set(asked.get("Tags")),
                "InstanceType": "",
                "Egress": asked.get("Egress", "center_egress1"),
                "BandwidthPackageId": asked.get("BandwidthPackageId", ""),
            }
            create(ctx, "eip", eip_id, doc)
            made.append(eip_id)
        number = _task(ctx)
    ctx.later(STEP_S, "eip.settle", {"ids": made, "status": "UNBIND", "task": number})
    return {"AddressSet": made, "TaskId": number}


@task("eip.settle")
def settle(ctx: Context, payload: dict[str, Any]) -> None:
    """End an address's transition: its status, and the task that waits for it."""
    with ctx.store.lock:
        for eip_id in payload["ids"]:
            doc = ctx.store.find("eip", eip_id)
            if doc is not None:
                doc["AddressStatus"] = payload["status"]
                if payload["status"] == "UNBIND":
                    doc |= {"InstanceId": "", "InstanceType": "", "PrivateAddressIp": "", "NetworkInterfaceId": ""}
                ctx.store.put("eip", eip_id, doc)
        task_doc = ctx.store.find("eip_task", payload["task"])
        if task_doc is not None:
            ctx.store.put("eip_task", payload["task"], {**task_doc, "Result": "SUCCESS"})


@action
def describe_task_result(ctx: Context, request: models.DescribeTaskResultRequest) -> dict[str, Any]:
    """RUNNING, SUCCESS or FAILED of an address task."""
    number = str(given(request).get("TaskId", ""))
    doc = ctx.store.find("eip_task", number)
    if doc is None:
        raise ApiError("ResourceNotFound", f"There is no task `{number}`.")
    return {"TaskId": doc["TaskId"], "Result": doc["Result"]}


_FILTERS = {
    "address-id": "AddressId",
    "address-name": "AddressName",
    "address-ip": "AddressIp",
    "address-status": "AddressStatus",
    "instance-id": "InstanceId",
    "private-ip-address": "PrivateAddressIp",
    "network-interface-id": "NetworkInterfaceId",
    "address-type": "AddressType",
}


@action
def describe_addresses(ctx: Context, request: models.DescribeAddressesRequest) -> dict[str, Any]:
    """Elastic addresses by ids or filters."""
    docs = select(ctx, "eip", given(request).get("AddressIds"), "AddressId", "InvalidAddressId.NotFound")
    docs = [public(doc) for doc in docs if matches(doc, request.Filters, _FILTERS)]
    return {"TotalCount": len(docs), "AddressSet": page(docs, request.Offset, request.Limit)}


@action
def describe_address_quota(ctx: Context, request: models.DescribeAddressQuotaRequest) -> dict[str, Any]:
    """How many addresses there are and may be."""
    used = len(ctx.store.list("eip", ctx.region))
    quota = {"QuotaId": "TOTAL_EIP_QUOTA", "QuotaCurrent": used, "QuotaLimit": QUOTA, "QuotaGroup": "EIP"}
    return {"QuotaSet": [quota]}


def _unbound(ctx: Context, eip_id: str) -> Doc:
    doc = need(ctx, "eip", eip_id, "InvalidAddressId.NotFound")
    if doc["AddressStatus"] != "UNBIND":
        message = f"The address `{eip_id}` is {doc['AddressStatus']}, not UNBIND."
        raise ApiError("InvalidAddressIdStatus.NotPermit", message)
    return doc


def by_address(ctx: Context, ip: str) -> Doc:
    """The elastic address with this IP. Raises ApiError."""
    for doc in ctx.store.list("eip", ctx.region):
        if doc["AddressIp"] == ip:
            return doc
    raise ApiError("UnsupportedOperation.PublicIpAddressIsNotExisted", f"There is no elastic address {ip} here.")


def bind(store: Store, eip_id: str, instance_id: str, kind: str) -> None:
    """Note at once that an address is held by a resource (NAT gateways take theirs this way)."""
    doc = store.get("eip", eip_id)
    doc |= {"AddressStatus": "BIND", "InstanceId": instance_id, "InstanceType": kind}
    store.put("eip", eip_id, doc)


def unbind_one(store: Store, eip_id: str) -> None:
    """Note at once that nobody holds an address."""
    doc = store.get("eip", eip_id)
    doc |= {"AddressStatus": "UNBIND", "InstanceId": "", "InstanceType": "", "PrivateAddressIp": ""}
    store.put("eip", eip_id, doc)


def unbind(store: Store, instance_id: str) -> None:
    """Give free every address that a resource holds."""
    for doc in store.list("eip"):
        if doc["InstanceId"] == instance_id:
            unbind_one(store, doc["AddressId"])


@action
def associate_address(ctx: Context, request: models.AssociateAddressRequest) -> dict[str, Any]:
    """Give an instance or an internal load balancer a public leg."""
    asked = given(request)
    instance_id = asked.get("InstanceId")
    if not instance_id:
        message = "The sandbox has no network interfaces of their own: associate an address with an InstanceId."
        raise ApiError("UnsupportedOperation", message)
    with ctx.store.lock:
        doc = _unbound(ctx, asked["AddressId"])
        legs = hosts.of_owner(ctx.store, instance_id)
        if not legs or in_region(ctx, hosts.KIND, legs[0]["name"]) is None:
            raise ApiError("InvalidInstanceId.NotFound", f"There is no instance `{instance_id}` in {ctx.region}.")
        if legs[0]["public"]:
            message = f"`{instance_id}` already has the public address {legs[0]['public']}."
            raise ApiError("InvalidInstanceId.AlreadyBindEip", message)
        doc |= {
            "AddressStatus": "BINDING",
            "InstanceId": instance_id,
            "InstanceType": legs[0]["kind"],
            "PrivateAddressIp": legs[0]["private"] or "",
        }
        ctx.store.put("eip", doc["AddressId"], doc)
        number = _task(ctx)
    ctx.later(
        STEP_S, "eip.leg", {"id": doc["AddressId"], "public": doc["AddressIp"], "owner": instance_id, "task": number}
    )
    return {"TaskId": number}


@action
def disassociate_address(ctx: Context, request: models.DisassociateAddressRequest) -> dict[str, Any]:
    """Take the public leg away again."""
    asked = given(request)
    with ctx.store.lock:
        doc = need(ctx, "eip", asked["AddressId"], "InvalidAddressId.NotFound")
        if doc["AddressStatus"] != "BIND" or doc["InstanceType"] == "NAT":
            message = f"The address `{doc['AddressId']}` is {doc['AddressStatus']} ({doc['InstanceType'] or 'free'})."
            raise ApiError("InvalidAddressIdStatus.NotPermit", message)
        ctx.store.put("eip", doc["AddressId"], {**doc, "AddressStatus": "UNBINDING"})
        number = _task(ctx)
    payload = {"id": doc["AddressId"], "public": None, "owner": doc["InstanceId"], "task": number}
    ctx.later(STEP_S, "eip.leg", payload)
    return {"TaskId": number}


@task("eip.leg")
def change_leg(ctx: Context, payload: dict[str, Any]) -> None:
    """Give a resource's host its public leg, or take it, then settle the address."""
    for host in hosts.of_owner(ctx.store, payload["owner"])[:1]:
        hosts.connect(ctx.store, replace(hosts.connection(host), public=payload["public"]))
    instance = ctx.store.find("cvm.instance", payload["owner"])
    if instance is not None:
        instance["PublicIpAddresses"] = [payload["public"]] if payload["public"] else []
        ctx.store.put("cvm.instance", payload["owner"], instance)
    status = "BIND" if payload["public"] else "UNBIND"
    settle(ctx, {"ids": [payload["id"]], "status": status, "task": payload["task"]})


@action
def release_addresses(ctx: Context, request: models.ReleaseAddressesRequest) -> dict[str, Any]:
    """Only unbound addresses go."""
    with ctx.store.lock:
        docs = [_unbound(ctx, eip_id) for eip_id in given(request)["AddressIds"]]
        for doc in docs:
            addresses.free_public(ctx.store, doc["AddressId"])
            drop(ctx, "eip", doc["AddressId"])
        return {"TaskId": _task(ctx, "SUCCESS")}


@action
def modify_address_attribute(ctx: Context, request: models.ModifyAddressAttributeRequest) -> None:
    """The name."""
    asked = given(request)
    with ctx.store.lock:
        doc = need(ctx, "eip", asked["AddressId"], "InvalidAddressId.NotFound")
        if "AddressName" in asked:
            check_name("AddressName", asked["AddressName"], 60, 0)
            ctx.store.put("eip", doc["AddressId"], {**doc, "AddressName": asked["AddressName"]})


@action
def modify_addresses_bandwidth(ctx: Context, request: models.ModifyAddressesBandwidthRequest) -> dict[str, Any]:
    """The bandwidth is recorded; the sandbox does not shape traffic."""
    asked = given(request)
    with ctx.store.lock:
        for eip_id in asked["AddressIds"]:
            doc = need(ctx, "eip", eip_id, "InvalidAddressId.NotFound")
            _check_charge(doc["InternetChargeType"], asked["InternetMaxBandwidthOut"])
            ctx.store.put("eip", eip_id, {**doc, "Bandwidth": asked["InternetMaxBandwidthOut"]})
        return {"TaskId": _task(ctx, "SUCCESS")}


@action
def modify_address_internet_charge_type(ctx: Context, request: models.ModifyAddressInternetChargeTypeRequest) -> None:
    """How traffic is charged, and the bandwidth with it."""
    asked = given(request)
    _check_charge(asked["InternetChargeType"], asked["InternetMaxBandwidthOut"])
    with ctx.store.lock:
        doc = need(ctx, "eip", asked["AddressId"], "InvalidAddressId.NotFound")
        doc |= {"InternetChargeType": asked["InternetChargeType"], "Bandwidth": asked["InternetMaxBandwidthOut"]}
        ctx.store.put("eip", doc["AddressId"], doc)
