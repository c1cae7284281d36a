"""Realtime: a WebSocket passes as it is, both ways, with the upstream's credential."""

import base64
import contextlib
import os
import socket
from collections.abc import Generator

import pytest

from tests.gateway.conftest import MakeGateway, MakeUpstream
from tests.gateway.scripted import Dialogue
from tests.gateway.world import CREDENTIALS, KEY, Gateway, World, until

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Client:
    """Just enough of RFC 6455."""

    def __init__(self, port: int, key: str = KEY, query: str = "?model=stand-in-large") -> None:
        self.socket = socket.socket()
        self.socket.settimeout(30)
        # Small, so that what a client has not read yet waits in the gateway.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.socket.connect(("127.0.0.1", port))
        nonce = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET /v1/realtime{query} HTTP/1.1", "host: x", "upgrade: websocket", "connection: Upgrade"]
        lines += [f"authorization: Bearer {key}", f"sec-websocket-key: {nonce}", "sec-websocket-version: 13"]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.stream = self.socket.makefile("rb")
        self.status = int(self.stream.readline().split()[1])
        while self.stream.readline().strip():
            pass

    def send(self, opcode: int, data: bytes) -> None:
        """A masked frame."""
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
        self.socket.sendall(bytes([0x80 | opcode]) + size + mask + masked)

    def receive(self) -> tuple[int, bytes]:
        """A frame."""
        first, second = self.stream.read(2)
        size = int.from_bytes(self.stream.read(2), "big") if second == 126 else second
        return first & 0x0F, self.stream.read(size)


@contextlib.contextmanager
def connected(gateway: Gateway, **options: str) -> Generator[Client]:
    """A client that leaves in the end."""
    client = Client(gateway.config.listen.http_port, **options)
    yield client
    client.socket.close()
    client.stream.close()


def test_frames_and_pings_pass_both_ways(gateway: Gateway, world: World) -> None:
    world.alpha.behave(credentials=[CREDENTIALS["alpha"]])
    with connected(gateway) as client:
        assert client.status == 101
        for data in (b"hello", b"x" * 20_000):
            client.send(TEXT, data)
            assert client.receive() == (TEXT, data)
        client.send(PING, b"beat")
        assert client.receive() == (PONG, b"beat")
        assert gateway.sample("sanmen_in_flight", route="realtime") == 1
        client.send(CLOSE, b"")
        assert client.receive() == (CLOSE, b"")
    report = world.alpha.report()
    assert (report["last_path"], report["last_query"]) == ("/v1/realtime", "model=stand-in-large")
    until(lambda: gateway.sample("sanmen_in_flight", route="realtime") == 0, "it has ended")
    until(lambda: gateway.records()[-1]["route"] == "realtime", "it has a record")
    assert gateway.records()[-1]["status"] == 101


def test_a_client_that_leaves_ends_the_tunnel(gateway: Gateway) -> None:
    before = len(gateway.records())
    with connected(gateway) as client:
        client.send(TEXT, b"hello")
        client.receive()
    until(lambda: len(gateway.records()) > before, "it has ended")
    assert gateway.records()[-1]["end_reason"] == "client_gone"


def test_the_upstreams_last_words_reach_a_slow_client(
    make_gateway: MakeGateway, make_upstream: MakeUpstream, world: World
) -> None:
    last = b"\x82\x7f" + (4_000_000).to_bytes(8, "big") + b"w" * 4_000_000 + b"\x88\x00"

    def serve(dialogue: Dialogue) -> None:
        dialogue.head()
        dialogue.send(b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n" + last)

    gateway = make_gateway(upstreams=(world.upstream(world.alpha, port=make_upstream(serve).port),))
    with connected(gateway) as client:
        assert client.status == 101
        assert client.stream.read() == last
    until(lambda: len(gateway.records()) == 1, "it has ended")
    assert (gateway.records()[0]["end_reason"], gateway.sample("sanmen_in_flight")) == ("done", 0)


def test_a_wrong_key_gets_no_tunnel(gateway: Gateway) -> None:
    with connected(gateway, key="wrong") as client:
        assert client.status == 401


@pytest.mark.parametrize("fault", [{"kind": "close"}, {"kind": "status", "status": 503}])
def test_a_handshake_that_fails_moves_on(gateway: Gateway, world: World, fault: dict[str, object]) -> None:
    world.alpha.behave(faults=[fault])
    with connected(gateway) as client:
        assert client.status == 101
        client.send(TEXT, b"hello")
        assert client.receive() == (TEXT, b"hello")


def test_without_an_upgrade_the_path_says_what_it_takes(gateway: Gateway) -> None:
    answer = gateway.client.get("/v1/realtime", headers={"authorization": f"Bearer {KEY}"})
    assert answer.status_code == 426


def test_the_idle_time_out_is_300_s_at_least(make_gateway: MakeGateway) -> None:
    with pytest.raises(ValueError, match="greater than or equal to 300"):
        make_gateway(websocket_idle_s=60)
