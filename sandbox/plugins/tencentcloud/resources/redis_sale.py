"""What the official provider checks before a Redis create. Source: docs/sources.md, Redis."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import Cloud, Props, ProviderError

_NAMES = {
    "master_slave_redis": 2,
    "master_slave_ckv": 3,
    "cluster_ckv": 4,
    "standalone_redis": 5,
    "master_slave_redis4.0": 6,
    "cluster_redis": 7,
    "master_slave_redis5.0": 8,
    "cluster_redis5.0": 9,
}
_PREFIX = {"ap-guangzhou": 1, "ap-shanghai": 2, "ap-beijing": 8}


def type_of(props: Props) -> int:
    """The type id; exactly one of typeId and type is set."""
    type_id, name = props.get("typeId"), props.get("type")
    if bool(type_id) == bool(name):
        raise ProviderError("exactly one of `type_id` and `type` must be set")
    if type_id:
        return int(type_id)
    if name not in _NAMES:
        raise ProviderError(f"unknown redis type {name!r}; known are {', '.join(_NAMES)}")
    return _NAMES[name]


def zone_number(zone: str) -> int:
    """`ap-beijing-3` -> 800003."""
    region, _, number = zone.rpartition("-")
    if region not in _PREFIX or not number.isdigit():
        raise ProviderError(f"{zone!r} is not a zone's name")
    return _PREFIX[region] * 100000 + int(number)


def check_on_sale(cloud: Cloud, props: Props, type_id: int) -> None:
    """Raise ProviderError unless the zone sells the type with these numbers of shards and replicas."""
    zone = props["availabilityZone"]
    regions: list[dict[str, Any]] = cloud.call("redis", "DescribeProductInfo", {})["RegionSet"]
    zones = [each for region in regions if region["RegionId"] == cloud.region for each in region["ZoneSet"]]
    found = next((each for each in zones if each["ZoneName"] == zone), None)
    if found is None or found["IsSaleout"]:
        raise ProviderError(f"all redis in this zone {zone} be sold out")
    kinds = {each["Type"]: each for each in found["ProductSet"] if not each["Saleout"]}
    if type_id not in kinds:
        raise ProviderError(f"redis type_id {type_id} be sold out or this type_id is not supports")
    for name, key, unset in (("redis_shard_num", "ShardNum", 1), ("redis_replicas_num", "ReplicaNum", 1)):
        wanted = props.get("redisShardNum" if key == "ShardNum" else "redisReplicasNum") or unset
        if str(wanted) not in kinds[type_id][key]:
            sold = ",".join(kinds[type_id][key])
            raise ProviderError(f"redis type_id {type_id} only supports {name} : {sold}")
