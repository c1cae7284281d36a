"""`python -m sandbox.api` as a supervisor runs it: killed at any time, started again, and nothing is lost."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

RUN = """
import sys
from sandbox import layout
layout.API_PORT = int(sys.argv[1])
from sandbox.api.__main__ import main
sys.exit(main())
"""
"""The server itself, on a port of the test's."""
KEY = {"secret_id": "AKIDtest", "secret_key": "a key of the test"}

Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def start(tmp_path: Path, port: int) -> Generator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        environment = {**os.environ, "SANMEN_STATE": str(tmp_path)}
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(port)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def answering(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1].decode()
        try:
            httpx.get(f"http://127.0.0.1:{port}/.sanmen")
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError("the API server does not answer")


def call(port: int, action: str, params: dict[str, Any]) -> dict[str, Any]:
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=f"127.0.0.1:{port}"))
    credential = Credential(KEY["secret_id"], KEY["secret_key"])
    return CommonClient("kms", "2019-01-18", credential, "ap-beijing", profile).call_json(action, params)["Response"]


def test_a_server_killed_after_an_action_remembers_it(start: Start, port: int, tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text(json.dumps(KEY))
    first = start()
    answering(port, first)
    fault = {"service": "kms", "action": "CreateKey", "do": "kill", "when": "after"}
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(tmp_path / "api.sock"))) as root:
        assert root.post("http://api/.sanmen/faults", json=fault).status_code == 200
    with pytest.raises(TencentCloudSDKException, match="ClientNetworkError"):
        call(port, "CreateKey", {"Alias": "k"})
    assert first.wait(30) == -signal.SIGKILL
    second = start()
    answering(port, second)
    with pytest.raises(TencentCloudSDKException, match="AliasAlreadyExists"):
        call(port, "CreateKey", {"Alias": "k"})
    second.terminate()
    output = second.communicate(timeout=30)
    assert KEY["secret_key"].encode() not in output[0] + output[1]


def test_without_credentials_it_says_so_in_one_line(start: Start, tmp_path: Path) -> None:
    process = start()
    output = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1
    reason = "the credentials of the sandbox are missing; `make up` writes them"
    assert output.strip() == f"api: {tmp_path}/credentials.json: {reason}"
