"""Sizes follow from the declared load."""

from typing import Any

import pytest

from infra import sizing
from infra.pod_sizing import STREAMS_PER_CORE, most_kib, pod_size
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
        cores = settings.cvm.cores if cell.compute == "cvm" and settings.cvm else settings.tke.pod_millicores / 1000  # type: ignore[union-attr]
        left = size.gateways * (zones - 1) / zones
        assert left * cores * STREAMS_PER_CORE >= size.streams


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


def test_a_pod_of_one_core_has_the_memory_and_the_disk_that_a_hand_reckons() -> None:
    settings = stack(request_kib=64)
    pod = pod_size(settings.load, settings.gateway, millicores=1000, cpu_percent=70)
    assert pod.streams == 1500
    # 1500 bodies of 64 KiB are 96 000 KiB; with at most 1 MiB each in memory the bound adds 6 x sqrt(96 000 x 1024).
    assert most_kib(1500, 64, 1024) == pytest.approx(96_000 + 6 * 9_914.8, abs=1)
    # Two copies of these, 1500 x 96 KiB of connections: 444 MiB, a quarter to spare, 64 + 2 x 40 for nginx itself.
    assert pod.memory_mib == 768  # of 716, in steps of 128
    # On disk up to 64 MiB each: 96 000 + 6 x sqrt(96 000 x 65 536) KiB, and four of the largest: 814 MiB.
    assert pod.spool_mib == 1024
    assert (pod.millicores, pod.limit_millicores) == (1000, 2000)
    assert (pod.all_millicores, pod.all_memory_mib) == (1040, 768 + 128)


def test_larger_prompts_and_more_streams_take_more_memory_and_disk() -> None:
    small, large = stack(request_kib=16), stack(request_kib=512)
    pods = [pod_size(each.load, each.gateway, millicores=2000, cpu_percent=70) for each in (small, large)]
    assert pods[0].memory_mib < pods[1].memory_mib
    assert pods[0].spool_mib < pods[1].spool_mib
    tiny = pod_size(small.load, small.gateway, millicores=250, cpu_percent=70)
    assert tiny.streams == 375
    assert tiny.memory_mib < pods[0].memory_mib


def test_a_pod_that_no_node_has_room_for_is_refused_with_figures() -> None:
    given = config("prod")
    given["tke"]["pod_millicores"] = 8000
    with pytest.raises(SettingsError) as caught:
        sizing.plan(parse("prod", as_given(given)))
    assert "sanmen:tke.pod_millicores: a pod asks for 8040m CPU and " in str(caught.value)
    assert "more than a node of 8 cores and 16 GiB has left for pods" in str(caught.value)


def test_nodes_are_counted_by_the_memory_of_pods_too() -> None:
    given = config("prod")
    before = sizing.plan(parse("prod", as_given(given)))[Region.BEIJING]
    given["tke"]["memory_gib"] = 4
    after = sizing.plan(parse("prod", as_given(given)))[Region.BEIJING]
    assert after.nodes_maximum > before.nodes_maximum
