"""Changes of an instance: size, password, name, network, version. Source: docs/fidelity/redis.md."""

from typing import Any

from tencentcloud.redis.v20180412 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.services.params import Params, check_name, given
from sandbox.services.places import zone_name, zones
from sandbox.services.redis import instances, inventory
from sandbox.services.redis.kinds import INSTANCES, online, process
from sandbox.services.redis.offers import TYPES
from sandbox.services.vpc import addresses, hosts
from sandbox.services.vpc.kinds import SECURITY_GROUP

START_S = 1.2
"""How long a change waits: the official provider must see the status leave 2 before it comes back."""


@action
def upgrade_instance(ctx: Context, request: models.UpgradeInstanceRequest) -> dict[str, Any]:
    """Another memory, number of shards or number of replicas: one of them per request, as in the cloud."""
    asked = given(request)
    fields = {"MemSize": "RedisShardSize", "RedisShardNum": "RedisShardNum", "RedisReplicasNum": "RedisReplicasNum"}
    with ctx.store.lock:
        doc = online(ctx, asked["InstanceId"])
        changed = {key: asked[name] for name, key in fields.items() if asked.get(name, doc[key]) != doc[key]}
        if len(changed) > 1:
            message = "Change memory, shards and replicas one at a time."
            raise ApiError("InvalidParameterValue.SpecNotExist", message)
        doc |= changed
        memory, shards, replicas = (doc[key] for key in fields.values())
        instances.check_size(ctx.region, zone_name(doc["ZoneId"]) or "", TYPES[doc["Type"]], memory, shards, replicas)
        doc["Size"] = float(memory * shards)
        doc["NodeSet"] = _nodes(ctx, doc, asked.get("NodeSet", []), replicas)
        inventory.place_nodes(ctx.store, doc)
        number = process(ctx, doc, "003_upgrade", START_S)
    return {"DealId": str(number)}


def _nodes(ctx: Context, doc: Doc, named: list[Params], replicas: int) -> list[dict[str, Any]]:
    """The nodes after a change of their number.

    A request names the nodes that go by their ids, or those that come by their zones, and no others; without any the
    last ones go, and new ones come to the instance's zone.
    """
    nodes: list[dict[str, Any]] = doc["NodeSet"]
    more = replicas + 1 - len(nodes)
    if more < 0:
        going = [node["NodeId"] for node in named] or [node["NodeId"] for node in nodes[more:]]
        nodes = [node for node in nodes if node["NodeType"] == 0 or node["NodeId"] not in going]
    elif more > 0:
        coming = [_zone(ctx, node) for node in named if not node.get("NodeId") and node["NodeType"] != 0]
        for zone in coming or [zone_name(doc["ZoneId"])] * more:
            nodes = [*nodes, instances.node(ctx, 1, str(zone))]
    if len(nodes) != replicas + 1:
        message = f"`NodeSet` must name the replicas that come or go, so that there are {replicas}."
        raise ApiError("InvalidParameter.InvalidParameter", message)
    return nodes


def _zone(ctx: Context, node: Params) -> str:
    zone = node.get("ZoneName") or zone_name(node["ZoneId"])
    if zone not in zones(ctx.region):
        raise ApiError("ResourceUnavailable.SaleOut", f"The zone `{zone}` is not on sale in {ctx.region}.")
    return zone


@action
def reset_password(ctx: Context, request: models.ResetPasswordRequest) -> dict[str, Any]:
    """Another password, or none at all."""
    asked = given(request)
    open_to_all = bool(asked.get("NoAuth"))
    with ctx.store.lock:
        doc = online(ctx, asked["InstanceId"], "ResourceUnavailable.InstanceStatusAbnormal")
        if not open_to_all:
            inventory.check_password(asked.get("Password", ""))
        doc |= {"NoAuth": open_to_all, "PasswordFree": int(open_to_all), "_password": asked.get("Password")}
        return {"TaskId": process(ctx, doc, "010_password", START_S)}


@action
def modify_instance(ctx: Context, request: models.ModifyInstanceRequest) -> None:
    """Operation rename, modifyProject or modifyAutoRenew."""
    asked = given(request)
    operation = asked["Operation"]
    ids: list[str] = asked.get("InstanceIds") or [asked["InstanceId"]]
    with ctx.store.lock:
        for index, instance_id in enumerate(ids):
            doc = INSTANCES.need(ctx, instance_id)
            if operation == "rename":
                name = asked["InstanceNames"][index] if asked.get("InstanceNames") else asked["InstanceName"]
                check_name("InstanceName", name)
                doc["InstanceName"] = name
            elif operation == "modifyProject":
                doc["ProjectId"] = asked["ProjectId"]
            elif operation != "modifyAutoRenew":
                raise ApiError("InvalidParameterValue", f"The operation `{operation}` is not known.")
            INSTANCES.save(ctx.store, doc)


@action
def modify_network_config(ctx: Context, request: models.ModifyNetworkConfigRequest) -> dict[str, Any]:
    """Another port (changeVPort) or another address in the subnet (changeVip, which also takes a port)."""
    asked = given(request)
    if asked["Operation"] not in ("changeVPort", "changeVip"):
        message = f"The sandbox does not do the operation `{asked['Operation']}`: changeVPort or changeVip."
        raise ApiError("InvalidParameter.NotSupported", message)
    with ctx.store.lock:
        doc = online(ctx, asked["InstanceId"], "ResourceUnavailable.InstanceLockedError")
        doc["Port"] = asked["VPort"] if asked["Operation"] == "changeVPort" else asked.get("VPort", doc["Port"])
        instances.check_port(doc["Port"])
        if asked["Operation"] == "changeVip" and asked.get("Vip") != doc["_vip"]:
            vip = addresses.take_private(ctx.store, doc["UniqSubnetId"], doc["InstanceId"], asked.get("Vip"))
            ctx.store.delete(addresses.PRIVATE, f"{doc['UniqSubnetId']}/{doc['_vip']}")
            doc["WanIp"] = doc["_vip"] = str(vip)
        number = process(ctx, doc, "020_network", START_S)
    return {
        "Status": True,
        "SubnetId": doc["UniqSubnetId"],
        "VpcId": doc["UniqVpcId"],
        "Vip": doc["_vip"],
        "TaskId": number,
    }


@action
def upgrade_instance_version(ctx: Context, request: models.UpgradeInstanceVersionRequest) -> dict[str, Any]:
    """A newer version of the same architecture. The sandbox's server stays the one it has (recorded)."""
    asked = given(request)
    with ctx.store.lock:
        doc = online(ctx, asked["InstanceId"])
        kind, old = TYPES.get(int(asked["TargetInstanceType"])), TYPES[doc["Type"]]
        if kind is None or kind.cluster != old.cluster or kind.id < old.id:
            message = f"{old.name} cannot become type {asked['TargetInstanceType']}."
            raise ApiError("InvalidParameterValue.SpecNotExist", message)
        doc |= {"Type": kind.id, "CurrentRedisVersion": kind.version}
        number = process(ctx, doc, "004_version", START_S)
    return {"DealId": str(number)}


@action
def describe_instance_security_group(
    ctx: Context, request: models.DescribeInstanceSecurityGroupRequest
) -> dict[str, Any]:
    """The security groups of several instances."""
    details = [
        {"InstanceId": each, "SecurityGroupDetails": _groups(ctx, INSTANCES.need(ctx, each))}
        for each in given(request)["InstanceIds"]
    ]
    return {"InstanceSecurityGroupsDetail": details}


def _groups(ctx: Context, doc: Doc) -> list[dict[str, Any]]:
    return [
        {
            "CreateTime": group["CreatedTime"],
            "ProjectId": int(group["ProjectId"]),
            "SecurityGroupId": group["SecurityGroupId"],
            "SecurityGroupName": group["SecurityGroupName"],
            "SecurityGroupRemark": group["SecurityGroupDesc"],
        }
        for group in (SECURITY_GROUP.need(ctx, group_id) for group_id in doc["_groups"])
    ]


@action
def modify_db_instance_security_groups(
    ctx: Context, request: models.ModifyDBInstanceSecurityGroupsRequest
) -> dict[str, Any]:
    """Other security groups, at once."""
    asked = given(request)
    for group_id in asked["SecurityGroupIds"]:
        SECURITY_GROUP.need(ctx, group_id, "InvalidParameterValue.SecurityGroupIdsNotExists")
    with ctx.store.lock:
        doc = INSTANCES.need(ctx, asked["InstanceId"])
        INSTANCES.save(ctx.store, {**doc, "_groups": asked["SecurityGroupIds"]})
    hosts.regroup(ctx.store, asked["InstanceId"], tuple(asked["SecurityGroupIds"]))
    return {}
