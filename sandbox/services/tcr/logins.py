"""What `docker login` and `skopeo --creds` take: tokens of an account's users, and service accounts."""

import re
import secrets
import time
from typing import Any

from tencentcloud.tcr.v20190924 import models

from sandbox.api import sealing
from sandbox.api.actions import Context, action, task
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches
from sandbox.api.store import Doc
from sandbox.services.params import check_one_of, given
from sandbox.services.tcr import dataplane
from sandbox.services.tcr.instances import listed, running
from sandbox.services.tcr.kinds import ACCOUNT, NAMESPACE, REGISTRY, TOKEN, of_registry

TEMPORARY_S = 3600
PREFIX = "tcr$"
"""Before every service account's name. Requests may leave it out."""
_ACTIONS = (
    "tcr:PushRepository",
    "tcr:PullRepository",
    "tcr:CreateRepository",
    "tcr:CreateHelmChart",
    "tcr:DescribeHelmCharts",
)
_ACCOUNT_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)
_DAY_MS = 86400 * 1000


@action
def create_instance_token(ctx: Context, request: models.CreateInstanceTokenRequest) -> dict[str, Any]:
    """TokenType: temp (an hour) or longterm. The cloud gives all tokens the account's name, here each has its own."""
    asked = given(request)
    check_one_of("TokenType", asked.get("TokenType", "temp"), ("temp", "longterm"))
    registry = running(ctx, asked["RegistryId"])["RegistryId"]
    lasting = asked.get("TokenType") == "longterm"
    id, value = secrets.token_hex(10), secrets.token_urlsafe(32)
    expires = 0 if lasting else int(time.time() + TEMPORARY_S) * 1000
    username = f"{ctx.account.uin}-{id[:6]}"
    doc = {
        "_id": f"{registry}/{id}",
        "Id": id,
        "Desc": asked.get("Desc", ""),
        "RegistryId": registry,
        "Enabled": True,
        "CreatedAt": ctx.now().isoformat(timespec="seconds"),
        "ExpiredAt": expires,
        "_username": username,
        "_sealed": sealing.seal(ctx.store.path, f"{registry}/{id}", value),
    }
    TOKEN.create(ctx, doc)
    if not lasting:
        ctx.later(TEMPORARY_S, "tcr.expire_token", {"id": registry, "token": doc["_id"]})
    dataplane.apply(ctx.store, registry)
    return {"Username": username, "Token": value, "ExpTime": expires, "TokenId": id if lasting else None}


@task("tcr.expire_token")
def expire_token(ctx: Context, payload: Doc) -> None:
    """Its hour is over."""
    TOKEN.drop(ctx, payload["token"])
    dataplane.apply(ctx.store, payload["id"])


@action
def describe_instance_token(ctx: Context, request: models.DescribeInstanceTokenRequest) -> dict[str, Any]:
    """The lasting ones, without their values."""
    asked = given(request)
    registry = REGISTRY.need(ctx, asked["RegistryId"])["RegistryId"]
    found = [doc for doc in of_registry(ctx.store, TOKEN, registry) if doc["ExpiredAt"] == 0]
    return {"TotalCount": len(found), "Tokens": listed(found, asked)}


@action
def modify_instance_token(ctx: Context, request: models.ModifyInstanceTokenRequest) -> None:
    """Enabled or not, and the description."""
    asked = given(request)
    registry = running(ctx, asked["RegistryId"])["RegistryId"]
    with ctx.store.lock:
        doc = TOKEN.need(ctx, f"{registry}/{asked['TokenId']}")
        doc |= {"Enabled": asked.get("Enable", doc["Enabled"]), "Desc": asked.get("Desc", doc["Desc"])}
        TOKEN.save(ctx.store, doc)
    dataplane.apply(ctx.store, registry)


@action
def delete_instance_token(ctx: Context, request: models.DeleteInstanceTokenRequest) -> None:
    """At once."""
    asked = given(request)
    registry = running(ctx, asked["RegistryId"])["RegistryId"]
    TOKEN.drop(ctx, TOKEN.need(ctx, f"{registry}/{asked['TokenId']}")["_id"])
    dataplane.apply(ctx.store, registry)


def _settle(ctx: Context, doc: Doc, asked: dict[str, Any]) -> None:
    """Put what was asked of an account into its document. Raises ApiError for what it cannot be allowed."""
    registry = doc["_id"].partition("/")[0]
    for permission in asked.get("Permissions", []):
        NAMESPACE.need(ctx, f"{registry}/{permission['Resource']}")
        for each in permission["Actions"]:
            check_one_of("Permissions.Actions", each, _ACTIONS)
    doc |= {name: asked[name] for name in ("Permissions", "Description", "Disable", "ExpiresAt") if name in asked}
    if asked.get("Duration"):  # days, and stronger than an hour that was named
        doc["ExpiresAt"] = int(time.time() * 1000) + asked["Duration"] * _DAY_MS
    doc["UpdateTime"] = ctx.now().isoformat(timespec="seconds")


def _account(ctx: Context, asked: dict[str, Any]) -> Doc:
    registry = running(ctx, asked["RegistryId"])["RegistryId"]
    return ACCOUNT.need(ctx, f"{registry}/{asked['Name'].removeprefix(PREFIX)}")


def _admit(ctx: Context, doc: Doc) -> None:
    """Let the registry know a changed account now, and again when its time is over."""
    registry = doc["_id"].partition("/")[0]
    if doc["ExpiresAt"] != dataplane.NEVER:
        ctx.later(max(0.0, doc["ExpiresAt"] / 1000 - time.time()), "tcr.apply", {"id": registry})
    dataplane.apply(ctx.store, registry)


@action
def create_service_account(ctx: Context, request: models.CreateServiceAccountRequest) -> dict[str, Any]:
    """An account with a password of its own, told once. What it may do is recorded: the registry knows logins alone."""
    asked = given(request)
    registry, name = running(ctx, asked["RegistryId"])["RegistryId"], asked["Name"].removeprefix(PREFIX)
    if not _ACCOUNT_NAME.fullmatch(name):
        message = f"The account name `{name}` must have 1 to 64 lower-case letters, digits, . - _."
        raise ApiError("InvalidParameter.ErrorNameIllegal", message)
    id, password = f"{registry}/{name}", secrets.token_urlsafe(24)
    with ctx.store.lock:
        if ACCOUNT.find(ctx, id) is not None:
            raise ApiError("InvalidParameter.ErrUserExist", f"The service account `{name}` exists in `{registry}`.")
        doc: Doc = {
            "_id": id,
            "Name": PREFIX + name,
            "Description": "",
            "Disable": False,
            "ExpiresAt": dataplane.NEVER,
            "CreateTime": ctx.now().isoformat(timespec="seconds"),
            "Permissions": asked["Permissions"],
            "_sealed": sealing.seal(ctx.store.path, id, password),
        }
        _settle(ctx, doc, asked)
        ACCOUNT.create(ctx, doc)
    _admit(ctx, doc)
    told = {name: doc[name] for name in ("Name", "ExpiresAt", "CreateTime")}
    return {**told, "Password": password}


@action
def describe_service_accounts(ctx: Context, request: models.DescribeServiceAccountsRequest) -> dict[str, Any]:
    """Accounts, without their passwords. Filter: ServiceAccountName."""
    asked = given(request)
    registry = REGISTRY.need(ctx, asked["RegistryId"])["RegistryId"]
    found = of_registry(ctx.store, ACCOUNT, registry)
    found = [doc for doc in found if matches(doc, request.Filters, {"ServiceAccountName": "Name"})]
    return {"ServiceAccounts": listed(found, asked), "TotalCount": len(found)}


@action
def modify_service_account(ctx: Context, request: models.ModifyServiceAccountRequest) -> None:
    """What is given changes."""
    asked = given(request)
    with ctx.store.lock:
        doc = _account(ctx, asked)
        _settle(ctx, doc, asked)
        ACCOUNT.save(ctx.store, doc)
    _admit(ctx, doc)


@action
def modify_service_account_password(
    ctx: Context, request: models.ModifyServiceAccountPasswordRequest
) -> dict[str, Any]:
    """A random one, or one of 8 to 20 characters with an upper-case letter, a lower-case one and a digit."""
    asked = given(request)
    password = secrets.token_urlsafe(24) if asked.get("Random") else asked["Password"]
    kinds = all(re.search(pattern, password) for pattern in ("[a-z]", "[A-Z]", r"\d"))
    if not asked.get("Random") and not (8 <= len(password) <= 20 and kinds):
        message = "`Password` must have 8 to 20 characters, one upper case, one lower case, one digit."
        raise ApiError("InvalidParameter.ErrorTcrInvalidParameter", message)
    with ctx.store.lock:
        doc = _account(ctx, asked)
        doc["_sealed"] = sealing.seal(ctx.store.path, doc["_id"], password)
        ACCOUNT.save(ctx.store, doc)
    _admit(ctx, doc)
    return {"Password": password}


@action
def delete_service_account(ctx: Context, request: models.DeleteServiceAccountRequest) -> None:
    """At once."""
    doc = _account(ctx, given(request))
    ACCOUNT.drop(ctx, doc["_id"])
    dataplane.apply(ctx.store, doc["_id"].partition("/")[0])
