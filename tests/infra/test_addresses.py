"""The address plan of a VPC."""

from ipaddress import IPv4Network
from itertools import combinations

import pytest

from infra.addresses import zone_ranges

REGION = IPv4Network("10.10.0.0/16")


def test_a_new_zone_moves_no_other_subnet() -> None:
    assert zone_ranges(REGION, "ap-beijing-3").compute == IPv4Network("10.10.48.0/22")
    assert zone_ranges(REGION, "ap-beijing-3").data == IPv4Network("10.10.52.0/24")
    assert zone_ranges(REGION, "ap-beijing-3").operations == IPv4Network("10.10.53.0/24")
    assert zone_ranges(REGION, "ap-beijing-3").pods == IPv4Network("10.10.56.0/21")


@pytest.mark.parametrize("prefix", [16, 17, 18])
def test_no_two_subnets_of_a_region_overlap(prefix: int) -> None:
    region = IPv4Network(f"10.0.0.0/{prefix}")
    every = [network for number in range(16) for network in vars(zone_ranges(region, f"ap-beijing-{number}")).values()]
    assert all(network.subnet_of(region) for network in every)
    assert not any(one.overlaps(other) for one, other in combinations(every, 2))


def test_a_zone_beyond_the_plan_is_refused() -> None:
    with pytest.raises(ValueError, match="zones 0 to 15"):
        zone_ranges(REGION, "ap-beijing-16")
