"""Elastic addresses. Source: docs/sources.md, network."""

from collections.abc import Callable, Mapping
from typing import Any

from tencentcloud.vpc.v20170312 import models

from sandbox.api.actions import Context, action, task
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc, Store
from sandbox.services.params import check_name, check_one_of, given, public, stamp_utc, tag_set
from sandbox.services.vpc import addresses, hosts
from sandbox.services.vpc.kinds import EIP, TASK

QUOTA = 20
STEP_S = 0.2
"""How long an address is CREATING, BINDING or UNBINDING."""
CHARGE_TYPES = ("BANDWIDTH_POSTPAID_BY_HOUR", "TRAFFIC_POSTPAID_BY_HOUR")
NOT_SOLD = ("BANDWIDTH_PACKAGE", "BANDWIDTH_PREPAID_BY_MONTH")
"""Charge types of the cloud that the sandbox has not: it has no packages, and nothing in it is paid for in advance."""
MAX_MBPS = 100


def _check_charge(charge: str, mbps: int) -> None:
    if charge in NOT_SOLD:
        message = f"The sandbox sells no {charge} addresses; it has {' and '.join(CHARGE_TYPES)}."
        raise ApiError("UnsupportedOperation", message)
    check_one_of("InternetChargeType", charge, CHARGE_TYPES)
    if not 0 <= mbps <= MAX_MBPS:
        message = f"`InternetMaxBandwidthOut` {mbps} must be 0 to {MAX_MBPS} Mbps for {charge}."
        raise ApiError("InvalidParameterValue.BandwidthOutOfRange", message)


def _task(ctx: Context, result: str = "RUNNING") -> str:
    number = ctx.store.number("eip_task", 1001)
    TASK.create(ctx, {"TaskId": number, "Result": result})
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
        used = len(EIP.list(ctx))
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
                "BandwidthPackageId": "",
            }
            EIP.create(ctx, doc)
            made.append(eip_id)
        number = _task(ctx)
    ctx.later(STEP_S, "eip.settle", {"ids": made, "status": "UNBIND", "task": number}, key=made[0])
    return {"AddressSet": made, "TaskId": number}


@task("eip.settle")
def settle(ctx: Context, payload: dict[str, Any]) -> None:
    """End an address's transition: its status, and the task that waits for it."""
    with ctx.store.lock:
        for eip_id in payload["ids"]:
            doc = EIP.find(ctx, eip_id)
            if doc is not None:
                doc["AddressStatus"] = payload["status"]
                if payload["status"] == "UNBIND":
                    doc |= {"InstanceId": "", "InstanceType": "", "PrivateAddressIp": "", "NetworkInterfaceId": ""}
                EIP.save(ctx.store, doc)
        done = TASK.find(ctx, payload["task"])
        if done is not None:
            TASK.save(ctx.store, {**done, "Result": "SUCCESS"})


@action
def describe_task_result(ctx: Context, request: models.DescribeTaskResultRequest) -> dict[str, Any]:
    """RUNNING, SUCCESS or FAILED of an address task."""
    doc = TASK.need(ctx, str(given(request)["TaskId"]))
    return {"TaskId": doc["TaskId"], "Result": doc["Result"]}


_FILTERS: dict[str, str | Callable[[Mapping[str, Any]], Any]] = {
    "address-id": "AddressId",
    "address-name": "AddressName",
    "address-ip": "AddressIp",
    "address-status": "AddressStatus",
    "instance-id": "InstanceId",
    "private-ip-address": "PrivateAddressIp",
    "network-interface-id": "NetworkInterfaceId",
    "address-type": "AddressType",
    "business-type": lambda doc: "CDC" if doc.get("DedicatedClusterId") else "EIP",
}


@action
def describe_addresses(ctx: Context, request: models.DescribeAddressesRequest) -> dict[str, Any]:
    """Elastic addresses by ids or filters. An id that does not exist is left out: so a client sees that one is gone."""
    docs = EIP.pick(ctx, given(request).get("AddressIds"))
    docs = [public(doc) for doc in docs if matches(doc, request.Filters, _FILTERS)]
    return {"TotalCount": len(docs), "AddressSet": page(docs, request.Offset, request.Limit)}


@action
def describe_bandwidth_packages(ctx: Context, request: models.DescribeBandwidthPackagesRequest) -> dict[str, Any]:
    """None: the sandbox sells none. Clients ask for the package of every address."""
    return {"TotalCount": 0, "BandwidthPackageSet": []}


def _unbound(ctx: Context, eip_id: str) -> Doc:
    doc = EIP.need(ctx, eip_id)
    if doc["AddressStatus"] != "UNBIND":
        message = f"The address `{eip_id}` is {doc['AddressStatus']}, not UNBIND."
        raise ApiError("InvalidAddressIdStatus.NotPermit", message)
    return doc


def by_address(ctx: Context, ip: str) -> Doc:
    """The elastic address with this IP. Raises ApiError."""
    for doc in EIP.list(ctx):
        if doc["AddressIp"] == ip:
            return doc
    raise ApiError("UnsupportedOperation.PublicIpAddressIsNotExisted", f"There is no elastic address {ip} here.")


def bind(store: Store, eip_id: str, instance_id: str, kind: str) -> None:
    """Note at once that an address is held by a resource (NAT gateways take theirs this way)."""
    doc = store.get(EIP.name, eip_id)
    doc |= {"AddressStatus": "BIND", "InstanceId": instance_id, "InstanceType": kind}
    EIP.save(store, doc)


def unbind_one(store: Store, eip_id: str) -> None:
    """Note at once that nobody holds an address."""
    doc = store.get(EIP.name, eip_id)
    doc |= {"AddressStatus": "UNBIND", "InstanceId": "", "InstanceType": "", "PrivateAddressIp": ""}
    EIP.save(store, doc)


def unbind(store: Store, instance_id: str) -> None:
    """Give free every address that a resource holds."""
    for doc in EIP.all(store):
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
        if not legs or legs[0].region != ctx.region:
            raise ApiError("InvalidInstanceId.NotFound", f"There is no instance `{instance_id}` in {ctx.region}.")
        if legs[0].public:
            message = f"`{instance_id}` already has the public address {legs[0].public}."
            raise ApiError("InvalidInstanceId.AlreadyBindEip", message)
        doc |= {
            "AddressStatus": "BINDING",
            "InstanceId": instance_id,
            "InstanceType": legs[0].kind,
            "PrivateAddressIp": legs[0].private or "",
        }
        EIP.save(ctx.store, doc)
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
        doc = EIP.need(ctx, asked["AddressId"])
        if doc["AddressStatus"] != "BIND" or doc["InstanceType"] == "NAT":
            message = f"The address `{doc['AddressId']}` is {doc['AddressStatus']} ({doc['InstanceType'] or 'free'})."
            raise ApiError("InvalidAddressIdStatus.NotPermit", message)
        EIP.save(ctx.store, {**doc, "AddressStatus": "UNBINDING"})
        number = _task(ctx)
    payload = {"id": doc["AddressId"], "public": None, "owner": doc["InstanceId"], "task": number}
    ctx.later(STEP_S, "eip.leg", payload)
    return {"TaskId": number}


@task("eip.leg")
def change_leg(ctx: Context, payload: dict[str, Any]) -> None:
    """Give a resource's host its public leg, or take it, then settle the address."""
    hosts.change_public(ctx.store, payload["owner"], payload["public"])
    status = "BIND" if payload["public"] else "UNBIND"
    settle(ctx, {"ids": [payload["id"]], "status": status, "task": payload["task"]})


@action
def release_addresses(ctx: Context, request: models.ReleaseAddressesRequest) -> dict[str, Any]:
    """Only unbound addresses go."""
    with ctx.store.lock:
        docs = [_unbound(ctx, eip_id) for eip_id in given(request)["AddressIds"]]
        for doc in docs:
            addresses.free_public(ctx.store, doc["AddressId"])
            EIP.drop(ctx, doc["AddressId"])
        return {"TaskId": _task(ctx, "SUCCESS")}


@action
def modify_address_attribute(ctx: Context, request: models.ModifyAddressAttributeRequest) -> None:
    """The name."""
    asked = given(request)
    with ctx.store.lock:
        doc = EIP.need(ctx, asked["AddressId"])
        if "AddressName" in asked:
            check_name("AddressName", asked["AddressName"], 60, 0)
            EIP.save(ctx.store, {**doc, "AddressName": asked["AddressName"]})


@action
def modify_addresses_bandwidth(ctx: Context, request: models.ModifyAddressesBandwidthRequest) -> dict[str, Any]:
    """The bandwidth is recorded; the sandbox does not shape traffic."""
    asked = given(request)
    with ctx.store.lock:
        for eip_id in asked["AddressIds"]:
            doc = EIP.need(ctx, eip_id)
            _check_charge(doc["InternetChargeType"], asked["InternetMaxBandwidthOut"])
            EIP.save(ctx.store, {**doc, "Bandwidth": asked["InternetMaxBandwidthOut"]})
        return {"TaskId": _task(ctx, "SUCCESS")}


@action
def modify_address_internet_charge_type(ctx: Context, request: models.ModifyAddressInternetChargeTypeRequest) -> None:
    """How traffic is charged, and the bandwidth with it."""
    asked = given(request)
    _check_charge(asked["InternetChargeType"], asked["InternetMaxBandwidthOut"])
    with ctx.store.lock:
        doc = EIP.need(ctx, asked["AddressId"])
        doc |= {"InternetChargeType": asked["InternetChargeType"], "Bandwidth": asked["InternetMaxBandwidthOut"]}
        EIP.save(ctx.store, doc)
