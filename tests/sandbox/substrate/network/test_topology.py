"""The network, with real namespaces and real connections."""

import socket
import threading
import time
from ipaddress import IPv4Address, IPv4Network

import pytest

from sandbox import layout
from sandbox.substrate.commands import run
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import namespaces, topology
from sandbox.substrate.specs import Firewall, Host, Nat, Router, Rule, Subnet, Verdict
from sandbox.substrate.supervision import processes
from tests.sandbox.substrate.reach import connects, datagrams, listening, seen_as, send

pytestmark = pytest.mark.usefixtures("substrate")

ANYWHERE = IPv4Network("0.0.0.0/0")
OUT = Rule(verdict=Verdict.ACCEPT, peers=(ANYWHERE,))
UPSTREAM = "198.18.0.80"


@pytest.fixture(autouse=True)
def places(substrate: None) -> None:
    """In Beijing a network with two subnets that are routed out and one that is not; in Guangzhou another."""
    topology.ensure_router(Router(name="bj-net", region="ap-beijing"))
    topology.ensure_subnet(subnet("bj-a", "10.1.0.0/24", routed_out=True))
    topology.ensure_subnet(subnet("bj-b", "10.1.1.0/24", routed_out=True))
    topology.ensure_subnet(subnet("bj-closed", "10.1.2.0/24"))
    topology.ensure_nat(Nat(name="bj-nat", router="bj-net", public=(IPv4Address("198.18.16.5"),)))
    topology.ensure_host(inner("bj-a1", "bj-a", "10.1.0.10"))
    topology.ensure_host(inner("bj-b1", "bj-b", "10.1.1.10"))
    topology.ensure_host(inner("bj-closed1", "bj-closed", "10.1.2.10"))
    topology.ensure_host(Host(name="upstream", internet=True, public=IPv4Address(UPSTREAM)))


def subnet(name: str, cidr: str, *, router: str = "bj-net", routed_out: bool = False) -> Subnet:
    return Subnet(name=name, router=router, cidr=IPv4Network(cidr), routed_out=routed_out)


def inner(name: str, place: str, address: str, firewall: Firewall | None = None) -> Host:
    return Host(name=name, subnet=place, private=IPv4Address(address), firewall=firewall)


def accept(peer: str, *ports: tuple[int, int]) -> Rule:
    return Rule(verdict=Verdict.ACCEPT, peers=(IPv4Network(peer),), protocol="tcp" if ports else "all", ports=ports)


def test_hosts_of_a_private_network_reach_each_other_across_subnets() -> None:
    with listening("bj-b1", "10.1.1.10") as server:
        assert seen_as("bj-a1", server) == "10.1.0.10"


def test_a_routed_out_subnet_reaches_the_internet_from_the_nat_address() -> None:
    with listening("upstream", UPSTREAM) as server:
        assert seen_as("bj-a1", server) == "198.18.16.5"


def test_several_nat_addresses_are_all_used() -> None:
    both = (IPv4Address("198.18.16.6"), IPv4Address("198.18.16.7"))
    topology.ensure_nat(Nat(name="bj-nat", router="bj-net", public=both))
    with listening("upstream", UPSTREAM) as server:
        assert {seen_as("bj-a1", server) for _ in range(30)} == {"198.18.16.6", "198.18.16.7"}


def test_a_subnet_that_is_not_routed_out_reaches_no_internet_until_it_is() -> None:
    with listening("upstream", UPSTREAM):
        assert not connects("bj-closed1", UPSTREAM)
        topology.ensure_subnet(subnet("bj-closed", "10.1.2.0/24", routed_out=True))
        assert connects("bj-closed1", UPSTREAM)
        topology.ensure_subnet(subnet("bj-closed", "10.1.2.0/24"))
        assert not connects("bj-closed1", UPSTREAM)


def test_without_nat_nothing_leaves() -> None:
    topology.remove_nat("bj-nat")
    with listening("upstream", UPSTREAM):
        assert not connects("bj-a1", UPSTREAM)


def test_the_internet_cannot_open_connections_to_a_nat_address_or_a_private_one() -> None:
    with listening("bj-a1", "10.1.0.10"):
        assert not connects("upstream", "198.18.16.5")
        assert not connects("upstream", "10.1.0.10")


def test_private_addresses_do_not_cross_from_one_private_network_to_another_in_the_same_range() -> None:
    topology.ensure_router(Router(name="bj-other", region="ap-beijing"))
    topology.ensure_subnet(subnet("bj-other-a", "10.1.1.0/24", router="bj-other", routed_out=True))
    topology.ensure_host(inner("bj-other1", "bj-other-a", "10.1.1.10"))
    with listening("bj-b1", "10.1.1.10") as server, listening("bj-other1", "10.1.1.10") as other:
        seen_as("bj-a1", server)
        other.settimeout(0.05)
        with pytest.raises(TimeoutError):
            other.accept()


def test_regions_see_only_public_addresses_of_each_other() -> None:
    balancer = Host(name="gz-balancer", region="ap-guangzhou", public=IPv4Address("198.18.48.9"))
    topology.ensure_host(balancer)
    with listening("gz-balancer", "198.18.48.9") as server:
        assert seen_as("bj-a1", server) == "198.18.16.5"


@pytest.mark.parametrize("forged", ["10.77.0.1", "203.0.113.7", "198.18.48.9"])
def test_a_packet_with_a_source_that_is_not_its_regions_never_leaves_it(forged: str) -> None:
    # The neighbour stands in the region and sends what it likes; the region's edge alone is in the way.
    topology.ensure_host(Host(name="bj-neighbour", region="ap-beijing", public=IPv4Address("198.18.16.50")))
    with datagrams("upstream", UPSTREAM) as server:
        send("bj-neighbour", forged, server)
        send("bj-neighbour", "198.18.16.51", server)
        assert server.recv(100) == b"198.18.16.51", "the forged one was sent first"


def test_a_neighbour_on_the_public_network_cannot_route_into_a_private_one() -> None:
    topology.ensure_host(Host(name="bj-neighbour", region="ap-beijing", public=IPv4Address("198.18.16.50")))
    router = topology.ensure_router(Router(name="bj-net", region="ap-beijing"))
    run(["ip", "-n", layout.namespace("bj-neighbour"), "route", "replace", "10.1.0.0/24", "via", str(router)])
    with datagrams("bj-a1", "10.1.0.10") as server:
        send("bj-neighbour", "198.18.16.50", server)
        send("bj-b1", "10.1.1.10", server)
        assert server.recv(100) == b"10.1.1.10", "the neighbour's was sent first"
    assert not connects("bj-neighbour", str(router), 53)


def test_a_host_with_two_legs_answers_on_both_and_finds_the_whole_private_network() -> None:
    two = Host(
        name="bj-two",
        subnet="bj-a",
        private=IPv4Address("10.1.0.20"),
        region="ap-beijing",
        public=IPv4Address("198.18.16.20"),
    )
    topology.ensure_host(two)
    with listening("bj-two", "0.0.0.0") as server:
        assert connects("upstream", "198.18.16.20")
        assert connects("bj-b1", "10.1.0.20")
        server.accept()
    with listening("bj-b1", "10.1.1.10") as server:
        assert seen_as("bj-two", server) == "10.1.0.20"


def test_a_host_whose_address_moves_is_found_at_its_new_one_alone() -> None:
    topology.ensure_host(inner("bj-moving", "bj-a", "10.1.0.30"))
    topology.ensure_host(inner("bj-moving", "bj-b", "10.1.1.30"))
    with listening("bj-moving", "0.0.0.0"):
        assert connects("bj-a1", "10.1.1.30")
        assert not connects("bj-a1", "10.1.0.30")


def test_a_host_that_gets_a_public_leg_keeps_its_connections_on_the_private_one() -> None:
    topology.ensure_host(inner("bj-grows", "bj-a", "10.1.0.31"))
    with listening("bj-grows", "0.0.0.0") as server:
        client = namespaces.inside("bj-b1", lambda: socket.create_connection(("10.1.0.31", 80), timeout=5))
        connection, _ = server.accept()
        public = Host(
            name="bj-grows",
            subnet="bj-a",
            private=IPv4Address("10.1.0.31"),
            region="ap-beijing",
            public=IPv4Address("198.18.16.31"),
        )
        topology.ensure_host(public)
        assert connects("upstream", "198.18.16.31")
        with client, connection:
            connection.sendall(b"still here")
            assert client.recv(20) == b"still here"
        topology.ensure_host(inner("bj-grows", "bj-a", "10.1.0.31"))
        assert not connects("upstream", "198.18.16.31")
        assert connects("bj-b1", "10.1.0.31")
    with listening("upstream", UPSTREAM) as server:
        assert seen_as("bj-grows", server) == "198.18.16.5"


def test_no_leg_has_an_ipv6_address() -> None:
    for name in namespaces.names():
        assert run(["ip", "-n", layout.namespace(name), "-6", "-o", "address", "show", "scope", "link"]) == ""


def test_firewall_rules_are_taken_in_order_and_the_rest_is_dropped() -> None:
    rules = (
        Rule(verdict=Verdict.DROP, peers=(IPv4Network("10.1.1.10/32"),), protocol="tcp", ports=((80, 80),)),
        accept("10.1.0.0/16", (80, 80), (8000, 8010)),
    )
    topology.ensure_host(inner("bj-walled", "bj-a", "10.1.0.40", Firewall(ingress=rules, egress=(OUT,))))
    with listening("bj-walled", "0.0.0.0"), listening("bj-walled", "0.0.0.0", 8005):
        assert connects("bj-a1", "10.1.0.40")
        assert not connects("bj-b1", "10.1.0.40")
        assert connects("bj-b1", "10.1.0.40", 8005)
    with listening("bj-walled", "0.0.0.0", 81):
        assert not connects("bj-a1", "10.1.0.40", 81)


def test_a_host_without_egress_rules_reaches_nothing_but_metadata_and_resolver() -> None:
    topology.ensure_host(inner("bj-mute", "bj-a", "10.1.0.41", Firewall(ingress=(accept("0.0.0.0/0"),))))
    with listening("bj-a1", "10.1.0.10"):
        assert not connects("bj-mute", "10.1.0.10")
    assert connects("bj-mute", str(layout.METADATA))
    assert connects("bj-mute", str(layout.RESOLVER), 53)


def test_trusted_peers_pass_and_rules_can_be_replaced_under_an_open_connection() -> None:
    trusting = Firewall(trusted=(IPv4Network("10.1.0.10/32"),), egress=(OUT,))
    topology.ensure_host(inner("bj-trusting", "bj-a", "10.1.0.42", trusting))
    with listening("bj-trusting", "0.0.0.0") as server:
        assert not connects("bj-b1", "10.1.0.42")
        assert connects("bj-a1", "10.1.0.42")
        topology.set_firewall("bj-trusting", Firewall(ingress=(accept("10.1.1.0/24"),), egress=(OUT,)))
        assert connects("bj-b1", "10.1.0.42")
        assert not connects("bj-a1", "10.1.0.42")
        topology.set_firewall("bj-trusting", None)
        assert connects("bj-a1", "10.1.0.42")
        server.accept()


def test_the_resolver_of_a_private_network_knows_the_intranet_names() -> None:
    for name in ("metadata.tencentyun.com", "ssm.internal.tencentcloudapi.com"):
        answer = namespaces.inside("bj-a1", lambda n=name: run(["dig", "+short", f"@{layout.RESOLVER}", n]))
        assert answer.strip() == str(layout.METADATA)


def test_what_stands_is_left_alone_and_many_callers_at_once_do_no_harm() -> None:
    before = run(["ip", "-n", layout.namespace("bj-a1"), "-o", "link"])
    failures: list[BaseException] = []

    def make(number: int) -> None:
        try:
            topology.ensure_router(Router(name="gz-net", region="ap-guangzhou"))
            topology.ensure_subnet(subnet("gz-a", "10.3.0.0/24", router="gz-net"))
            topology.ensure_host(inner(f"gz-{number % 3}", "gz-a", f"10.3.0.{10 + number % 3}"))
            topology.ensure_host(inner("bj-a1", "bj-a", "10.1.0.10"))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert run(["ip", "-n", layout.namespace("bj-a1"), "-o", "link"]) == before
    with listening("gz-0", "10.3.0.10"):
        assert connects("gz-2", "10.3.0.10")


def test_a_router_half_made_by_a_killed_caller_is_completed() -> None:
    namespaces.create("sh-net", forwarding=True)
    topology.ensure_router(Router(name="sh-net", region="ap-shanghai"))
    topology.ensure_subnet(subnet("sh-a", "10.2.0.0/24", router="sh-net", routed_out=True))
    topology.ensure_nat(Nat(name="sh-nat", router="sh-net", public=(IPv4Address("198.18.32.5"),)))
    topology.ensure_host(inner("sh-a1", "sh-a", "10.2.0.10"))
    with listening("upstream", UPSTREAM) as server:
        assert seen_as("sh-a1", server) == "198.18.32.5"


def test_removal_takes_everything_and_may_be_repeated() -> None:
    topology.ensure_router(Router(name="sh-gone", region="ap-shanghai"))
    topology.ensure_subnet(subnet("sh-gone-a", "10.9.0.0/24", router="sh-gone"))
    topology.ensure_host(inner("sh-gone1", "sh-gone-a", "10.9.0.10"))
    for _ in range(2):
        topology.remove_host("sh-gone1")
        topology.remove_subnet("sh-gone-a")
        topology.remove_router("sh-gone")
    assert not {"sh-gone", "sh-gone1"} & set(namespaces.names())
    assert not [s.name for s in processes.statuses() if s.name.startswith("sh-gone")]


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: topology.ensure_router(Router(name="x", region="ap-nowhere")), "region 'ap-nowhere' is unknown"),
        (lambda: topology.ensure_subnet(subnet("x", "10.0.0.0/24", router="none")), "there is no router 'none'"),
        (lambda: topology.ensure_subnet(subnet("bj-a", "10.8.0.0/24")), "is 10.1.0.0/24 in bj-net; that cannot change"),
        (lambda: topology.ensure_host(inner("x", "none", "10.0.0.1")), "there is no subnet 'none'"),
        (lambda: topology.ensure_host(inner("x", "bj-a", "10.8.0.1")), "10.8.0.1 is not in subnet bj-a, 10.1.0.0/24"),
        (
            lambda: topology.ensure_host(Host(name="x", region="ap-beijing", public=IPv4Address("198.18.48.1"))),
            "198.18.48.1 is not in 198.18.16.0/20",
        ),
        (
            lambda: topology.ensure_nat(Nat(name="x", router="bj-net", public=(IPv4Address("198.18.48.1"),))),
            "198.18.48.1 is not in its region's range 198.18.16.0/20",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_plain_words(make: object, complaint: str) -> None:
    assert callable(make)
    with pytest.raises(SubstrateError, match=complaint.replace(".", r"\.")):
        make()
    assert not namespaces.exists("x")


def test_no_namespace_has_a_way_to_the_machines_own_network() -> None:
    machine = run(["ip", "-4", "-o", "address", "show", "dev", "lo"])
    assert "127.0.0.1" in machine
    assert layout.PUBLIC_ROUTE in run(["ip", "route"])
    assert len(run(["ip", "-o", "link"]).splitlines()) == 1, "the machine's own network has its loopback alone"
    for name in namespaces.names():
        assert not connects(name, "192.0.2.1", timeout_s=0.2)


def test_a_whole_private_network_takes_a_moment() -> None:
    began = time.monotonic()
    topology.ensure_router(Router(name="bj-quick", region="ap-beijing"))
    for number in range(3):
        topology.ensure_subnet(subnet(f"bj-quick-{number}", f"10.5.{number}.0/24", router="bj-quick", routed_out=True))
    # Generous: 0.2 s on an idle machine, its two servers included.
    assert time.monotonic() - began < 5
