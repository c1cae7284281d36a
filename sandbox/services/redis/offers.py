"""What Redis has on sale. Source: docs/sources.md, Redis."""

from dataclasses import dataclass
from typing import Any

from tencentcloud.redis.v20180412 import models

from sandbox.api.actions import Context, action
from sandbox.layout import REGIONS
from sandbox.services.places import PLACES, zone_number, zones

_GIB = (1, 2, 4, 8, 12, 16, 20, 24, 32, 40, 48, 64)
STANDARD_MB = (256, *(size * 1024 for size in _GIB))
CLUSTER_MB = tuple(size * 1024 for size in _GIB)
SHARDS = (1, 3, 5, 8, 12, 16, 24, 32, 40, 48, 64, 80, 96, 128)
SMALL_IN = {"ap-guangzhou": (6, 7), "ap-shanghai": (2, 3, 4, 5), "ap-beijing": (2, 3, 4, 5, 6, 7)}
"""Zones that sell 0.25 GB (for tests only)."""


@dataclass(frozen=True, kw_only=True)
class Type:
    """An architecture and version. `cluster`: several shards; the sandbox records these and starts one server set."""

    id: int
    name: str
    version: str
    cluster: bool

    @property
    def memories(self) -> tuple[int, ...]:
        """MB per shard on sale."""
        return CLUSTER_MB if self.cluster else STANDARD_MB

    @property
    def shards(self) -> tuple[int, ...]:
        """Numbers of shards on sale."""
        return SHARDS if self.cluster else (1,)


TYPES: dict[int, Type] = {
    each.id: each
    for each in (
        Type(id=6, name="Redis 4.0 standard", version="4.0", cluster=False),
        Type(id=7, name="Redis 4.0 cluster", version="4.0", cluster=True),
        Type(id=8, name="Redis 5.0 standard", version="5.0", cluster=False),
        Type(id=9, name="Redis 5.0 cluster", version="5.0", cluster=True),
        Type(id=15, name="Redis 6.2 standard", version="6.2", cluster=False),
        Type(id=16, name="Redis 6.2 cluster", version="6.2", cluster=True),
        Type(id=17, name="Redis 7.0 standard", version="7.0", cluster=False),
        Type(id=18, name="Redis 7.0 cluster", version="7.0", cluster=True),
    )
}
"""On sale. 2.8 is not sold any more (sold out)."""
SOLD_OUT = (Type(id=2, name="Redis 2.8 standard", version="2.8", cluster=False),)
REPLICAS = (1, 2, 3, 4, 5)


def _product(kind: Type, region: str, zone: str, *, sold_out: bool) -> dict[str, Any]:
    small = int(zone.rpartition("-")[2]) in SMALL_IN[region]
    sizes = [size for size in kind.memories if size >= 1024 or small]
    return {
        "Type": kind.id,
        "TypeName": kind.name,
        "MinBuyNum": 1,
        "MaxBuyNum": 10,
        "Saleout": sold_out,
        "Engine": "Redis",
        "Version": kind.version,
        "TotalSize": [str(size // 1024 or 0.25) for size in sizes],
        "ShardSize": [str(size) for size in sizes],
        "ReplicaNum": [str(each) for each in REPLICAS],
        "ShardNum": [str(each) for each in kind.shards],
        "PayMode": "0",
        "EnableReplicaReadOnly": True,
    }


@action
def describe_product_info(ctx: Context, request: models.DescribeProductInfoRequest) -> dict[str, Any]:
    """All regions with their zones and what each sells."""
    return {
        "RegionSet": [
            {
                "RegionId": region,
                "RegionName": region,
                "RegionShortName": plan.short,
                "Area": "mainland",
                "ZoneSet": [
                    {
                        "ZoneId": zone,
                        "ZoneName": zone,
                        "IsSaleout": False,
                        "IsDefault": False,
                        "NetWorkType": ["vpcnet"],
                        "OldZoneId": zone_number(zone),
                        "ProductSet": [
                            *(_product(kind, region, zone, sold_out=False) for kind in TYPES.values()),
                            *(_product(kind, region, zone, sold_out=True) for kind in SOLD_OUT),
                        ],
                    }
                    for zone in zones(region)
                ],
            }
            for region, plan in REGIONS.items()
        ]
    }


def region_number(region: str) -> int:
    """The region's id in old answers."""
    return PLACES[region].number
