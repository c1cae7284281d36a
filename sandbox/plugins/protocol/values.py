"""Property values as the engine sends them: plain Python, plus `UNKNOWN` and `Secret`.

Source of the markers: docs/sources.md, engine ("Marshalling").
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from google.protobuf import struct_pb2

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"
REFERENCE_SIGNATURE = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWNS = frozenset(
    {
        UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
    }
)

Values = dict[str, Any]
"""Property name -> value: str, int, float, bool, None, list, dict, UNKNOWN or Secret."""


class Unknown:
    """A value that only a real run will have."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value the engine encrypts in state. Its text never shows."""

    value: Any

    def __repr__(self) -> str:
        return "[secret]"


def decode(struct: struct_pb2.Struct) -> Values:
    """A message's properties. Whole numbers become ints: the wire has doubles only. Nulls at the top are left out.

    Resource references become their id (UNKNOWN while it is), as providers without reference support get them.
    """
    return {name: _decode(value) for name, value in struct.fields.items() if value.WhichOneof("kind") != "null_value"}


def encode(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """The opposite of `decode`."""
    struct = struct_pb2.Struct()
    for name, value in values.items():
        _encode(struct.fields[name], value)
    return struct


def plain(value: Any) -> Any:
    """The value without `Secret` around anything in it."""
    return _map(value, lambda secret: plain(secret.value))


def has_unknown(value: Any) -> bool:
    """True if the value is, or has anywhere in it, an UNKNOWN."""
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if is_mapping(value):
        return any(has_unknown(item) for item in value.values())
    if is_list(value):
        return any(has_unknown(item) for item in value)
    return value is UNKNOWN


def has_secret(value: Any) -> bool:
    """True if the value is, or has anywhere in it, a Secret."""
    if is_mapping(value):
        return any(has_secret(item) for item in value.values())
    if is_list(value):
        return any(has_secret(item) for item in value)
    return isinstance(value, Secret)


def is_mapping(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Narrow to an object value."""
    return isinstance(value, Mapping)


def is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    """Narrow to a list value."""
    return isinstance(value, list | tuple)


def _map(value: Any, change: Callable[[Secret], Any]) -> Any:
    if isinstance(value, Secret):
        return change(value)
    if is_mapping(value):
        return {name: _map(item, change) for name, item in value.items()}
    if is_list(value):
        return [_map(item, change) for item in value]
    return value


def _decode(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in UNKNOWNS else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind == "struct_value":
        return _decode_object(value.struct_value)
    return None


def _decode_object(struct: struct_pb2.Struct) -> Any:
    marker = struct.fields[SIGNATURE].string_value if SIGNATURE in struct.fields else ""
    if marker == SECRET_SIGNATURE:
        return Secret(_decode(struct.fields["value"]))
    if marker == REFERENCE_SIGNATURE:
        return _decode(struct.fields["id"] if "id" in struct.fields else struct.fields["urn"])
    return {name: _decode(item) for name, item in struct.fields.items()}


def _encode(target: struct_pb2.Value, value: Any) -> None:
    if value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif value is UNKNOWN:
        target.string_value = UNKNOWN_STRING
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, Secret):
        fields = target.struct_value.fields
        fields[SIGNATURE].string_value = SECRET_SIGNATURE
        _encode(fields["value"], value.value)
    elif is_mapping(value):
        target.struct_value.SetInParent()
        for name, item in value.items():
            _encode(target.struct_value.fields[str(name)], item)
    elif isinstance(value, list | tuple | set | frozenset):
        target.list_value.SetInParent()
        for item in value:  # pyright: ignore[reportUnknownVariableType] elements are checked by the call
            _encode(target.list_value.values.add(), item)
    else:
        raise TypeError(f"a property cannot hold a {type(value).__name__}")
