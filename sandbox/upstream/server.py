"""The stand-in's server: TLS, keep-alive, credentials, paths, and failures as its behaviour says."""

import asyncio
import contextlib
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.upstream import answers, wire
from sandbox.upstream.behaviour import Behaviour, BehaviourFile, Fault, FaultKind

REPORT_PATH = "/.stand-in"
"""What the stand-in saw, as JSON: for tests and for `status`."""
ONLY = "only-"
"""A model of this name and an upstream's is too much for all other upstreams, so that a gateway gets to that one."""
ANTHROPIC_PATHS = ("/v1/messages", "/v1/messages/count_tokens")
SCRIPTS = {
    "/v1/messages": answers.message_script,
    "/v1/chat/completions": answers.completion_script,
    "/v1/responses": answers.response_script,
}
WHOLE = {
    "/v1/messages": answers.message,
    "/v1/chat/completions": answers.completion,
    "/v1/responses": answers.response,
}


class BrokenOffError(Exception):
    """The behaviour wants this connection broken."""


@dataclass
class Seen:
    """Counts since the start."""

    connections: int = 0
    requests: int = 0
    refused: int = 0
    """Requests without an accepted credential."""
    streaming: int = 0
    completed: int = 0
    cancelled: int = 0
    last_headers: Mapping[str, str] = field(default_factory=dict[str, str])
    last_path: str = ""
    last_query: str = ""
    last_body_bytes: int = 0

    def report(self) -> dict[str, Any]:
        """As JSON. The credential is left out."""
        hidden = ("authorization", "x-api-key")
        headers = {name: value for name, value in self.last_headers.items() if name not in hidden}
        return vars(self) | {"last_headers": headers}


class StandIn:
    """Serves one upstream name."""

    def __init__(self, behaviour: BehaviourFile) -> None:
        self._behaviour = behaviour
        self.seen = Seen()

    async def start(self, host: str, port: int, context: ssl.SSLContext) -> asyncio.Server:
        """Listen. The caller closes the server."""
        limit = wire.HEAD_LIMIT_BYTES
        return await asyncio.start_server(self._connection, host, port, ssl=context, limit=limit, backlog=1024)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen.connections += 1
        try:
            while (request := await wire.read_request(reader)) is not None:
                if not await self._exchange(request, reader, writer):
                    break
        except (BrokenOffError, asyncio.CancelledError):
            # Broken on purpose, or the server ends; a polite goodbye would wait for the client.
            writer.transport.abort()
        except (wire.MalformedError, ValueError, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await writer.wait_closed()

    async def _exchange(
        self, request: wire.Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request. Returns whether the connection stays."""
        if request.path == REPORT_PATH:
            writer.write(wire.json_answer(200, self.seen.report(), {}))
            return True
        self._note(request)
        behaviour = self._behaviour.current()
        anthropic = request.path in ANTHROPIC_PATHS or "anthropic-version" in request.headers
        if not _admitted(request, behaviour):
            self.seen.refused += 1
            writer.write(wire.json_answer(401, answers.error(anthropic, 401, answers.REFUSED[anthropic]), _ids()))
            return True
        fault = self._behaviour.fault(request.path)
        if fault and fault.kind in (FaultKind.HANG, FaultKind.CLOSE, FaultKind.STATUS):
            return await _fail(fault, anthropic, reader, writer)
        if request.headers.get("upgrade", "").lower() == "websocket" and request.path == "/v1/realtime":
            await _echo(request, reader, writer)
            return False
        body = request.json
        if answers.model_of(body).startswith(ONLY) and answers.model_of(body) != ONLY + behaviour.name:
            writer.write(wire.json_answer(529, answers.error(anthropic, 529, "this model is another's"), _ids()))
            return True
        if request.path in SCRIPTS and body.get("stream") is True:
            await self._stream(SCRIPTS[request.path](body, behaviour.tokens, _id()), behaviour, fault, reader, writer)
            return True
        await asyncio.sleep(behaviour.first_token_s)
        answer = _whole(request, body, behaviour.tokens, anthropic)
        if fault and fault.kind == FaultKind.CUT:
            writer.write(answer[: len(answer) - 20])
            await writer.drain()
            raise BrokenOffError
        writer.write(answer)
        await writer.drain()
        return True

    def _note(self, request: wire.Request) -> None:
        self.seen.requests += 1
        self.seen.last_headers, self.seen.last_path, self.seen.last_query = request.headers, request.path, request.query
        self.seen.last_body_bytes = len(request.body)

    async def _stream(
        self,
        script: answers.Script,
        behaviour: Behaviour,
        fault: Fault | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.seen.streaming += 1
        sending = asyncio.ensure_future(_play(script, behaviour, fault, writer))
        leaving = asyncio.ensure_future(_left(reader))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            gone = not sending.done() or isinstance(sending.exception(), ConnectionError)
            if gone:
                self.seen.cancelled += 1
                raise BrokenOffError
            sending.result()
            self.seen.completed += 1
        finally:
            self.seen.streaming -= 1
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)


async def _left(reader: asyncio.StreamReader) -> None:
    """Return when the client has closed its side; nothing else may come while an answer is under way."""
    while not reader.at_eof():
        await asyncio.sleep(0.01)


async def _play(
    script: answers.Script, behaviour: Behaviour, fault: Fault | None, writer: asyncio.StreamWriter
) -> None:
    fixed = {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"}
    writer.write(wire.head(200, {**fixed, "cache-control": "no-cache", **_ids()}))
    for item in script.start:
        writer.write(wire.chunk(item))
    await writer.drain()
    await _think(behaviour, writer)
    for index, item in enumerate(script.tokens):
        if fault and index == fault.after_tokens:
            await _break(fault, script, item, writer)
            return
        writer.write(wire.chunk(item))
        await writer.drain()
        if behaviour.tokens_per_s:
            await asyncio.sleep(1 / behaviour.tokens_per_s)
    for item in script.end:
        writer.write(wire.chunk(item))
    writer.write(wire.chunk(b""))
    await writer.drain()


async def _think(behaviour: Behaviour, writer: asyncio.StreamWriter) -> None:
    left_s = behaviour.first_token_s
    while behaviour.ping_s and left_s > behaviour.ping_s:
        await asyncio.sleep(behaviour.ping_s)
        left_s -= behaviour.ping_s
        writer.write(wire.chunk(answers.event("ping", {"type": "ping"})))
        await writer.drain()
    await asyncio.sleep(left_s)


async def _break(fault: Fault, script: answers.Script, item: bytes, writer: asyncio.StreamWriter) -> None:
    if fault.kind == FaultKind.ERROR_EVENT:
        writer.write(wire.chunk(script.failure) + wire.chunk(b""))
    elif fault.kind == FaultKind.EARLY_END:
        writer.write(wire.chunk(b""))
    elif fault.kind == FaultKind.STALL:
        await asyncio.Event().wait()
    else:
        writer.write(wire.chunk(item[: len(item) // 2]))
        await writer.drain()
        raise BrokenOffError
    await writer.drain()


async def _fail(fault: Fault, anthropic: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    if fault.kind == FaultKind.HANG:
        await _left(reader)
        return False
    if fault.kind == FaultKind.CLOSE:
        return False
    retry = {} if fault.retry_after_s is None else {"retry-after": str(fault.retry_after_s)}
    body = answers.error(anthropic, fault.status, "as the settings want")
    writer.write(wire.json_answer(fault.status, body, {**_ids(), **retry}))
    return True


async def _echo(request: wire.Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A WebSocket that says everything back, and pongs."""
    accept = wire.accept_key(request.headers.get("sec-websocket-key", ""))
    upgrade = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-accept": accept}
    writer.write(wire.head(101, upgrade))
    while True:
        opcode, data = await wire.read_frame(reader)
        writer.write(wire.frame(0xA if opcode == 0x9 else opcode, data))
        await writer.drain()
        if opcode == 0x8:
            return


def _admitted(request: wire.Request, behaviour: Behaviour) -> bool:
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    return bool({bearer, request.headers.get("x-api-key", "")} & behaviour.credentials)


def _whole(request: wire.Request, body: answers.Body, tokens: int, anthropic: bool) -> bytes:
    if request.method == "POST" and request.path in WHOLE:
        return wire.json_answer(200, WHOLE[request.path](body, tokens, _id()), _ids())
    if request.method == "POST" and request.path == "/v1/messages/count_tokens":
        return wire.json_answer(200, {"input_tokens": answers.counted(body)}, _ids())
    if request.method == "POST" and request.path == "/v1/embeddings":
        return wire.json_answer(200, answers.embeddings(body), _ids())
    if request.method == "GET" and request.path == "/v1/models":
        return wire.json_answer(200, answers.models(anthropic), _ids())
    return wire.json_answer(404, answers.error(anthropic, 404, f"no such path: {request.path}"), _ids())


def _id() -> str:
    return secrets.token_hex(8)


def _ids() -> dict[str, str]:
    identity = f"req_{_id()}"
    return {"request-id": identity, "x-request-id": identity}
