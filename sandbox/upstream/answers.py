"""What the stand-in says: bodies and events in the shapes of the Messages API and of the OpenAI API.

An event stream is a Script: events before any content, one per token, and those that end it.
"""

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]
MODELS = ("stand-in-large", "stand-in-small")
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
"""How the APIs call the most tokens that an answer may have."""
EMBEDDING_SIZE = 8


@dataclass(frozen=True, kw_only=True)
class Script:
    """A stream, event by event, as bytes."""

    start: tuple[bytes, ...]
    tokens: tuple[bytes, ...]
    end: tuple[bytes, ...]
    failure: bytes
    """The event with which this API says that a stream failed."""


def word(index: int) -> str:
    """The answer's n-th token."""
    return f"word{index} "


def text(tokens: int) -> str:
    """A whole answer."""
    return "".join(word(index) for index in range(tokens))


def counted(request: Body) -> int:
    """Input tokens: a rough count that grows with the request."""
    return max(1, len(json.dumps(request)) // 4)


def length(request: Body, tokens: int) -> tuple[int, bool]:
    """How many of an answer's tokens the request admits, and whether it is cut by that."""
    limits = [given for name in LIMITS if isinstance(given := request.get(name), int) and given > 0]
    admitted = min([tokens, *limits])
    return admitted, admitted < tokens


def model_of(request: Body) -> str:
    """The model that was asked for."""
    return str(request.get("model", MODELS[0]))


def event(name: str | None, data: Body) -> bytes:
    """One Server-Sent Event."""
    line = f"data: {json.dumps(data, separators=(',', ':'))}\n\n"
    return (f"event: {name}\n" if name else "").encode() + line.encode()


def _typed(data: Body) -> bytes:
    return event(str(data["type"]), data)


def message(request: Body, tokens: int, request_id: str) -> Body:
    """The answer to POST /v1/messages."""
    tokens, cut = length(request, tokens)
    return {
        "id": f"msg_{request_id}",
        "type": "message",
        "role": "assistant",
        "model": model_of(request),
        "content": [{"type": "text", "text": text(tokens)}],
        "stop_reason": "max_tokens" if cut else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": counted(request), "output_tokens": tokens},
    }


def message_script(request: Body, tokens: int, request_id: str) -> Script:
    """The events of a streamed POST /v1/messages."""
    begun: Body = {**message(request, 0, request_id), "content": [], "stop_reason": None}
    tokens, cut = length(request, tokens)
    begun["usage"] = {"input_tokens": counted(request), "output_tokens": 1}
    block: Body = {"type": "text", "text": ""}
    stop: Body = {"stop_reason": "max_tokens" if cut else "end_turn", "stop_sequence": None}
    deltas = ({"type": "text_delta", "text": word(index)} for index in range(tokens))
    return Script(
        start=(
            _typed({"type": "message_start", "message": begun}),
            _typed({"type": "content_block_start", "index": 0, "content_block": block}),
            _typed({"type": "ping"}),
        ),
        tokens=tuple(_typed({"type": "content_block_delta", "index": 0, "delta": delta}) for delta in deltas),
        end=(
            _typed({"type": "content_block_stop", "index": 0}),
            _typed({"type": "message_delta", "delta": stop, "usage": {"output_tokens": tokens}}),
            _typed({"type": "message_stop"}),
        ),
        failure=_typed({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    )


def completion(request: Body, tokens: int, request_id: str) -> Body:
    """The answer to POST /v1/chat/completions."""
    tokens, cut = length(request, tokens)
    return {
        "id": f"chatcmpl-{request_id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model_of(request),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text(tokens), "refusal": None},
                "logprobs": None,
                "finish_reason": "length" if cut else "stop",
            }
        ],
        "usage": _openai_usage(request, tokens),
    }


def _openai_usage(request: Body, tokens: int) -> Body:
    asked = counted(request)
    return {"prompt_tokens": asked, "completion_tokens": tokens, "total_tokens": asked + tokens}


def completion_script(request: Body, tokens: int, request_id: str) -> Script:
    """The chunks of a streamed POST /v1/chat/completions; usage comes only if it was asked for."""
    common: Body = {
        "id": f"chatcmpl-{request_id}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model_of(request),
    }

    def chunk(delta: Body, finish: str | None = None) -> bytes:
        choice: Body = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return event(None, common | {"choices": [choice]})

    tokens, cut = length(request, tokens)
    options: Body = request.get("stream_options") or {}
    usage = (event(None, common | {"choices": [], "usage": _openai_usage(request, tokens)}),)
    return Script(
        start=(chunk({"role": "assistant", "content": ""}),),
        tokens=tuple(chunk({"content": word(index)}) for index in range(tokens)),
        end=(
            chunk({}, "length" if cut else "stop"),
            *(usage if options.get("include_usage") else ()),
            b"data: [DONE]\n\n",
        ),
        failure=event(None, {"error": {"message": "Overloaded", "type": "server_error", "param": None, "code": None}}),
    )


def response(request: Body, tokens: int, request_id: str) -> Body:
    """The answer to POST /v1/responses."""
    asked = counted(request)
    tokens, cut = length(request, tokens)
    status = "incomplete" if cut else "completed"
    content: Body = {"type": "output_text", "text": text(tokens), "annotations": []}
    item: Body = {"id": f"msg_{request_id}", "type": "message", "role": "assistant", "status": status}
    return {
        "id": f"resp_{request_id}",
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "instructions": None,
        "model": model_of(request),
        "output": [item | {"content": [content]}],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "metadata": {},
        "usage": {
            "input_tokens": asked,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked + tokens,
        },
    }


def response_script(request: Body, tokens: int, request_id: str) -> Script:
    """The events of a streamed POST /v1/responses."""
    whole = response(request, tokens, request_id)
    begun: Body = whole | {"status": "in_progress", "incomplete_details": None, "output": [], "usage": None}
    tokens, _ = length(request, tokens)
    item: Body = whole["output"][0]
    part: Body = {"type": "output_text", "text": "", "annotations": []}
    at: Body = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    events: list[Body] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": item | {"status": "in_progress", "content": []},
        },
        {"type": "response.content_part.added", **at, "part": part},
        *({"type": "response.output_text.delta", **at, "delta": word(n), "logprobs": []} for n in range(tokens)),
        {"type": "response.output_text.done", **at, "text": text(tokens), "logprobs": []},
        {"type": "response.content_part.done", **at, "part": part | {"text": text(tokens)}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": f"response.{whole['status']}", "response": whole},
    ]
    numbered = tuple(_typed(data | {"sequence_number": number}) for number, data in enumerate(events))
    failure: Body = {"type": "error", "code": "server_error", "message": "Overloaded", "param": None}
    return Script(
        start=numbered[:4],
        tokens=numbered[4 : 4 + tokens],
        end=numbered[4 + tokens :],
        failure=_typed(failure | {"sequence_number": 4}),
    )


def embeddings(request: Body) -> Body:
    """The answer to POST /v1/embeddings: vectors that depend on the text alone."""
    given = request.get("input", "")
    texts: list[Any] = given if isinstance(given, list) else [given]  # pyright: ignore[reportUnknownVariableType]  # JSON

    def vector(item: object) -> list[float]:
        digest = hashlib.sha256(json.dumps(item).encode()).digest()
        return [byte / 255 for byte in digest[:EMBEDDING_SIZE]]

    asked = counted(request)
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": n, "embedding": vector(item)} for n, item in enumerate(texts)],
        "model": model_of(request),
        "usage": {"prompt_tokens": asked, "total_tokens": asked},
    }


def models(anthropic: bool) -> Body:
    """The answer to GET /v1/models."""
    if anthropic:
        made = "2026-01-01T00:00:00Z"
        listed = [{"type": "model", "id": name, "display_name": name, "created_at": made} for name in MODELS]
        return {"data": listed, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]}
    return {
        "object": "list",
        "data": [{"id": name, "object": "model", "created": 0, "owned_by": "sandbox"} for name in MODELS],
    }


REFUSED = {True: "invalid x-api-key", False: "Incorrect API key provided."}
"""What each API says of a wrong key. True: the Messages API."""


def error(anthropic: bool, status: int, note: str) -> Body:
    """An error body."""
    names = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error", 529: "overloaded_error"}
    kind = names.get(status, "invalid_request_error" if status < 500 else "api_error")
    if anthropic:
        return {"type": "error", "error": {"type": kind, "message": note}}
    code = "invalid_api_key" if status == 401 else None
    kind = "invalid_request_error" if status == 401 else kind
    return {"error": {"message": note, "type": kind, "param": None, "code": code}}
