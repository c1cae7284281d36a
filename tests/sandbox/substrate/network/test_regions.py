"""Regions that fail as a whole."""

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import regions, topology
from sandbox.substrate.specs import Host, Process
from sandbox.substrate.supervision import processes
from tests.sandbox.substrate.reach import connects, listening, until


@pytest.fixture(autouse=True)
def places(substrate: None) -> None:
    topology.ensure_host(Host(name="r-bj1", region="ap-beijing", public=IPv4Address("198.18.16.60")))
    topology.ensure_host(Host(name="r-bj2", region="ap-beijing", public=IPv4Address("198.18.16.61")))
    topology.ensure_host(Host(name="r-out", internet=True, public=IPv4Address("198.18.0.70")))


def ticker(name: str, host: str) -> Process:
    """Writes a longer and longer file."""
    script = "while :; do echo >> ticks; sleep 0.02; done"
    return Process(name=name, host=host, argv=("sh", "-c", script), ready=Path("ticks"))


def ticks(name: str) -> int:
    return (processes.directory(name) / "ticks").stat().st_size


def test_a_partitioned_region_goes_on_inside_and_is_silent_outside() -> None:
    with listening("r-bj1", "198.18.16.60"), listening("r-out", "198.18.0.70"):
        assert connects("r-out", "198.18.16.60")
        regions.partition("ap-beijing")
        assert not connects("r-out", "198.18.16.60")
        assert not connects("r-bj1", "198.18.0.70")
        assert connects("r-bj2", "198.18.16.60")
        regions.heal("ap-beijing")
        assert connects("r-out", "198.18.16.60", timeout_s=5)


def test_a_frozen_region_stands_still_while_others_go_on() -> None:
    processes.ensure(ticker("r-tick-bj", "r-bj1"))
    processes.ensure(ticker("r-tick-out", "r-out"))
    regions.freeze("ap-beijing")
    try:
        frozen, moving = ticks("r-tick-bj"), ticks("r-tick-out")
        until(lambda: ticks("r-tick-out") > moving + 3)
        assert ticks("r-tick-bj") <= frozen + 1
    finally:
        regions.thaw("ap-beijing")
    until(lambda: ticks("r-tick-bj") > frozen + 3)


def test_a_killed_regions_servers_come_back() -> None:
    processes.ensure(ticker("r-tick-bj", "r-bj1"))
    before = {s.name: s for s in processes.statuses()}["r-tick-bj"]
    regions.kill("ap-beijing")
    until(lambda: {s.name: s for s in processes.statuses()}["r-tick-bj"].ends == before.ends + 1)
    until(lambda: {s.name: s for s in processes.statuses()}["r-tick-bj"].up)


def test_an_unknown_region_is_refused() -> None:
    with pytest.raises(SubstrateError, match="region 'ap-nowhere' is unknown"):
        regions.partition("ap-nowhere")
