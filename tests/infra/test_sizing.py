"""Sizes follow from the declared load."""

from typing import Any

import pytest

from infra import sizing
from infra.settings.kinds import Region
from infra.settings.stack import SettingsError, Stack, parse
from tests.infra.engine import STACKS, as_given, config


def stack(name: str = "prod", **load: Any) -> Stack:
    """A stack with another load."""
    given = config(name)
    given["load"] |= load
    return parse(name, as_given(given))


@pytest.mark.parametrize("name", STACKS)
def test_every_region_carries_one_and_a_half_times_its_share(name: str) -> None:
    settings = stack(name)
    for region, size in sizing.plan(settings).items():
        share = settings.load.requests_per_s * settings.regions[region].share_percent / 100
        assert size.requests_per_s == pytest.approx(1.5 * share)
        assert size.streams >= size.requests_per_s * settings.load.mean_stream_s


@pytest.mark.parametrize("name", STACKS)
def test_a_lost_zone_leaves_enough_gateways(name: str) -> None:
    settings = stack(name)
    for region, size in sizing.plan(settings).items():
        zones = len(settings.regions[region].zones)
        cell = settings.regions[region]
        cores = settings.cvm.cores if cell.compute == "cvm" and settings.cvm else settings.tke.pod_cores  # type: ignore[union-attr]
        left = size.gateways * (zones - 1) / zones
        assert left * cores * sizing.STREAMS_PER_CORE >= size.streams


def test_more_load_never_makes_anything_smaller() -> None:
    before = sizing.plan(stack(requests_per_s=100))[Region.BEIJING]
    after = sizing.plan(stack(requests_per_s=400, tenants=500_000))[Region.BEIJING]
    assert after.gateways >= before.gateways
    assert after.redis_mib > before.redis_mib
    assert after.nat_mbps > before.nat_mbps
    assert after.balancer_mbps >= before.balancer_mbps


def test_prod_has_a_balancer_of_its_own_class_and_local_shares_one() -> None:
    assert sizing.plan(stack("prod"))[Region.BEIJING].balancer_sla == "clb.c2.medium"
    assert sizing.plan(stack("local"))[Region.BEIJING].balancer_sla is None


def test_redis_holds_all_tenants_with_spare_memory() -> None:
    settings = stack(tenants=400_000)
    need = sizing.REDIS_BASE_MIB + 400_000 * sizing.REDIS_KIB_PER_TENANT / 1024
    size = sizing.plan(settings)[Region.BEIJING]
    assert size.redis_mib >= need * 1.3
    assert size.redis_mib in sizing.REDIS_MIB


def test_a_load_above_the_bounds_says_what_is_needed() -> None:
    with pytest.raises(SettingsError) as caught:
        sizing.plan(stack(requests_per_s=40_000))
    text = str(caught.value)
    assert "sanmen:autoscaling.maximum: ap-beijing needs" in text
    assert "sanmen:regions.ap-beijing.egress: " in text
    assert "5 named" in text


def test_too_few_egress_addresses_are_named() -> None:
    given = config("prod")
    given["regions"]["ap-beijing"]["egress"] = ["one"]
    with pytest.raises(SettingsError, match=r"regions\.ap-beijing\.egress: 5 addresses needed"):
        sizing.plan(parse("prod", as_given(given)))
