"""Moving on to the next upstream: when, how often, and what the client learns if none answers."""

from collections import Counter
from typing import Any

import pytest

from gateway.config import Retries
from tests.gateway.conftest import MakeGateway, MakeUpstream, PatchLua
from tests.gateway.scripted import MESSAGE, Dialogue, answer
from tests.gateway.world import MAINLAND_KEY, Gateway, World, free_port, until

STREAMED: dict[str, dict[str, Any]] = {
    "/v1/messages": {"model": "m", "max_tokens": 4096, "stream": True, "messages": []},
    "/v1/chat/completions": {"model": "m", "stream": True, "messages": []},
    "/v1/responses": {"model": "m", "stream": True, "input": "hi"},
}
FIRST_BYTE_FAULTS: list[dict[str, Any]] = [
    {"kind": "close"},
    {"kind": "status", "status": 429, "retry_after_s": 7},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 529},
    {"kind": "status", "status": 401},
]


def served_by(gateway: Gateway, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask, expect a whole answer, return its record."""
    answer = gateway.post(path, body)
    assert answer.status_code == 200, answer.text + gateway.program.text()[-3000:]
    assert "error" not in answer.text or '"error": null' in answer.text
    return gateway.record_of(answer.headers["x-sanmen-request-id"])


@pytest.mark.parametrize("fault", FIRST_BYTE_FAULTS, ids=lambda fault: str(fault.get("status", fault["kind"])))
@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_before_the_first_byte_moves_on(
    gateway: Gateway, world: World, fault: dict[str, Any], stream: bool
) -> None:
    world.alpha.behave(faults=[fault])
    record = served_by(gateway, "/v1/messages", STREAMED["/v1/messages"] | {"stream": stream})
    assert (record["upstream"], record["attempts"], record["status"]) == ("beta", 2, 200)


@pytest.mark.parametrize("path", STREAMED)
def test_an_error_event_inside_a_200_moves_on_and_leaves_no_trace(gateway: Gateway, world: World, path: str) -> None:
    world.alpha.behave(faults=[{"kind": "error_event"}])
    answer = gateway.post(path, STREAMED[path])
    assert "Overloaded" not in answer.text
    assert answer.text.count("word0 ") >= 1
    started = {"/v1/messages": "message_start", "/v1/responses": '"response.created"'}.get(path, '"role":"assistant"')
    assert answer.text.count(started) == {"/v1/messages": 2}.get(path, 1), "event and type name, of one upstream only"
    assert gateway.record_of(answer.headers["x-sanmen-request-id"])["upstream"] == "beta"


def test_an_upstream_that_cannot_be_reached_is_passed_over(make_gateway: MakeGateway, world: World) -> None:
    gateway = make_gateway(upstreams=(world.upstream(world.alpha, port=free_port()), world.upstream(world.beta)))
    assert served_by(gateway, "/v1/messages", STREAMED["/v1/messages"])["upstream"] == "beta"
    assert gateway.sample("sanmen_failovers_total", upstream="alpha", reason="connect") == 1


def test_an_upstream_whose_name_does_not_resolve_is_passed_over(make_gateway: MakeGateway, world: World) -> None:
    gateway = make_gateway(
        upstreams=(world.upstream(world.alpha, host="nobody.upstream.test"), world.upstream(world.beta))
    )
    assert served_by(gateway, "/v1/messages", STREAMED["/v1/messages"])["upstream"] == "beta"


def test_an_upstream_with_anothers_certificate_gets_no_credential(make_gateway: MakeGateway, world: World) -> None:
    world.names.table["impostor.upstream.test"] = "127.0.0.1"
    before = world.alpha.report()["requests"]
    gateway = make_gateway(
        upstreams=(world.upstream(world.alpha, host="impostor.upstream.test"), world.upstream(world.beta))
    )
    assert served_by(gateway, "/v1/messages", STREAMED["/v1/messages"])["upstream"] == "beta"
    assert gateway.sample("sanmen_upstream_attempts_total", upstream="alpha", outcome="tls") == 1
    assert world.alpha.report()["requests"] == before


def test_an_upstream_that_is_silent_too_long_is_passed_over(make_gateway: MakeGateway, world: World) -> None:
    world.alpha.behave(faults=[{"kind": "hang"}])
    gateway = make_gateway(
        upstreams=(world.upstream(world.alpha, first_byte_timeout_s=0.3), world.upstream(world.beta))
    )
    assert served_by(gateway, "/v1/chat/completions", STREAMED["/v1/chat/completions"])["upstream"] == "beta"


def test_a_whole_answer_that_breaks_off_is_asked_for_again(gateway: Gateway, world: World) -> None:
    world.alpha.behave(faults=[{"kind": "cut"}])
    assert served_by(gateway, "/v1/responses", {"model": "m", "input": "hi"})["upstream"] == "beta"


def test_the_last_429_reaches_the_client_with_its_retry_after(gateway: Gateway, world: World) -> None:
    for upstream in (world.alpha, world.beta):
        upstream.behave(faults=[{"kind": "status", "status": 429, "retry_after_s": 7}])
    answer = gateway.message()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json()["error"]["type"] == "rate_limit_error"


def test_what_an_upstream_said_is_told_rather_than_that_another_was_unreachable(
    make_gateway: MakeGateway, world: World
) -> None:
    world.alpha.behave(faults=[{"kind": "status", "status": 529}])
    gateway = make_gateway(upstreams=(world.upstream(world.alpha), world.upstream(world.beta, port=free_port())))
    assert gateway.message().status_code == 529


def test_a_refused_upstream_credential_is_not_the_tenants_401(gateway: Gateway, world: World) -> None:
    for upstream in (world.alpha, world.beta):
        upstream.behave(faults=[{"kind": "status", "status": 401}])
    answer = gateway.message()
    assert answer.status_code == 502
    assert answer.json()["error"]["type"] == "api_error"


def test_an_error_of_the_request_itself_is_not_tried_elsewhere(gateway: Gateway, world: World) -> None:
    world.alpha.behave(faults=[{"kind": "status", "status": 400}])
    before = world.beta.report()["requests"]
    assert gateway.message().status_code == 400
    assert world.beta.report()["requests"] == before


def test_an_error_event_of_the_last_upstream_reaches_the_client_as_it_came(gateway: Gateway, world: World) -> None:
    for upstream in (world.alpha, world.beta):
        upstream.behave(faults=[{"kind": "error_event"}])
    answer = gateway.post("/v1/messages", STREAMED["/v1/messages"])
    assert "overloaded_error" in answer.text
    record = gateway.record_of(answer.headers["x-sanmen-request-id"])
    assert record["end_reason"] == "upstream_error"


def test_equal_upstreams_share_by_weight(make_gateway: MakeGateway, world: World) -> None:
    gateway = make_gateway(
        upstreams=(world.upstream(world.alpha, weight=9), world.upstream(world.beta, order=0, weight=1))
    )
    for _ in range(100):
        assert gateway.message().status_code == 200
    until(lambda: len(gateway.records()) == 100, "all records")
    share = Counter(record["upstream"] for record in gateway.records())
    assert 75 <= share["alpha"] <= 99, share


def test_a_mainland_tenant_never_leaves_the_mainland_failover_included(gateway: Gateway, world: World) -> None:
    before = world.alpha.report()["requests"]
    assert gateway.message(MAINLAND_KEY).status_code == 200
    world.beta.behave(faults=[{"kind": "status", "status": 503}])
    assert gateway.message(MAINLAND_KEY).status_code == 503
    assert world.alpha.report()["requests"] == before


def test_failing_over_has_a_budget(make_gateway: MakeGateway, world: World) -> None:
    world.alpha.behave(faults=[{"kind": "status", "status": 503}])
    gateway = make_gateway(retries=Retries(minimum_per_s=0, budget_percent=10), workers=1)
    codes = Counter(gateway.message().status_code for _ in range(50))
    assert codes[200] <= 6, codes
    assert codes[503] >= 44


def test_connections_to_an_upstream_are_kept(gateway: Gateway, world: World) -> None:
    gateway.message()
    gateway.post("/v1/messages", STREAMED["/v1/messages"])
    before = world.alpha.report()["connections"]
    for _ in range(20):
        assert gateway.message().status_code == 200
        assert gateway.post("/v1/messages", STREAMED["/v1/messages"]).status_code == 200
    # Two workers may each open one; the report itself has its own.
    assert world.alpha.report()["connections"] - before <= 2


def test_an_upstreams_new_address_is_used_without_a_reload(make_gateway: MakeGateway, world: World) -> None:
    world.names.table["moving.upstream.test"] = "127.0.0.2"  # nobody listens there
    upstream = world.upstream(world.beta, host="beta.upstream.test")
    world.names.table["beta.upstream.test"] = "127.0.0.2"
    try:
        gateway = make_gateway(upstreams=(upstream,))
        assert gateway.message().status_code == 502
        world.names.table["beta.upstream.test"] = "127.0.0.1"
        until(lambda: gateway.message().status_code == 200, "the new address is used")
    finally:
        world.names.table["beta.upstream.test"] = "127.0.0.1"


def test_a_busy_gateway_leaves_an_upstreams_old_address_too(
    make_gateway: MakeGateway, make_upstream: MakeUpstream, patch_lua: PatchLua, world: World
) -> None:
    def serve(dialogue: Dialogue) -> None:
        while dialogue.request():
            dialogue.send(answer(200, MESSAGE))

    old = make_upstream(serve)
    new = make_upstream(serve, address=("127.0.0.2", old.port))
    lua = patch_lua("upstream", "local POOL_S = 300", "local POOL_S = 1")
    gateway = make_gateway(lua=lua, upstreams=(world.upstream(world.alpha, port=old.port),), workers=1)
    assert gateway.message().status_code == 200
    world.names.table[world.alpha.host] = "127.0.0.2"
    try:
        until(lambda: gateway.message().status_code == 200 and new.connections > 0, "the new address is used")
    finally:
        world.names.table[world.alpha.host] = "127.0.0.1"
