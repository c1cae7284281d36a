"""Requests as plain dicts, and checks that several services share."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from tencentcloud.common.abstract_model import AbstractModel

from sandbox.api.actions import Context
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc


class Params(dict[str, Any]):
    """Parameters of a request. Asking for one that is not there by [] raises MissingParameter: the models do not say
    which are required."""

    def __missing__(self, name: str) -> Any:
        raise ApiError("MissingParameter", f"The request is missing a required parameter `{name}`.")


def given(request: AbstractModel) -> Params:
    """What the caller set, in API casing; parameters that are absent or null are left out, at every depth."""
    return _bare(json.loads(request.to_json_string()))


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return Params({key: _bare(each) for key, each in value.items() if each is not None})  # pyright: ignore[reportUnknownVariableType]  # JSON
    if isinstance(value, list):
        return [_bare(each) for each in value]  # pyright: ignore[reportUnknownVariableType]  # JSON
    return value


def public(doc: Mapping[str, Any]) -> Doc:
    """The document without its private keys."""
    return {key: value for key, value in doc.items() if not key.startswith("_")}


def check_name(parameter: str, name: str, longest: int = 60, shortest: int = 1) -> None:
    """Raise InvalidParameterValue.TooLong (or InvalidParameterValue) for a name of the wrong length."""
    if not shortest <= len(name) <= longest:
        code = "InvalidParameterValue.TooLong" if len(name) > longest else "InvalidParameterValue.Empty"
        raise ApiError(code, f"`{parameter}` has {len(name)} characters; allowed are {shortest} to {longest}.")


def check_one_of(parameter: str, value: str, allowed: Sequence[str]) -> None:
    """Raise InvalidParameterValue unless the value is allowed."""
    if value not in allowed:
        text = f"The value `{value}` of parameter `{parameter}` is not supported; allowed: {', '.join(allowed)}."
        raise ApiError("InvalidParameterValue", text)


_CLASSES = (r"[a-z]", r"[A-Z]", r"\d", r"[^a-zA-Z\d]")


def character_classes(password: str) -> int:
    """How many of lower case, upper case, digits and others a password has."""
    return sum(1 for pattern in _CLASSES if re.search(pattern, password))


def tag_set(asked: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """Tags of a request as an answer has them."""
    return [
        {"Key": tag.get("Key", tag.get("TagKey")), "Value": tag.get("Value", tag.get("TagValue"))}
        for tag in asked or ()
    ]


def stamp(ctx: Context) -> str:
    """Now, as the VPC service writes times (UTC+8)."""
    return ctx.now().strftime("%Y-%m-%d %H:%M:%S")


def stamp_utc(ctx: Context) -> str:
    """Now, as CVM and Auto Scaling write times (ISO 8601, UTC)."""
    return ctx.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
