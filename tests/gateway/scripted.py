"""An upstream whose every byte is the test's, for what the stand-in is too well-mannered to do."""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.gateway.world import World


def answer(status: int, body: object, **headers: str) -> bytes:
    """A whole answer of JSON."""
    content = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Status", "content-type: application/json", f"content-length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


MESSAGE: dict[str, Any] = {"id": "m", "type": "message", "usage": {"input_tokens": 1, "output_tokens": 1}}
"""The body of a whole answer that counts as good."""


@dataclass
class Dialogue:
    """One connection. `number`: which one, from 1."""

    socket: ssl.SSLSocket
    number: int
    _received: bytes = field(default=b"", repr=False)

    def head(self) -> str:
        """The next request's head; "" if the gateway has closed."""
        while b"\r\n\r\n" not in self._received:
            if not (data := self.socket.recv(65536)):
                return ""
            self._received += data
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        return head.decode("latin-1")

    def request(self) -> str:
        """As head(), with the body read and forgotten."""
        head = self.head()
        for line in head.lower().split("\r\n"):
            if line.startswith("content-length:"):
                left = int(line.partition(":")[2]) - len(self._received)
                while left > 0:
                    left -= len(self.socket.recv(min(left, 65536)))
                self._received = b""
        return head

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self.socket.sendall(data)

    def wait_for_the_end(self) -> None:
        """Return when the gateway has closed."""
        while self.socket.recv(65536):
            pass


class ScriptedUpstream:
    """Calls `serve` for each connection, in a thread of its own, and closes it when that returns."""

    def __init__(
        self, world: World, serve: Callable[[Dialogue], None], address: tuple[str, int] = ("127.0.0.1", 0)
    ) -> None:
        self._serve = serve
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = world.directory / f"{world.alpha.host}.pem"
        self._context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        self._listener = socket.create_server(address)
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._converse, args=(connection, self.connections), daemon=True).start()

    def _converse(self, connection: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(60)
            # What is sent leaves at once, so that a reset that follows does not take it back.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._context.wrap_socket(connection, server_side=True) as secured:
                self._serve(Dialogue(secured, number))

    def close(self) -> None:
        """Accept nobody any more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
