"""The upstream stand-in: shapes, credentials, speed and failures by its settings."""

import asyncio
import json
import ssl
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.upstream.behaviour import Behaviour, BehaviourFile, UnusableError
from sandbox.upstream.server import StandIn
from tests.sandbox.upstream.certificates import self_signed

ASKED: dict[str, Any] = {"model": "m", "max_tokens": 4096, "messages": [{"role": "user", "content": "hi"}]}
Visit = Callable[[httpx.AsyncClient], Awaitable[None]]


def run(tmp_path: Path, visit: Visit, behaviour: dict[str, Any] | None = None) -> StandIn:
    """Serve on a free port and let `visit` call it."""
    settings = tmp_path / "settings.json"
    settings.write_text(Behaviour.model_validate({"credentials": ["good"], **(behaviour or {})}).model_dump_json())
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "chain.pem").write_bytes(self_signed(key, "alpha.upstream.test"))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(key.private_bytes(*plain))
    stand_in = StandIn(BehaviourFile(settings))

    async def main() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")
        server = await stand_in.start("127.0.0.1", 0, context)
        port = server.sockets[0].getsockname()[1]
        trust = ssl.create_default_context(cafile=str(tmp_path / "chain.pem"))
        key = {"x-api-key": "good"}
        at = f"https://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=at, verify=trust, trust_env=False, headers=key) as client:
            await visit(client)
        server.close()

    asyncio.run(main())
    return stand_in


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions", "/v1/responses"])
def test_a_stream_says_what_the_whole_answer_says(tmp_path: Path, path: str) -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        whole = (await client.post(path, json=ASKED)).text
        stream = await client.post(path, json=ASKED | {"stream": True})
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert all(f"word{n} " in whole and f"word{n} " in stream.text for n in range(4))
        for event in stream.text.split("\n\n"):
            data = event.partition("data: ")[2]
            assert data in ("", "[DONE]") or json.loads(data)

    run(tmp_path, visit, {"tokens": 4})


@pytest.mark.parametrize(
    ("path", "limit", "said"),
    [
        ("/v1/messages", "max_tokens", '"stop_reason":"max_tokens"'),
        ("/v1/chat/completions", "max_completion_tokens", '"finish_reason":"length"'),
        ("/v1/responses", "max_output_tokens", '"incomplete_details":{"reason":"max_output_tokens"}'),
    ],
)
def test_an_answer_ends_at_the_requests_limit_and_says_so(tmp_path: Path, path: str, limit: str, said: str) -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        whole = await client.post(path, json={limit: 3})
        stream = await client.post(path, json={limit: 3, "stream": True})
        for answer in (whole.text, stream.text):
            assert "word2 " in answer
            assert "word3 " not in answer
            assert said in answer.replace(": ", ":")

    run(tmp_path, visit)


def test_chat_usage_comes_on_demand_only(tmp_path: Path) -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        path, asked = "/v1/chat/completions", ASKED | {"stream": True}
        assert "usage" not in (await client.post(path, json=asked)).text
        assert "usage" in (await client.post(path, json=asked | {"stream_options": {"include_usage": True}})).text

    run(tmp_path, visit)


def test_a_wrong_credential_is_refused_in_either_header(tmp_path: Path) -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        del client.headers["x-api-key"]
        for headers in ({"x-api-key": "good"}, {"authorization": "Bearer good"}):
            assert (await client.get("/v1/models", headers=headers)).status_code == 200
        for headers in (dict[str, str](), {"x-api-key": "bad"}, {"authorization": "Bearer bad"}):
            assert (await client.get("/v1/models", headers=headers)).status_code == 401
        assert (await client.get("/.stand-in")).json()["refused"] == 3

    run(tmp_path, visit)


def test_a_refusal_has_the_shape_of_the_api_that_was_called(tmp_path: Path) -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        wrong = {"x-api-key": "bad"}
        messages = (await client.post("/v1/messages", json=ASKED, headers=wrong)).json()
        assert (messages["type"], messages["error"]["type"]) == ("error", "authentication_error")
        chat = (await client.post("/v1/chat/completions", json=ASKED, headers=wrong)).json()
        assert (chat["error"]["type"], chat["error"]["code"]) == ("invalid_request_error", "invalid_api_key")

    run(tmp_path, visit)


def test_a_model_that_is_anothers_alone_is_too_much(tmp_path: Path) -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        statuses = [
            (await client.post("/v1/messages", json=ASKED | {"model": model})).status_code
            for model in ("only-alpha", "only-beta", "any")
        ]
        assert statuses == [200, 529, 200]

    run(tmp_path, visit, {"name": "alpha"})


@pytest.mark.parametrize(
    "text", ['{"credential": "sk-secret"}', '{"credentials": ["sk-secret"], "tokens": "sk-secret"}']
)
def test_settings_that_say_nothing_usable_end_it_and_are_not_quoted(tmp_path: Path, text: str) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text(text)
    with pytest.raises(UnusableError, match=r"settings\.json: \w+: ") as refused:
        BehaviourFile(settings)
    assert "sk-secret" not in "".join(traceback.format_exception(refused.value))


def test_the_nth_request_fails_and_others_do_not(tmp_path: Path) -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        answers = [await client.post("/v1/messages", json=ASKED) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 529, 200]
        assert answers[1].headers["retry-after"] == "3"

    run(tmp_path, visit, {"faults": [{"kind": "status", "nth": [2], "retry_after_s": 3}]})


@pytest.mark.parametrize("kind", ["close", "cut"])
def test_a_connection_can_break(tmp_path: Path, kind: str) -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        with pytest.raises(httpx.TransportError):
            await client.post("/v1/messages", json=ASKED | {"stream": True})

    run(tmp_path, visit, {"faults": [{"kind": kind, "after_tokens": 2}]})


def test_settings_are_read_again_and_bad_ones_change_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        settings = tmp_path / "settings.json"
        assert "word3 " in (await client.post("/v1/messages", json=ASKED)).text
        settings.write_text('{"credentials": ["good"], "tokens": 2}')
        assert "word2 " not in (await client.post("/v1/messages", json=ASKED)).text
        settings.write_text('{"credentials": ["sk-secret"], "tokens": "many"}')
        answer = (await client.post("/v1/messages", json=ASKED)).text
        assert "word1 " in answer
        assert "word2 " not in answer

    run(tmp_path, visit)
    told = capfd.readouterr().err
    assert told.count("tokens: ") == 1, "it is said, and once"
    assert "sk-secret" not in told


def test_a_client_that_leaves_is_counted(tmp_path: Path) -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        async with client.stream("POST", "/v1/messages", json=ASKED | {"stream": True}) as answer:
            await anext(answer.aiter_raw())
        while (await client.get("/.stand-in")).json()["cancelled"] == 0:
            pass

    stand_in = run(tmp_path, visit, {"tokens_per_s": 1, "tokens": 1000})
    assert stand_in.seen.streaming == 0
