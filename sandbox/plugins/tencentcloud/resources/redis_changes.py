"""What the official provider does for each changed property of a Redis instance. Source: docs/fidelity/redis.md."""

from collections import Counter
from collections.abc import Callable

from sandbox.plugins.tencentcloud.handler import Cloud, CloudError, Props, ProviderError
from sandbox.plugins.tencentcloud.resources.redis_waits import described, settled, wait_change, wait_task

PASSWORD_S = 360.0
NETWORK_PARAMETERS = {
    "changeVip": {"ip": "Vip", "port": "VPort"},
    "changeVpc": {"vpcId": "VpcId", "subnetId": "SubnetId"},
    "changeBaseToVpc": {"vpcId": "VpcId", "subnetId": "SubnetId"},
    "changeVPort": {"port": "VPort"},
}
"""ModifyNetworkConfig's Operation -> the properties it needs, all of them."""


def _of(*codes: str) -> Callable[[CloudError], bool]:
    return lambda error: error.matches(*codes)


def apply(cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
    """Everything but tags, one call after the other."""
    if "name" in changed:
        _modify(cloud, id, {"Operation": "rename", "InstanceName": new.get("name") or id})
    _resize(cloud, id, old, new, changed)
    if changed & {"password", "noAuth"}:
        params = {"InstanceId": id, "Password": new.get("password", ""), "NoAuth": bool(new.get("noAuth"))}
        answer = cloud.call("redis", "ResetPassword", params, retry=_of("FailedOperation.SystemError"))
        wait_task(cloud, answer["TaskId"], PASSWORD_S)
    if "paramsTemplateId" in changed:
        params = {"InstanceIds": [id], "TemplateId": new.get("paramsTemplateId", "")}
        cloud.call("redis", "ApplyParamsTemplate", params, retry=_of("FailedOperation.SystemError"))
    if "projectId" in changed:
        _modify(cloud, id, {"Operation": "modifyProject", "ProjectId": new["projectId"]})
    if "securityGroups" in changed:
        groups: Props = {"Product": "redis", "InstanceId": id, "SecurityGroupIds": new.get("securityGroups") or []}
        cloud.call("redis", "ModifyDBInstanceSecurityGroups", groups)
    if "typeId" in changed:
        option = new.get("waitSwitch", 2)
        switch = {"InstanceId": id, "TargetInstanceType": str(new["typeId"]), "SwitchOption": option}
        cloud.call("redis", "UpgradeInstanceVersion", switch)
        settled(cloud, id)
    if changed & {"vpcId", "subnetId", "port", "recycle", "ip"}:
        _move(cloud, id, new)
    if "wanAddressSwitch" in changed:
        switch_wan_address(cloud, id, new.get("wanAddressSwitch", ""))


def _modify(cloud: Cloud, id: str, params: Props) -> None:
    cloud.call("redis", "ModifyInstance", {"InstanceId": id, **params})


def _upgrade(cloud: Cloud, id: str, memory: int, shards: int, replicas: int, nodes: list[Props] | None = None) -> None:
    """UpgradeInstance and the wait for it. One size changes, the others are said again; zones of nodes beside it."""
    params = {"InstanceId": id, "MemSize": memory, "RedisShardNum": shards or None, "RedisReplicasNum": replicas}
    codes = ("FailedOperation.Unknown",) if nodes else ("FailedOperation.Unknown", "FailedOperation.SystemError")
    cloud.call("redis", "UpgradeInstance", {**params, "NodeSet": nodes or None}, retry=_of(*codes))
    wait_change(cloud, id)


def _resize(cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
    """Memory, then shards, then replicas: only one of them may change in a request."""
    shards = new.get("redisShardNum") or old["redisShardNum"]
    if "memSize" in changed:
        _upgrade(cloud, id, new["memSize"], old["redisShardNum"], old["redisReplicasNum"])
    if "redisShardNum" in changed:
        _upgrade(cloud, id, new["memSize"], shards, old["redisReplicasNum"])
    if changed & {"redisReplicasNum", "replicaZoneIds"}:
        before: list[int] = old.get("replicaZoneIds") or []
        after: list[int] = new.get("replicaZoneIds") or before
        _replace_nodes(cloud, id, new["memSize"], shards, (before, after))
        if "redisReplicasNum" in changed and not before and not after:
            _upgrade(cloud, id, new["memSize"], shards, new["redisReplicasNum"])


def _replace_nodes(cloud: Cloud, id: str, memory: int, shards: int, zones: tuple[list[int], list[int]]) -> None:
    """Add replicas in the zones that came, then remove one of each zone that went."""
    came, went = Counter(zones[1]) - Counter(zones[0]), Counter(zones[0]) - Counter(zones[1])
    if came:
        count = len(settled(cloud, id)["NodeSet"]) - 1 + came.total()
        _upgrade(cloud, id, memory, shards, count, [{"NodeType": 1, "ZoneId": zone} for zone in came.elements()])
    if went:
        nodes: list[Props] = settled(cloud, id)["NodeSet"]
        count = len(nodes) - 1 - went.total()
        if count <= 0:
            raise ProviderError(f"cannot delete the only replica on instance {id}")
        gone: list[Props] = []
        for node in nodes:
            if node["NodeType"] != 0 and went[node["ZoneId"]] > 0:
                went[node["ZoneId"]] -= 1
                gone.append(node)
        _upgrade(cloud, id, memory, shards, count, gone)


def _move(cloud: Cloud, id: str, new: Props) -> None:
    operation = new.get("operationNetwork")
    if not operation:
        raise ProviderError("`operation_network` must be set to change vpc_id, subnet_id, port, recycle or ip")
    names = NETWORK_PARAMETERS[operation]
    if missing := [name for name in names if not new.get(name)]:
        raise ProviderError(f"`operation_network` {operation} needs {', '.join(missing)}")
    params = {parameter: new[name] for name, parameter in names.items()}
    # Here alone the official provider repeats nothing.
    cloud.call("redis", "ModifyNetworkConfig", {"InstanceId": id, "Operation": operation, **params}, retry_s=0)
    settled(cloud, id)


def switch_wan_address(cloud: Cloud, id: str, wanted: str) -> None:
    """`open` or `close` the instance to the internet."""
    if wanted not in ("open", "close"):
        raise ProviderError(f"invalid address_switch {wanted}")
    if (wanted == "open") == bool(described(cloud, id)["WanAddress"]):
        return
    cloud.call("redis", "AllocateWanAddress" if wanted == "open" else "ReleaseWanAddress", {"InstanceId": id})
    settled(cloud, id)
