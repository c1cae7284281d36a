"""Who reaches whom: real TCP connections between namespaces."""

import socket
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from sandbox.substrate import teardown
from sandbox.substrate.network import namespaces, topology
from sandbox.substrate.supervision import processes


@contextmanager
def listening(host: str, address: str, port: int = 80) -> Generator[socket.socket]:
    """A socket that takes connections on a host."""
    server = namespaces.inside(host, lambda: socket.create_server((address, port)))
    server.settimeout(5)
    with server:
        yield server


def connects(host: str, address: str, port: int = 80, timeout_s: float = 0.5) -> bool:
    """Whether a connection from a host to an address comes about in time. An unreachable one may fail sooner."""

    def attempt() -> bool:
        with socket.socket() as client:
            client.settimeout(timeout_s)
            return client.connect_ex((address, port)) == 0

    return namespaces.inside(host, attempt)


def seen_as(host: str, server: socket.socket) -> str:
    """The address that a server sees when a host connects to it."""
    target: tuple[str, int] = server.getsockname()

    def attempt() -> str:
        with socket.create_connection(target, timeout=5):
            connection, peer = server.accept()
            connection.close()
            return str(peer[0])

    return namespaces.inside(host, attempt)


@contextmanager
def datagrams(host: str, address: str) -> Generator[socket.socket]:
    """A socket that takes datagrams on a host."""
    server = namespaces.inside(host, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with server:
        server.bind((address, 0))
        server.settimeout(5)
        yield server


def send(host: str, source: str, server: socket.socket) -> None:
    """Send a datagram from a host under any source address; it says which."""
    target: tuple[str, int] = server.getsockname()

    def attempt() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.SOL_IP, socket.IP_TRANSPARENT, 1)
            sender.bind((source, 0))
            sender.sendto(source.encode(), target)

    namespaces.inside(host, attempt)


def until(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "nothing came of it"
        time.sleep(0.02)


def restart_machine() -> None:
    """Restart the sandbox's machine: only the disk is as it was. Then the ground that `up` lays first stands again."""
    teardown.everything(keep_state=True)
    topology.start()
    processes.start()
