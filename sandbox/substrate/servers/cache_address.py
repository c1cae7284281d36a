"""The address that a cache's clients use: the primary's namespace holds it, and it moves when the primary does.

Also a program (`python -m sandbox.substrate.servers.cache_address CACHE`, then what sentinel adds): the sentinel of a
cache runs it after a failover. Sentinel's arguments: master name, role, state, old address and port, new address
and port.
"""

import json
import socket
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, cast

from sandbox import layout
from sandbox.substrate import files
from sandbox.substrate.commands import run
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import namespaces

ETH_P_ARP = 0x0806
ANNOUNCEMENTS = 3


@dataclass(frozen=True, kw_only=True)
class Members:
    """The nodes of a cache: host -> its own address; and the address that moves."""

    address: IPv4Address
    hosts: Mapping[str, IPv4Address]

    def host_of(self, address: str) -> str | None:
        """The host with this own address."""
        return next((host for host, own in self.hosts.items() if str(own) == address), None)


def directory(name: str) -> Path:
    """Where a cache keeps its things."""
    return layout.STATE / "caches" / name


def read(name: str) -> Members | None:
    """The recorded members of a cache; None if there is no such cache."""
    try:
        record = json.loads((directory(name) / "members.json").read_text())
    except FileNotFoundError:
        return None
    hosts = {host: IPv4Address(own) for host, own in record["hosts"].items()}
    return Members(address=IPv4Address(record["address"]), hosts=hosts)


def record(name: str, members: Members) -> None:
    """Record a cache's members, for the sentinel's run of this program."""
    hosts = {host: str(own) for host, own in members.hosts.items()}
    files.write(directory(name) / "members.json", json.dumps({"address": str(members.address), "hosts": hosts}))


def leg(host: str, beside: IPv4Address) -> tuple[str, IPv4Address]:
    """(interface, own address) of the host's leg in the network that also holds `beside`.

    Raises SubstrateError if the host has none there.
    """
    for interface, own, prefix in _addresses(host):
        if prefix < 32 and beside in IPv4Network((int(own), prefix), strict=False):
            return interface, own
    raise SubstrateError(f"host {host} has no leg in the network of {beside}")


def holder(members: Members) -> str | None:
    """The host that holds the moving address, if one does."""
    for host in members.hosts:
        if namespaces.exists(host) and any(own == members.address for _, own, _ in _addresses(host)):
            return host
    return None


def move(members: Members, to: str) -> None:
    """Let host `to` hold the address and no other, and tell the neighbours. Hosts that are gone are passed over."""
    release(members, keep=to)
    interface, _ = leg(to, members.address)
    namespaces.ip(to, [f"address replace {members.address}/32 dev {interface}"])
    namespaces.inside(to, lambda: _announce(interface, members.address))


def release(members: Members, keep: str | None = None) -> None:
    """Take the address from every host but `keep`. Hosts that are gone are passed over."""
    for host in members.hosts:
        if host != keep and namespaces.exists(host):
            for interface, own, _ in _addresses(host):
                if own == members.address:
                    namespaces.ip(host, [f"address delete {own}/32 dev {interface}"], force=True)


def _addresses(host: str) -> list[tuple[str, IPv4Address, int]]:
    answer = run(["ip", "-json", "-netns", layout.namespace(host), "-4", "address", "show"])
    found: list[tuple[str, IPv4Address, int]] = []
    for link in cast(list[dict[str, Any]], json.loads(answer or "[]")):
        if link["ifname"] != "lo":
            for entry in cast(list[dict[str, Any]], link["addr_info"]):
                found.append((str(link["ifname"]), IPv4Address(str(entry["local"])), int(entry["prefixlen"])))
    return found


def _announce(interface: str, address: IPv4Address) -> None:
    """Gratuitous ARP (RFC 5227, 2.3): neighbours that knew the old holder learn the new one at once."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP)) as wire:
        wire.bind((interface, ETH_P_ARP))
        mac = cast(bytes, wire.getsockname()[4])
        ethernet = b"\xff" * 6 + mac + struct.pack("!H", ETH_P_ARP)
        arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + address.packed + b"\x00" * 6 + address.packed
        for _ in range(ANNOUNCEMENTS):
            wire.send(ethernet + arp)


def _main(name: str, new_address: str) -> None:
    members = read(name)
    if members is None:
        return  # The cache was removed meanwhile.
    to = members.host_of(new_address)
    if to is None:
        raise SubstrateError(f"cache {name} has no node at {new_address}")
    move(members, to)


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[7])
