"""What the official provider looks up before a Redis create. Source: docs/fidelity/redis.md."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import Cloud, Props, ProviderError

NAMES = {
    "master_slave_redis": 2,
    "master_slave_ckv": 3,
    "cluster_ckv": 4,
    "standalone_redis": 5,
    "master_slave_redis4.0": 6,
    "cluster_redis": 7,
    "master_slave_redis5.0": 8,
    "cluster_redis5.0": 9,
}
"""The types that had names before they had numbers alone."""


def type_of(props: Props) -> int:
    """The type id; exactly one of typeId and type is set."""
    type_id, name = props.get("typeId"), props.get("type")
    if bool(type_id) == bool(name):
        raise ProviderError("`type_id` and `type` set one item and only one item")
    return int(type_id) if type_id else NAMES[str(name)]


def zone_ids(cloud: Cloud) -> dict[str, int]:
    """Zone -> its number, of the region's zones with Redis."""
    zones = cloud.call("region", "DescribeZones", {"Product": "redis"})["ZoneSet"]
    return {zone["Zone"]: int(zone["ZoneId"]) for zone in zones}


def check_on_sale(cloud: Cloud, props: Props, type_id: int) -> None:
    """Raise ProviderError unless the zone sells the type with these numbers of shards and replicas."""
    zone = props["availabilityZone"]
    regions: list[dict[str, Any]] = cloud.call("redis", "DescribeProductInfo")["RegionSet"]
    zones = [each for region in regions if region["RegionId"] == cloud.region for each in region["ZoneSet"]]
    found = next((each for each in zones if each["ZoneName"] == zone and not each["IsSaleout"]), None)
    if found is None:
        raise ProviderError(f"all redis in this zone `{zone}` be sold out")
    product = next((each for each in found["ProductSet"] if each["Type"] == type_id), None)
    if product is None:
        raise ProviderError(f"redis type_id `{type_id}` be sold out or this type_id is not supports")
    wanted = {
        "redis_shard_num": ("ShardNum", "redisShardNum"),
        "redis_replicas_num": ("ReplicaNum", "redisReplicasNum"),
    }
    wrong = [
        f"{name} : {','.join(product[key])}"
        for name, (key, prop) in wanted.items()
        if str(props.get(prop) or 1) not in product[key]
    ]
    if wrong:
        raise ProviderError(f"redis type_id `{type_id}` only supports {', '.join(wrong)}")
