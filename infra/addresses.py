"""The address plan of a VPC: a slot per zone number and use, so that a new zone moves no other subnet."""

from dataclasses import dataclass
from ipaddress import IPv4Network

from infra.settings.kinds import zone_number


@dataclass(frozen=True, kw_only=True)
class ZoneRanges:
    """Ranges of one zone. Of a /16 region: compute /22, data and operations /24 each, pods /21."""

    compute: IPv4Network
    """Machines and cluster nodes."""
    data: IPv4Network
    """Redis. No route leads out."""
    operations: IPv4Network
    """Prometheus and cluster endpoints. No route leads out."""
    pods: IPv4Network
    """Pods: VPC-CNI gives each an address of the VPC."""


def zone_ranges(region: IPv4Network, zone: str) -> ZoneRanges:
    """Ranges of `zone` (`ap-beijing-3`) in a region's range.

    Each zone has the sixteenth of the region that its number names; of its 16 parts the first four are compute's,
    the fifth is for data, the sixth for operations, the last eight are for pods. Raises ValueError above zone 15.
    """
    number = zone_number(zone)
    if number > 15:
        raise ValueError(f"{zone}: the plan has room for zones 0 to 15")
    own = list(region.subnets(prefixlen_diff=4))[number]
    parts = list(own.subnets(prefixlen_diff=4))
    return ZoneRanges(
        compute=next(iter(own.subnets(prefixlen_diff=2))),
        data=parts[4],
        operations=parts[5],
        pods=list(own.subnets(prefixlen_diff=1))[1],
    )
