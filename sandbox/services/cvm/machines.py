"""Instances as other services make and end them: run, and what happens on the data plane afterwards."""

import base64
import binascii
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any

from sandbox.api import instance_metadata, restoring
from sandbox.api.actions import Context, Order, restores, task
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc, Store
from sandbox.services import plane
from sandbox.services.clb import targets
from sandbox.services.cvm.catalogue import check_image, check_place, check_size
from sandbox.services.cvm.kinds import INSTANCE
from sandbox.services.cvm.offers import GATEWAY_IMAGE, IMAGES, SIZES
from sandbox.services.params import stamp_utc, tag_set
from sandbox.services.vpc import addresses, eips, hosts
from sandbox.services.vpc.kinds import SECURITY_GROUP, SUBNET, VPC
from sandbox.substrate import specs
from sandbox.substrate.errors import SubstrateError

USER_DATA_LIMIT = 16 * 1024
GROUPS_PER_INSTANCE = 5
"""Source: catalogue section 9."""


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What an instance is asked to be. `user_data` is base64 text; `private_ip` None: the subnet's next free one."""

    image_id: str
    size: str
    zone: str
    vpc_id: str
    subnet_id: str
    name: str = ""
    hostname: str = ""
    group_ids: tuple[str, ...] = ()
    user_data: str = ""
    role: str = ""
    private_ip: str | None = None
    public_ip: bool = False
    bandwidth: int = 0
    scaling_group: str | None = None
    tags: tuple[dict[str, Any], ...] = ()
    extra: dict[str, Any] = field(default_factory=dict[str, Any])
    """More fields of the instance's document, such as SystemDisk."""


def decode_user_data(text: str) -> bytes:
    """The user data of a request. Raises ApiError when it is no base64 or above 16 KB."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ApiError("InvalidParameterValue.InvalidUserDataFormat", "`UserData` is not base64.") from None
    if len(data) > USER_DATA_LIMIT:
        message = f"`UserData` has {len(data)} bytes decoded; allowed are {USER_DATA_LIMIT}."
        raise ApiError("InvalidParameterValue.TooLong", message)
    return data


def check_groups(ctx: Context, group_ids: tuple[str, ...]) -> None:
    """Raise ApiError unless all security groups exist here and there are at most 5."""
    if len(group_ids) > GROUPS_PER_INSTANCE:
        message = f"An instance takes {GROUPS_PER_INSTANCE} security groups, given were {len(group_ids)}."
        raise ApiError("LimitExceeded.InstancesSecurityGroups", message)
    for group_id in group_ids:
        SECURITY_GROUP.need(ctx, group_id, "InvalidSecurityGroupId.NotFound")


def check(ctx: Context, launch: Launch) -> Doc:
    """Raise ApiError for what can be known before a launch. Returns the subnet."""
    check_place(ctx.region, launch.zone)
    check_size(launch.size)
    check_image(launch.image_id)
    VPC.need(ctx, launch.vpc_id, "InvalidVpcId.NotFound")
    subnet = SUBNET.need(ctx, launch.subnet_id, "InvalidSubnetId.NotFound")
    if subnet["VpcId"] != launch.vpc_id:
        message = f"The subnet `{launch.subnet_id}` is not in `{launch.vpc_id}`."
        raise ApiError("InvalidParameterCombination", message)
    if subnet["Zone"] != launch.zone:
        message = f"The subnet `{launch.subnet_id}` is in {subnet['Zone']}, not in {launch.zone}."
        raise ApiError("InvalidParameterValue.SubnetZoneMismatch", message)
    check_groups(ctx, launch.group_ids)
    decode_user_data(launch.user_data)
    if launch.image_id != GATEWAY_IMAGE:
        message = f"The sandbox has a root file system for `{GATEWAY_IMAGE}` only, not for `{launch.image_id}`."
        raise ApiError("InvalidImageId.IncorrectState", message)
    return subnet


def run(ctx: Context, launch: Launch) -> str:
    """Start making an instance, PENDING and then RUNNING (or LAUNCH_FAILED and gone). Returns its id."""
    check(ctx, launch)
    instance_id = ctx.store.new_id("ins")
    with ctx.store.lock:
        address = addresses.take_private(ctx.store, launch.subnet_id, instance_id, launch.private_ip)
        public = addresses.take_public(ctx.store, ctx.region, instance_id) if launch.public_ip else None
        doc = _document(ctx, launch, instance_id, str(address))
        doc["PublicIpAddresses"] = [str(public)] if public else []
        INSTANCE.create(ctx, doc)
    ctx.later(0.1, "cvm.start", {"id": instance_id})
    return instance_id


def _document(ctx: Context, launch: Launch, instance_id: str, address: str) -> Doc:
    size = SIZES[launch.size]
    return {
        "Placement": {"Zone": launch.zone, "ProjectId": 0},
        "InstanceId": instance_id,
        "InstanceType": launch.size,
        "CPU": size.cpu,
        "Memory": size.memory,
        "RestrictState": "NORMAL",
        "InstanceName": launch.name or "Unnamed",
        "InstanceChargeType": "POSTPAID_BY_HOUR",
        "PrivateIpAddresses": [address],
        "InternetAccessible": {
            "InternetChargeType": "TRAFFIC_POSTPAID_BY_HOUR",
            "InternetMaxBandwidthOut": launch.bandwidth,
        },
        "VirtualPrivateCloud": {"VpcId": launch.vpc_id, "SubnetId": launch.subnet_id, "AsVpcGateway": False},
        "ImageId": launch.image_id,
        "RenewFlag": None,
        "CreatedTime": stamp_utc(ctx),
        "ExpiredTime": None,
        "OsName": IMAGES[launch.image_id].os_name,
        "SecurityGroupIds": list(launch.group_ids),
        "InstanceState": "PENDING",
        "Tags": tag_set(launch.tags),
        "StopChargingMode": "NOT_APPLICABLE",
        "Uuid": str(uuid.uuid4()),
        "LatestOperation": "RunInstances",
        "LatestOperationState": "OPERATING",
        "LatestOperationRequestId": ctx.request_id,
        "CamRoleName": launch.role,
        "DisableApiTermination": False,
        "HostName": launch.hostname or f"vm-{address.replace('.', '-')}",
        **launch.extra,
        "_router": hosts.router_name(launch.vpc_id),
        "_host": instance_id.lower(),
        "_user_data": launch.user_data,
        "_mac": "52:54:00:" + secrets.token_bytes(3).hex(":"),
        "_scaling_group": launch.scaling_group,
    }


@task("cvm.start")
def start(ctx: Context, payload: dict[str, Any]) -> None:
    """Give the instance its place on the network and boot it."""
    doc = INSTANCE.anywhere(ctx.store, payload["id"])
    if doc is None or doc["InstanceState"] != "PENDING":
        return
    try:
        _boot(ctx, doc)
    except SubstrateError as failure:
        _set_state(ctx, doc["InstanceId"], "LAUNCH_FAILED", str(failure))
        ctx.later(2, "cvm.remove", {"id": doc["InstanceId"]})
        return
    _set_state(ctx, doc["InstanceId"], "RUNNING")


def _boot(ctx: Context, doc: Doc) -> None:
    cloud = doc["VirtualPrivateCloud"]
    hosts.connect(
        ctx.store,
        hosts.Connection(
            name=doc["_host"],
            kind="CVM",
            owner=doc["InstanceId"],
            region=ctx.region,
            vpc_id=cloud["VpcId"],
            subnet_id=cloud["SubnetId"],
            private=doc["PrivateIpAddresses"][0],
            public=next(iter(doc["PublicIpAddresses"]), None),
            groups=tuple(doc["SecurityGroupIds"]),
            trusts_balancers=True,
        ),
    )
    plane.current().ensure(
        specs.Machine(
            name=doc["_host"],
            host=doc["_host"],
            image=doc["ImageId"],
            hostname=doc["HostName"],
            instance_id=doc["InstanceId"],
            user_data=base64.b64decode(doc["_user_data"]),
        )
    )


@restores(Order.SERVERS)
def restore(ctx: Context) -> None:
    """Machines that run boot again, each from its own disk; one that ended while nobody looked stays ended."""

    def stand(here: Context, doc: Doc) -> None:
        if doc["InstanceState"] == "RUNNING":
            _boot(here, doc)

    restoring.each(ctx, INSTANCE, stand)


@instance_metadata.instances_are_found_by
def find_by_address(store: Store, router: str, address: str) -> tuple[Doc, str] | None:
    """The instance that has an address behind a router, and its region."""
    for doc in INSTANCE.all(store):
        if doc["_router"] == router and address in doc["PrivateIpAddresses"]:
            return doc, INSTANCE.region(store, doc["InstanceId"])
    return None


@hosts.told_of_public
def _keep_public(store: Store, owner: str, public: str | None) -> None:
    with store.lock:
        doc = INSTANCE.anywhere(store, owner)
        if doc is not None:
            INSTANCE.save(store, {**doc, "PublicIpAddresses": [public] if public else []})


def _set_state(ctx: Context, instance_id: str, state: str, error: str = "") -> None:
    with ctx.store.lock:
        doc = INSTANCE.anywhere(ctx.store, instance_id)
        if doc is not None and doc["InstanceState"] != "TERMINATING":
            outcome = "FAILED" if error else "SUCCESS"
            doc |= {"InstanceState": state, "LatestOperationState": outcome, "LatestOperationErrorMsg": error}
            INSTANCE.save(ctx.store, doc)


def terminate(ctx: Context, instance_id: str) -> None:
    """Start ending an instance; it is gone soon after. Accepts one that is already gone."""
    with ctx.store.lock:
        doc = INSTANCE.anywhere(ctx.store, instance_id)
        if doc is None or doc["InstanceState"] == "TERMINATING":
            return
        doc |= {"InstanceState": "TERMINATING", "LatestOperation": "TerminateInstances"}
        INSTANCE.save(ctx.store, doc)
    ctx.later(0.1, "cvm.remove", {"id": instance_id})


@task("cvm.remove")
def remove(ctx: Context, payload: dict[str, Any]) -> None:
    """Take an instance off the data plane and give back what it had."""
    doc = INSTANCE.anywhere(ctx.store, payload["id"])
    if doc is None:
        return
    targets.forget_instance(ctx.store, payload["id"])
    plane.current().remove(specs.Machine, doc["_host"])
    hosts.disconnect(ctx.store, doc["_host"])
    addresses.free_private(ctx.store, payload["id"])
    addresses.free_public(ctx.store, payload["id"])
    with ctx.store.lock:
        eips.unbind(ctx.store, payload["id"])
        INSTANCE.drop(ctx, payload["id"])
