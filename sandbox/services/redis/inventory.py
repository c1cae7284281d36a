"""The documents of Redis instances, their tasks, and what they mean for the data plane.

Kind `redis.instance` (models.InstanceSet); private keys: `_region`, `_password`, `_groups`, `_vip` (its address in the
subnet), `_nodes` ([{host, private, zone}], the primary of the first start in front), `_parameters`.
"""

import re
from ipaddress import IPv4Address
from typing import Any

from tencentcloud.redis.v20180412 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc, Store
from sandbox.services import plane
from sandbox.services.params import character_classes, given, in_region, stamp
from sandbox.services.vpc import addresses, hosts
from sandbox.substrate import specs

KIND, TASK = "redis.instance", "redis.task"
INIT, RUNNING, ONLINE, ISOLATED, DELETING = 0, 1, 2, -2, -3
MISSING = "ResourceNotFound.InstanceNotExists"
SETTLE_S = 0.5
"""How long an instance is processing after its data plane is as it should be."""


def instance(ctx: Context, instance_id: str) -> Doc:
    """The instance in this region. Raises ResourceNotFound.InstanceNotExists."""
    doc = in_region(ctx, KIND, instance_id)
    if doc is None:
        raise ApiError(MISSING, f"The Redis instance `{instance_id}` does not exist in {ctx.region}.")
    return doc


def online(ctx: Context, instance_id: str) -> Doc:
    """The instance, if nothing is being done with it. Raises ResourceUnavailable.InstanceLockedError."""
    doc = instance(ctx, instance_id)
    if doc["Status"] != ONLINE:
        message = f"The Redis instance `{instance_id}` has the status {doc['Status']}, not {ONLINE} (running)."
        raise ApiError("ResourceUnavailable.InstanceLockedError", message)
    return doc


def begin_task(ctx: Context, instance_id: str, kind: str) -> int:
    """A running task that DescribeTaskInfo shows."""
    number = ctx.store.number("redis_task", 10001)
    doc: Doc = {
        "TaskId": number,
        "Status": "running",
        "StartTime": stamp(ctx),
        "TaskType": kind,
        "InstanceId": instance_id,
        "TaskMessage": "",
    }
    ctx.store.put(TASK, str(number), doc, ctx.region)
    return number


def end_task(store: Store, number: int, error: str = "") -> None:
    """The task succeeded or, with an error, failed."""
    doc = store.find(TASK, str(number))
    if doc is not None:
        store.put(TASK, str(number), {**doc, "Status": "failed" if error else "succeed", "TaskMessage": error})


@action
def describe_task_info(ctx: Context, request: models.DescribeTaskInfoRequest) -> dict[str, Any]:
    """running, succeed or failed."""
    number = given(request)["TaskId"]
    doc = in_region(ctx, TASK, str(number))
    if doc is None:
        raise ApiError("ResourceNotFound", f"There is no task `{number}`.")
    return {key: value for key, value in doc.items() if key != "TaskId"}


def check_password(password: str, shortest: int = 8, longest: int = 64) -> None:
    """Length, two of four classes, no leading slash, no characters outside printable ASCII."""
    fits = shortest <= len(password) <= longest and character_classes(password) >= 2
    if not fits or password.startswith("/") or not re.fullmatch(r"[!-~]+", password):
        message = (
            f"The password must have {shortest} to {longest} characters of at least two of: lower case, upper case, "
            "digits, others; and must not begin with `/`."
        )
        raise ApiError("InvalidParameterValue.PasswordRuleError", message)


def place_nodes(store: Store, doc: Doc, count: int) -> None:
    """Have exactly `count` nodes with addresses in the instance's subnet; put the change into the document."""
    nodes: list[dict[str, Any]] = doc["_nodes"]
    zone_ids = [each["ZoneId"] for each in sorted(doc["NodeSet"], key=lambda each: each["NodeType"])]
    taken = {node["host"] for node in nodes}
    while len(nodes) > count:
        gone = nodes.pop()
        addresses.free_private(store, gone["host"])
        doc["_gone"] = [*doc.get("_gone", []), gone["host"]]
    for number in range(count * 2):
        host = f"{doc['InstanceId']}-{number}"
        if len(nodes) < count and host not in taken:
            private = addresses.take_private(store, doc["UniqSubnetId"], host)
            nodes.append({"host": host, "private": str(private)})
    for node, zone_id in zip(nodes, zone_ids, strict=False):
        node["zone"] = zone_id


def bring_up(store: Store, instance_id: str) -> None:
    """Hosts, servers and the moving address as the document says. Raises SubstrateError."""
    doc = store.get(KIND, instance_id)
    for node in doc["_nodes"]:
        hosts.connect(
            store,
            hosts.Connection(
                name=node["host"],
                kind="Redis",
                owner=instance_id,
                region=doc["_region"],
                vpc_id=doc["UniqVpcId"],
                subnet_id=doc["UniqSubnetId"],
                private=node["private"],
                groups=tuple(doc["_groups"]),
                open=True,
                trusts_peers=True,
            ),
        )
    plane.current().ensure(
        specs.Cache(
            name=instance_id,
            hosts=tuple(node["host"] for node in doc["_nodes"]),
            subnet=doc["UniqSubnetId"],
            address=IPv4Address(doc["_vip"]),
            port=doc["Port"],
            password=None if doc["NoAuth"] else doc["_password"],
            max_memory_bytes=int(doc["RedisShardSize"]) * int(doc["RedisShardNum"]) * 1024 * 1024,
            parameters=doc["_parameters"],
        )
    )
    for name in doc.get("_gone", []):
        hosts.disconnect(store, name)


def take_down(store: Store, doc: Doc) -> None:
    """Servers and hosts gone, addresses free."""
    plane.current().remove(specs.Cache, doc["InstanceId"])
    for node in doc["_nodes"]:
        hosts.disconnect(store, node["host"])
        addresses.free_private(store, node["host"])
    addresses.free_private(store, doc["InstanceId"])
