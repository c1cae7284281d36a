"""Requests as plain dicts, and checks that several services share."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from tencentcloud.common.abstract_model import AbstractModel

from sandbox.api import tags
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


def in_region(ctx: Context, kind: str, id: str) -> Doc | None:
    """The document, if it is in the context's region: ids of another region do not exist in this one."""
    doc = ctx.store.find(kind, id)
    return doc if doc is not None and ctx.store.region_of(kind, id) == ctx.region else None


def need(ctx: Context, kind: str, id: str, code: str = "ResourceNotFound") -> Doc:
    """The document in this region. Raises ApiError with `code`."""
    doc = in_region(ctx, kind, id)
    if doc is None:
        raise ApiError(code, f"The resource `{id}` does not exist in {ctx.region}.")
    return doc


TAGGED = {
    "vpc": ("vpc", "vpc", "TagSet"),
    "subnet": ("vpc", "subnet", "TagSet"),
    "route_table": ("vpc", "rtb", "TagSet"),
    "security_group": ("cvm", "sg", "TagSet"),
    "nat": ("vpc", "nat", "TagSet"),
    "eip": ("vpc", "eip", "TagSet"),
    "flow_log": ("vpc", "fl", "TagSet"),
    "cvm.instance": ("cvm", "instance", "Tags"),
    "as.group": ("as", "auto-scaling-group", "Tags"),
    "as.config": ("as", "launch-configuration", "Tags"),
    "redis.instance": ("redis", "instance", "InstanceTags"),
}
"""Kind of document -> service and type as the tag service names them, and the document's field for tags."""


def create(ctx: Context, kind: str, id: str, doc: Doc) -> None:
    """Keep a new document in the context's region; its tags go to the tag service."""
    ctx.store.put(kind, id, doc, ctx.region)
    if kind in TAGGED:
        service, prefix, field = TAGGED[kind]
        pairs = {
            str(tag.get("Key", tag.get("TagKey"))): str(tag.get("Value", tag.get("TagValue"))) for tag in doc[field]
        }
        tags.write(ctx.store, service, prefix, ctx.region, id, pairs)


def drop(ctx: Context, kind: str, id: str) -> None:
    """Forget a document and its tags."""
    ctx.store.delete(kind, id)
    if kind in TAGGED:
        service, prefix, _ = TAGGED[kind]
        tags.forget(ctx.store, service, prefix, ctx.region, id)


def listed(ctx: Context, kind: str, key: str) -> list[Doc]:
    """The region's documents with their tags as they are now, to be shown."""
    docs = ctx.store.list(kind, ctx.region)
    if kind in TAGGED:
        service, prefix, field = TAGGED[kind]
        for doc in docs:
            pairs = tags.read(ctx.store, service, prefix, ctx.region, doc[key])
            doc[field] = tags.as_list(pairs, *(("TagKey", "TagValue") if field == "InstanceTags" else ()))
    return docs


def select(ctx: Context, kind: str, ids: Sequence[str] | None, key: str, code: str = "ResourceNotFound") -> list[Doc]:
    """The region's documents, or those with these ids in the order they were made. An unknown id is an error."""
    docs = listed(ctx, kind, key)
    if not ids:
        return docs
    for id in ids:
        if all(doc[key] != id for doc in docs):
            raise ApiError(code, f"The resource `{id}` does not exist in {ctx.region}.")
    return [doc for doc in docs if doc[key] in ids]


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
