"""Upstreams that break the protocol, answer early, hang or say the wrong thing at the wrong time."""

import json
import threading
import time
from typing import Any

import pytest

from gateway.config import Retries
from tests.gateway.conftest import MakeGateway, MakeUpstream, PatchLua
from tests.gateway.scripted import MESSAGE, Dialogue, answer
from tests.gateway.world import KEY, Gateway, World, until

ANTHROPIC_ERROR = {"type": "error", "error": {"type": "invalid_request_error", "message": "too long"}}
OPENAI_ERROR = {"error": {"message": "too long", "type": "invalid_request_error", "param": None, "code": "too_long"}}
RESPONSES_EVENT = {"type": "error", "code": "too_long", "message": "too long", "param": None, "sequence_number": 0}


def test_a_malformed_chunk_size_moves_on(make_gateway: MakeGateway, make_upstream: MakeUpstream, world: World) -> None:
    def serve(dialogue: Dialogue) -> None:
        dialogue.request()
        dialogue.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
        dialogue.send(b"zz\r\n{}\r\n0\r\n\r\n")

    odd = world.upstream(world.alpha, port=make_upstream(serve).port)
    gateway = make_gateway(upstreams=(odd, world.upstream(world.beta)))
    answered = gateway.message()
    assert answered.status_code == 200
    assert gateway.record_of(answered.headers["x-sanmen-request-id"])["upstream"] == "beta"
    until(lambda: gateway.sample("sanmen_in_flight") == 0, "nothing is in flight")


def test_a_fault_of_the_gateway_itself_is_told_in_shape_and_leaves_nothing_in_flight(
    make_gateway: MakeGateway, patch_lua: PatchLua
) -> None:
    broken = patch_lua("attempts", "local function attempt(ex, chosen)\n", 'local function attempt()\n  error("x")\n')
    gateway = make_gateway(lua=broken)
    answered = gateway.message()
    assert (answered.status_code, answered.json()["error"]["type"]) == (500, "api_error")
    until(lambda: len(gateway.records()) == 1, "it has ended")
    assert gateway.sample("sanmen_in_flight") == 0


def text_after_a_comment(gateway: Gateway, path: str, commented: threading.Event) -> str:
    """A stream's text; `commented` is set when its first bytes have come."""
    body: dict[str, Any] = {"model": "m", "max_tokens": 4096, "stream": True, "messages": []}
    pieces = list[str]()
    with gateway.client.stream("POST", path, json=body, headers={"x-api-key": KEY}) as answered:
        for piece in answered.iter_text():
            pieces.append(piece)
            commented.set()
    text = "".join(pieces)
    assert text.startswith(": keep-alive\n\n")
    return text.replace(": keep-alive\n\n", "")


@pytest.mark.parametrize("status", [400, 429])
@pytest.mark.parametrize(
    ("path", "body", "event"),
    [
        ("/v1/messages", ANTHROPIC_ERROR, f"event: error\ndata: {json.dumps(ANTHROPIC_ERROR)}\n\n"),
        ("/v1/chat/completions", OPENAI_ERROR, f"data: {json.dumps(OPENAI_ERROR)}\n\n"),
        ("/v1/responses", OPENAI_ERROR, None),
    ],
    ids=["messages", "chat", "responses"],
)
def test_an_error_after_comments_keeps_its_meaning(
    make_gateway: MakeGateway,
    make_upstream: MakeUpstream,
    world: World,
    status: int,
    path: str,
    body: object,
    event: str | None,
) -> None:
    commented = threading.Event()

    def serve(dialogue: Dialogue) -> None:
        while dialogue.request():
            commented.wait(30)
            dialogue.send(answer(status, body))

    upstreams = [make_upstream(serve), make_upstream(serve)]
    settings = [world.upstream(it, port=odd.port) for it, odd in zip((world.alpha, world.beta), upstreams, strict=True)]
    settings[1] = settings[1].model_copy(update={"host": world.alpha.host})
    gateway = make_gateway(sse_keepalive_s=1.0, upstreams=tuple(settings))
    text = text_after_a_comment(gateway, path, commented)
    if event is None:
        kind, _, data = text.partition("\ndata: ")
        assert (kind, json.loads(data)) == ("event: error", RESPONSES_EVENT)
    else:
        assert text == event
    assert upstreams[1].connections == (0 if status == 400 else 1), "only what another upstream may do better moves on"
    until(lambda: len(gateway.records()) == 1, "it has a record")
    assert gateway.records()[0]["end_reason"] == "upstream_error"


def test_a_whole_answer_after_comments_is_not_asked_for_again(
    make_gateway: MakeGateway, make_upstream: MakeUpstream, world: World
) -> None:
    commented = threading.Event()

    def serve(dialogue: Dialogue) -> None:
        dialogue.request()
        commented.wait(30)
        dialogue.send(answer(200, MESSAGE))
        dialogue.wait_for_the_end()

    odd = world.upstream(world.alpha, port=make_upstream(serve).port)
    before = world.beta.report()["requests"]
    gateway = make_gateway(sse_keepalive_s=1.0, upstreams=(odd, world.upstream(world.beta)))
    event = text_after_a_comment(gateway, "/v1/messages", commented)
    assert json.loads(event.removeprefix("event: error\ndata: "))["error"]["type"] == "api_error"
    assert world.beta.report()["requests"] == before


def test_an_error_whose_body_hangs_moves_on_soon(
    make_gateway: MakeGateway, make_upstream: MakeUpstream, world: World
) -> None:
    def serve(dialogue: Dialogue) -> None:
        dialogue.request()
        dialogue.send(answer(529, ANTHROPIC_ERROR)[:-5])
        dialogue.wait_for_the_end()

    odd = world.upstream(world.alpha, port=make_upstream(serve).port)
    gateway = make_gateway(upstreams=(odd, world.upstream(world.beta)))
    started = time.monotonic()
    assert gateway.message().status_code == 200
    assert time.monotonic() - started < 10


def test_an_error_too_large_to_keep_is_not_told_in_part(
    make_gateway: MakeGateway, make_upstream: MakeUpstream, world: World
) -> None:
    def serve(dialogue: Dialogue) -> None:
        dialogue.request()
        dialogue.send(answer(529, ANTHROPIC_ERROR | {"padding": "x" * 500_000}))
        dialogue.wait_for_the_end()

    gateway = make_gateway(upstreams=(world.upstream(world.alpha, port=make_upstream(serve).port),))
    answered = gateway.message()
    assert (answered.status_code, answered.json()["error"]["type"]) == (502, "api_error")


def test_an_answer_that_comes_before_the_body_was_sent_is_the_answer(
    make_gateway: MakeGateway, make_upstream: MakeUpstream, world: World
) -> None:
    def serve(dialogue: Dialogue) -> None:
        # Closing with the body unread resets the connection.
        dialogue.head()
        dialogue.send(answer(413, ANTHROPIC_ERROR))

    odd = world.upstream(world.alpha, port=make_upstream(serve).port)
    before = world.beta.report()["requests"]
    gateway = make_gateway(upstreams=(odd, world.upstream(world.beta)))
    answered = gateway.message(padding="z" * 30_000_000)
    assert (answered.status_code, answered.json()) == (413, ANTHROPIC_ERROR)
    assert world.beta.report()["requests"] == before


def closes_on_the_second_request(after_s: float, seen: list[int]) -> Any:
    """Connection 1 ends, `after_s` after its second request came, without an answer to it."""

    def serve(dialogue: Dialogue) -> None:
        answered = 0
        while dialogue.request():
            seen.append(dialogue.number)
            if dialogue.number == 1 and answered == 1:
                threading.Event().wait(after_s)
                return
            dialogue.send(answer(200, MESSAGE))
            answered += 1

    return serve


def test_an_idle_connection_that_the_upstream_closed_is_no_failure(
    make_gateway: MakeGateway, make_upstream: MakeUpstream, world: World
) -> None:
    seen = list[int]()
    port = make_upstream(closes_on_the_second_request(0, seen)).port
    no_budget = Retries(minimum_per_s=0, budget_percent=0)
    gateway = make_gateway(upstreams=(world.upstream(world.alpha, port=port),), retries=no_budget, workers=1)
    assert [gateway.message().status_code for _ in range(2)] == [200, 200]
    assert seen == [1, 1, 2]
    assert gateway.sample("sanmen_upstream_attempts_total", upstream="alpha", outcome="closed") == 0


def test_a_kept_connection_that_breaks_while_the_upstream_works_is_a_failure(
    make_gateway: MakeGateway, make_upstream: MakeUpstream, world: World
) -> None:
    seen = list[int]()
    port = make_upstream(closes_on_the_second_request(1.5, seen)).port
    upstreams = (world.upstream(world.alpha, port=port), world.upstream(world.beta))
    gateway = make_gateway(upstreams=upstreams, workers=1)
    assert [gateway.message().status_code for _ in range(2)] == [200, 200]
    assert seen == [1, 1], "what may have been generated is not asked for again beside the budget"
    assert gateway.sample("sanmen_failovers_total", upstream="alpha", reason="closed") == 1
