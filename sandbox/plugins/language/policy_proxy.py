"""Starts a policy pack when the engine has said for which stack.

The engine asks for an analyzer before it tells the stack's name and configuration, and a Python pack reads these from
its environment at start. So an analyzer of our own answers first; at ConfigureStack it starts the real one and from
then on passes every call through, byte for byte.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import grpc
from google.protobuf import empty_pb2

from sandbox.plugins.protocol.stubs import analyzer_pb2

SERVICE = "/pulumirpc.Analyzer/"
MESSAGE_LIMIT = 400 * 1024 * 1024
OPTIONS = (("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT))

Start = Callable[[dict[str, str]], int]
"""Starts the pack with these extra environment variables and returns its port."""


class PolicyProxy(grpc.GenericRpcHandler):
    """An Analyzer server in front of a policy pack that starts late."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._channel: grpc.Channel | None = None
        self._server = grpc.server(ThreadPoolExecutor(max_workers=16), options=OPTIONS)
        self._server.add_generic_rpc_handlers((self,))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def stop(self) -> None:
        """Close the proxy and its way to the pack."""
        if self._channel:
            self._channel.close()
        self._server.stop(None)

    def service(self, handler_call_details: Any) -> Any:
        """Which handler answers a call: two are ours, the rest is the pack's."""
        method = str(handler_call_details.method)
        own = {SERVICE + "Handshake": self._handshake, SERVICE + "ConfigureStack": self._configure_stack}

        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            return own[method](request) if method in own else self._forward(method, request, context)

        return cast(Any, grpc.unary_unary_rpc_method_handler(answer))

    @staticmethod
    def _handshake(_: bytes) -> bytes:
        return analyzer_pb2.AnalyzerHandshakeResponse().SerializeToString()

    def _configure_stack(self, request: bytes) -> bytes:
        asked = analyzer_pb2.AnalyzerStackConfigureRequest.FromString(request)
        self._open(
            {
                "PULUMI_ORGANIZATION": asked.organization,
                "PULUMI_PROJECT": asked.project,
                "PULUMI_STACK": asked.stack,
                "PULUMI_DRY_RUN": "true" if asked.dry_run else "false",
                "PULUMI_CONFIG": json.dumps(dict(asked.config)),
            }
        )
        return analyzer_pb2.AnalyzerStackConfigureResponse().SerializeToString()

    def _open(self, env: dict[str, str]) -> grpc.Channel:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self._start(env)}", options=OPTIONS)
        grpc.channel_ready_future(self._channel).result(timeout=30)
        return self._channel

    def _forward(self, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        if self._channel is None and method == SERVICE + "Cancel":
            return empty_pb2.Empty().SerializeToString()
        channel = self._channel or self._open({})
        try:
            return cast(bytes, channel.unary_unary(method)(request))
        except grpc.RpcError as error:
            context.abort(error.code(), error.details() or "")
            raise
