"""How a plugin tells the engine that a call failed.

The status code decides what the engine believes: INTERNAL, UNKNOWN and DATA_LOSS mean that nobody knows what happened,
every other that nothing did. Source: docs/sources.md, engine ("Errors", "Partial failure").
"""

from collections.abc import Iterable
from typing import NoReturn

import grpc
from google.protobuf import struct_pb2

from sandbox.plugins.protocol.stubs import provider_pb2, status_pb2


def refuse(context: grpc.ServicerContext, code: grpc.StatusCode, message: str) -> NoReturn:
    """End the call with a status; the engine shows the message as it is."""
    context.abort(code, message)
    raise AssertionError("abort always raises")


def refuse_half_made(
    context: grpc.ServicerContext, id: str, outputs: struct_pb2.Struct, reasons: Iterable[str]
) -> NoReturn:
    """End a create that failed after the resource had its id: the engine keeps it and the next run repairs it."""
    why = list(reasons)
    code = grpc.StatusCode.UNKNOWN
    message = "; ".join(why)
    number: int = code.value[0]  # pyright: ignore[reportAssignmentType] grpc types the pair as one value
    status = status_pb2.Status(code=number, message=message)
    status.details.add().Pack(provider_pb2.ErrorResourceInitFailed(id=id, properties=outputs, reasons=why))
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    refuse(context, code, message)
