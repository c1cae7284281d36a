"""Changes of an instance: size, password, name, network, version. Source: docs/sources.md, Redis."""

from typing import Any

from tencentcloud.redis.v20180412 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.services.params import check_name, given, need
from sandbox.services.places import zone_name, zone_number
from sandbox.services.redis import instances, inventory
from sandbox.services.redis.inventory import KIND, RUNNING
from sandbox.services.redis.offers import TYPES
from sandbox.services.vpc import addresses, hosts

START_S = 1.2
"""How long a change waits: the official provider must see the status leave 2 before it comes back."""


def _process(ctx: Context, doc: Doc, kind: str) -> int:
    """Keep the changed document, processing, and bring it to the data plane. Returns the task's number."""
    number = inventory.begin_task(ctx, doc["InstanceId"], kind)
    ctx.store.put(KIND, doc["InstanceId"], {**doc, "Status": RUNNING, "InstanceTitle": "processing"})
    ctx.later(START_S, "redis.start", {"id": doc["InstanceId"], "task": number})
    return number


@action
def upgrade_instance(ctx: Context, request: models.UpgradeInstanceRequest) -> dict[str, Any]:
    """Another memory, number of shards or number of replicas: one of them per request, as in the cloud."""
    asked = given(request)
    with ctx.store.lock:
        doc = inventory.online(ctx, asked["InstanceId"])
        before = (doc["RedisShardSize"], doc["RedisShardNum"], doc["RedisReplicasNum"])
        after = (
            asked.get("MemSize", before[0]),
            asked.get("RedisShardNum", before[1]),
            asked.get("RedisReplicasNum", before[2]),
        )
        if sum(1 for old, new in zip(before, after, strict=True) if old != new) > 1:
            message = "Change memory, shards and replicas one at a time."
            raise ApiError("InvalidParameterValue.SpecNotExist", message)
        zone = zone_name(doc["ZoneId"]) or ""
        instances.check_size(ctx.region, zone, TYPES[doc["Type"]], *after)
        doc |= {"RedisShardSize": after[0], "RedisShardNum": after[1], "RedisReplicasNum": after[2]}
        doc["Size"] = float(after[0] * after[1])
        _resize_nodes(ctx, doc, asked, after[2])
        number = _process(ctx, doc, "003_upgrade")
    return {"DealId": str(number)}


def _resize_nodes(ctx: Context, doc: Doc, asked: dict[str, Any], replicas: int) -> None:
    nodes: list[dict[str, Any]] = doc["NodeSet"]
    wanted = asked.get("NodeSet", [])
    while len(nodes) > replicas + 1:
        nodes.pop()
    for index in range(len(nodes), replicas + 1):
        zone_id = doc["ZoneId"]
        if index < len(wanted):
            zone_id = wanted[index].get("ZoneId") or zone_number(wanted[index]["ZoneName"])
        number = ctx.store.number("redis_node", 1000)
        nodes.append({"NodeType": 1, "NodeId": number, "ZoneId": zone_id, "ZoneName": zone_name(zone_id)})
    inventory.place_nodes(ctx.store, doc, replicas + 1)


@action
def reset_password(ctx: Context, request: models.ResetPasswordRequest) -> dict[str, Any]:
    """Another password, or none at all."""
    asked = given(request)
    with ctx.store.lock:
        doc = inventory.online(ctx, asked["InstanceId"])
        if not asked.get("NoAuth"):
            inventory.check_password(asked.get("Password", ""))
        doc |= {"NoAuth": bool(asked.get("NoAuth")), "_password": asked.get("Password")}
        return {"TaskId": _process(ctx, doc, "010_password")}


@action
def modify_instance(ctx: Context, request: models.ModifyInstanceRequest) -> None:
    """Operation rename, modifyProject or modifyAutoRenew."""
    asked = given(request)
    ids: list[str] = asked.get("InstanceIds") or [asked["InstanceId"]]
    names: list[str] = asked.get("InstanceNames") or [asked.get("InstanceName", "")]
    with ctx.store.lock:
        for index, instance_id in enumerate(ids):
            doc = inventory.instance(ctx, instance_id)
            if asked["Operation"] == "rename":
                check_name("InstanceNames", names[index])
                doc["InstanceName"] = names[index]
            elif asked["Operation"] == "modifyProject":
                doc["ProjectId"] = asked["ProjectId"]
            elif asked["Operation"] != "modifyAutoRenew":
                raise ApiError("InvalidParameterValue", f"The operation `{asked['Operation']}` is not known.")
            ctx.store.put(KIND, instance_id, doc)


@action
def modify_network_config(ctx: Context, request: models.ModifyNetworkConfigRequest) -> dict[str, Any]:
    """Another port (changeVPort) or another address in the subnet (changeVip)."""
    asked = given(request)
    with ctx.store.lock:
        doc = inventory.online(ctx, asked["InstanceId"])
        if asked["Operation"] == "changeVPort":
            if not 1024 <= asked["VPort"] <= 65535:
                raise ApiError("InvalidParameterValue", f"`VPort` {asked['VPort']} must be 1024 to 65535.")
            doc["Port"] = asked["VPort"]
        elif asked["Operation"] == "changeVip":
            vip = addresses.take_private(ctx.store, doc["UniqSubnetId"], doc["InstanceId"], asked.get("Vip"))
            ctx.store.delete(addresses.PRIVATE, f"{doc['UniqSubnetId']}/{doc['_vip']}")
            doc["WanIp"] = doc["_vip"] = str(vip)
        else:
            message = f"The sandbox does not do the operation `{asked['Operation']}`: changeVPort or changeVip."
            raise ApiError("UnsupportedOperation", message)
        number = _process(ctx, doc, "020_network")
    return {
        "Status": True,
        "SubnetId": doc["UniqSubnetId"],
        "VpcId": doc["UniqVpcId"],
        "VIP": doc["_vip"],
        "TaskId": number,
    }


@action
def upgrade_instance_version(ctx: Context, request: models.UpgradeInstanceVersionRequest) -> dict[str, Any]:
    """A newer version of the same architecture. The sandbox's server stays the one it has (recorded)."""
    asked = given(request)
    with ctx.store.lock:
        doc = inventory.online(ctx, asked["InstanceId"])
        kind, old = TYPES.get(int(asked["TargetInstanceType"])), TYPES[doc["Type"]]
        if kind is None or kind.cluster != old.cluster or kind.id < old.id:
            message = f"{old.name} cannot become type {asked['TargetInstanceType']}."
            raise ApiError("InvalidParameterValue.SpecNotExist", message)
        doc |= {"Type": kind.id, "CurrentRedisVersion": kind.version}
        number = _process(ctx, doc, "004_version")
    return {"DealId": str(number)}


@action
def describe_db_security_groups(ctx: Context, request: models.DescribeDBSecurityGroupsRequest) -> dict[str, Any]:
    """The security groups of an instance."""
    doc = inventory.instance(ctx, given(request)["InstanceId"])
    return {"Groups": _groups(ctx, doc), "VIP": doc["_vip"], "VPort": str(doc["Port"])}


def _groups(ctx: Context, doc: Doc) -> list[dict[str, Any]]:
    found = [need(ctx, "security_group", group_id) for group_id in doc["_groups"]]
    return [
        {
            "CreateTime": group["CreatedTime"],
            "ProjectId": int(group["ProjectId"]),
            "SecurityGroupId": group["SecurityGroupId"],
            "SecurityGroupName": group["SecurityGroupName"],
            "SecurityGroupRemark": group["SecurityGroupDesc"],
        }
        for group in found
    ]


@action
def describe_instance_security_group(
    ctx: Context, request: models.DescribeInstanceSecurityGroupRequest
) -> dict[str, Any]:
    """The security groups of several instances."""
    details = [
        {"InstanceId": each, "SecurityGroupDetails": _groups(ctx, inventory.instance(ctx, each))}
        for each in given(request)["InstanceIds"]
    ]
    return {"InstanceSecurityGroupsDetail": details}


@action
def modify_db_instance_security_groups(
    ctx: Context, request: models.ModifyDBInstanceSecurityGroupsRequest
) -> dict[str, Any]:
    """Other security groups, at once."""
    asked = given(request)
    for group_id in asked["SecurityGroupIds"]:
        need(ctx, "security_group", group_id, "InvalidParameterValue.SecurityGroupIdsNotExists")
    with ctx.store.lock:
        doc = inventory.instance(ctx, asked["InstanceId"])
        ctx.store.put(KIND, doc["InstanceId"], {**doc, "_groups": asked["SecurityGroupIds"]})
    hosts.regroup(ctx.store, asked["InstanceId"], tuple(asked["SecurityGroupIds"]))
    return {}
