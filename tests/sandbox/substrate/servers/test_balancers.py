"""What a real haproxy does with requests, by its listeners and routes."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from sandbox import layout
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import namespaces
from sandbox.substrate.servers import balancers
from sandbox.substrate.specs import Balancer, Listener, Route
from sandbox.substrate.supervision import processes
from tests.sandbox.substrate.servers import balancer_stage as stage
from tests.sandbox.substrate.servers.balancer_stage import (
    BACKENDS,
    CHECK,
    CLIENT,
    LB,
    Backend,
    answered_by,
    curl,
    eventually,
    http,
    pair,
    route,
    serving,
    status,
    targets,
    tls,
)


@pytest.fixture(scope="module", autouse=True)
def cell() -> Iterator[None]:
    with stage.cell():
        yield


@pytest.fixture
def backends() -> Iterator[dict[str, Backend]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(serving(Backend(name))) for name in BACKENDS}


@pytest.fixture(autouse=True)
def no_balancer_left() -> Iterator[None]:
    yield
    balancers.remove("clb")


def test_requests_go_round_robin_to_all_targets(backends: dict[str, Backend]) -> None:
    balancers.ensure(http(route()))
    assert {answered_by() for _ in range(4)} == {"one", "two"}


def test_a_listener_without_targets_answers_503_and_an_unknown_path_404() -> None:
    balancers.ensure(http(route(path="/v1", targets=())))
    assert status("http://api.test/v1/x") == "503"
    assert status("http://api.test/other") == "404"


def test_a_balancer_without_listeners_runs_and_may_get_some_and_lose_them(backends: dict[str, Backend]) -> None:
    empty = Balancer(name="clb", host="lb-host")
    balancers.ensure(empty)
    assert balancers.health("clb") == {}
    balancers.ensure(http(route()))
    assert status("http://api.test/") == "200"
    balancers.ensure(empty)
    with pytest.raises(SubstrateError, match="curl"):
        status("http://api.test/")


def test_the_longest_path_and_the_closest_domain_win_and_strangers_get_the_first_domain(
    backends: dict[str, Backend],
) -> None:
    one, two = targets(one=1), targets(two=1)
    balancers.ensure(
        http(
            Route(name="root", domain="api.test", path="/", targets=one),
            Route(name="deep", domain="api.test", path="/v1", targets=two),
            Route(name="exact", domain="api.test", path="= /v1/only", targets=one),
            Route(name="wild", domain="*.wild.test", path="/", targets=two),
            Route(name="named", domain="a.wild.test", path="/", targets=one),
        )
    )
    assert answered_by("/") == "one"
    assert answered_by("/v1/messages") == "two"
    assert answered_by("/v1/only") == "one"
    assert answered_by(host="b.wild.test") == "two"
    assert answered_by(host="a.wild.test") == "one"
    assert answered_by("/v1/x", host="stranger.test") == "two"


def test_forwarding_headers_say_who_asked_and_how(backends: dict[str, Backend]) -> None:
    balancers.ensure(http(route(targets=targets(one=1))))
    curl("-H", "X-Forwarded-For: 192.0.2.7", "http://api.test/")
    curl("http://api.test/")
    first, second = backends["one"].seen
    assert first["x-forwarded-for"] == "192.0.2.7, 10.5.0.30"
    assert second["x-forwarded-for"] == "10.5.0.30"
    assert second["x-forwarded-proto"] == "http"


def test_a_body_over_the_limit_is_refused_with_413(backends: dict[str, Backend]) -> None:
    balancers.ensure(http(route(), body_limit_bytes=100))
    assert status("-d", "x" * 100, "http://api.test/") == "200"
    assert status("-d", "x" * 101, "http://api.test/") == "413"


def test_a_redirect_listener_sends_to_https_with_path_and_query() -> None:
    balancers.ensure(
        http(route(redirect_port=443), Route(name="b", domain="b.test", redirect_port=8443, redirect_code=302))
    )
    shown = ("-o", "/dev/null", "-w", "%{http_code} %{redirect_url}")
    assert curl(*shown, "http://api.test/v1?a=b") == "301 https://api.test/v1?a=b"
    assert curl(*shown, "http://b.test/v1", host="b.test") == "302 https://b.test:8443/v1"


def handshake(name: str, version: str) -> tuple[str, str, str]:
    """(HTTP version, TLS version asked for, certificate subject) of a request."""
    shown = curl(
        f"--{version}",
        "--tls-max",
        version[4:],
        "-v",
        "-o",
        "/dev/null",
        "--stderr",
        "-",
        f"https://{name}/",
        host=name,
        scheme="https",
    )
    http_version = "2" if "using HTTP/2" in shown or "HTTP/2 200" in shown else "1.1"
    tls_version = next(line for line in shown.splitlines() if "SSL connection using" in line).split()[4]
    subject = next(line for line in shown.splitlines() if "subject:" in line).split("CN=")[1]
    return http_version, tls_version, subject


def test_tls_speaks_the_versions_asked_for_with_http2_and_the_right_certificate(backends: dict[str, Backend]) -> None:
    balancers.ensure(tls(pair("api.test"), pair("other.test", "*.other.test"), tls_versions=("TLSv1.2", "TLSv1.3")))
    assert handshake("api.test", "tlsv1.3") == ("2", "TLSv1.3", "api.test")
    assert handshake("api.test", "tlsv1.2") == ("2", "TLSv1.2", "api.test")
    assert handshake("x.other.test", "tlsv1.3") == ("2", "TLSv1.3", "other.test")
    balancers.ensure(tls(pair("api.test"), tls_versions=("TLSv1.2",), http2=False))
    assert handshake("api.test", "tlsv1.2")[0] == "1.1"
    with pytest.raises(SubstrateError, match="curl"):
        handshake("api.test", "tlsv1.3")


def test_private_keys_are_for_their_owner_alone_and_go_with_the_certificate() -> None:
    balancers.ensure(tls(pair("api.test")))
    directory = layout.STATE / "balancers" / "clb" / "certificates"
    (before,) = directory.glob("*.pem")
    assert before.stat().st_mode & 0o777 == 0o600
    balancers.ensure(tls(pair("api.test")))
    (after,) = directory.glob("*.pem")
    assert after != before


def test_websockets_pass(backends: dict[str, Backend]) -> None:
    balancers.ensure(http(route(targets=targets(one=1))))

    def talk() -> bytes:
        with socket.create_connection((str(LB), 80), timeout=10) as connection:
            connection.sendall(
                b"GET /ws HTTP/1.1\r\nHost: api.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nping"
            )
            got = b""
            while part := connection.recv(4096):
                got += part
            return got

    answer = namespaces.inside(CLIENT, talk)
    assert answer.startswith(b"HTTP/1.1 101")
    assert answer.endswith(b"gnip")


def test_a_tcp_listener_passes_bytes(backends: dict[str, Backend]) -> None:
    check = replace(CHECK, kind="tcp")
    listener = Listener(name="l4", port=80, protocol="tcp", routes=(route(domain="", check=check),))
    balancers.ensure(Balancer(name="clb", host="lb-host", listeners=(listener,)))
    assert {answered_by() for _ in range(4)} == {"one", "two"}


def test_the_access_log_tells_status_path_and_target_but_no_header(backends: dict[str, Backend]) -> None:
    balancers.ensure(replace(http(route(targets=targets(one=1))), access_log=True))
    curl("-H", "x-api-key: sesame", "http://api.test/logged?x=1")
    log = processes.log("balancer-clb")
    eventually(lambda: "/logged" in log.read_text(), "the request is logged")
    line = next(line for line in log.read_text().splitlines() if "/logged" in line)
    assert "web.all/one" in line
    assert " 200 " in line
    assert "sesame" not in line
