"""What every request meets before a service sees it, through the official SDK."""

import hashlib
import hmac
import json
import logging
import re
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from sandbox.api import signature
from sandbox.api.errors import ApiError
from sandbox.api.faults import FaultError, Faults
from sandbox.api.server import Server
from sandbox.plugins.tencentcloud.cloud import CLIENT, Cloud, Credentials
from sandbox.plugins.tencentcloud.endpoint import Endpoint
from tests.sandbox.local_cloud import LocalCloud, local_cloud

VERSION = "2017-03-12"


def make(cloud: LocalCloud, params: dict[str, Any], **how: Any) -> dict[str, Any]:
    return cloud.call("probe", "Make", params, **how)


def refused(cloud: LocalCloud, params: dict[str, Any], **how: Any) -> TencentCloudSDKException:
    with pytest.raises(TencentCloudSDKException) as caught:
        make(cloud, params, **how)
    assert caught.value.requestId
    return caught.value


def test_a_signed_request_is_answered_with_a_request_id(cloud: LocalCloud) -> None:
    answer = make(cloud, {"VpcName": "名字", "CidrBlock": "10.0.0.0/16", "Tags": [{"Key": "env", "Value": "x"}]})
    assert answer["Vpc"]["VpcName"] == "名字"
    assert answer["Vpc"]["Region"] == "ap-beijing"
    assert re.fullmatch(r"vpc-[0-9a-z]{8}", answer["Vpc"]["VpcId"])
    assert answer["Tags"] == ["env"]
    assert re.fullmatch(r"[0-9a-f-]{36}", answer["RequestId"])


def test_a_wrong_key_is_refused(cloud: LocalCloud) -> None:
    wrong = Credential(cloud.key.secret_id, "wrong")
    assert refused(cloud, {}, credential=wrong).code == "AuthFailure.SignatureFailure"


def test_an_unknown_secret_id_is_refused(cloud: LocalCloud) -> None:
    unknown = Credential("AKIDunknown", cloud.key.secret_key)
    assert refused(cloud, {}, credential=unknown).code == "AuthFailure.SecretIdNotFound"


def test_a_body_changed_on_the_way_is_refused(cloud: LocalCloud) -> None:
    headers = _signed(cloud, b'{"VpcName": "a"}')
    answer = httpx.post(f"http://{cloud.address}/", content=b'{"VpcName": "b"}', headers=headers).json()
    assert answer["Response"]["Error"]["Code"] == "AuthFailure.SignatureFailure"


def test_what_the_plugin_made_is_told_from_what_a_person_made(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)  # the plugin changes it
    make(cloud, {})
    domain = f"tencentcloudapi.localhost:{cloud.server.port}"
    plugin = Cloud(
        region="ap-beijing",
        endpoint=Endpoint(protocol="http", domain=domain, announce=lambda _text: None),
        credentials=Credentials(secret_id=cloud.key.secret_id, secret_key=cloud.key.secret_key),
    )
    made = plugin.call("probe", "Make", {}, version=VERSION)["Vpc"]["VpcId"]
    make(cloud, {})
    assert [doc["VpcId"] for _, _, doc in cloud.store.since(0, CLIENT)] == [made]


def _signed(cloud: LocalCloud, body: bytes, age_s: int = 0) -> dict[str, str]:
    """Headers signed by the recipe of the documentation, independent of the server's own code."""
    timestamp = int(time.time()) - age_s
    date = time.strftime("%Y-%m-%d", time.gmtime(timestamp))
    signed = f"content-type:application/json\nhost:{cloud.address}\n"
    request = f"POST\n/\n\n{signed}\ncontent-type;host\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{date}/probe/tc3_request"
    text = f"TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"TC3{cloud.key.secret_key}".encode()
    for part in (date, "probe", "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    found = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-TC-Action": "Make",
        "X-TC-Version": VERSION,
        "X-TC-Region": "ap-beijing",
        "X-TC-Timestamp": str(timestamp),
        "Authorization": f"TC3-HMAC-SHA256 Credential={cloud.key.secret_id}/{scope}, "
        f"SignedHeaders=content-type;host, Signature={found}",
    }


def test_a_signature_of_six_minutes_ago_has_expired(cloud: LocalCloud) -> None:
    headers = _signed(cloud, b"{}", age_s=360)
    answer = httpx.post(f"http://{cloud.address}/", content=b"{}", headers=headers).json()
    assert answer["Response"]["Error"]["Code"] == "AuthFailure.SignatureExpire"


def test_an_unsigned_request_is_refused_with_status_200(cloud: LocalCloud) -> None:
    answer = httpx.post(f"http://{cloud.address}/", json={})
    assert answer.status_code == 200
    assert answer.json()["Response"]["Error"]["Code"] == "AuthFailure.InvalidAuthorization"


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ({"Foo": 1}, "UnknownParameter", "The parameter `Foo` is not recognized."),
        ({"VpcName": 1}, "InvalidParameter", "The value type of parameter `VpcName` is not valid."),
        ({"Tags": {"Key": "a"}}, "InvalidParameter", "The value type of parameter `Tags` is not valid."),
        ({"Tags": [{"Kei": "a"}]}, "UnknownParameter", "The parameter `Tags.0.Kei` is not recognized."),
        ({"Tags": [{"Key": 5}]}, "InvalidParameter", "The value type of parameter `Tags.0.Key` is not valid."),
        ({"DnsServers": [1]}, "InvalidParameter", "The value type of parameter `DnsServers.0` is not valid."),
        ({"VpcName": "taken"}, "LimitExceeded", "There are enough."),
    ],
)
def test_requests_are_checked_against_the_sdk_model(
    cloud: LocalCloud, params: dict[str, Any], code: str, message: str
) -> None:
    error = refused(cloud, params)
    assert (error.code, error.message) == (code, message)


def test_a_mistake_of_a_service_is_an_internal_error_and_shows_no_inside(cloud: LocalCloud) -> None:
    error = refused(cloud, {"VpcName": "broken"})
    assert error.code == "InternalError"
    assert "mistake" not in str(error.message)


@pytest.mark.parametrize(
    ("service", "version", "action", "region", "code"),
    [
        ("probe", VERSION, "Unmake", "ap-beijing", "InvalidAction"),
        ("probe", "2000-01-01", "Make", "ap-beijing", "NoSuchVersion"),
        ("nothing", VERSION, "Make", "ap-beijing", "NoSuchProduct"),
        ("probe", VERSION, "Make", "ap-nowhere", "UnsupportedRegion"),
        ("probe", VERSION, "Make", "", "MissingParameter"),
    ],
)
def test_what_does_not_exist_is_named(
    cloud: LocalCloud, service: str, version: str, action: str, region: str, code: str
) -> None:
    with pytest.raises(TencentCloudSDKException) as caught:
        cloud.call(service, action, {}, version=version, region=region)
    assert caught.value.code == code


def test_a_get_request_is_an_unsupported_protocol(cloud: LocalCloud) -> None:
    answer = httpx.get(f"http://{cloud.address}/").json()
    assert answer["Response"]["Error"]["Code"] == "UnsupportedProtocol"


def test_too_many_requests_in_a_second_are_throttled(tmp_path: Path) -> None:
    with local_cloud(tmp_path, requests_per_s=3) as cloud:
        client = cloud.client("probe", VERSION)
        codes: list[str | None] = []
        for _ in range(8):
            try:
                client.call_json("Make", {})
            except TencentCloudSDKException as error:
                codes.append(error.code)
        assert set(codes) == {"RequestLimitExceeded"}
        assert make(cloud, {}, region="ap-shanghai")["Vpc"]["Region"] == "ap-shanghai"


def test_a_fault_fires_at_the_nth_call_and_once(cloud: LocalCloud) -> None:
    fault = {"service": "probe", "action": "Make", "nth": 2, "do": "error", "code": "ResourceBusy"}
    assert httpx.post(f"http://{cloud.address}/.sanmen/faults", json=fault).status_code == 404
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(cloud.socket))) as root:
        assert root.post("http://api/.sanmen/faults", json=fault).status_code == 200
    make(cloud, {})
    assert refused(cloud, {}).code == "ResourceBusy"
    make(cloud, {})
    assert json.loads((cloud.directory / "faults.json").read_text()) == []
    assert len(cloud.store.list("probe")) == 2


def test_a_fault_afterwards_leaves_the_thing_behind(cloud: LocalCloud) -> None:
    cloud.faults.add({"service": "probe", "action": "Make", "do": "throttle", "when": "after"})
    assert refused(cloud, {}).code == "RequestLimitExceeded"
    assert len(cloud.store.list("probe")) == 1


def test_a_time_out_by_fault_holds_the_answer_back(cloud: LocalCloud) -> None:
    cloud.faults.add({"service": "probe", "action": "Make", "do": "timeout", "seconds": 0.05})
    with pytest.raises(TencentCloudSDKException) as caught:
        make(cloud, {})
    assert caught.value.code == "ServerNetworkError"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"service": "vpc"}, "action must be given"),
        ({"service": "vpc", "action": "X", "do": "explode"}, "allowed: error, timeout, throttle, kill"),
        ({"service": "vpc", "action": "X", "nth": 0}, "a whole number from 1"),
        ({"service": "vpc", "action": "X", "often": 1}, "unknown key 'often'"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(tmp_path: Path, fault: dict[str, Any], words: str) -> None:
    with pytest.raises(FaultError, match=words):
        Faults(tmp_path / "faults.json").add(fault)


def test_the_log_has_a_line_per_request_and_no_key(cloud: LocalCloud, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="sandbox.api"):
        request_id = make(cloud, {"VpcName": "x"})["RequestId"]
        cloud.until(lambda: request_id in caplog.text, "the log line")
    lines = [record.getMessage() for record in caplog.records if record.name == "sandbox.api"]
    assert [line for line in lines if re.fullmatch(rf"Make ap-beijing ok \d+ms {request_id}", line)]
    assert cloud.key.secret_id not in caplog.text
    assert cloud.key.secret_key not in caplog.text


def test_the_server_says_what_it_is(cloud: LocalCloud) -> None:
    about = httpx.get(f"http://{cloud.address}/.sanmen").json()
    assert about["sandbox"] == "sanmen"
    assert "probe" in about["services"]


def test_a_router_reaches_neither_faults_nor_the_rest_of_sanmen(cloud: LocalCloud) -> None:
    transport = httpx.HTTPTransport(uds=str(cloud.socket))
    with httpx.Client(transport=transport, base_url="http://api") as client:
        assert client.get("/.sanmen").status_code == 200
        assert client.get("/.sanmen", headers={"X-Sanmen-Router": "r"}).status_code == 404
        assert client.get("/.sanmen/faults", headers={"X-Sanmen-Router": "r"}).status_code == 404


def test_a_port_in_use_is_named(cloud: LocalCloud) -> None:
    with pytest.raises(OSError, match=f"127.0.0.1:{cloud.server.port}: cannot listen there"):
        Server(cloud.front, "127.0.0.1", cloud.server.port, None)


def test_a_socket_file_that_a_killed_server_left_is_taken_over(cloud: LocalCloud, tmp_path: Path) -> None:
    left = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(left))
    Server(cloud.front, "127.0.0.1", 0, left)
    with pytest.raises(OSError, match="another API server"):
        Server(cloud.front, "127.0.0.1", 0, cloud.socket)


def test_an_ill_formed_authorization_is_refused() -> None:
    with pytest.raises(ApiError, match=signature.INVALID_AUTHORIZATION):
        signature.parse("TC3-HMAC-SHA256 Credential=a/b")
