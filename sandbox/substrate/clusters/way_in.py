"""The operator's way into the private networks, as a VPN would be: `python -m sandbox.substrate.clusters.way_in`.

An HTTP proxy on the machine's loopback that knows CONNECT alone. The user name says which private network is meant, so
its URL is `http://<router>:@127.0.0.1:4511`; from there it connects to addresses in that network's subnets, and to
nothing else. Kubernetes' clients take the URL from a kubeconfig, curl and most others by an option.
"""

import asyncio
import base64
import binascii
import re
import resource
import signal
import socket
import sys
from contextlib import suppress
from ipaddress import AddressValueError, IPv4Address, IPv4Network

from sandbox import layout
from sandbox.substrate import ledger
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import namespaces
from sandbox.substrate.specs import Process
from sandbox.substrate.supervision import own_code, processes

NAME = "way-in"
REQUEST_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 10.0
CONNECTIONS_LIMIT = 1000
_DESCRIPTORS = 2 * CONNECTIONS_LIMIT + 100
_HEAD_LIMIT = 16 * 1024
_PIECE = 64 * 1024
_NAME = re.compile(r"[a-z0-9-]{1,40}")
_REQUEST = re.compile(r"CONNECT (\S+):(\d{1,5}) HTTP/1\.[01]")


def url(router: str) -> str:
    """The proxy's URL for a private network."""
    return f"http://{router}:@{layout.API_HOST}:{layout.WAY_IN_PORT}"


def ensure() -> None:
    """Have it run: each cluster asks for it. The supervisor runs already."""
    processes.ensure(
        Process(
            name=NAME,
            argv=(sys.executable, "-m", __name__),
            env={**layout.variables(), **own_code.variables()},
            ready=(layout.API_HOST, layout.WAY_IN_PORT),
        )
    )


class Refusal(Exception):
    """An answer that is not a connection: status with its reason, and a line that says why."""

    def __init__(self, status: str, why: str) -> None:
        super().__init__(why)
        self.status = status


def _asked(head: str) -> tuple[str, IPv4Address, int]:
    """Router, address and port of a request's head. Raises Refusal."""
    first, *rest = head.split("\r\n")
    asked = _REQUEST.fullmatch(first)
    if asked is None:
        raise Refusal("405 Method Not Allowed", "this proxy takes CONNECT <address>:<port> alone")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    scheme, _, told = fields.get("proxy-authorization", "").partition(" ")
    try:
        user = base64.b64decode(told, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        user = ""
    if scheme.lower() != "basic" or not user:
        raise Refusal(
            "407 Proxy Authentication Required",
            f"the user name says which private network is meant: http://<network>:@{layout.API_HOST}:{layout.WAY_IN_PORT}",
        )
    try:
        return user, IPv4Address(asked[1]), int(asked[2])
    except AddressValueError:
        raise Refusal("400 Bad Request", f"{asked[1]} is no address: names are not looked up here") from None


def _socket(router: str, address: IPv4Address) -> socket.socket:
    """A socket inside the private network. Raises Refusal."""
    if not _NAME.fullmatch(router) or ledger.find("router", router) is None:
        raise Refusal("403 Forbidden", f"there is no private network {router!r}")
    subnets = [IPv4Network(r["cidr"]) for r in ledger.every("subnet").values() if r["router"] == router]
    if not any(address in subnet for subnet in subnets):
        raise Refusal("403 Forbidden", f"{address} is in no subnet of {router}")
    try:
        return namespaces.inside(router, lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    except SubstrateError as error:
        raise Refusal("503 Service Unavailable", str(error)) from error


async def _dial(router: str, address: IPv4Address, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection. Raises Refusal."""
    inner = await asyncio.to_thread(_socket, router, address)
    try:
        inner.setblocking(False)
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await asyncio.get_running_loop().sock_connect(inner, (str(address), port))
        return await asyncio.open_connection(sock=inner)
    except BaseException as error:
        inner.close()
        if isinstance(error, TimeoutError):
            raise Refusal("504 Gateway Timeout", f"{address}:{port} does not answer") from error
        if isinstance(error, OSError):
            raise Refusal("502 Bad Gateway", f"{address}:{port}: {error.strerror}") from error
        raise


async def _pour(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass on what comes until its end, and then the end. A watch may be silent for hours."""
    while piece := await source.read(_PIECE):
        target.write(piece)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()


class _Proxy:
    """The connections of all clients."""

    def __init__(self) -> None:
        self._open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, from its request to its end."""
        self._open += 1
        try:
            await self._pass(reader, writer)
        except Refusal as refusal:
            head = f"HTTP/1.1 {refusal.status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
            writer.write(f"{head}\r\n{refusal}\n".encode())
            print(f"{refusal.status}: {refusal}", flush=True)
        except OSError:
            pass  # the client is gone
        finally:
            self._open -= 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open > CONNECTIONS_LIMIT:
            raise Refusal("503 Service Unavailable", f"{CONNECTIONS_LIMIT} connections are open already")
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            raise Refusal("400 Bad Request", "this is no whole request") from None
        inner, outer = await _dial(*_asked(head.decode("latin-1").removesuffix("\r\n\r\n")))
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            # A side that breaks ends the other.
            async with asyncio.TaskGroup() as both:
                both.create_task(_pour(reader, outer))
                both.create_task(_pour(inner, writer))
        except* OSError:
            pass  # one side is gone, and so the connection is over
        finally:
            outer.close()


async def _main() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_DESCRIPTORS, hard), hard))
    server = await asyncio.start_server(_Proxy().serve, layout.API_HOST, layout.WAY_IN_PORT, limit=_HEAD_LIMIT)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.close)
    with suppress(asyncio.CancelledError):
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
