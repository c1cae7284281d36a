"""Files that change while the gateway runs: tenants, credentials; what starts; how it ends; what nobody may read."""

import json
import signal
import subprocess
import threading
from typing import Any

import httpx
import pytest

from gateway.config import Tenant, TenantRegistry
from tests.gateway.conftest import MakeGateway
from tests.gateway.world import (
    CREDENTIALS,
    DISABLED_KEY,
    KEY,
    MAINLAND_KEY,
    REDIS_PASSWORD,
    SMALL_KEY,
    Gateway,
    World,
    registry,
    sha256,
    until,
)


def test_a_new_tenant_is_admitted_and_an_old_one_goes_without_a_reload(make_gateway: MakeGateway) -> None:
    gateway = make_gateway()
    assert gateway.message("sk-new").status_code == 401
    fresh = TenantRegistry(tenants=(Tenant(name="new", key_sha256=(sha256("sk-new"), sha256("sk-next"))),))
    gateway.write_secret("tenants.json", fresh.render())
    until(lambda: gateway.message("sk-new").status_code == 200, "the new tenant is admitted")
    assert gateway.message("sk-next").status_code == 200
    until(lambda: gateway.message(KEY).status_code == 401, "the old one is not")


BAD_REGISTRIES = {
    "no json": "{",
    "no object": "[]",
    "tenants by name": json.dumps({"tenants": {"a": {"name": "a", "key_sha256": ["0" * 64]}}}),
    "tenants an empty object": json.dumps({"tenants": {}}),
    "unknown top-level key": json.dumps({"tenants": [], "version": 2}),
    "unknown key": json.dumps({"tenants": [{"name": "a", "key_sha256": ["0" * 64], "limit": 3}]}),
    "no hash": json.dumps({"tenants": [{"name": "a", "key_sha256": ["sk-a-real-key"]}]}),
    "twice": json.dumps({"tenants": [{"name": "a", "key_sha256": ["0" * 64]}] * 2}),
    "rate": json.dumps({"tenants": [{"name": "a", "key_sha256": ["0" * 64], "requests_per_minute": 0}]}),
}


@pytest.mark.parametrize("text", BAD_REGISTRIES.values(), ids=BAD_REGISTRIES.keys())
def test_a_bad_registry_keeps_the_last_good_one_and_says_why_once(make_gateway: MakeGateway, text: str) -> None:
    gateway = make_gateway()
    gateway.write_secret("tenants.json", text)
    until(lambda: "tenant registry refused" in gateway.program.text(), "it is refused")
    assert gateway.message().status_code == 200
    assert gateway.program.text().count("tenant registry refused") == 1
    assert "sk-a-real-key" not in gateway.program.text()
    fresh = TenantRegistry(tenants=(Tenant(name="new", key_sha256=(sha256("sk-new"),)),))
    gateway.write_secret("tenants.json", fresh.render())
    until(lambda: gateway.message("sk-new").status_code == 200, "the next good one is used")


def test_without_a_registry_nobody_is_admitted_and_it_is_not_ready(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(tenants=None)
    assert gateway.message().status_code == 401
    assert gateway.client.get("/readyz").status_code == 503
    assert gateway.client.get("/healthz").status_code == 200
    gateway.write_secret("tenants.json", registry().render())
    until(lambda: gateway.message().status_code == 200, "it is read once it is there")
    assert gateway.client.get("/readyz").status_code == 200


def test_a_registry_that_disappears_keeps_the_last_good_one(make_gateway: MakeGateway) -> None:
    gateway = make_gateway()
    (gateway.secrets / "tenants.json").unlink()
    until(lambda: "tenant registry refused" in gateway.program.text(), "it is missed")
    assert gateway.message().status_code == 200


def test_a_new_credential_is_used_without_a_reload(make_gateway: MakeGateway, world: World) -> None:
    gateway = make_gateway(upstreams=(world.upstream(world.alpha),))
    world.alpha.behave(credentials=["rotated"])
    assert gateway.message().status_code == 502
    gateway.write_secret("upstream-alpha", "rotated\n")
    until(lambda: gateway.message().status_code == 200, "the new credential is used")


def test_readiness_fails_first_and_open_streams_finish(make_gateway: MakeGateway, world: World) -> None:
    world.alpha.behave(tokens_per_s=10, tokens=25)
    gateway = make_gateway(drain_notice_s=1)
    chunks: list[str] = []
    began = threading.Event()

    def read() -> None:
        body: dict[str, Any] = {"model": "m", "stream": True, "max_tokens": 4096, "messages": []}
        headers = {"x-api-key": KEY}
        with httpx.stream("POST", f"{gateway.url}/v1/messages", json=body, headers=headers, timeout=30) as answer:
            for chunk in answer.iter_text():
                chunks.append(chunk)
                began.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert began.wait(20)
    gateway.program.process.send_signal(signal.SIGTERM)
    until(lambda: gateway.client.get("/readyz").status_code == 503, "readiness fails")
    assert gateway.client.get("/healthz").status_code == 200
    assert gateway.message().status_code == 200, "until balancers have noticed, requests are served"
    reader.join(30)
    assert "event: message_stop" in "".join(chunks)
    gateway.client.close()
    assert gateway.program.process.wait(30) == 0


def test_no_key_credential_or_prompt_is_in_any_output(make_gateway: MakeGateway, world: World) -> None:
    gateway = make_gateway()
    prompt = "a-prompt-that-nobody-may-log"
    body = {"model": "m", "messages": [{"role": "user", "content": prompt}], "max_tokens": 5}
    for key in (KEY, SMALL_KEY, MAINLAND_KEY, DISABLED_KEY, "sk-unknown-key"):
        for fault in (
            list[dict[str, object]](),
            [{"kind": "status", "status": 500}],
            [{"kind": "cut"}],
            [{"kind": "close"}],
        ):
            world.alpha.behave(faults=fault)
            gateway.post("/v1/messages", body, key)
            gateway.post("/v1/chat/completions", body | {"stream": True}, key)
    oversized = "sk-oversized-" + "k" * 40_000
    gateway.client.post("/v1/messages", json=body, headers={"x-api-key": oversized})
    until(lambda: len(gateway.records()) >= 41, "all records")
    outputs = [gateway.program.text(), gateway.records_file.read_text(), gateway.metrics()]
    outputs += [gateway.message("sk-unknown-key").text, gateway.client.get("/").text]
    hidden = [KEY, SMALL_KEY, MAINLAND_KEY, DISABLED_KEY, "sk-unknown-key", "sk-oversized", prompt, "word3"]
    hidden += [*CREDENTIALS.values(), REDIS_PASSWORD, sha256(KEY)]
    for output in outputs:
        for secret in hidden:
            assert secret not in output


def test_metrics_are_valid_prometheus_text(gateway: Gateway) -> None:
    gateway.message()
    gateway.message("wrong")
    gateway.client.get("/v1/nothing")
    text = gateway.metrics()
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert gateway.sample("sanmen_requests_total", route="messages", tenant="one", status="200") >= 1
    assert gateway.sample("sanmen_requests_total", status="401") >= 1
    assert gateway.sample("sanmen_request_duration_seconds_count", route="messages") >= 1
    assert gateway.sample("sanmen_tokens_total", tenant="one", type="output") >= 16
    assert gateway.sample("sanmen_credentials", upstream="alpha") == 1


def test_settings_that_cannot_be_used_give_one_clear_line(make_gateway: MakeGateway, world: World) -> None:
    listen = world.config().listen
    tls = listen.tls.model_copy(update={"key_file": "/nowhere/key.pem"}) if listen.tls else None
    with pytest.raises(AssertionError, match=r"serve: listen\.tls\.key_file: there is no file /nowhere/key\.pem"):
        make_gateway(listen=listen.model_copy(update={"tls": tls}))
