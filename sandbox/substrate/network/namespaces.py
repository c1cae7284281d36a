"""Network namespaces: making, removing, and doing things inside them.

A namespace is a file in /run/netns, as `ip netns` keeps them, so that every network tool can be used on it.
"""

import ctypes
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from sandbox import layout
from sandbox.substrate.commands import run
from sandbox.substrate.errors import SubstrateError

DIRECTORY = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_T = TypeVar("_T")

_SYSCTLS: Mapping[str, str] = {
    # IPv6 stays on the loopback alone: nothing here has an IPv6 address plan.
    "net/ipv6/conf/default/disable_ipv6": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
    "net/ipv4/conf/all/accept_redirects": "0",
    "net/ipv4/conf/default/accept_redirects": "0",
    # An address answers on its own leg only, though a host may have two.
    "net/ipv4/conf/all/arp_ignore": "1",
    "net/ipv4/conf/all/arp_announce": "2",
    # Frames inside one bridge are not routed, so they meet no rule for routed packets.
    "net/bridge/bridge-nf-call-iptables": "0",
    "net/bridge/bridge-nf-call-ip6tables": "0",
    "net/bridge/bridge-nf-call-arptables": "0",
    # Servers need no privilege to take port 53, 80 or 443.
    "net/ipv4/ip_unprivileged_port_start": "0",
}


def path(short: str) -> Path:
    """Where a namespace stands, given its short name."""
    return DIRECTORY / layout.namespace(short)


def exists(short: str) -> bool:
    """Whether the namespace stands."""
    return path(short).exists()


def names() -> list[str]:
    """Short names of all namespaces of the sandbox."""
    if not DIRECTORY.is_dir():
        return []
    prefix = layout.NETNS_PREFIX
    return sorted(p.name.removeprefix(prefix) for p in DIRECTORY.iterdir() if p.name.startswith(prefix))


def create(short: str, *, forwarding: bool = False) -> None:
    """Make a namespace with its loopback up and its kernel settings; one that stands gets the settings."""
    if not exists(short):
        run(["ip", "netns", "add", layout.namespace(short)])

    def settings() -> None:
        for name, value in {**_SYSCTLS, "net/ipv4/ip_forward": str(int(forwarding))}.items():
            setting = Path("/proc/sys") / name
            if setting.exists():  # The bridge ones come with a module that not every kernel has loaded.
                setting.write_text(value)
        run(["ip", "link", "set", "lo", "up"])

    inside(short, settings)


def delete(short: str) -> None:
    """Remove a namespace with all its interfaces; what runs inside keeps it alive, unnamed. Gone already: nothing."""
    if exists(short):
        run(["ip", "netns", "delete", layout.namespace(short)])


def inside(short: str | None, action: Callable[[], _T]) -> _T:
    """Run `action` with the namespace as its network and return what it returns. None: where we are.

    It runs in a thread of its own, as only a thread, not a process, can be in another network; sockets it makes and
    commands it starts belong to the namespace, also later.
    Raises SubstrateError if there is no such namespace, and whatever `action` raises.
    """
    if short is None:
        return action()
    results: list[_T] = []
    failures: list[BaseException] = []

    def body() -> None:
        try:
            _enter(short)
            results.append(action())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=body, name=f"in-{short}", daemon=True)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def _enter(short: str) -> None:
    try:
        descriptor = os.open(path(short), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise SubstrateError(f"there is no namespace {layout.namespace(short)}") from error
    try:
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET) != 0:
            code = ctypes.get_errno()
            raise SubstrateError(f"cannot enter namespace {layout.namespace(short)}: {os.strerror(code)}")
    finally:
        os.close(descriptor)


def ip(short: str | None, lines: Iterable[str], *, force: bool = False) -> None:
    """Run lines of `ip` commands in a namespace, in one go. `force`: go on after a line that fails."""
    batch = "\n".join(lines)
    if not batch:
        return
    argv = ["ip", *(["-n", layout.namespace(short)] if short else []), *(["-force"] if force else []), "-batch", "-"]
    try:
        run(argv, stdin=batch + "\n")
    except SubstrateError:
        if not force:
            raise


def nft(short: str, ruleset: str) -> None:
    """Load an nftables ruleset in a namespace: all of it or nothing."""
    inside(short, lambda: run(["nft", "-f", "-"], stdin=ruleset))
