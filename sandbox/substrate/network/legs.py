"""Bridges, and the interfaces by which a namespace stands on one: veth pairs, named and addressed the same way always.

Addresses decide the MAC addresses, so that a host that takes over another's address is found at once.
"""

import hashlib
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from sandbox import layout
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import namespaces


class Leg(NamedTuple):
    """An interface of namespace `owner`, plugged into a bridge of namespace `place`."""

    owner: str
    name: str
    address: IPv4Address
    place: str
    bridge: str
    network: IPv4Network


def interface(*parts: str) -> str:
    """An interface name for what the parts name: 13 characters of the kernel's 15."""
    return "v" + hashlib.sha256("/".join(parts).encode()).hexdigest()[:12]


def gateway(network: IPv4Network) -> IPv4Address:
    """The address of a network's bridge."""
    return network.network_address + 1


def bridge_lines(name: str, network: IPv4Network) -> list[str]:
    """The `ip` commands that make a network's bridge."""
    address = gateway(network)
    return [
        f"link add {name} address {_mac(address)} type bridge forward_delay 0",
        f"address add {address}/{network.prefixlen} dev {name}",
        f"link set {name} up",
    ]


def plug(leg: Leg) -> None:
    """Make an interface, plugged in, with its address, and up."""
    port = interface(leg.owner, leg.name)
    end = f"peer name {leg.name} address {_mac(leg.address)} netns {layout.namespace(leg.owner)}"
    lines = [f"link add {port} type veth {end}", f"link set {port} master {leg.bridge} up"]
    try:
        namespaces.ip(leg.place, lines)
    except SubstrateError:
        # A half-made pair of an earlier try is in the way; removing one end removes both.
        namespaces.ip(leg.place, [f"link delete {port}"], force=True)
        namespaces.ip(leg.place, lines)
    address = f"{leg.address}/{leg.network.prefixlen}"
    namespaces.ip(leg.owner, [f"address replace {address} dev {leg.name}", f"link set {leg.name} up"])


def _mac(address: IPv4Address) -> str:
    return "02:53:" + ":".join(f"{octet:02x}" for octet in address.packed)
