"""Paths, keys, shapes of errors, health and the licence page."""

import hashlib
import re
import socket
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateway.conftest import MakeGateway, MakeUpstream
from tests.gateway.scripted import MESSAGE, Dialogue, answer
from tests.gateway.world import CREDENTIALS, DISABLED_KEY, KEY, Gateway, World

ASKED: dict[str, Any] = {"model": "stand-in-large", "messages": [{"role": "user", "content": "hi"}]}
CALLS: dict[str, dict[str, Any]] = {
    "/v1/messages": ASKED | {"max_tokens": 8},
    "/v1/messages/count_tokens": ASKED,
    "/v1/chat/completions": ASKED,
    "/v1/responses": {"model": "stand-in-large", "input": "hi"},
    "/v1/embeddings": {"model": "stand-in-large", "input": ["a", "b"]},
}


@pytest.mark.parametrize("path", CALLS)
def test_every_api_path_reaches_the_upstream(gateway: Gateway, world: World, path: str) -> None:
    answer = gateway.post(path, CALLS[path])
    assert answer.status_code == 200, answer.text
    assert world.alpha.report()["last_path"] == path


def test_models_are_listed_in_the_callers_shape(gateway: Gateway) -> None:
    bearer = {"authorization": f"Bearer {KEY}"}
    assert gateway.client.get("/v1/models", headers=bearer).json()["object"] == "list"
    anthropic = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
    assert gateway.client.get("/v1/models", headers=anthropic).json()["has_more"] is False


def test_the_tenants_key_is_replaced_by_the_upstreams_credential(gateway: Gateway, world: World) -> None:
    world.alpha.behave(credentials=[CREDENTIALS["alpha"]])
    headers = {"x-custom": "kept", "cookie": "a=b", "openai-organization": "org-of-the-tenant"}
    answer = gateway.client.post(
        "/v1/chat/completions", json=ASKED, headers={"authorization": f"Bearer {KEY}", **headers}
    )
    assert answer.status_code == 200
    seen = world.alpha.report()["last_headers"]
    assert seen["x-custom"] == "kept"
    assert seen["host"] == f"{world.alpha.host}:{world.alpha.port}"
    assert not {"cookie", "openai-organization"} & seen.keys()


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong"}, {"authorization": "Bearer wrong"}])
def test_without_a_valid_key_nobody_is_admitted(gateway: Gateway, world: World, headers: dict[str, str]) -> None:
    before = world.alpha.report()["requests"]
    anthropic = gateway.client.post("/v1/messages", json=ASKED, headers=headers)
    openai = gateway.client.post("/v1/chat/completions", json=ASKED, headers=headers)
    assert anthropic.status_code == openai.status_code == 401
    assert anthropic.json()["error"]["type"] == "authentication_error"
    assert anthropic.json()["type"] == "error"
    assert openai.json()["error"]["code"] == "invalid_api_key"
    assert "wrong" not in anthropic.text + openai.text
    assert world.alpha.report()["requests"] == before


def test_the_body_of_a_refused_request_is_no_request(gateway: Gateway) -> None:
    body = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n" + b"x" * 300_000
    refused = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: wrong\r\ncontent-length: %d\r\n\r\n" % len(body)
    with socket.create_connection(("127.0.0.1", gateway.config.listen.http_port), timeout=30) as connection:
        connection.sendall(refused + body + b"GET /v1/nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        text = connection.makefile("rb").read()
    assert re.findall(rb"HTTP/1.1 (\d+)", text) == [b"401", b"404"]


def test_a_hash_is_no_key(gateway: Gateway) -> None:
    assert gateway.message(hashlib.sha256(KEY.encode()).hexdigest()).status_code == 401


def test_a_disabled_tenant_is_refused(gateway: Gateway) -> None:
    answer = gateway.message(DISABLED_KEY)
    assert answer.status_code == 403
    assert answer.json()["error"]["type"] == "permission_error"


@pytest.mark.parametrize("path", ["/v1/files", "/v1", "/admin", "/v1/models/../../x", "/.websocket"])
def test_other_paths_are_not_found_in_the_apis_shape(gateway: Gateway, path: str) -> None:
    answer = gateway.client.get(path, headers={"authorization": f"Bearer {KEY}"})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unknown_url"
    anthropic = gateway.client.get(path, headers={"x-api-key": KEY})
    assert anthropic.json()["error"]["type"] == "not_found_error"


def test_another_method_is_refused_with_what_is_allowed(gateway: Gateway) -> None:
    answer = gateway.client.get("/v1/messages", headers={"x-api-key": KEY})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_body_above_the_limit_is_refused_in_the_apis_shape(make_gateway: MakeGateway, world: World) -> None:
    buffers = world.config().buffers.model_copy(update={"body_limit_bytes": 2048})
    gateway = make_gateway(buffers=buffers)
    answer = gateway.message(padding="x" * 4096)
    assert answer.status_code == 413
    assert answer.json()["error"]["type"] == "request_too_large"


def test_large_headers_pass_and_larger_ones_are_refused_in_shape(gateway: Gateway) -> None:
    assert gateway.post("/v1/messages", CALLS["/v1/messages"], KEY, **{"x-large": "y" * 30_000}).status_code == 200
    answer = gateway.post("/v1/messages", CALLS["/v1/messages"], KEY, **{"x-large": "y" * 40_000})
    assert answer.status_code == 431
    assert answer.json()["type"] == "error"


def test_a_large_prompt_reaches_the_upstream_whole(gateway: Gateway, world: World) -> None:
    answer = gateway.message(padding="z" * 5_000_000)
    assert answer.status_code == 200
    assert world.alpha.report()["last_body_bytes"] > 5_000_000


def memory_mib(pid: int) -> int:
    """The most that a process and those below it have ever held."""
    status = Path(f"/proc/{pid}/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return peak + sum(memory_mib(int(child)) for child in below)


def test_a_large_prompt_takes_no_memory_for_its_meaning(
    make_gateway: MakeGateway, make_upstream: MakeUpstream, world: World
) -> None:
    def serve(dialogue: Dialogue) -> None:
        while dialogue.request():
            dialogue.send(answer(200, MESSAGE))

    port = make_upstream(serve).port
    gateway = make_gateway(upstreams=(world.upstream(world.alpha, port=port),), workers=1)
    assert gateway.message().status_code == 200
    before = memory_mib(gateway.program.process.pid)
    # As tables of Lua, two million lists are more than 100 MiB.
    body = '{"stream":true,"messages":[' + "[]," * 2_000_000 + "[]]}"
    assert gateway.client.post("/v1/messages", content=body, headers={"x-api-key": KEY}).status_code == 200
    assert memory_mib(gateway.program.process.pid) - before < 32


@pytest.mark.parametrize("start", [20, 65_530, 1_500_000], ids=["at the start", "over two pieces", "late"])
def test_a_large_prompt_may_ask_for_a_stream(
    make_gateway: MakeGateway, make_upstream: MakeUpstream, world: World, start: int
) -> None:
    commented = threading.Event()

    def serve(dialogue: Dialogue) -> None:
        dialogue.request()
        commented.wait(30)
        dialogue.send(answer(200, MESSAGE))

    port = make_upstream(serve).port
    gateway = make_gateway(sse_keepalive_s=1.0, upstreams=(world.upstream(world.alpha, port=port),))
    body = ('{"a":"' + "x" * (start - 8) + '","stream" : true,"b":"').ljust(2_000_000, "y") + '"}'
    assert body.index('"stream"') == start
    with gateway.client.stream("POST", "/v1/messages", content=body, headers={"x-api-key": KEY}) as streamed:
        first = next(streamed.iter_text())
        commented.set()
    assert first == ": keep-alive\n\n"


def test_the_front_page_says_who_runs_this_and_links_the_icp_number(gateway: Gateway) -> None:
    answer = gateway.client.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert re.search(r'href="https://beian\.miit\.gov\.cn/"[^>]*>京ICP备00000000号-1<', answer.text)
    assert "测试 &lt;公司&gt;" in answer.text
    assert "京公网安备00000000000000号" in answer.text
    assert "Beijing-StandIn-0000" in answer.text


def test_whoever_came_by_tls_is_told_to_come_so_again(gateway: Gateway) -> None:
    answers = (
        gateway.client.get("/"),
        gateway.client.get("/nowhere"),
        gateway.client.get("/v1/messages", headers={"x-api-key": KEY}),
        gateway.message(),
    )
    assert [each.status_code for each in answers] == [200, 404, 405, 200]
    assert {each.headers["strict-transport-security"] for each in answers} == {"max-age=31536000"}


def test_live_and_ready(gateway: Gateway) -> None:
    assert gateway.client.get("/healthz").status_code == 200
    assert gateway.client.get("/readyz").status_code == 200


def test_metrics_and_status_are_not_on_the_public_port(gateway: Gateway) -> None:
    assert gateway.client.get("/metrics").status_code == 404
    assert gateway.client.get("/stub_status").status_code == 404
    address = f"http://127.0.0.1:{gateway.config.listen.status_port}/stub_status"
    assert "Active connections" in httpx.get(address, trust_env=False).text
