"""The leg that a node has in its pods' subnet: what comes for a pod arrives there, what pods send leaves there.

A pod hangs on a veth in the node's namespace, with a route of its own (/32) to it. For the pods that are there, and for
no others, the node answers ARP requests on the leg, so their addresses are the subnet's like any host's.
"""

import socket
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from sandbox.substrate import ledger
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import namespaces
from sandbox.substrate.network.firewall import POD_LEG
from sandbox.substrate.network.legs import Leg, gateway, interface, plug

KIND = "pod_leg"
_TABLE = 100
"""The routing table of what pods send."""
_PODS_HERE, _FROM_PODS = 1000, 1001
"""Priorities of the two rules, before that of the main table."""


def ensure(host: str, subnet: str, address: IPv4Address) -> None:
    """Give a host that stands a leg at this address of the subnet, and let it forward for its pods.

    Raises SubstrateError if there is no such host or subnet, or the address is not the subnet's.
    """
    wanted = {"subnet": subnet, "address": str(address)}
    with ledger.lock():
        place = ledger.find("subnet", subnet)
        if place is None:
            raise SubstrateError(f"pod leg of {host}: there is no subnet {subnet!r}")
        network = IPv4Network(place["cidr"])
        if address not in network:
            raise SubstrateError(f"pod leg of {host}: {address} is not in subnet {subnet}, {network}")
        if ledger.find("host", host) is None:
            raise SubstrateError(f"there is no host {host!r}")
        if ledger.find(KIND, host) == wanted and _stands(host):
            return
        _unplug(host)
        plug(Leg(host, POD_LEG, address, place["router"], interface(subnet), network))
        namespaces.inside(host, _forward)
        namespaces.ip(host, _routes(network))
        ledger.put(KIND, host, wanted)


def remove(host: str) -> None:
    """Take the leg away. Leg or host gone already: nothing."""
    with ledger.lock():
        ledger.drop(KIND, host)
        if namespaces.exists(host):
            _unplug(host)


def network(host: str) -> IPv4Network:
    """The subnet that a host's pods are in. Raises SubstrateError if it has no such leg."""
    record = ledger.find(KIND, host)
    place = ledger.find("subnet", record["subnet"]) if record else None
    if place is None:
        raise SubstrateError(f"host {host} has no leg for pods")
    return IPv4Network(place["cidr"])


def _stands(host: str) -> bool:
    """Whether the interface is there: a host that was made anew under its name has lost it."""

    def found() -> bool:
        return POD_LEG in {name for _, name in socket.if_nameindex()}

    return namespaces.exists(host) and namespaces.inside(host, found)


def _unplug(host: str) -> None:
    rules = [f"rule delete priority {priority}" for priority in (_PODS_HERE, _FROM_PODS)]
    namespaces.ip(host, [f"link delete {POD_LEG}", *rules], force=True)


def _forward() -> None:
    settings = {
        "ipv4/ip_forward": "1",
        f"ipv4/conf/{POD_LEG}/proxy_arp": "1",
        # The kernel would let up to 0.8 s pass before it answers for another.
        f"ipv4/neigh/{POD_LEG}/proxy_delay": "0",
    }
    for name, value in settings.items():
        (Path("/proc/sys/net") / name).write_text(value)


def _routes(network: IPv4Network) -> list[str]:
    """What pods send leaves by this leg, but to a pod of the same node. The node's own traffic keeps to its own leg."""
    return [
        f"route delete {network} dev {POD_LEG}",
        f"route replace {network} dev {POD_LEG} table {_TABLE}",
        f"route replace default via {gateway(network)} dev {POD_LEG} table {_TABLE}",
        f"rule add priority {_PODS_HERE} lookup main suppress_prefixlength 31",
        f"rule add priority {_FROM_PODS} from {network} lookup {_TABLE}",
    ]
