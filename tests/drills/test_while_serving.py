"""What dies while clients are served."""

import time

import pytest

from sandbox import layout
from sandbox.api.store import Store
from sandbox.substrate import teardown
from sandbox.substrate.network import regions
from sandbox.substrate.servers import caches, machines
from sandbox.substrate.supervision import cgroups
from tests.drills import stage
from tests.end_to_end.conftest import run

FAILOVER_S = 15 * 2 + 2 + 60
"""IGTM: interval x (retries + 1) + time-out + TTL."""


@pytest.fixture(scope="module", autouse=True)
def _up() -> None:  # pyright: ignore[reportUnusedFunction] pytest uses it
    stage.up_completes()
    for region in layout.REGIONS:
        stage.until(lambda region=region: stage.answers(region), 60, lambda region=region: f"{region} does not answer")


def _ids(kind: str, region: str) -> set[str]:
    store = Store(layout.DATABASE)
    try:
        return {doc["InstanceId"] for doc in store.list(kind, region)}
    finally:
        store.close()


def test_a_region_a_machine_and_a_redis_primary_die_at_once() -> None:
    """Guangzhou is cut off, a machine in Shanghai and the Redis primary in Beijing are killed."""
    before = _ids("cvm.instance", "ap-shanghai")
    victim = min(before)
    host = next(name for name in machines.states() if victim in name)
    (cache,) = _ids("redis.instance", "ap-beijing")
    node = caches.primary(cache)

    began = time.monotonic()
    regions.partition("ap-guangzhou")
    try:
        cgroups.kill(f"{layout.REGIONS['ap-beijing'].short}/cache-{cache}-{node}")
        assert all(stage.answers("ap-beijing") for _ in range(10)), "clients noticed the death of a Redis primary"

        cgroups.kill(f"{layout.REGIONS['ap-shanghai'].short}/{machines.process_name(host)}")
        lost = 0
        deadline = time.monotonic() + 90
        while not (now := _ids("cvm.instance", "ap-shanghai")) - before or victim in now or len(now) != len(before):
            lost += not stage.answers("ap-shanghai")
            assert time.monotonic() < deadline, f"{victim} was not replaced: {now}"
        assert lost <= 1, f"{lost} requests were lost with one machine"

        left_s = began + FAILOVER_S + 5 - time.monotonic()
        stage.until(lambda: stage.answers("ap-guangzhou", max_time_s=2), left_s, lambda: "no other region answers")
    finally:
        regions.heal("ap-guangzhou")
    stage.until(lambda: stage.answers("ap-guangzhou"), FAILOVER_S + 5, lambda: "Guangzhou does not come back")


def test_after_a_restart_of_the_machine_up_brings_all_of_it_back_and_changes_nothing() -> None:
    before = {region: _ids("cvm.instance", region) for region in layout.REGIONS}
    teardown.everything(keep_state=True)
    assert "'make up' brings it back" in run("make", "status").stderr
    said = stage.up_completes()
    assert "unchanged" in said
    assert not [words for words in (" created", " updated", " deleted", " replaced") if words in said], said
    stage.assert_complete()
    assert {region: _ids("cvm.instance", region) for region in layout.REGIONS} == before
    for region in layout.REGIONS:
        stage.until(lambda region=region: stage.answers(region), 60, lambda region=region: f"{region} does not answer")


def test_what_a_shell_needs_is_for_its_owner_alone() -> None:
    for name in set(layout.SESSION_FILES) - {"ca.pem"}:
        assert (layout.LOCAL / name).stat().st_mode & 0o077 == 0, name
