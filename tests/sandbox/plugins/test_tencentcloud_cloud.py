"""Calls, retries and waits of handlers; and that nothing but a sandbox is ever called."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sandbox.plugins.tencentcloud.cloud import Cloud, Credentials
from sandbox.plugins.tencentcloud.endpoint import Endpoint
from sandbox.plugins.tencentcloud.errors import Cancelled, CloudError, ProviderError, WaitTimeout
from sandbox.plugins.tencentcloud.tags import read_tags, write_tags


class Api(ThreadingHTTPServer):
    """Answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.hello: dict[str, str] = {"sandbox": "sanmen", "version": "1"}
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.answers: list[Any] = []

    @property
    def domain(self) -> str:
        """A root domain that leads here."""
        return f"tencentcloudapi.localhost:{self.server_address[1]}"


class Answers(BaseHTTPRequestHandler):
    server: Api  # pyright: ignore[reportIncompatibleVariableOverride] it serves no other

    def do_GET(self) -> None:
        self._answer(self.server.hello)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.headers["X-TC-Action"], dict(self.headers), body))
        answer: dict[str, Any] | None = self.server.answers.pop(0) if self.server.answers else {}
        if answer is None:
            self._break_off()
            return
        self._answer({"Response": {"RequestId": "req", **answer}})

    def _answer(self, document: Any) -> None:
        text = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _break_off(self) -> None:
        """As a server does that is killed while it answers."""
        self.send_response(200)
        self.send_header("Content-Length", "500")
        self.end_headers()
        self.wfile.write(b'{"Response":')
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def api() -> Iterator[Api]:
    """An API on this machine."""
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANMEN_TIME_SCALE", "0.01")
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)  # put back after the test


def cloud(api: Api, said: list[str] | None = None, stopped: threading.Event | None = None) -> Cloud:
    """A cloud in Beijing behind this API."""
    endpoint = Endpoint(protocol="http", domain=api.domain, announce=(said if said is not None else []).append)
    keys = Credentials(secret_id="AKIDx", secret_key="y")
    return Cloud(region="ap-beijing", endpoint=endpoint, credentials=keys, stopped=stopped)


def error(code: str) -> dict[str, Any]:
    """An error answer."""
    return {"Error": {"Code": code, "Message": "no"}}


def test_a_call_is_signed_and_goes_to_the_services_own_host(api: Api) -> None:
    api.answers = [{"Vpc": {"VpcId": "vpc-1"}}]
    params = {"VpcName": "a", "Tags": None, "Nested": [{"A": 1, "B": None}]}
    assert cloud(api).call("vpc", "CreateVpc", params)["Vpc"] == {"VpcId": "vpc-1"}
    action, headers, body = api.asked[0]
    assert action == "CreateVpc"
    assert headers["Host"] == f"vpc.{api.domain}"
    assert headers["X-TC-Region"] == "ap-beijing"
    assert headers["X-TC-Version"] == "2017-03-12"
    assert headers["Authorization"].startswith("TC3-HMAC-SHA256 Credential=AKIDx/")
    assert body == {"VpcName": "a", "Nested": [{"A": 1}]}


def test_the_user_is_told_once_who_answers(api: Api) -> None:
    said: list[str] = []
    connected = cloud(api, said)
    connected.call("vpc", "DescribeVpcs")
    connected.call("clb", "DescribeLoadBalancers")
    assert said == [f"tencentcloud: the sandbox 1 at http://{api.domain} answers"]


def test_always_retried_codes_are_repeated(api: Api) -> None:
    api.answers = [error("ResourceInUse.Busy"), error("RequestLimitExceeded"), {"Done": True}]
    assert cloud(api).call("vpc", "DeleteVpc")["Done"]
    assert len(api.asked) == 3


def test_other_codes_are_not_repeated(api: Api) -> None:
    api.answers = [error("InternalError"), {}]
    with pytest.raises(CloudError) as failed:
        cloud(api).call("vpc", "DeleteVpc")
    assert str(failed.value) == "[TencentCloudSDKError] Code=InternalError, Message=no, RequestId=req"
    assert len(api.asked) == 1


def test_a_caller_can_have_more_codes_repeated(api: Api) -> None:
    api.answers = [error("InternalError"), {}]
    cloud(api).call("vpc", "DeleteVpc", retry=lambda failed: failed.matches("InternalError"))
    assert len(api.asked) == 2


def test_retries_end_with_the_last_error(api: Api) -> None:
    api.answers = [error("ResourceInUse")] * 100
    with pytest.raises(CloudError, match="ResourceInUse"):
        cloud(api).call("vpc", "DeleteVpc", retry_s=30)
    assert len(api.asked) > 1


def test_a_wait_ends_with_the_state_it_waits_for() -> None:
    states = iter(["PENDING", "PENDING", "AVAILABLE"])
    offline = Cloud(region="r", endpoint=Endpoint(protocol="http", domain=""), credentials=KEYS)
    assert offline.wait(lambda: next(states), {"AVAILABLE"}, 5, interval_s=0.001) == "AVAILABLE"
    with pytest.raises(WaitTimeout, match="NAT gateway nat-1: still 'PENDING'"):
        offline.wait(lambda: "PENDING", {"AVAILABLE"}, 0.01, what="NAT gateway nat-1", interval_s=0.005)


KEYS = Credentials(secret_id="a", secret_key="b")


def test_a_wait_ends_when_the_engine_cancels() -> None:
    stopped = threading.Event()
    offline = Cloud(region="r", endpoint=Endpoint(protocol="http", domain=""), credentials=KEYS, stopped=stopped)
    stopped.set()
    with pytest.raises(Cancelled):
        offline.wait(lambda: "PENDING", {"AVAILABLE"}, 60)


@pytest.mark.parametrize("domain", ["tencentcloudapi.com", "example.org:80", "10.0.0.1", "169.254.0.23:80", "8.8.8.8"])
def test_no_packet_and_no_question_leaves_for_a_host_that_cannot_be_a_sandbox(
    domain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: Any, **__: Any) -> Any:
        raise AssertionError("asked the network")

    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    monkeypatch.setattr(socket, "create_connection", forbidden)
    with pytest.raises(ProviderError, match=r"talks to sandboxes only"):
        Endpoint(protocol="https", domain=domain).require_sandbox()


def test_a_local_server_that_is_no_sandbox_gets_no_call(api: Api) -> None:
    api.hello = {"sandbox": "something else"}
    with pytest.raises(ProviderError, match=r"is not a sandbox"):
        cloud(api).call("vpc", "CreateVpc")
    assert api.asked == []


def test_a_sandbox_that_is_down_is_named_with_the_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = Endpoint(protocol="http", domain=f"a.localhost:{taken.getsockname()[1]}")
        with pytest.raises(ProviderError, match=r"nothing answers at .* is the sandbox up\? \(make up\)"):
            endpoint.require_sandbox()


def test_a_sandbox_that_is_just_started_again_is_waited_for(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = Endpoint(protocol="http", domain=f"a.localhost:{taken.getsockname()[1]}", announce=told.append)

        def comes_up(_: float) -> None:
            taken.listen()
            threading.Thread(target=lambda: api.process_request(*taken.accept()), daemon=True).start()

        monkeypatch.setattr(time, "sleep", comes_up)
        endpoint.require_sandbox()
    assert len(told) == 1


def test_a_proxy_of_the_environment_is_not_used(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    cloud(api).call("vpc", "DescribeVpcs")
    assert len(api.asked) == 1


def test_tags_are_read_and_written_through_the_tag_service(api: Api) -> None:
    api.answers = [{"Tags": [{"TagKey": "env", "TagValue": "local", "ResourceId": "vpc-1"}]}]
    connected = cloud(api)
    assert read_tags(connected, "vpc", "vpc", "vpc-1") == {"env": "local"}
    write_tags(connected, "vpc", "vpc", "vpc-1", {"env": "local", "old": "x"}, {"env": "dev"})
    write_tags(connected, "vpc", "vpc", "vpc-1", {"env": "dev"}, {"env": "dev"})
    assert len(api.asked) == 2
    assert api.asked[1][2] == {
        "Resource": "qcs::vpc:ap-beijing:uin/:vpc/vpc-1",
        "ReplaceTags": [{"TagKey": "env", "TagValue": "dev"}],
        "DeleteTags": [{"TagKey": "old"}],
    }


def test_an_answer_that_breaks_off_is_asked_for_again(api: Api) -> None:
    api.answers = [None, {"Vpc": {"VpcId": "vpc-1"}}]
    assert cloud(api).call("vpc", "CreateVpc")["Vpc"] == {"VpcId": "vpc-1"}
    assert len(api.asked) == 2
