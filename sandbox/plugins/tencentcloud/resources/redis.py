"""Redis/instance. Source: docs/fidelity/redis.md."""

import re
from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    nonzero,
    read_tags,
    resource,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import arguments, redis_changes
from sandbox.plugins.tencentcloud.resources.redis_sale import NAMES, check_on_sale, type_of, zone_ids
from sandbox.plugins.tencentcloud.resources.redis_waits import described, settled, wait_task

_STATUS = {0: "init", 1: "processing", 2: "online", -2: "isolate", -3: "todelete"}
_SHARDS = (1, 3, 5, 8, 12, 16, 24, 32, 40, 48, 64, 80, 96, 128)
_CLASSES = (r"[a-zA-Z]", r"\d", r"[_+\-&=!@#$%^*()]")
_PREPAID = {"POSTPAID": 0, "PREPAID": 1}


def _password_fault(password: Any) -> str | None:
    classes = sum(1 for pattern in _CLASSES if re.search(pattern, password))
    if 8 <= len(password) <= 64 and classes >= 2:
        return None
    return "must have 8 to 64 characters of at least two of letters, digits and _+-&=!@#$%^*()"


@resource("tencentcloud:Redis/instance:Instance")
class Instance(Handler):
    """A Redis instance. Id: the cloud's."""

    kind = "redis.instance"
    key = ("InstanceId",)
    immutable = ("prepaidPeriod", "productVersion", "redisClusterId")
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
        return arguments.faults(
            props,
            {
                "typeId": lambda value: None if value >= 2 else f"is {value}; allowed are 2 and above",
                "type": arguments.one_of(*NAMES),
                "redisShardNum": arguments.one_of(*_SHARDS),
                "redisReplicasNum": arguments.between(1, 5),
                "password": _password_fault,
                "vpcId": arguments.length(1, 100),
                "subnetId": arguments.length(1, 100),
                "operationNetwork": arguments.one_of(*redis_changes.NETWORK_PARAMETERS),
                "chargeType": arguments.one_of(*_PREPAID),
                "prepaidPeriod": arguments.one_of(*range(1, 13), 24, 36),
                "autoRenewFlag": arguments.between(0, 2),
                "recycle": arguments.one_of(0, 1, 2, 3, 7, 15),
            },
        )

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """Look up what is on sale, CreateInstances, wait until it is settled, and only then SetId; then tags."""
        _check_create(props)
        type_id = type_of(props)
        check_on_sale(cloud, props, type_id)
        params = _create_request(props, zone_ids(cloud)) | {"TypeId": type_id}
        instance_id: str = cloud.call("redis", "CreateInstances", params)["InstanceIds"][0]
        settled(cloud, instance_id)
        partial.id(instance_id)
        write_tags(cloud, "redis", "instance", instance_id, None, props.get("tags"))
        if props.get("wanAddressSwitch"):
            redis_changes.switch_wan_address(cloud, instance_id, props["wanAddressSwitch"])
        return Created(instance_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """Waits while it is processing; isolated is gone; a missing row is an error."""
        doc = described(cloud, id) if props.get("waitSwitch") == 1 else settled(cloud, id)
        if doc["Status"] in (-2, -3):
            return None
        zones = {number: zone for zone, number in zone_ids(cloud).items()}
        shown = _shown(doc) | {"availabilityZone": zones[doc["ZoneId"]]}
        if not props.get("typeId") and props.get("type"):
            shown["type"] = {number: name for name, number in NAMES.items()}[doc["Type"]]
        else:
            shown["typeId"] = doc["Type"]
        if props.get("noAuth") or doc["NoAuth"]:
            shown["noAuth"] = doc["NoAuth"]
        if groups := _groups(cloud, id, doc):
            shown["securityGroups"] = groups
        replicas = [node["ZoneId"] for node in doc["NodeSet"] if node["NodeType"] != 0]
        if not props.get("replicaZoneIds") or sorted(props["replicaZoneIds"]) != sorted(replicas):
            shown["replicaZoneIds"] = replicas
        shown["tags"] = read_tags(cloud, "redis", "instance", id)
        return shown

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Each change its own call, in the official provider's order."""
        redis_changes.apply(cloud, id, old, new, changed)
        write_tags(cloud, "redis", "instance", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DestroyPostpaidInstance; with forceDelete in state also CleanUpInstance, else it stays in the recycle bin."""
        settled(cloud, id)
        wait_task(cloud, cloud.call("redis", "DestroyPostpaidInstance", {"InstanceId": id})["TaskId"])
        if props.get("forceDelete"):
            wait_task(cloud, cloud.call("redis", "CleanUpInstance", {"InstanceId": id})["TaskId"])


def _check_create(props: Props) -> None:
    if props.get("productVersion") == "cdc" and not props.get("redisClusterId"):
        raise ProviderError("`redis_cluster_id` must be set if `product_version` is cdc")
    if props.get("chargeType") == "PREPAID" and not props.get("prepaidPeriod"):
        raise ProviderError("`prepaid_period` must be set if `charge_type` is PREPAID")
    if not props.get("password") and not props.get("noAuth"):
        raise ProviderError("`password` must not be empty unless `no_auth` is `true`")
    if props.get("noAuth") and not (props.get("vpcId") and props.get("subnetId")):
        raise ProviderError("`no_auth` needs `vpc_id` and `subnet_id`")
    if props.get("operationNetwork"):
        raise ProviderError("`operation_network` is not needed when creating")
    if bool(props.get("vpcId")) != bool(props.get("subnetId")):
        raise ProviderError("`vpc_id` and `subnet_id` must be set together or neither")
    if props.get("securityGroups") and not props.get("vpcId"):
        raise ProviderError("`security_groups` needs `vpc_id` and `subnet_id`")


def _create_request(props: Props, zones: dict[str, int]) -> dict[str, Any]:
    zone = props["availabilityZone"]
    if zone not in zones:
        raise ProviderError(f"this redis zone {zone} not support yet")
    prepaid = _PREPAID[props["chargeType"]]
    params = {
        "ZoneId": zones[zone],
        "ProjectId": props["projectId"],
        "VPort": props["port"],
        "MemSize": props["memSize"],
        "BillingMode": prepaid,
        "GoodsNum": 1,
        "Period": props["prepaidPeriod"] if prepaid else 1,
        "RedisShardNum": props.get("redisShardNum") or 1,
        "RedisReplicasNum": props["redisReplicasNum"],
        "Password": props.get("password", ""),
    }
    if prepaid:
        params["AutoRenew"] = props["autoRenewFlag"]
    if props.get("replicaZoneIds"):
        replicas = [{"NodeType": 1, "ZoneId": each} for each in props["replicaZoneIds"]]
        params["NodeSet"] = [{"NodeType": 0, "ZoneId": zones[zone]}, *replicas]
    return params | nonzero(
        props,
        {
            "vpcId": "VpcId",
            "subnetId": "SubnetId",
            "name": "InstanceName",
            "securityGroups": "SecurityGroupIdList",
            "noAuth": "NoAuth",
            "replicasReadOnly": "ReplicasReadonly",
            "paramsTemplateId": "TemplateId",
            "productVersion": "ProductVersion",
            "redisClusterId": "RedisClusterId",
        },
    )


def _shown(doc: dict[str, Any]) -> Props:
    shown: Props = {
        "status": _STATUS[doc["Status"]],
        "name": doc["InstanceName"],
        "redisShardNum": doc["RedisShardNum"],
        "redisReplicasNum": doc["RedisReplicasNum"],
        "memSize": doc["RedisShardSize"],
        "vpcId": doc["UniqVpcId"],
        "subnetId": doc["UniqSubnetId"],
        "projectId": doc["ProjectId"],
        "port": doc["Port"],
        "ip": doc["WanIp"],
        "createTime": doc["Createtime"],
        "autoRenewFlag": doc["AutoRenewFlag"],
        "productVersion": doc["ProductVersion"],
        "redisClusterId": doc["RedisClusterId"],
        "dedicatedClusterId": doc["DedicatedClusterId"],
        "nodeInfos": [
            {"master": node["NodeType"] == 0, "zoneId": node["ZoneId"], "id": node["NodeId"]} for node in doc["NodeSet"]
        ],
        "chargeType": "PREPAID" if doc["BillingMode"] else "POSTPAID",
        "wanAddressSwitch": "open" if doc["WanAddress"] else "close",
    }
    if doc["WanAddress"]:
        shown["wanAddress"] = doc["WanAddress"]
    if doc["SlaveReadWeight"] in (0, 100):
        shown["replicasReadOnly"] = doc["SlaveReadWeight"] == 100
    return shown


def _groups(cloud: Cloud, id: str, doc: dict[str, Any]) -> list[str]:
    if not doc["UniqVpcId"]:
        return []
    details = cloud.call("redis", "DescribeInstanceSecurityGroup", {"InstanceIds": [id]})[
        "InstanceSecurityGroupsDetail"
    ]
    return [
        group["SecurityGroupId"]
        for detail in details
        if detail["InstanceId"] == id
        for group in detail["SecurityGroupDetails"]
    ]
