"""Redis/instance. Source: docs/sources.md, Redis."""

import re
from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Handler,
    Immutable,
    Partial,
    Props,
    ProviderError,
    given,
    resource,
    tag_map,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import shapes
from sandbox.plugins.tencentcloud.resources.redis_sale import check_on_sale, type_of, zone_number

ONLINE, GONE = 2, -99
CREATE_S = UPGRADE_S = 3600.0
TASK_S = 360.0
_STATUS = {0: "processing", 1: "processing", 2: "online", -2: "isolate", -3: "todelete"}
_SHARDS = (1, 3, 5, 8, 12, 16, 24, 32, 40, 48, 64, 80, 96, 128)
_CLASSES = (r"[a-zA-Z]", r"\d", r"[_+\-&=!@#$%^*()]")


def find(cloud: Cloud, instance_id: str) -> dict[str, Any] | None:
    """The instance's row, or None."""
    return shapes.one(cloud, "redis", "DescribeInstances", {"InstanceId": instance_id}, "InstanceSet")


def status(cloud: Cloud, instance_id: str) -> int:
    """Its status; GONE without a row."""
    return (find(cloud, instance_id) or {"Status": GONE})["Status"]


def wait_task(cloud: Cloud, number: int, timeout_s: float = TASK_S) -> None:
    """Wait for a task. Raises ProviderError when it failed."""

    def state() -> str:
        return cloud.call("redis", "DescribeTaskInfo", {"TaskId": number})["Status"]

    if cloud.wait(state, ("succeed", "failed", "error"), timeout_s, what=f"redis task {number}") != "succeed":
        raise ProviderError(f"redis task {number} failed")


def wait_online(cloud: Cloud, instance_id: str) -> None:
    """Wait until it is online. Raises ProviderError when it is gone or isolated."""
    wanted = (ONLINE, GONE, -2, -3)
    state = cloud.wait(lambda: status(cloud, instance_id), wanted, CREATE_S, what=f"{instance_id} online")
    if state == GONE:
        raise ProviderError(f"instance {instance_id} not exist")
    if state != ONLINE:
        raise ProviderError(f"redis instance {instance_id} has the status {_STATUS[state]}")


def _password_fault(password: Any) -> str | None:
    classes = sum(1 for pattern in _CLASSES if re.search(pattern, password))
    if 8 <= len(password) <= 64 and classes >= 2:
        return None
    return "must have 8 to 64 characters of at least two of letters, digits and _+-&=!@#$%^*()"


@resource("tencentcloud:Redis/instance:Instance")
class Instance(Handler):
    """A Redis instance."""

    kind = "redis.instance"
    key = ("InstanceId",)
    write_only = (
        "forceDelete",
        "operationNetwork",
        "paramsTemplateId",
        "password",
        "prepaidPeriod",
        "recycle",
        "waitSwitch",
    )

    def check(self, props: Props) -> dict[str, str]:
        """Ranges and the password's rule."""
        return shapes.faults(
            props,
            {
                "name": shapes.NAME,
                "typeId": lambda value: None if value >= 2 else f"is {value}; allowed are 2 and above",
                "redisShardNum": shapes.one_of(*_SHARDS),
                "redisReplicasNum": shapes.between(1, 5),
                "password": _password_fault,
                "port": shapes.between(1024, 65535),
                "chargeType": shapes.one_of("POSTPAID", "PREPAID"),
                "productVersion": shapes.one_of("local", "cloud", "cdc"),
                "recycle": shapes.one_of(0, 1, 2, 3, 7, 15),
            },
        )

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """Pre-checks, CreateInstances, wait until online, and only then SetId; then tags."""
        type_id = type_of(props)
        _check_create(props)
        check_on_sale(cloud, props, type_id)
        params = given(
            props,
            {
                "memSize": "MemSize",
                "password": "Password",
                "vpcId": "VpcId",
                "subnetId": "SubnetId",
                "projectId": "ProjectId",
                "securityGroups": "SecurityGroupIdList",
                "port": "VPort",
                "redisShardNum": "RedisShardNum",
                "redisReplicasNum": "RedisReplicasNum",
                "replicasReadOnly": "ReplicasReadonly",
                "name": "InstanceName",
                "noAuth": "NoAuth",
                "paramsTemplateId": "TemplateId",
                "productVersion": "ProductVersion",
                "redisClusterId": "RedisClusterId",
            },
        )
        zone = props["availabilityZone"]
        params |= {"TypeId": type_id, "ZoneName": zone, "GoodsNum": 1, "Period": 1, "BillingMode": 0}
        if props.get("replicaZoneIds"):
            replicas = [{"NodeType": 1, "ZoneId": each} for each in props["replicaZoneIds"]]
            params["NodeSet"] = [{"NodeType": 0, "ZoneId": zone_number(zone)}, *replicas]
        instance_id: str = cloud.call("redis", "CreateInstances", params)["InstanceIds"][0]
        wait_online(cloud, instance_id)
        partial.id(instance_id)
        write_tags(cloud, "redis", "instance", instance_id, None, props.get("tags"))
        return Created(instance_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """Waits while it is processing; isolated is gone; a missing row is an error."""
        state = cloud.wait(lambda: status(cloud, id), lambda now: now not in (0, 1), CREATE_S, what=f"{id} settled")
        doc = find(cloud, id)
        if state == GONE or doc is None:
            raise ProviderError(f"Fail to get info from redis, redis instance {id} not exist")
        if state != ONLINE:
            return None
        groups = cloud.call("redis", "DescribeDBSecurityGroups", {"Product": "redis", "InstanceId": id})["Groups"]
        nodes: list[dict[str, Any]] = doc["NodeSet"]
        shown = {
            "availabilityZone": next(each["ZoneName"] for each in nodes if each["NodeType"] == 0),
            "name": doc["InstanceName"],
            "projectId": doc["ProjectId"],
            "typeId": doc["Type"],
            "memSize": doc["RedisShardSize"],
            "redisShardNum": doc["RedisShardNum"],
            "redisReplicasNum": doc["RedisReplicasNum"],
            "replicaZoneIds": [each["ZoneId"] for each in nodes if each["NodeType"] == 1],
            "nodeInfos": [
                {"master": each["NodeType"] == 0, "id": each["NodeId"], "zoneId": each["ZoneId"]} for each in nodes
            ],
            "vpcId": doc["UniqVpcId"],
            "subnetId": doc["UniqSubnetId"],
            "securityGroups": [each["SecurityGroupId"] for each in groups],
            "ip": doc["WanIp"],
            "port": doc["Port"],
            "status": _STATUS[doc["Status"]],
            "createTime": doc["Createtime"],
            "noAuth": doc["NoAuth"],
            "chargeType": "POSTPAID" if doc["BillingMode"] == 0 else "PREPAID",
            "autoRenewFlag": doc["AutoRenewFlag"],
            "productVersion": doc["ProductVersion"],
            "wanAddress": doc["WanAddress"],
            "dedicatedClusterId": doc["DedicatedClusterId"],
            "redisClusterId": doc["RedisClusterId"],
            "tags": tag_map(doc["InstanceTags"]),
        }
        if doc["SlaveReadWeight"] in (0, 100):
            shown["replicasReadOnly"] = doc["SlaveReadWeight"] == 100
        return shown

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Each change its own call: name, sizes one after another, password, groups, version, network, tags."""
        if refused := changed & {"prepaidPeriod", "productVersion", "redisClusterId"}:
            raise Immutable(refused)
        if "name" in changed:
            rename = {"Operation": "rename", "InstanceIds": [id], "InstanceNames": [new["name"]]}
            cloud.call("redis", "ModifyInstance", rename)
        _resize(cloud, id, old, new, changed)
        if changed & {"password", "noAuth"}:
            params = {"InstanceId": id, "Password": new.get("password"), "NoAuth": bool(new.get("noAuth"))}
            wait_task(cloud, cloud.call("redis", "ResetPassword", params)["TaskId"])
            wait_online(cloud, id)
        if "typeId" in changed:
            switch = {
                "InstanceId": id,
                "TargetInstanceType": str(new["typeId"]),
                "SwitchOption": new.get("waitSwitch", 2),
            }
            cloud.call("redis", "UpgradeInstanceVersion", switch)
            _wait_change(cloud, id)
        if "securityGroups" in changed:
            wanted: list[str] = new.get("securityGroups") or []
            groups = {"Product": "redis", "InstanceId": id, "SecurityGroupIds": wanted}
            cloud.call("redis", "ModifyDBInstanceSecurityGroups", groups)
        _move(cloud, id, new, changed)
        write_tags(cloud, "redis", "instance", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DestroyPostpaidInstance; with forceDelete in state also CleanUpInstance, else it stays in the recycle bin."""
        state = status(cloud, id)
        if state == GONE:
            raise ProviderError(f"Fail to get info from redis, redis instance {id} not exist")
        if state not in (-2, -3):
            wait_task(cloud, cloud.call("redis", "DestroyPostpaidInstance", {"InstanceId": id})["TaskId"])
        if props.get("forceDelete"):
            try:
                wait_task(cloud, cloud.call("redis", "CleanUpInstance", {"InstanceId": id})["TaskId"])
            except CloudError as error:
                if not error.matches("ResourceNotFound"):
                    raise


def _check_create(props: Props) -> None:
    if bool(props.get("vpcId")) != bool(props.get("subnetId")):
        raise ProviderError("`vpc_id` and `subnet_id` must be set together or neither")
    if props.get("securityGroups") and not props.get("vpcId"):
        raise ProviderError("redis[memory] does not support security_groups without a vpc")
    if props.get("noAuth"):
        if not props.get("vpcId"):
            raise ProviderError("`no_auth` needs `vpc_id` and `subnet_id`")
    elif not props.get("password"):
        raise ProviderError("`password` must be not empty if `no_auth` is false")
    if props.get("operationNetwork"):
        raise ProviderError("`operation_network` is not needed when creating")
    if props.get("chargeType") == "PREPAID" and not props.get("prepaidPeriod"):
        raise ProviderError("`prepaid_period` must be set if `charge_type` is PREPAID")


def _wait_change(cloud: Cloud, id: str) -> None:
    """The status must leave online and come back, as CheckRedisUpdateOk has it."""
    cloud.wait(
        lambda: status(cloud, id), lambda now: now != ONLINE, UPGRADE_S, what=f"{id} upgrade start", interval_s=0.1
    )
    wait_online(cloud, id)


def _resize(cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
    """Memory, then shards, then replicas: a separate UpgradeInstance each."""
    shards, replicas = old.get("redisShardNum") or 1, old.get("redisReplicasNum") or 1
    memory = old.get("memSize") or new["memSize"]
    if "redisReplicasNum" in changed and not new.get("redisReplicasNum", 1):
        raise ProviderError("the last replica cannot be removed")
    steps = (("memSize", "MemSize"), ("redisShardNum", "RedisShardNum"), ("redisReplicasNum", "RedisReplicasNum"))
    size = {"MemSize": memory, "RedisShardNum": shards, "RedisReplicasNum": replicas}
    for name, parameter in steps:
        wanted = new.get(name)
        if name not in changed or wanted is None or wanted == size[parameter]:
            continue
        size[parameter] = wanted
        params: dict[str, Any] = {"InstanceId": id, **size}
        if name == "redisReplicasNum" and new.get("replicaZoneIds"):
            main = {"NodeType": 0, "ZoneId": zone_number(new["availabilityZone"])}
            params["NodeSet"] = [main, *({"NodeType": 1, "ZoneId": each} for each in new["replicaZoneIds"])]
        cloud.call("redis", "UpgradeInstance", params)
        _wait_change(cloud, id)


def _move(cloud: Cloud, id: str, new: Props, changed: frozenset[str]) -> None:
    if not changed & {"vpcId", "subnetId", "port", "ip", "recycle"}:
        return
    operation = new.get("operationNetwork")
    if not operation:
        raise ProviderError("`operation_network` must be set to change vpc_id, subnet_id, port, ip or recycle")
    params = given(new, {"vpcId": "VpcId", "subnetId": "SubnetId", "port": "VPort", "ip": "Vip", "recycle": "Recycle"})
    answer = cloud.call("redis", "ModifyNetworkConfig", {"InstanceId": id, "Operation": operation, **params})
    wait_task(cloud, answer["TaskId"])
    wait_online(cloud, id)
