"""Redis instances: made, listed, destroyed. Source: docs/sources.md, Redis."""

import logging
from typing import Any

from tencentcloud.redis.v20180412 import models

from sandbox.api.actions import Context, action, task
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services import plane
from sandbox.services.params import check_name, create, drop, given, in_region, listed, need, public, stamp, tag_set
from sandbox.services.places import zone_name, zone_number, zones
from sandbox.services.redis import inventory, parameters
from sandbox.services.redis.inventory import DELETING, INIT, ISOLATED, KIND, ONLINE, RUNNING, SETTLE_S
from sandbox.services.redis.offers import REPLICAS, SMALL_IN, TYPES, Type, region_number
from sandbox.services.vpc import addresses
from sandbox.substrate import specs
from sandbox.substrate.errors import SubstrateError

log = logging.getLogger(__name__)
ATTEMPTS = 3
"""How often starting the servers is tried."""
RECYCLE_DAYS = 3
"""How long a destroyed pay-as-you-go instance stays in the recycle bin. Source: facts section 5 (from memory there)."""
STATUS_NAMES = {INIT: "creating", RUNNING: "processing", ONLINE: "online", ISOLATED: "isolated", DELETING: "deleting"}


def check_size(region: str, zone: str, kind: Type, memory: int, shards: int, replicas: int) -> None:
    """Raise ApiError for a size that the zone does not sell."""
    small = int(zone.rpartition("-")[2]) in SMALL_IN[region]
    sizes = [size for size in kind.memories if size >= 1024 or small]
    if memory not in sizes:
        message = f"`MemSize` {memory} MB per shard is not on sale for {kind.name} in {zone}: {sizes}."
        raise ApiError("InvalidParameterValue.MemSizeNotInRange", message)
    if shards not in kind.shards:
        message = f"`RedisShardNum` {shards} is not on sale for {kind.name}: {list(kind.shards)}."
        raise ApiError("InvalidParameterValue.SpecNotExist", message)
    if replicas not in REPLICAS:
        message = f"`RedisReplicasNum` {replicas} is not on sale: {list(REPLICAS)}."
        raise ApiError("InvalidParameterValue.SpecNotExist", message)


def _zone(ctx: Context, asked: dict[str, Any]) -> str:
    zone = asked.get("ZoneName") or zone_name(asked.get("ZoneId", 0))
    if zone not in zones(ctx.region):
        message = f"Redis is not on sale in the zone `{zone}`; in {ctx.region} it is in {', '.join(zones(ctx.region))}."
        raise ApiError("ResourceUnavailable.NoServiceAvailableForThisZoneId", message)
    return zone


def _nodes(ctx: Context, asked: dict[str, Any], zone: str, replicas: int) -> list[dict[str, Any]]:
    """NodeSet with ids; without one all nodes are in the instance's zone."""
    wanted: list[dict[str, Any]] = asked.get("NodeSet") or [
        {"NodeType": 0 if index == 0 else 1} for index in range(replicas + 1)
    ]
    if sum(1 for node in wanted if node["NodeType"] == 0) != 1 or len(wanted) != replicas + 1:
        message = f"`NodeSet` must have one master (NodeType 0) and {replicas} replicas (NodeType 1)."
        raise ApiError("InvalidParameterValue.ReplicationGroupNotExists", message)
    made: list[dict[str, Any]] = []
    for node in wanted:
        named = node.get("ZoneName") or zone_name(node.get("ZoneId", zone_number(zone)))
        if named not in zones(ctx.region):
            message = f"The node zone `{named}` is not on sale in {ctx.region}."
            raise ApiError("ResourceUnavailable.NoServiceAvailableForThisZoneId", message)
        number = ctx.store.number("redis_node", 1000)
        made.append({"NodeType": node["NodeType"], "NodeId": number, "ZoneId": zone_number(named), "ZoneName": named})
    return made


def _check_network(ctx: Context, asked: dict[str, Any]) -> None:
    if not asked.get("VpcId") or not asked.get("SubnetId"):
        raise ApiError("InvalidParameter.OnlyVPCOnSpecZoneId", "Redis needs `VpcId` and `SubnetId`.")
    need(ctx, "vpc", asked["VpcId"], "InvalidParameterValue.UnVpcIdNotExists")
    subnet = need(ctx, "subnet", asked["SubnetId"], "InvalidParameterValue.InvalidSubnetId")
    if subnet["VpcId"] != asked["VpcId"]:
        message = f"The subnet `{asked['SubnetId']}` is not in `{asked['VpcId']}`."
        raise ApiError("InvalidParameterValue.InvalidSubnetId", message)
    for group_id in asked.get("SecurityGroupIdList", []):
        need(ctx, "security_group", group_id, "InvalidParameterValue.SecurityGroupIdsNotExists")
    if not 1024 <= asked.get("VPort", 6379) <= 65535:
        raise ApiError("InvalidParameterValue", f"`VPort` {asked['VPort']} must be 1024 to 65535.")


def _check_access(asked: dict[str, Any]) -> None:
    if asked.get("NoAuth"):
        if asked.get("Password"):
            raise ApiError("InvalidParameterValue", "`NoAuth` and `Password` exclude each other.")
    elif not asked.get("Password"):
        raise ApiError("InvalidParameterValue.PasswordEmpty", "`Password` is needed unless `NoAuth` is true.")
    else:
        inventory.check_password(asked["Password"])


@action
def create_instances(ctx: Context, request: models.CreateInstancesRequest) -> dict[str, Any]:
    """Instances, 0 (creating), 1 (processing) and then 2 (online)."""
    asked = given(request)
    zone = _zone(ctx, asked)
    kind = TYPES.get(asked["TypeId"])
    if kind is None:
        message = f"`TypeId` {asked['TypeId']} is sold out or unknown; on sale: {sorted(TYPES)}."
        raise ApiError("InvalidParameterValue.SpecNotExist", message)
    shards, replicas = asked.get("RedisShardNum", 1), asked.get("RedisReplicasNum", 1)
    check_size(ctx.region, zone, kind, asked["MemSize"], shards, replicas)
    if asked.get("BillingMode", 0) != 0:
        raise ApiError("FailedOperation.PayFailed", "The sandbox has no prepaid instances: set `BillingMode` to 0.")
    _check_network(ctx, asked)
    _check_access(asked)
    if not 1 <= asked.get("GoodsNum", 1) <= 10:
        raise ApiError("LimitExceeded.InvalidParameterGoodsNumNotInRange", "`GoodsNum` must be 1 to 10.")
    if asked.get("DryRun"):
        return {"DealId": "", "InstanceIds": []}
    with ctx.store.lock:
        made = [_create(ctx, asked, kind, zone) for _ in range(asked.get("GoodsNum", 1))]
    for instance_id in made:
        ctx.later(0.1, "redis.start", {"id": instance_id})
    return {"DealId": str(ctx.store.number("redis_deal", 100001)), "InstanceIds": made}


def _create(ctx: Context, asked: dict[str, Any], kind: Type, zone: str) -> str:
    instance_id = ctx.store.new_id("crs")
    check_name("InstanceName", asked.get("InstanceName", instance_id))
    replicas, shards = asked.get("RedisReplicasNum", 1), asked.get("RedisShardNum", 1)
    doc: Doc = {
        "InstanceName": asked.get("InstanceName", instance_id),
        "InstanceId": instance_id,
        "Appid": ctx.account.app_id,
        "ProjectId": asked.get("ProjectId", 0),
        "RegionId": region_number(ctx.region),
        "ZoneId": zone_number(zone),
        "Status": INIT,
        "WanIp": "",
        "Port": asked.get("VPort", 6379),
        "Createtime": stamp(ctx),
        "Size": float(asked["MemSize"] * shards),
        "SizeUsed": 0,
        "Type": kind.id,
        "AutoRenewFlag": 0,
        "DeadlineTime": "0000-00-00 00:00:00",
        "Engine": kind.engine,
        "ProductType": "cluster" if kind.cluster else "standalone",
        "UniqVpcId": asked["VpcId"],
        "UniqSubnetId": asked["SubnetId"],
        "BillingMode": 0,
        "InstanceTitle": "creating",
        "RedisShardSize": asked["MemSize"],
        "RedisShardNum": shards,
        "RedisReplicasNum": replicas,
        "SlaveReadWeight": 100 if asked.get("ReplicasReadonly") else 0,
        "InstanceTags": tag_set(asked.get("ResourceTags")),
        "NoAuth": bool(asked.get("NoAuth")),
        "PasswordFree": 1 if asked.get("NoAuth") else 0,
        "ClientLimit": 10000,
        "NetLimit": 128,
        "NodeSet": _nodes(ctx, asked, zone, replicas),
        "Region": ctx.region,
        "WanAddress": "",
        "ProductVersion": asked.get("ProductVersion", "local"),
        "RedisClusterId": "",
        "DedicatedClusterId": "",
        "CurrentRedisVersion": kind.version,
        "DeleteProtectionSwitch": 1,
        "_region": ctx.region,
        "_password": asked.get("Password"),
        "_groups": asked.get("SecurityGroupIdList", []),
        "_vip": "",
        "_nodes": [],
        "_parameters": parameters.of_template(ctx, asked.get("TemplateId")),
    }
    vip = addresses.take_private(ctx.store, asked["SubnetId"], instance_id)
    doc["WanIp"] = doc["_vip"] = str(vip)
    inventory.place_nodes(ctx.store, doc, replicas + 1)
    create(ctx, KIND, instance_id, doc)
    return instance_id


@task("redis.start")
def start(ctx: Context, payload: dict[str, Any]) -> None:
    """Start the servers; the instance is online a moment later.

    When that fails again and again, a new instance ends in the recycle bin and a change fails its task.
    """
    set_status(ctx, payload["id"], RUNNING)
    if ctx.store.find(KIND, payload["id"]) is None:
        return
    try:
        inventory.bring_up(ctx.store, payload["id"])
    except SubstrateError as error:
        attempt = payload.get("attempt", 1)
        log.warning("%s: attempt %d: %s", payload["id"], attempt, error)
        if attempt < ATTEMPTS:
            ctx.later(1.0, "redis.start", {**payload, "attempt": attempt + 1})
        elif payload.get("task"):
            set_status(ctx, payload["id"], ONLINE)
            inventory.end_task(ctx.store, payload["task"], str(error))
        else:
            set_status(ctx, payload["id"], ISOLATED)
        return
    ctx.later(SETTLE_S, "redis.online", {"id": payload["id"], "task": payload.get("task")})


@task("redis.online")
def go_online(ctx: Context, payload: dict[str, Any]) -> None:
    """What was under way is done."""
    set_status(ctx, payload["id"], ONLINE)
    if payload.get("task"):
        inventory.end_task(ctx.store, payload["task"])


def set_status(ctx: Context, instance_id: str, status: int) -> None:
    """Change the status of an instance, unless it is gone."""
    with ctx.store.lock:
        doc = ctx.store.find(KIND, instance_id)
        if doc is not None:
            ctx.store.put(KIND, instance_id, {**doc, "Status": status, "InstanceTitle": STATUS_NAMES[status]})


def _wanted(doc: Doc, asked: dict[str, Any]) -> bool:
    one = {"InstanceId": "InstanceId", "InstanceName": "InstanceName", "Type": "Type"}
    many = {
        "InstanceIds": "InstanceId",
        "UniqVpcIds": "UniqVpcId",
        "UniqSubnetIds": "UniqSubnetId",
        "VpcIds": "UniqVpcId",
        "SubnetIds": "UniqSubnetId",
        "ProjectIds": "ProjectId",
        "Status": "Status",
        "RegionIds": "RegionId",
        "TypeList": "Type",
    }
    if "SearchKey" in asked and asked["SearchKey"] not in (doc["InstanceId"], doc["InstanceName"], doc["WanIp"]):
        return False
    return all(doc[key] == asked[name] for name, key in one.items() if name in asked) and all(
        doc[key] in asked[name] for name, key in many.items() if asked.get(name)
    )


@action
def describe_instances(ctx: Context, request: models.DescribeInstancesRequest) -> dict[str, Any]:
    """Instances by any of these filters; those in the recycle bin are listed with status -2."""
    asked = given(request)
    docs = [public(doc) for doc in listed(ctx, KIND, "InstanceId") if _wanted(doc, asked)]
    return {"TotalCount": len(docs), "InstanceSet": page(docs, asked.get("Offset"), asked.get("Limit"), 20, 1000)}


@action
def describe_instance_deal_detail(ctx: Context, request: models.DescribeInstanceDealDetailRequest) -> dict[str, Any]:
    """Deals are settled when they are made."""
    return {"DealDetails": []}


@action
def destroy_postpaid_instance(ctx: Context, request: models.DestroyPostpaidInstanceRequest) -> dict[str, Any]:
    """Into the recycle bin: servers stop, address and security groups stay taken until it is cleaned up."""
    with ctx.store.lock:
        doc = inventory.online(ctx, given(request)["InstanceId"])
        number = inventory.begin_task(ctx, doc["InstanceId"], "040_destroy")
        ctx.store.put(KIND, doc["InstanceId"], {**doc, "Status": RUNNING, "InstanceTitle": "processing"})
    ctx.later(0.2, "redis.isolate", {"id": doc["InstanceId"], "task": number})
    return {"TaskId": number}


@task("redis.isolate")
def isolate(ctx: Context, payload: dict[str, Any]) -> None:
    """Stop the servers; in days the instance is gone for good."""
    plane.current().remove(specs.Cache, payload["id"])
    set_status(ctx, payload["id"], ISOLATED)
    inventory.end_task(ctx.store, payload["task"])
    ctx.later(RECYCLE_DAYS * 86400, "redis.clean", {"id": payload["id"], "task": None})


@action
def clean_up_instance(ctx: Context, request: models.CleanUpInstanceRequest) -> dict[str, Any]:
    """Out of the recycle bin and gone."""
    with ctx.store.lock:
        doc = inventory.instance(ctx, given(request)["InstanceId"])
        if doc["Status"] != ISOLATED:
            message = f"The Redis instance `{doc['InstanceId']}` is not in the recycle bin."
            raise ApiError("ResourceUnavailable.InstanceStatusAbnormal", message)
        number = inventory.begin_task(ctx, doc["InstanceId"], "041_clean")
        ctx.store.put(KIND, doc["InstanceId"], {**doc, "Status": DELETING, "InstanceTitle": "deleting"})
    ctx.later(0.2, "redis.clean", {"id": doc["InstanceId"], "task": number})
    return {"TaskId": number}


@task("redis.clean")
def clean(ctx: Context, payload: dict[str, Any]) -> None:
    """Give everything back. An instance that was taken out of the bin again stays."""
    doc = ctx.store.find(KIND, payload["id"])
    if doc is not None and doc["Status"] in (ISOLATED, DELETING):
        inventory.take_down(ctx.store, doc)
        drop(ctx, KIND, payload["id"])
    if payload["task"]:
        inventory.end_task(ctx.store, payload["task"])


@action
def startup_instance(ctx: Context, request: models.StartupInstanceRequest) -> dict[str, Any]:
    """Back from the recycle bin, empty."""
    instance_id = given(request)["InstanceId"]
    with ctx.store.lock:
        doc = inventory.instance(ctx, instance_id)
        if doc["Status"] != ISOLATED:
            message = f"The Redis instance `{instance_id}` is not in the recycle bin."
            raise ApiError("ResourceUnavailable.InstanceStatusAbnormal", message)
        number = inventory.begin_task(ctx, instance_id, "042_startup")
    ctx.later(0.1, "redis.start", {"id": instance_id, "task": number})
    return {"TaskId": number}


def find(ctx: Context, instance_id: str) -> Doc | None:
    """The instance in this region, or None."""
    return in_region(ctx, KIND, instance_id)
