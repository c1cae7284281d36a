"""The vendors' own SDKs, unmodified, as clients near each region."""

import ipaddress
import json
from pathlib import Path

import pytest

from sandbox import layout
from tests.end_to_end.conftest import Command, Sandbox

PYTHON = layout.CHECKOUT / ".venv-clients" / "bin" / "python"
SCRIPTS = Path(__file__).parent / "clients"
REGIONS = tuple(layout.REGIONS)


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("sdk", ["anthropic", "openai"])
def test_an_official_sdk_gets_answers_with_and_without_streaming(
    sandbox: Sandbox, client: Command, sdk: str, region: str
) -> None:
    done = client(PYTHON, SCRIPTS / f"use_{sdk}.py", sandbox.endpoint, sandbox.key, region=region)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["whole"]
    assert told["streamed"]
    assert told["chunks"] > 1
    assert told["output_tokens"] > 0


@pytest.mark.parametrize("region", REGIONS)
def test_a_client_lands_in_its_region_by_dns(sandbox: Sandbox, client: Command, region: str) -> None:
    host = sandbox.endpoint.removeprefix("https://")
    found = client("getent", "ahostsv4", host, region=region)
    addresses = {ipaddress.IPv4Address(line.split()[0]) for line in found.stdout.splitlines()}
    assert addresses, found.stderr
    assert all(address in layout.REGIONS[region].public for address in addresses), (region, addresses)


def test_tls_is_verified_and_new(sandbox: Sandbox, client: Command) -> None:
    shown = client("curl", "-sv", "--http2", "--tlsv1.3", f"{sandbox.endpoint}/healthz")
    assert shown.returncode == 0, shown.stderr
    assert "TLSv1.3" in shown.stderr
    assert "certificate verify ok" in shown.stderr
    old = client("curl", "-s", "--tls-max", "1.1", f"{sandbox.endpoint}/healthz")
    assert old.returncode != 0


def test_plain_http_only_redirects(sandbox: Sandbox, client: Command) -> None:
    host = sandbox.endpoint.removeprefix("https://")
    shown = client("curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", f"http://{host}/v1/models")
    code, target = shown.stdout.split()
    assert code in ("301", "302", "307", "308")
    assert target.startswith("https://")


def test_a_wrong_key_is_refused_in_the_shape_of_the_api(sandbox: Sandbox, client: Command) -> None:
    url = f"{sandbox.endpoint}/v1/messages"
    shown = client("curl", "-s", "-w", "\n%{http_code}", url, "-H", "x-api-key: sk-wrong", "-d", "{}")
    body, code = shown.stdout.rsplit("\n", 1)
    assert code == "401"
    assert json.loads(body)["error"]["type"] == "authentication_error"
    assert "sk-wrong" not in body


def test_the_front_page_shows_who_runs_the_site(sandbox: Sandbox, client: Command) -> None:
    shown = client("curl", "-s", f"{sandbox.endpoint}/")
    assert "ICP备" in shown.stdout
