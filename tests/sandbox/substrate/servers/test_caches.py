"""Real Redis nodes on hosts of their own, a real sentinel, and a client that knows one address."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
import redis

from sandbox import layout
from sandbox.substrate.commands import run
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import namespaces, topology
from sandbox.substrate.servers import cache_address, caches
from sandbox.substrate.specs import Cache, Firewall, Host, Router, Rule, Subnet, Verdict
from sandbox.substrate.supervision import processes
from sandbox.substrate.waiting import until
from tests.sandbox.substrate.reach import restart_machine

NET = IPv4Network("10.6.0.0/24")
ADDRESS = IPv4Address("10.6.0.100")
NODES = {"node-a": IPv4Address("10.6.0.11"), "node-b": IPv4Address("10.6.0.12")}
SPEC = Cache(name="redis", hosts=("node-a", "node-b"), subnet="cache-net", address=ADDRESS, password='se"sa me')


def make_host(name: str) -> None:
    rules = Firewall(
        ingress=(Rule(verdict=Verdict.ACCEPT, peers=(NET,), protocol="tcp", ports=((6379, 6379),)),),
        egress=(Rule(verdict=Verdict.ACCEPT, peers=(IPv4Network("0.0.0.0/0"),)),),
        trusted=(NET,),
    )
    topology.ensure_host(Host(name=name, subnet="cache-net", private=NODES[name], firewall=rules))


@pytest.fixture(scope="module", autouse=True)
def cell() -> Iterator[None]:
    """A private network with a client."""
    topology.start()
    processes.start()
    stand()
    yield
    topology.remove_host("cache-client")
    topology.remove_router("cache-vpc")


def stand() -> None:
    topology.ensure_router(Router(name="cache-vpc", region="ap-beijing"))
    topology.ensure_subnet(Subnet(name="cache-net", router="cache-vpc", cidr=NET))
    topology.ensure_host(Host(name="cache-client", subnet="cache-net", private=IPv4Address("10.6.0.30")))


@pytest.fixture(autouse=True)
def nodes() -> Iterator[None]:
    for name in NODES:
        make_host(name)
    yield
    caches.remove("redis")
    for name in NODES:
        topology.remove_host(name)


def ask(*command: str, address: IPv4Address = ADDRESS, password: str | None = SPEC.password) -> Any:
    def call() -> Any:
        with redis.Redis(host=str(address), password=password, socket_timeout=2, decode_responses=True) as client:
            return client.execute_command(*command)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

    return namespaces.inside("cache-client", call)


def running() -> list[str]:
    return [status.name for status in processes.statuses() if status.name.startswith("cache-redis")]


def answers(*command: str) -> Callable[[], bool]:
    def attempt() -> bool:
        try:
            ask(*command)
        except redis.RedisError:
            return False
        return True

    return attempt


def test_the_address_is_the_primarys_and_replicas_follow() -> None:
    caches.ensure(SPEC)
    assert caches.primary("redis") == "node-a"
    ask("SET", "greeting", "hello")
    assert ask("WAIT", "1", "2000") == 1
    assert ask("GET", "greeting", address=NODES["node-b"]) == "hello"


def test_the_password_is_asked_for_and_stands_in_no_argument_and_no_readable_file() -> None:
    caches.ensure(SPEC)
    with pytest.raises(redis.AuthenticationError):
        ask("PING", password=None)
    processes_seen = "".join(path.read_text(errors="replace") for path in Path("/proc").glob("[0-9]*/cmdline"))
    assert 'se"sa me' not in processes_seen
    holding = [p for p in layout.STATE.rglob("*") if p.is_file() and b"sa me" in p.read_bytes()]
    assert holding
    assert all(path.stat().st_mode & 0o077 == 0 for path in holding)


def test_settings_change_while_it_runs_and_stay() -> None:
    caches.ensure(SPEC)
    ask("SET", "kept", "yes")
    changed = replace(
        SPEC, max_memory_bytes=64 << 20, parameters={"maxmemory-policy": "volatile-ttl"}, password="other"
    )
    caches.ensure(changed)
    assert ask("CONFIG", "GET", "maxmemory", password="other")["maxmemory"] == str(64 << 20)
    assert ask("CONFIG", "GET", "maxmemory-policy", password="other")["maxmemory-policy"] == "volatile-ttl"
    assert ask("GET", "kept", password="other") == "yes"
    assert "maxmemory-policy volatile-ttl" in (layout.STATE / "caches/redis/node-b/redis.conf").read_text()


def test_a_wrong_parameter_is_refused_by_name() -> None:
    caches.ensure(SPEC)
    with pytest.raises(SubstrateError, match="maxmemory-policy"):
        caches.ensure(replace(SPEC, parameters={"maxmemory-policy": "whatever"}))
    assert ask("PING")


def test_a_replica_takes_the_address_when_the_primarys_host_is_gone() -> None:
    caches.ensure(SPEC)
    ask("SET", "kept", "yes")
    assert ask("WAIT", "1", "2000") == 1
    processes.stop_process("cache-redis-node-a")
    topology.remove_host("node-a")
    until(answers("SET", "written", "after"), "the address answers writes again", 15)
    assert caches.primary("redis") == "node-b"
    assert ask("GET", "kept") == "yes"
    # The lost node comes back, as what it is now: a replica.
    make_host("node-a")
    caches.ensure(SPEC)
    assert caches.primary("redis") == "node-b"
    assert ask("ROLE", address=NODES["node-a"])[0] == "slave"
    assert ask("GET", "written", address=NODES["node-a"]) == "after"


def test_a_frozen_primary_loses_the_address_and_comes_back_as_replica() -> None:
    caches.ensure(SPEC)
    processes.reload("cache-redis-node-a", "STOP")
    until(answers("SET", "a", "1"), "the address answers writes again", 15)
    assert caches.primary("redis") == "node-b"
    processes.reload("cache-redis-node-a", "CONT")
    caches.ensure(SPEC)
    assert ask("ROLE", address=NODES["node-a"])[0] == "slave"
    members = cache_address.read("redis")
    assert members
    assert cache_address.holder(members) == "node-b"


def test_after_a_restart_of_the_machine_who_was_primary_last_is_it_again_with_its_data() -> None:
    caches.ensure(SPEC)
    processes.stop_process("cache-redis-node-a")
    until(answers("SET", "written", "by b"), "the address answers writes again", 15)
    caches.ensure(SPEC)
    restart_machine()
    stand()
    for name in NODES:
        make_host(name)
    caches.ensure(SPEC)
    assert caches.primary("redis") == "node-b"
    assert ask("GET", "written") == "by b"
    assert ask("GET", "written", address=NODES["node-a"]) == "by b"


def test_neighbours_learn_at_once_where_the_address_moved() -> None:
    caches.ensure(SPEC)
    ask("PING")

    def known_mac(address: IPv4Address) -> str:
        argv = ["ip", "neighbour", "show", "to", str(address)]
        return namespaces.inside("cache-client", lambda: run(argv)).partition("lladdr ")[2].split()[0]

    ask("PING", address=NODES["node-b"])
    assert known_mac(ADDRESS) != known_mac(NODES["node-b"])
    members = cache_address.read("redis")
    assert members
    cache_address.move(members, "node-b")
    # Nothing is sent to the address meanwhile: only the announcement can have told it.
    until(lambda: known_mac(ADDRESS) == known_mac(NODES["node-b"]), "the client knows the new holder", 5)


def test_a_cache_without_replica_runs_without_sentinel() -> None:
    caches.ensure(replace(SPEC, hosts=("node-a",), password=None))
    assert ask("PING", password=None)
    assert running() == ["cache-redis-node-a"]


def test_a_removed_cache_leaves_nothing_and_may_be_removed_again() -> None:
    caches.ensure(SPEC)
    caches.remove("redis")
    caches.remove("redis")
    assert running() == []
    assert not (layout.STATE / "caches" / "redis").exists()
    with pytest.raises(SubstrateError, match="no cache"):
        caches.primary("redis")
