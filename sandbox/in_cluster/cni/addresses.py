#!/usr/bin/python3 -ISB
"""A CNI plugin for addresses (IPAM): hands out those that the cloud has given to a node's leg, by files alone.

It is run per pod, so it is one file that needs nothing but Python, and it works while no control plane does. In the
configured directory `pool.json` is the node's: {"addresses": [...], "gateway": ..., "prefix": 24, "leg": "eth2"}, and
`leases.json` says who has which. An address that was given back is given out last, as others may still remember who
had it: of those that are free, the one that was never used, or longest ago, goes first.

The contract is the CNI specification, version 1.0.0: github.com/containernetworking/cni, SPEC.md.
"""

import fcntl
import json
import os
import socket
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

VERSION = "1.0.0"
BAD_VERSION, BAD_ENVIRONMENT, BAD_CONFIGURATION, TRY_LATER, NO_LEASE = 1, 4, 7, 11, 100
"""Error codes. Source: the specification, "Well-known Error Codes"; from 100 on they are the plugin's own."""
_ARP, _IPV4, _ETHERNET, _REQUEST = 0x0806, 0x0800, 1, 1


class Refusal(Exception):
    """What the runtime is told instead of a result."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Pool:
    """What the node may give out. `prefix`: of the subnet. `leg`: the interface on which the subnet is told."""

    addresses: tuple[str, ...]
    gateway: str
    prefix: int
    leg: str


@dataclass(frozen=True, kw_only=True)
class Pod:
    """An interface of a pod's sandbox, and whose it is for people to read."""

    container: str
    interface: str
    name: str = ""


@dataclass(kw_only=True)
class Leases:
    """Address -> its pod, and address -> when it was given back last, counted in events."""

    holders: dict[str, Pod] = field(default_factory=dict[str, Pod])
    returned: dict[str, int] = field(default_factory=dict[str, int])
    events: int = 0

    def of(self, pod: Pod) -> str | None:
        """The address that a pod has."""
        wanted = (pod.container, pod.interface)
        return next((a for a, p in self.holders.items() if (p.container, p.interface) == wanted), None)

    def take(self, pod: Pod, pool: Pool) -> str:
        """Give a pod an address; asked again, the same. Raises Refusal when all are taken."""
        held = self.of(pod)
        if held is not None:
            return held
        free = [address for address in pool.addresses if address not in self.holders]
        if not free:
            many = len(pool.addresses)
            raise Refusal(TRY_LATER, f"all {many} pod addresses of this node are taken; it has room for no more pods")
        address = min(free, key=lambda address: self.returned.get(address, 0))
        self.holders[address] = pod
        return address

    def give_back(self, pod: Pod) -> None:
        """Take a pod's address back. It has none: nothing."""
        address = self.of(pod)
        if address is not None:
            self.events += 1
            self.returned[address] = self.events
            del self.holders[address]


def read(directory: Path) -> Leases:
    """The leases as they stand."""
    try:
        stored = json.loads((directory / "leases.json").read_text())
    except FileNotFoundError:
        return Leases()
    holders = {address: Pod(**pod) for address, pod in stored["holders"].items()}
    return Leases(holders=holders, returned=stored["returned"], events=stored["events"])


def write(directory: Path, leases: Leases) -> None:
    """Put them down, whole."""
    fresh = directory / "leases.json.fresh"
    fresh.write_text(json.dumps(asdict(leases), indent=1))
    fresh.replace(directory / "leases.json")


def announce(address: str, leg: str) -> None:
    """Tell the subnet where an address is now: who still knows it at another node learns at once.

    A leg that is not there is no reason to refuse a pod: without it nothing reaches the pod, but the node can.
    """
    with suppress(OSError), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((leg, 0))
        mac = sender.getsockname()[4]
        packed = socket.inet_aton(address)
        ethernet = b"\xff" * 6 + mac + struct.pack("!H", _ARP)
        question = struct.pack("!HHBBH", _ETHERNET, _IPV4, 6, 4, _REQUEST) + mac + packed + b"\0" * 6 + packed
        sender.send(ethernet + question)


def main(environment: Mapping[str, str], configuration: Mapping[str, Any]) -> dict[str, object] | None:
    """Do what the runtime asks and return what it is told. Raises Refusal."""
    command = environment.get("CNI_COMMAND", "")
    if command == "VERSION":
        return {"cniVersion": VERSION, "supportedVersions": [VERSION]}
    if configuration.get("cniVersion") != VERSION:
        raise Refusal(
            BAD_VERSION, f"cniVersion {configuration.get('cniVersion')!r}: this plugin speaks {VERSION} alone"
        )
    try:
        directory = Path(configuration["ipam"]["directory"])
    except KeyError as error:
        raise Refusal(BAD_CONFIGURATION, "ipam.directory is missing: where the pool and the leases stand") from error
    pod = _pod(environment)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _do(command, pod, directory)


def _pod(environment: Mapping[str, str]) -> Pod:
    missing = [name for name in ("CNI_CONTAINERID", "CNI_IFNAME") if not environment.get(name)]
    if missing:
        raise Refusal(BAD_ENVIRONMENT, f"{' and '.join(missing)} missing in the environment")
    pairs = (word.partition("=") for word in environment.get("CNI_ARGS", "").split(";"))
    words = {key: value for key, _, value in pairs}
    name = "/".join(words[key] for key in ("K8S_POD_NAMESPACE", "K8S_POD_NAME") if key in words)
    return Pod(container=environment["CNI_CONTAINERID"], interface=environment["CNI_IFNAME"], name=name)


def _do(command: str, pod: Pod, directory: Path) -> dict[str, object] | None:
    leases = read(directory)
    if command == "ADD":
        stored = json.loads((directory / "pool.json").read_text())
        pool = Pool(**stored | {"addresses": tuple(stored["addresses"])})
        address = leases.take(pod, pool)
        write(directory, leases)
        announce(address, pool.leg)
        return {
            "cniVersion": VERSION,
            "ips": [{"address": f"{address}/{pool.prefix}", "gateway": pool.gateway}],
            "routes": [{"dst": "0.0.0.0/0"}],
        }
    if command == "DEL":
        leases.give_back(pod)
        write(directory, leases)
    elif command == "CHECK":
        if leases.of(pod) is None:
            raise Refusal(NO_LEASE, f"{pod.container} has no address for {pod.interface}")
    else:
        raise Refusal(BAD_ENVIRONMENT, f"CNI_COMMAND {command!r}: ADD, DEL, CHECK or VERSION is allowed")
    return None


if __name__ == "__main__":
    try:
        text = sys.stdin.read()
        result = main(os.environ, json.loads(text) if text.strip() else {})
    except Refusal as refusal:
        print(json.dumps({"cniVersion": VERSION, "code": refusal.code, "msg": str(refusal)}))
        sys.exit(1)
    if result is not None:
        print(json.dumps(result))
