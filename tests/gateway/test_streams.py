"""Streams: byte for byte, unbuffered, cancelled with their client, and never ended as if complete."""

import json
import socket
import subprocess
import time
from typing import Any

import httpx
import pytest

from tests.gateway.conftest import MakeGateway
from tests.gateway.world import KEY, Gateway, World, until

ASKED: dict[str, dict[str, Any]] = {
    "/v1/messages": {"model": "stand-in-large", "max_tokens": 4096, "stream": True, "messages": []},
    "/v1/chat/completions": {
        "model": "stand-in-large",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [],
    },
    "/v1/responses": {"model": "stand-in-large", "stream": True, "input": "hi"},
}
LAST = {
    "/v1/messages": "event: message_stop",
    "/v1/chat/completions": "data: [DONE]",
    "/v1/responses": "event: response.completed",
}


def stream_text(gateway: Gateway, path: str) -> tuple[httpx.Response, str]:
    """A whole stream."""
    answer = gateway.post(path, ASKED[path])
    return answer, answer.text


def curl(gateway: Gateway, world: World, path: str, body: str) -> list[str]:
    """A command that asks over HTTP/2 with TLS, which httpx here does not speak."""
    address = f"https://api.sanmen.test:{gateway.config.listen.tls_port}{path}"
    command = ["curl", "-sS", "--http2", "--noproxy", "*", "--cacert", str(world.authority.certificate)]
    command += ["--resolve", f"api.sanmen.test:{gateway.config.listen.tls_port}:127.0.0.1", "--tlsv1.3"]
    command += ["-H", f"x-api-key: {KEY}", "-d", body]
    return [*command, "-w", "%{http_version} %{http_code}", address]


@pytest.mark.parametrize("path", ASKED)
def test_a_stream_comes_whole_with_its_usage(gateway: Gateway, path: str) -> None:
    answer, text = stream_text(gateway, path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [f"word{n} " in text for n in range(16)] == [True] * 16
    assert LAST[path] in text
    record = gateway.record_of(answer.headers["x-sanmen-request-id"])
    assert record["end_reason"] == "done"
    assert (record["usage_source"], record["output_tokens"]) == ("upstream", 16)
    assert record["input_tokens"] > 0
    assert record["model"] == "stand-in-large"


def test_events_pass_as_they_come_and_byte_for_byte(gateway: Gateway, world: World) -> None:
    world.alpha.behave(tokens_per_s=20, tokens=10)
    arrivals: list[float] = []
    with gateway.client.stream(
        "POST", "/v1/messages", json=ASKED["/v1/messages"], headers={"x-api-key": KEY}
    ) as answer:
        pieces = list[bytes]()
        for piece in answer.iter_raw():
            arrivals.append(time.monotonic())
            pieces.append(piece)
    # Ten tokens at 20 a second take nearly half a second, unless something held the first of them back.
    assert len(arrivals) >= 10
    assert arrivals[-1] - arrivals[0] >= 0.3
    events = b"".join(pieces).split(b"\n\n")
    assert all(event.startswith(b"event: ") for event in events if event)
    deltas = [json.loads(event.split(b"data: ")[1]) for event in events if event.startswith(b"event: content_block_d")]
    assert "".join(delta["delta"]["text"] for delta in deltas) == "".join(f"word{n} " for n in range(10))


def ask(gateway: Gateway, body: dict[str, Any]) -> socket.socket:
    """Head and body of POST /v1/messages in one piece."""
    text = json.dumps(body).encode()
    head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\ncontent-length: {len(text)}\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", gateway.config.listen.http_port))
    connection.sendall(head.encode() + text)
    return connection


# nginx reads a small body with the headers, a larger one on its own, and then watches the client no more by itself.
@pytest.mark.parametrize("padding", ["", "p" * 4096], ids=["small", "4 KB"])
def test_a_client_that_leaves_cancels_the_upstream_at_once(gateway: Gateway, world: World, padding: str) -> None:
    world.alpha.behave(faults=[{"kind": "stall", "after_tokens": 2}])
    before = world.alpha.report()["cancelled"]
    with ask(gateway, ASKED["/v1/messages"] | {"padding": padding}) as connection:
        seen = b""
        while b"word1" not in seen:
            seen += connection.recv(65536)
    until(lambda: world.alpha.report()["cancelled"] == before + 1, "the upstream was cancelled")
    until(lambda: gateway.records()[-1]["end_reason"] == "client_gone", "the record says so")
    until(lambda: gateway.sample("sanmen_in_flight") == 0, "nothing is in flight")


@pytest.mark.parametrize("padding", ["", "p" * 4096], ids=["small", "4 KB"])
def test_a_client_that_leaves_before_the_first_byte_cancels_too(gateway: Gateway, world: World, padding: str) -> None:
    world.alpha.behave(faults=[{"kind": "hang"}])
    before = len(gateway.records())
    with ask(gateway, {"model": "m", "messages": [], "padding": padding}):
        until(lambda: gateway.sample("sanmen_in_flight", route="messages") == 1, "the request is under way")
    until(lambda: len(gateway.records()) > before, "the request has ended")
    assert gateway.records()[-1]["end_reason"] == "client_gone"


def test_a_client_that_leaves_over_http2_cancels_too(gateway: Gateway, world: World) -> None:
    world.alpha.behave(faults=[{"kind": "hang"}])
    before = len(gateway.records())
    asked = json.dumps(ASKED["/v1/messages"] | {"padding": "p" * 4096})
    with subprocess.Popen(curl(gateway, world, "/v1/messages", asked)) as client:
        until(lambda: gateway.sample("sanmen_in_flight", route="messages") == 1, "the request is under way")
        client.kill()
    until(lambda: len(gateway.records()) > before, "the request has ended")
    record = gateway.records()[-1]
    assert (record["end_reason"], record["protocol"]) == ("client_gone", "HTTP/2.0")


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize("kind", ["cut", "early_end"])
def test_a_broken_stream_ends_with_the_apis_own_error_event(
    gateway: Gateway, world: World, path: str, kind: str
) -> None:
    world.alpha.behave(faults=[{"kind": kind, "after_tokens": 4}])
    answer, text = stream_text(gateway, path)
    assert "word3 " in text
    assert "word4 " not in text
    assert LAST[path] not in text
    events = [event for event in text.split("\n\n") if event]
    last = json.loads(events[-1].split("data: ", 1)[1])
    if path == "/v1/responses":
        assert (last["type"], last["code"], last["sequence_number"]) == ("error", "server_error", 8)
    else:
        assert last["error"]["message"]
    for event in events:
        json.loads(event.split("data: ", 1)[1])  # no half event before it
    assert gateway.record_of(answer.headers["x-sanmen-request-id"])["end_reason"] == "upstream_eof"


def test_after_the_first_content_nothing_is_replayed(gateway: Gateway, world: World) -> None:
    world.alpha.behave(faults=[{"kind": "cut", "after_tokens": 1}])
    before = world.beta.report()["requests"]
    stream_text(gateway, "/v1/messages")
    assert world.beta.report()["requests"] == before


def test_a_stream_that_falls_silent_ends_with_an_error_event(make_gateway: MakeGateway, world: World) -> None:
    world.alpha.behave(faults=[{"kind": "stall", "after_tokens": 2}])
    gateway = make_gateway(upstreams=(world.upstream(world.alpha, read_timeout_s=0.5),))
    answer, text = stream_text(gateway, "/v1/messages")
    assert "event: error" in text
    assert gateway.record_of(answer.headers["x-sanmen-request-id"])["end_reason"] == "idle_timeout"


def test_comments_keep_a_silent_stream_and_moving_on_stays_possible(make_gateway: MakeGateway, world: World) -> None:
    world.alpha.behave(faults=[{"kind": "hang"}])
    upstreams = (world.upstream(world.alpha, first_byte_timeout_s=2.5), world.upstream(world.beta))
    gateway = make_gateway(sse_keepalive_s=1.0, upstreams=upstreams)
    answer, text = stream_text(gateway, "/v1/messages")
    assert answer.status_code == 200
    assert text.startswith(": keep-alive\n\n: keep-alive\n\nevent: message_start")
    assert LAST["/v1/messages"] in text
    record = gateway.record_of(answer.headers["x-sanmen-request-id"])
    assert (record["upstream"], record["attempts"]) == ("beta", 2)


def test_comments_keep_a_stream_whose_upstream_thinks(make_gateway: MakeGateway, world: World) -> None:
    world.alpha.behave(first_token_s=2.5, ping_s=0.4)
    gateway = make_gateway(sse_keepalive_s=1.0)
    _, text = stream_text(gateway, "/v1/messages")
    assert ": keep-alive\n\n" in text
    assert text.count("event: ping") >= 5
    assert LAST["/v1/messages"] in text


def test_a_failure_after_comments_is_an_event(make_gateway: MakeGateway, world: World) -> None:
    world.alpha.behave(faults=[{"kind": "hang"}])
    gateway = make_gateway(sse_keepalive_s=1.0, upstreams=(world.upstream(world.alpha, first_byte_timeout_s=1.5),))
    answer, text = stream_text(gateway, "/v1/chat/completions")
    assert answer.status_code == 200
    assert json.loads(text.split("data: ")[1])["error"]["code"] == "upstream_timeout"


def test_streams_pass_over_http2_with_tls(gateway: Gateway, world: World) -> None:
    command = curl(gateway, world, "/v1/messages", json.dumps(ASKED["/v1/messages"]))
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert LAST["/v1/messages"] in text
    assert text.endswith("2 200")
