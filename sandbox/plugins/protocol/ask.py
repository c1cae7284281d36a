"""`python -m sandbox.plugins.protocol.ask PLUGIN`: starts a plugin as the engine does and prints its version."""

import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2

from sandbox.plugins.protocol.stubs import provider_pb2_grpc

NO_ENGINE = "127.0.0.1:1"
"""An address where nothing answers: the question needs no engine."""
START_S = 20
ANSWER_S = 10


class PluginError(Exception):
    """The file is no plugin, or one that does not start. The message says what happened."""


def version(plugin: Path) -> str:
    """The version that the plugin's executable gives, without a leading v. Raises PluginError."""
    try:
        process = subprocess.Popen(
            [plugin, NO_ENGINE], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError as error:
        raise PluginError(f"{plugin} cannot be started: {error.strerror}") from None
    with process:
        try:
            return _answer(process, plugin).removeprefix("v")
        finally:
            process.kill()


def _answer(process: "subprocess.Popen[bytes]", plugin: Path) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_S)
    port = process.stdout.readline().strip() if ready else b""
    if not port.isdigit():
        raise PluginError(f"{plugin} is no plugin that works: it does not say its port")
    with grpc.insecure_channel(f"127.0.0.1:{int(port)}") as channel:
        stub: Any = provider_pb2_grpc.ResourceProviderStub(channel)
        try:
            answer = stub.GetPluginInfo(empty_pb2.Empty(), timeout=ANSWER_S, wait_for_ready=True)
        except grpc.RpcError as error:
            raise PluginError(f"{plugin} does not answer: {error}") from None
        return str(answer.version)


if __name__ == "__main__":
    try:
        print(version(Path(sys.argv[1])))
    except PluginError as error:
        sys.exit(str(error))
