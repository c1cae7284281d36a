"""Redis instances: made, listed, destroyed. Source: docs/fidelity/redis.md."""

from typing import Any

from tencentcloud.redis.v20180412 import models

from sandbox.api.actions import Context, action, task
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services.params import Params, check_name, given, public, stamp
from sandbox.services.places import zone_name, zone_number, zones
from sandbox.services.redis import inventory, parameters
from sandbox.services.redis.kinds import (
    DELETING,
    INIT,
    INSTANCES,
    ISOLATED,
    ONLINE,
    RUNNING,
    TITLES,
    end_task,
    online,
    process,
    recycled,
    set_status,
)
from sandbox.services.redis.offers import REPLICAS, SMALL_IN, TYPES, Type, region_number
from sandbox.services.vpc import addresses
from sandbox.services.vpc.kinds import SECURITY_GROUP, SUBNET, VPC

ATTEMPTS = 3
"""How often starting the servers is tried."""
SETTLE_S = 0.5
"""How long an instance is processing after its data plane is as it should be."""
RECYCLE_S = 3 * 86400
"""How long a destroyed pay-as-you-go instance stays in the recycle bin. Source: docs/sources.md, Redis."""


def check_size(region: str, zone: str, kind: Type, memory: int, shards: int, replicas: int) -> None:
    """Raise ApiError for a size that the zone does not sell."""
    small = int(zone.rpartition("-")[2]) in SMALL_IN[region]
    sizes = [size for size in kind.memories if size >= 1024 or small]
    if memory not in sizes:
        message = f"`MemSize` {memory} MB per shard is not on sale for {kind.name} in {zone}: {sizes}."
        raise ApiError("LimitExceeded.InvalidMemSize", message)
    if shards not in kind.shards:
        message = f"`RedisShardNum` {shards} is not on sale for {kind.name}: {list(kind.shards)}."
        raise ApiError("InvalidParameterValue.SpecNotExist", message)
    if replicas not in REPLICAS:
        message = f"`RedisReplicasNum` {replicas} is not on sale: {list(REPLICAS)}."
        raise ApiError("InvalidParameterValue.SpecNotExist", message)


def check_port(port: int) -> None:
    """Raise ApiError for a port that no instance can have."""
    if not 1024 <= port <= 65535:
        raise ApiError("InvalidParameterValue", f"`VPort` {port} must be 1024 to 65535.")


def node(ctx: Context, node_type: int, zone: str) -> dict[str, Any]:
    """A new node of NodeSet. node_type: 0 master, 1 replica."""
    number = ctx.store.number("redis_node", 1000)
    return {"NodeType": node_type, "NodeId": number, "ZoneId": zone_number(zone), "ZoneName": zone}


def _zone(ctx: Context, asked: Params, default: str | None = None) -> str:
    zone = asked.get("ZoneName") or zone_name(asked.get("ZoneId", 0)) or default
    if zone not in zones(ctx.region):
        message = f"Redis is not on sale in the zone `{zone}`; in {ctx.region} it is in {', '.join(zones(ctx.region))}."
        raise ApiError("ResourceUnavailable.NoRedisService", message)
    return zone


def _nodes(ctx: Context, asked: Params, zone: str) -> list[dict[str, Any]]:
    """NodeSet with ids; without one all nodes are in the instance's zone."""
    replicas = asked.get("RedisReplicasNum", 1)
    named: list[Params] = asked.get("NodeSet") or [Params(NodeType=min(index, 1)) for index in range(replicas + 1)]
    if [each["NodeType"] for each in named].count(0) != 1 or len(named) != replicas + 1:
        message = f"`NodeSet` must have one master (NodeType 0) and {replicas} replicas (NodeType 1)."
        raise ApiError("InvalidParameterValue.ReplicationGroupNotExists", message)
    return [node(ctx, each["NodeType"], _zone(ctx, each, zone)) for each in named]


def _check_network(ctx: Context, asked: Params) -> None:
    if not asked.get("VpcId") or not asked.get("SubnetId"):
        raise ApiError("InvalidParameter.OnlyVPCOnSpecZoneId", "Redis needs `VpcId` and `SubnetId`.")
    VPC.need(ctx, asked["VpcId"], "InvalidParameterValue.UnVpcIdNotExists")
    subnet = SUBNET.need(ctx, asked["SubnetId"], "InvalidParameterValue.InvalidSubnetId")
    if subnet["VpcId"] != asked["VpcId"]:
        message = f"The subnet `{asked['SubnetId']}` is not in `{asked['VpcId']}`."
        raise ApiError("InvalidParameterValue.InvalidSubnetId", message)
    for group_id in asked.get("SecurityGroupIdList", []):
        SECURITY_GROUP.need(ctx, group_id, "InvalidParameterValue.SecurityGroupIdsNotExists")
    check_port(asked.get("VPort", 6379))


def _check_access(asked: Params) -> None:
    if asked.get("NoAuth"):
        if asked.get("Password"):
            raise ApiError("InvalidParameterValue.PasswordFreeDenied", "`NoAuth` and `Password` exclude each other.")
    elif not asked.get("Password"):
        raise ApiError("InvalidParameterValue.PasswordEmpty", "`Password` is needed unless `NoAuth` is true.")
    else:
        inventory.check_password(asked["Password"])


@action
def create_instances(ctx: Context, request: models.CreateInstancesRequest) -> dict[str, Any]:
    """Instances, 0 (creating), 1 (processing) and then 2 (online)."""
    asked = given(request)
    zone, kind = _zone(ctx, asked), TYPES.get(asked["TypeId"])
    if kind is None:
        message = f"`TypeId` {asked['TypeId']} is sold out or unknown; on sale: {sorted(TYPES)}."
        raise ApiError("InvalidParameterValue.InvalidInstanceTypeId", message)
    shards, replicas = asked.get("RedisShardNum", 1), asked.get("RedisReplicasNum", 1)
    check_size(ctx.region, zone, kind, asked["MemSize"], shards, replicas)
    if asked.get("BillingMode", 0) != 0:
        raise ApiError("FailedOperation.PayFailed", "The sandbox has no prepaid instances: set `BillingMode` to 0.")
    _check_network(ctx, asked)
    _check_access(asked)
    count = asked.get("GoodsNum", 1)
    if not 1 <= count <= 10:
        raise ApiError("LimitExceeded.InvalidParameterGoodsNumNotInRange", "`GoodsNum` must be 1 to 10.")
    if asked.get("DryRun"):
        return {"DealId": "", "InstanceIds": []}
    with ctx.store.lock:
        made = [_create(ctx, asked, kind, zone) for _ in range(count)]
    for instance_id in made:
        ctx.later(0.1, "redis.start", {"id": instance_id})
    return {"DealId": str(ctx.store.number("redis_deal", 100001)), "InstanceIds": made}


def _create(ctx: Context, asked: Params, kind: Type, zone: str) -> str:
    instance_id = ctx.store.new_id("crs")
    check_name("InstanceName", asked.get("InstanceName", instance_id))
    doc = _document(ctx, asked, kind, zone) | {"InstanceId": instance_id}
    doc["InstanceName"] = asked.get("InstanceName", instance_id)
    vip = addresses.take_private(ctx.store, asked["SubnetId"], instance_id)
    doc["WanIp"] = doc["_vip"] = str(vip)
    inventory.place_nodes(ctx.store, doc)
    INSTANCES.create(ctx, doc)
    return instance_id


def _document(ctx: Context, asked: Params, kind: Type, zone: str) -> Doc:
    shards, open_to_all = asked.get("RedisShardNum", 1), bool(asked.get("NoAuth"))
    return {
        "Appid": ctx.account.app_id,
        "ProjectId": asked.get("ProjectId", 0),
        "RegionId": region_number(ctx.region),
        "ZoneId": zone_number(zone),
        "Status": INIT,
        "Port": asked.get("VPort", 6379),
        "Createtime": stamp(ctx),
        "Size": float(asked["MemSize"] * shards),
        "SizeUsed": 0,
        "Type": kind.id,
        "AutoRenewFlag": 0,
        "DeadlineTime": "0000-00-00 00:00:00",
        "Engine": "Redis",
        "ProductType": "cluster" if kind.cluster else "standalone",
        "UniqVpcId": asked["VpcId"],
        "UniqSubnetId": asked["SubnetId"],
        "BillingMode": 0,
        "InstanceTitle": TITLES[INIT],
        "RedisShardSize": asked["MemSize"],
        "RedisShardNum": shards,
        "RedisReplicasNum": asked.get("RedisReplicasNum", 1),
        "SlaveReadWeight": 100 if asked.get("ReplicasReadonly") else 0,
        "InstanceTags": [dict(tag) for tag in asked.get("ResourceTags", [])],
        "NoAuth": open_to_all,
        "PasswordFree": int(open_to_all),
        "ClientLimit": 10000,
        "NetLimit": 128,
        "NodeSet": _nodes(ctx, asked, zone),
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
        "_nodes": [],
        "_gone": [],
        "_parameters": parameters.of_template(ctx, asked.get("TemplateId")),
    }


def _not_started(ctx: Context, payload: dict[str, Any], reason: str) -> None:
    """The servers never came up: a change has failed its task, a new instance goes to the recycle bin."""
    if payload.get("task"):
        set_status(ctx.store, payload["id"], ONLINE)
        end_task(ctx.store, payload["task"], reason)
    else:
        isolate(ctx, payload)


@task("redis.start", attempts=ATTEMPTS, given_up=_not_started)
def start(ctx: Context, payload: dict[str, Any]) -> None:
    """Start the servers, or bring a change to them; the instance is online a moment later."""
    if set_status(ctx.store, payload["id"], RUNNING) is not None:
        inventory.bring_up(ctx.store, payload["id"])
        ctx.later(SETTLE_S, "redis.online", payload)


@task("redis.online")
def go_online(ctx: Context, payload: dict[str, Any]) -> None:
    """What was under way is done."""
    set_status(ctx.store, payload["id"], ONLINE)
    end_task(ctx.store, payload.get("task"))


_ONE = {"InstanceId": "InstanceId", "InstanceName": "InstanceName", "Type": "Type"}
_MANY = {
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


def _wanted(doc: Doc, asked: Params) -> bool:
    if "SearchKey" in asked and asked["SearchKey"] not in (doc["InstanceId"], doc["InstanceName"], doc["WanIp"]):
        return False
    return all(doc[key] == asked[name] for name, key in _ONE.items() if name in asked) and all(
        doc[key] in asked[name] for name, key in _MANY.items() if asked.get(name)
    )


@action
def describe_instances(ctx: Context, request: models.DescribeInstancesRequest) -> dict[str, Any]:
    """Instances by any of these filters; those in the recycle bin are listed with status -2."""
    asked = given(request)
    docs = [public(doc) for doc in INSTANCES.list(ctx) if _wanted(doc, asked)]
    return {"TotalCount": len(docs), "InstanceSet": page(docs, asked.get("Offset"), asked.get("Limit"), 20, 1000)}


@action
def destroy_postpaid_instance(ctx: Context, request: models.DestroyPostpaidInstanceRequest) -> dict[str, Any]:
    """Into the recycle bin: servers stop, address and security groups stay taken until it is cleaned up."""
    with ctx.store.lock:
        doc = online(ctx, given(request)["InstanceId"])
        return {"TaskId": process(ctx, doc, "040_destroy", 0.2, "redis.isolate")}


@task("redis.isolate")
def isolate(ctx: Context, payload: dict[str, Any]) -> None:
    """Stop the servers; in days the instance is gone for good."""
    set_status(ctx.store, payload["id"], ISOLATED)
    inventory.stop(payload["id"])
    end_task(ctx.store, payload.get("task"))
    ctx.later(RECYCLE_S, "redis.clean", {"id": payload["id"]})


@action
def clean_up_instance(ctx: Context, request: models.CleanUpInstanceRequest) -> dict[str, Any]:
    """Out of the recycle bin and gone."""
    with ctx.store.lock:
        doc = recycled(ctx, given(request)["InstanceId"])
        return {"TaskId": process(ctx, doc, "041_clean", 0.2, "redis.clean", DELETING)}


@task("redis.clean")
def clean(ctx: Context, payload: dict[str, Any]) -> None:
    """Give everything back. An instance that was taken out of the bin again stays."""
    doc = INSTANCES.find(ctx, payload["id"])
    if doc is not None and doc["Status"] in (ISOLATED, DELETING):
        inventory.take_down(ctx.store, doc)
        INSTANCES.drop(ctx, payload["id"])
    end_task(ctx.store, payload.get("task"))


@action
def startup_instance(ctx: Context, request: models.StartupInstanceRequest) -> dict[str, Any]:
    """Back from the recycle bin, empty."""
    with ctx.store.lock:
        doc = recycled(ctx, given(request)["InstanceId"])
        return {"TaskId": process(ctx, doc, "042_startup", 0.1)}
