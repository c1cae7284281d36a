"""A resource plugin's process: serve, tell the engine the port, stop when asked or when the engine is gone."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent import futures
from types import FrameType
from typing import Any, NoReturn

import grpc

from sandbox.plugins.protocol.stubs import engine_pb2, engine_pb2_grpc, provider_pb2_grpc

MAX_MESSAGE_BYTES = 400 * 1024 * 1024
"""The engine's own limit; the default of 4 MiB is too small for large programs."""
WORKERS = 64
"""Calls served at once. The engine sends up to four per CPU and plugin, and most of them wait for the cloud."""


class Engine:
    """The engine's side of the line: where a plugin's messages to the user go."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = threading.Lock()

    def info(self, message: str, urn: str = "") -> None:
        """Show a line to the user."""
        self._log(engine_pb2.INFO, message, urn)

    def debug(self, message: str, urn: str = "") -> None:
        """Add a line to the engine's debug log (`--debug`)."""
        self._log(engine_pb2.DEBUG, message, urn)

    def _log(self, severity: engine_pb2.LogSeverity.ValueType, message: str, urn: str) -> None:
        """A message that cannot be delivered is dropped: it must not fail what it tells about."""
        if not self._address:
            return
        with self._lock, grpc.insecure_channel(self._address) as channel:
            request = engine_pb2.LogRequest(severity=severity, message=message, urn=urn)
            try:
                stub: Any = engine_pb2_grpc.EngineStub(channel)  # its stub file lacks the request's type
                stub.Log(request, timeout=5)
            except grpc.RpcError:
                return


def engine_address(arguments: Sequence[str]) -> str:
    """The engine's `host:port`: the last positional argument. Unknown flags are the engine's right."""
    positional = [argument for argument in arguments if not argument.startswith("-")]
    return positional[-1] if positional and ":" in positional[-1] else ""


def serve(make: Callable[[Engine], provider_pb2_grpc.ResourceProviderServicer]) -> NoReturn:
    """Serve what `make` returns on a free loopback port until SIGINT, SIGTERM or the engine's end; then end, with 0.

    The port is the first line on standard output, as the engine expects. The engine buffers whatever comes after it.
    """
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    options = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=WORKERS), options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(make(Engine(engine_address(sys.argv[1:]))), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    parent = os.getppid()
    while not stop.wait(2.0):
        if os.getppid() != parent:
            break  # a killed engine signals nobody
    server.stop(grace=1.0).wait()
    # At once: a call that still waits for the cloud would go on, and nobody would hear of what it makes.
    os._exit(0)
