"""Accounts of an instance besides `default`: recorded only. Source: docs/sources.md, Redis."""

import re
from typing import Any

from tencentcloud.redis.v20180412 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services.params import given, public, stamp
from sandbox.services.redis import inventory
from sandbox.services.redis.inventory import SETTLE_S

KIND = "redis.account"
MISSING = "ResourceNotFound.AccountDoesNotExists"


def _check(asked: dict[str, Any]) -> None:
    if "AccountPassword" in asked:
        inventory.check_password(asked["AccountPassword"], 8, 30)
    if str(asked.get("Privilege", "r")).lower() not in ("r", "rw"):
        raise ApiError("InvalidParameterValue", f"`Privilege` {asked['Privilege']} must be r or rw.")
    for each in asked.get("ReadonlyPolicy", []):
        if each not in ("master", "replication"):
            raise ApiError("InvalidParameterValue", f"`ReadonlyPolicy` {each} must be master or replication.")


def _account(ctx: Context, asked: dict[str, Any]) -> Doc:
    inventory.instance(ctx, asked["InstanceId"])
    doc = ctx.store.find(KIND, f"{asked['InstanceId']}#{asked['AccountName']}")
    if doc is None:
        raise ApiError(MISSING, f"The account `{asked['AccountName']}` does not exist.")
    return doc


def _task(ctx: Context, instance_id: str) -> dict[str, Any]:
    number = inventory.begin_task(ctx, instance_id, "050_account")
    ctx.later(SETTLE_S / 2, "redis.end_task", {"task": number})
    return {"TaskId": number}


@action
def create_instance_account(ctx: Context, request: models.CreateInstanceAccountRequest) -> dict[str, Any]:
    """Another account; its password is checked and not kept."""
    asked = given(request)
    if not re.fullmatch(r"[a-zA-Z][\w-]{0,31}", asked["AccountName"], re.ASCII):
        message = f"`AccountName` {asked['AccountName']} must be a letter and up to 31 letters, digits, - or _."
        raise ApiError("InvalidParameterValue", message)
    _check(asked)
    with ctx.store.lock:
        inventory.online(ctx, asked["InstanceId"])
        id = f"{asked['InstanceId']}#{asked['AccountName']}"
        if ctx.store.find(KIND, id) is not None:
            raise ApiError("InvalidParameterValue", f"There is already an account `{asked['AccountName']}`.")
        doc: Doc = {
            "InstanceId": asked["InstanceId"],
            "AccountName": asked["AccountName"],
            "Remark": asked.get("Remark", ""),
            "Privilege": asked["Privilege"].lower(),
            "ReadonlyPolicy": asked["ReadonlyPolicy"],
            "Status": 2,
            "CreateTime": stamp(ctx),
        }
        ctx.store.put(KIND, id, doc, ctx.region)
    return _task(ctx, asked["InstanceId"])


@action
def describe_instance_account(ctx: Context, request: models.DescribeInstanceAccountRequest) -> dict[str, Any]:
    """The accounts of an instance."""
    asked = given(request)
    inventory.instance(ctx, asked["InstanceId"])
    docs = [public(doc) for doc in ctx.store.list(KIND, ctx.region) if doc["InstanceId"] == asked["InstanceId"]]
    return {"TotalCount": len(docs), "Accounts": page(docs, asked.get("Offset"), asked.get("Limit"))}


@action
def modify_instance_account(ctx: Context, request: models.ModifyInstanceAccountRequest) -> dict[str, Any]:
    """Password, privilege, remark."""
    asked = given(request)
    _check(asked)
    with ctx.store.lock:
        doc = _account(ctx, asked)
        doc |= {key: asked[key] for key in ("Remark", "Privilege", "ReadonlyPolicy") if key in asked}
        ctx.store.put(KIND, f"{asked['InstanceId']}#{asked['AccountName']}", doc)
    return _task(ctx, asked["InstanceId"])


@action
def delete_instance_account(ctx: Context, request: models.DeleteInstanceAccountRequest) -> dict[str, Any]:
    """Remove an account."""
    asked = given(request)
    with ctx.store.lock:
        _account(ctx, asked)
        ctx.store.delete(KIND, f"{asked['InstanceId']}#{asked['AccountName']}")
    return _task(ctx, asked["InstanceId"])
