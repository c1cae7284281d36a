"""Tokens of a registry instance: what `docker login` and `skopeo --creds` take."""

import secrets
import time
from typing import Any

from tencentcloud.tcr.v20190924 import models

from sandbox.api import sealing
from sandbox.api.actions import Context, action, task
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.api.validation import one_of, require
from sandbox.services.params import public
from sandbox.services.tcr import dataplane
from sandbox.services.tcr.dataplane import TOKEN
from sandbox.services.tcr.instances import need, running

TEMPORARY_S = 3600


def _find(ctx: Context, registry: str, id: str | None) -> Doc:
    found = ctx.store.find(TOKEN, f"{registry}/{id}")
    if found is None:
        raise ApiError("ResourceNotFound.TcrResourceNotFound", f"The token `{id}` does not exist in `{registry}`.")
    return found


@action
def create_instance_token(ctx: Context, request: models.CreateInstanceTokenRequest) -> dict[str, Any]:
    """TokenType: temp (an hour) or longterm. The cloud gives all tokens the account's name, here each has its own."""
    one_of("TokenType", request.TokenType, ("temp", "longterm"))
    registry = running(ctx, request.RegistryId)["RegistryId"]
    lasting = request.TokenType == "longterm"
    id, value = secrets.token_hex(10), secrets.token_urlsafe(32)
    expires = 0 if lasting else int(time.time() + TEMPORARY_S) * 1000
    username = f"{ctx.account.uin}-{id[:6]}"
    doc = {
        "Id": id,
        "Desc": request.Desc or "",
        "RegistryId": registry,
        "Enabled": True,
        "CreatedAt": ctx.now().isoformat(timespec="seconds"),
        "ExpiredAt": expires,
        "_username": username,
        "_sealed": sealing.seal(ctx.store.path, f"{registry}/{id}", value),
    }
    ctx.store.put(TOKEN, f"{registry}/{id}", doc, ctx.region)
    if not lasting:
        ctx.later(TEMPORARY_S, "tcr.expire_token", {"RegistryId": registry, "Id": id})
    dataplane.apply(ctx.store, registry)
    return {"Username": username, "Token": value, "ExpTime": expires, "TokenId": id if lasting else None}


@task("tcr.expire_token")
def expire_token(ctx: Context, payload: Doc) -> None:
    """Its hour is over."""
    if ctx.store.delete(TOKEN, f"{payload['RegistryId']}/{payload['Id']}"):
        dataplane.apply(ctx.store, payload["RegistryId"])


@action
def describe_instance_token(ctx: Context, request: models.DescribeInstanceTokenRequest) -> dict[str, Any]:
    """The lasting ones, without their values."""
    registry = need(ctx, request.RegistryId)["RegistryId"]
    found = [public(doc) for doc in dataplane.of_registry(ctx.store, TOKEN, registry) if doc["ExpiredAt"] == 0]
    return {"TotalCount": len(found), "Tokens": page(found, request.Offset, request.Limit)}


@action
def modify_instance_token(ctx: Context, request: models.ModifyInstanceTokenRequest) -> None:
    """Enabled or not, and the description."""
    registry = running(ctx, request.RegistryId)["RegistryId"]
    with ctx.store.lock:
        doc = _find(ctx, registry, request.TokenId)
        if request.Enable is not None:
            doc["Enabled"] = request.Enable
        if request.Desc is not None:
            doc["Desc"] = request.Desc
        ctx.store.put(TOKEN, f"{registry}/{doc['Id']}", doc)
    dataplane.apply(ctx.store, registry)


@action
def delete_instance_token(ctx: Context, request: models.DeleteInstanceTokenRequest) -> None:
    """At once."""
    require(request, "TokenId")
    registry = running(ctx, request.RegistryId)["RegistryId"]
    _find(ctx, registry, request.TokenId)
    ctx.store.delete(TOKEN, f"{registry}/{request.TokenId}")
    dataplane.apply(ctx.store, registry)
