"""HTTP/1.1 and WebSocket framing, as much as the stand-in needs, with the freedom to break it on purpose."""

import asyncio
import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

HEAD_LIMIT_BYTES = 262_144
REASONS = {status.value: status.phrase for status in HTTPStatus}
WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, section 1.3."""


class MalformedError(Exception):
    """The client did not speak HTTP/1.1."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. Header names are lower-case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises ValueError."""
        document: Any = json.loads(self.body or b"{}")
        if not isinstance(document, dict):
            raise ValueError("a JSON object is wanted")
        return document  # pyright: ignore[reportUnknownVariableType]


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request, or None if the client is done. Raises MalformedError."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as reason:
        raise MalformedError("head too large") from reason
    first, *lines = head.split("\r\n")
    words = first.split(" ")
    if len(words) != 3:
        raise MalformedError(first[:40])
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    path, _, query = words[1].partition("?")
    body = await _read_body(reader, headers)
    return Request(method=words[0], path=path, query=query, headers=headers, body=body)


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    parts: list[bytes] = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readline()
    return b"".join(parts)


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Status line and headers."""
    reason = REASONS.get(status, "Error")
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def json_answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> bytes:
    """A whole JSON answer."""
    content = json.dumps(body).encode()
    fixed = {"content-type": "application/json", "content-length": str(len(content))}
    return head(status, {**fixed, **headers}) + content


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; of nothing: its end."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def accept_key(key: str) -> str:
    """Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455, section 4.2.2)."""
    return base64.b64encode(hashlib.sha1((key + WEBSOCKET_GUID).encode(), usedforsecurity=False).digest()).decode()


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """A WebSocket frame: opcode and unmasked payload (RFC 6455, section 5.2)."""
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2), "big")
    elif size == 127:
        size = int.from_bytes(await reader.readexactly(8), "big")
    mask = await reader.readexactly(4) if second & 0x80 else b"\0\0\0\0"
    data = await reader.readexactly(size)
    return first & 0x0F, bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))


def frame(opcode: int, data: bytes) -> bytes:
    """A final, unmasked WebSocket frame."""
    size = len(data)
    if size < 126:
        length = bytes([size])
    elif size < 65536:
        length = b"\x7e" + size.to_bytes(2, "big")
    else:
        length = b"\x7f" + size.to_bytes(8, "big")
    return bytes([0x80 | opcode]) + length + data
