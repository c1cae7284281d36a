"""Plugins as processes."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2_grpc

from sandbox.commands.preview import NO_KEY
from sandbox.toolchain import local_bin
from tests.sandbox.plugins.kubernetes_schema import Schema
from tests.sandbox.plugins.plugin_driver import CLEAN, SANDBOX, Plugin

HERE = Path(__file__).parent

Start = Callable[..., Plugin]


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    """Starts plugins: start("-m", "sandbox.plugins.tencentcloud", TENCENTCLOUD_REGION="…"); ended with the module."""
    processes: list[subprocess.Popen[str]] = []
    channels: list[grpc.Channel] = []

    def start(*words: str, **environment: str) -> Plugin:
        process = subprocess.Popen(
            [sys.executable, *words, "127.0.0.1:1"], stdout=subprocess.PIPE, text=True, env={**CLEAN, **environment}
        )
        processes.append(process)
        assert process.stdout is not None
        channel = grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}")
        channels.append(channel)
        return Plugin(provider_pb2_grpc.ResourceProviderStub(channel), words[-1])

    yield start
    for channel in channels:
        channel.close()
    for process in processes:
        process.terminate()
        assert process.wait(timeout=10) == 0
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="module")
def tencentcloud(start: Start) -> Plugin:
    """The plugin as `preview` runs it: no endpoint, and keys that are none."""
    plugin = start("-m", "sandbox.plugins.tencentcloud")
    plugin.configure(secretId=NO_KEY, secretKey=NO_KEY)
    return plugin


@pytest.fixture(scope="session")
def kubernetes_schema() -> Iterator[Schema]:
    """What the official Kubernetes plugin, the one that previews are made with, says of its objects."""
    argv = [local_bin.PLUGIN, "127.0.0.1:1"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=CLEAN) as process:
        try:
            assert process.stdout is not None
            yield Schema.of(int(process.stdout.readline()))
        finally:
            process.kill()


@pytest.fixture
def fake(start: Start, tmp_path: Path) -> Plugin:
    """The plugin with made-up handlers; its cloud is `cloud.json` in tmp_path."""
    plugin = start(str(HERE / "fake_cloud.py"), FAKE_CLOUD=str(tmp_path / "cloud.json"), **SANDBOX)
    plugin.configure(region="ap-beijing")
    return plugin
