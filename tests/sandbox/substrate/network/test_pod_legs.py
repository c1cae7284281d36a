"""A node's leg for its pods, with pods as the CNI plugin makes them: a namespace on a veth, and a route to it."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

import pytest

from sandbox import layout
from sandbox.in_cluster.cni import addresses
from sandbox.substrate.commands import run
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import namespaces, pod_legs, topology
from sandbox.substrate.network.firewall import POD_LEG
from sandbox.substrate.specs import EVERYWHERE, Firewall, Host, Nat, Router, Rule, Subnet, Verdict
from tests.sandbox.substrate.reach import connects, listening, seen_as

pytestmark = pytest.mark.usefixtures("substrate")

ENI = {"leg-node-a": IPv4Address("10.40.2.10"), "leg-node-b": IPv4Address("10.40.2.11")}
POD, NEIGHBOUR, FAR = "10.40.2.20", "10.40.2.21", "10.40.2.30"
UPSTREAM = "198.18.0.84"
ANYTHING = Rule(verdict=Verdict.ACCEPT, peers=(EVERYWHERE,))


@pytest.fixture(autouse=True)
def stage(substrate: None) -> Iterator[None]:
    """Two nodes with pods in one subnet, a client in another one, an upstream on the internet."""
    topology.ensure_router(Router(name="leg-net", region="ap-beijing"))
    for name, cidr in (("leg-nodes", "10.40.1.0/24"), ("leg-pods", "10.40.2.0/24"), ("leg-other", "10.40.3.0/24")):
        topology.ensure_subnet(Subnet(name=name, router="leg-net", cidr=IPv4Network(cidr), routed_out=True))
    topology.ensure_nat(Nat(name="leg-nat", router="leg-net", public=(IPv4Address("198.18.16.84"),)))
    topology.ensure_host(Host(name="leg-upstream", internet=True, public=IPv4Address(UPSTREAM)))
    topology.ensure_host(Host(name="leg-client", subnet="leg-other", private=IPv4Address("10.40.3.10")))
    for number, (node, eni) in enumerate(ENI.items()):
        topology.ensure_host(node_host(node, number))
        pod_legs.ensure(node, "leg-pods", eni)
    make_pod("leg-pod", "leg-node-a", POD)
    make_pod("leg-neighbour", "leg-node-a", NEIGHBOUR)
    make_pod("leg-far", "leg-node-b", FAR)
    yield
    for name, node in (("leg-pod", "leg-node-a"), ("leg-neighbour", "leg-node-a"), ("leg-far", "leg-node-b")):
        remove_pod(name, node)


def node_host(name: str, number: int, firewall: Firewall | None = None) -> Host:
    return Host(name=name, subnet="leg-nodes", private=IPv4Address(f"10.40.1.{10 + number}"), firewall=firewall)


def make_pod(name: str, node: str, address: str) -> None:
    """A pod on a node. It reaches everything through the node, also its own subnet."""
    namespaces.create(name)
    namespaces.ip(node, [f"link add {veth(name)} type veth peer name eth0 netns {layout.namespace(name)}"])
    namespaces.ip(name, [f"address add {address}/32 dev eth0", "link set eth0 up"])
    namespaces.ip(name, [f"route add {ENI[node]} dev eth0", f"route add default via {ENI[node]}"])
    namespaces.ip(node, [f"link set {veth(name)} up", f"address add {ENI[node]}/32 dev {veth(name)}"])
    namespaces.ip(node, [f"route add {address}/32 dev {veth(name)}"])


def remove_pod(name: str, node: str) -> None:
    # A namespace that is deleted loses its interfaces some time later only.
    namespaces.ip(node, [f"link delete {veth(name)}"])
    namespaces.delete(name)


def veth(pod: str) -> str:
    return f"veth-{pod.removeprefix('leg-')}"


def test_a_pod_is_a_member_of_its_subnet_for_all_of_the_private_network() -> None:
    with listening("leg-pod", POD) as server:
        assert seen_as("leg-client", server) == "10.40.3.10"
        assert seen_as("leg-far", server) == FAR, "a pod of another node"
        assert seen_as("leg-neighbour", server) == NEIGHBOUR, "a pod of the same node"
        assert connects("leg-node-a", POD), "its own node"
        assert connects("leg-node-b", POD), "another node"


def test_a_pod_reaches_the_network_the_internet_and_what_every_network_offers() -> None:
    with listening("leg-client", "10.40.3.10") as server:
        assert seen_as("leg-pod", server) == POD
    with listening("leg-upstream", UPSTREAM) as server:
        assert seen_as("leg-pod", server) == "198.18.16.84"
    assert connects("leg-pod", str(layout.METADATA))
    assert connects("leg-pod", str(layout.RESOLVER), 53)


def test_the_nodes_own_traffic_keeps_to_its_own_address() -> None:
    with listening("leg-far", FAR) as server:
        assert seen_as("leg-node-a", server) == "10.40.1.10"
    with listening("leg-upstream", UPSTREAM) as server:
        assert seen_as("leg-node-a", server) == "198.18.16.84"


def test_a_node_answers_for_the_pods_that_it_has_alone() -> None:
    with listening("leg-node-a", "0.0.0.0"):
        assert connects("leg-client", str(ENI["leg-node-a"]))
        assert not connects("leg-client", "10.40.2.99")
    told = run(["ip", "-n", layout.namespace("leg-net"), "neighbour", "show", "10.40.2.99"])
    assert "lladdr" not in told


def test_an_address_that_moved_to_another_node_is_found_there_at_once() -> None:
    with listening("leg-pod", POD):
        assert connects("leg-client", POD)
    remove_pod("leg-pod", "leg-node-a")
    make_pod("leg-moved", "leg-node-b", POD)
    namespaces.inside("leg-node-b", lambda: addresses.announce(POD, POD_LEG))
    with listening("leg-moved", POD):
        assert connects("leg-client", POD)
    remove_pod("leg-moved", "leg-node-b")
    make_pod("leg-pod", "leg-node-a", POD)
    namespaces.inside("leg-node-a", lambda: addresses.announce(POD, POD_LEG))


def test_rules_of_the_node_hold_for_what_comes_to_its_pods_from_elsewhere() -> None:
    client = Rule(verdict=Verdict.ACCEPT, peers=(IPv4Network("10.40.3.10/32"),), protocol="tcp", ports=((80, 80),))
    topology.ensure_host(node_host("leg-node-a", 0, Firewall(ingress=(client,), egress=(ANYTHING,))))
    with listening("leg-pod", POD), listening("leg-pod", POD, 81):
        assert connects("leg-client", POD)
        assert not connects("leg-client", POD, 81)
        assert not connects("leg-far", POD)
        assert connects("leg-neighbour", POD, 81), "what never leaves the node meets no rule"
        assert connects("leg-node-a", POD, 81), "so do the probes of the node itself"
    with listening("leg-node-a", "0.0.0.0", 10250):
        assert connects("leg-pod", "10.40.1.10", 10250), "and what a pod asks of its node"
        assert not connects("leg-far", "10.40.1.10", 10250)
    topology.set_firewall("leg-node-a", None)


def test_rules_of_the_node_hold_for_what_its_pods_send() -> None:
    to_client = Rule(verdict=Verdict.ACCEPT, peers=(IPv4Network("10.40.3.10/32"),), protocol="tcp")
    topology.ensure_host(node_host("leg-node-a", 0, Firewall(ingress=(), egress=(to_client,))))
    with listening("leg-client", "10.40.3.10"), listening("leg-far", FAR), listening("leg-upstream", UPSTREAM):
        assert connects("leg-pod", "10.40.3.10")
        assert not connects("leg-pod", FAR)
        assert not connects("leg-pod", UPSTREAM)
    assert connects("leg-pod", str(layout.METADATA))
    topology.set_firewall("leg-node-a", None)


def test_a_leg_that_stands_is_left_alone_and_a_lost_one_is_made_again() -> None:
    namespace = layout.namespace("leg-node-b")
    before = run(["ip", "-n", namespace, "-o", "link", "show", "eth2"])
    pod_legs.ensure("leg-node-b", "leg-pods", ENI["leg-node-b"])
    assert run(["ip", "-n", namespace, "-o", "link", "show", "eth2"]) == before
    run(["ip", "-n", namespace, "link", "delete", "eth2"])
    pod_legs.ensure("leg-node-b", "leg-pods", ENI["leg-node-b"])
    with listening("leg-far", FAR):
        assert connects("leg-client", FAR)


def test_removal_may_be_repeated_and_leaves_the_host() -> None:
    for _ in range(2):
        pod_legs.remove("leg-node-b")
    namespace = layout.namespace("leg-node-b")
    assert "eth2" not in run(["ip", "-n", namespace, "-o", "link"])
    assert "10.40.2.0" not in run(["ip", "-n", namespace, "rule"])
    with listening("leg-node-b", "0.0.0.0"):
        assert connects("leg-client", "10.40.1.11")


@pytest.mark.parametrize(
    ("host", "subnet", "address", "complaint"),
    [
        ("leg-nobody", "leg-pods", "10.40.2.50", "there is no host 'leg-nobody'"),
        ("leg-node-a", "leg-none", "10.40.2.50", "there is no subnet 'leg-none'"),
        ("leg-node-a", "leg-pods", "10.40.9.50", "10.40.9.50 is not in subnet leg-pods, 10.40.2.0/24"),
    ],
)
def test_what_cannot_be_is_refused_in_plain_words(host: str, subnet: str, address: str, complaint: str) -> None:
    with pytest.raises(SubstrateError, match=complaint.replace(".", r"\.")):
        pod_legs.ensure(host, subnet, IPv4Address(address))
