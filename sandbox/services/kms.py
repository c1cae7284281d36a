"""KMS 2019-01-18: keys with their states. Nothing is encrypted with them here.

Error codes: those that the SDK lists for each action. What the official provider does: docs/fidelity/kms.md.
"""

import re
import time
import uuid
from typing import Any

from tencentcloud.kms.v20190118 import models

from sandbox.api import tags
from sandbox.api.actions import Context, action, task
from sandbox.api.errors import ApiError
from sandbox.api.kinds import Kind
from sandbox.api.paging import page
from sandbox.api.store import Doc, Docs
from sandbox.services.params import given

KEYS = Kind(name="kms.key", key="KeyId", noun="key", missing="ResourceUnavailable.CmkNotFound")
ENABLED, DISABLED, PENDING_DELETE, ARCHIVED = "Enabled", "Disabled", "PendingDelete", "Archived"
_ALIAS = re.compile(r"[A-Za-z0-9][\w-]{0,59}", re.ASCII)
_SYMMETRIC = "ENCRYPT_DECRYPT"
_USAGES = (
    _SYMMETRIC,
    "ASYMMETRIC_DECRYPT_RSA_2048",
    "ASYMMETRIC_DECRYPT_SM2",
    "ASYMMETRIC_SIGN_VERIFY_RSA_2048",
    "ASYMMETRIC_SIGN_VERIFY_ECC",
    "ASYMMETRIC_SIGN_VERIFY_SM2",
)
_DAY_S = 86400
_STATE_NUMBERS = {1: ENABLED, 2: DISABLED, 3: PENDING_DELETE, 5: ARCHIVED}
"""ListKeyDetail's KeyState; 0: all."""


def _free_alias(ctx: Context, alias: str) -> None:
    if not _ALIAS.fullmatch(alias):
        message = f"The alias `{alias}` must begin with a letter or digit and have 1 to 60 letters, digits, - and _."
        raise ApiError("InvalidParameterValue.InvalidAlias", message)
    if any(key["Alias"] == alias for key in KEYS.list(ctx)):
        raise ApiError("InvalidParameterValue.AliasAlreadyExists", f"The alias `{alias}` is taken in {ctx.region}.")


def _make(ctx: Context, alias: str, description: str, usage: str, owner: str) -> Doc:
    uin, id = ctx.account.uin, str(uuid.uuid4())
    key: Doc = {
        "KeyId": id,
        "Alias": alias,
        "CreateTime": int(time.time()),
        "Description": description,
        "KeyState": ENABLED,
        "KeyUsage": usage,
        "Type": 1,
        "CreatorUin": int(uin),
        "CreatorUinString": uin,
        "KeyRotationEnabled": False,
        "Owner": owner,
        "NextRotateTime": 0,
        "DeletionDate": 0,
        "Origin": "TENCENT_KMS",
        "ValidTo": 0,
        "HsmClusterId": "",
        "RotateDays": 0,
        "LastRotateTime": 0,
        # What the tag service calls it.
        "ResourceId": f"creatorUin/{uin}/{id}",
    }
    KEYS.create(ctx, key)
    return key


def service_key(ctx: Context, service: str) -> Doc:
    """The key that the cloud itself makes for a service in a region, as soon as it is needed."""
    with ctx.store.lock:
        made = next((key for key in KEYS.list(ctx) if key["Owner"] == service), None)
        return made or _make(ctx, f"TencentCloud-{service}", f"Made for {service}", _SYMMETRIC, service)


@action
def create_key(ctx: Context, request: models.CreateKeyRequest) -> dict[str, Any]:
    """Enabled at once. The alias is unique in the region."""
    asked = given(request)
    usage = asked.get("KeyUsage") or _SYMMETRIC
    if usage not in _USAGES:
        raise ApiError("InvalidParameterValue.InvalidKeyUsage", f"The key usage `{usage}` is not supported.")
    if asked.get("Type", 1) != 1:
        raise ApiError("InvalidParameterValue.InvalidType", "Only `Type` 1, keys made by KMS, is supported.")
    with ctx.store.lock:
        _free_alias(ctx, asked["Alias"])
        key = _make(ctx, asked["Alias"], asked.get("Description", ""), usage, "user")
        tags.write(ctx.store, "kms", "key", ctx.region, key["ResourceId"], tags.of_request(request.Tags))
    names = ("KeyId", "Alias", "CreateTime", "Description", "KeyState", "KeyUsage", "HsmClusterId")
    return {name: key[name] for name in names} | {"TagCode": 0, "TagMsg": ""}


@action
def describe_key(ctx: Context, request: models.DescribeKeyRequest) -> dict[str, Any]:
    """One key."""
    return {"KeyMetadata": KEYS.need(ctx, given(request)["KeyId"])}


@action
def list_key_detail(ctx: Context, request: models.ListKeyDetailRequest) -> dict[str, Any]:
    """Keys by state, part of the alias, usage. Role 0: the account's, 1: made by other services."""
    asked = given(request)
    keys: Docs = [
        key
        for key in KEYS.list(ctx)
        if (key["Owner"] != "user") == (asked.get("Role") == 1)
        and (not asked.get("KeyState") or key["KeyState"] == _STATE_NUMBERS.get(asked["KeyState"]))
        and asked.get("SearchKeyAlias", "") in key["Alias"]
        and asked.get("KeyUsage") in (None, "", "ALL", key["KeyUsage"])
    ]
    shown = page(keys, asked.get("Offset"), asked.get("Limit"), default=10, maximum=200)
    return {"TotalCount": len(keys), "KeyMetadatas": shown}


def _change(ctx: Context, id: str, allowed: tuple[str, ...], **changes: Any) -> Doc:
    with ctx.store.lock:
        key = KEYS.need(ctx, id)
        if key["KeyState"] not in allowed:
            message = f"The key `{id}` is {key['KeyState']}; this needs it {' or '.join(allowed)}."
            raise ApiError("ResourceUnavailable.CmkStateNotSupport", message)
        KEYS.save(ctx.store, key | changes)
    return key


@action
def enable_key(ctx: Context, request: models.EnableKeyRequest) -> None:
    """Twice is once."""
    _change(ctx, given(request)["KeyId"], (ENABLED, DISABLED), KeyState=ENABLED)


@action
def disable_key(ctx: Context, request: models.DisableKeyRequest) -> None:
    """Twice is once."""
    _change(ctx, given(request)["KeyId"], (ENABLED, DISABLED), KeyState=DISABLED)


@action
def archive_key(ctx: Context, request: models.ArchiveKeyRequest) -> None:
    """Decrypts, but encrypts no more."""
    _change(ctx, given(request)["KeyId"], (ENABLED, DISABLED, ARCHIVED), KeyState=ARCHIVED)


@action
def cancel_key_archive(ctx: Context, request: models.CancelKeyArchiveRequest) -> None:
    """Back to work."""
    _change(ctx, given(request)["KeyId"], (ARCHIVED,), KeyState=ENABLED)


@action
def update_alias(ctx: Context, request: models.UpdateAliasRequest) -> None:
    """To a free alias."""
    asked = given(request)
    with ctx.store.lock:
        if KEYS.need(ctx, asked["KeyId"])["Alias"] != asked["Alias"]:
            _free_alias(ctx, asked["Alias"])
            _change(ctx, asked["KeyId"], (ENABLED, DISABLED, ARCHIVED), Alias=asked["Alias"])


@action
def update_key_description(ctx: Context, request: models.UpdateKeyDescriptionRequest) -> None:
    """The description."""
    asked = given(request)
    _change(ctx, asked["KeyId"], (ENABLED, DISABLED, ARCHIVED), Description=asked["Description"])


@action
def enable_key_rotation(ctx: Context, request: models.EnableKeyRotationRequest) -> None:
    """Symmetric keys, every 7 to 365 days."""
    asked = given(request)
    days = asked.get("RotateDays") or 365
    if not 7 <= days <= 365:
        raise ApiError("InvalidParameterValue", f"`RotateDays` must be between 7 and 365, given `{days}`.")
    if KEYS.need(ctx, asked["KeyId"])["KeyUsage"] != _SYMMETRIC:
        raise ApiError("UnsupportedOperation.RotateNotSupported", "Only symmetric keys can be rotated.")
    following = int(time.time()) + days * _DAY_S
    _change(ctx, asked["KeyId"], (ENABLED,), KeyRotationEnabled=True, RotateDays=days, NextRotateTime=following)


@action
def disable_key_rotation(ctx: Context, request: models.DisableKeyRotationRequest) -> None:
    """No rotation."""
    id = given(request)["KeyId"]
    _change(ctx, id, (ENABLED, DISABLED), KeyRotationEnabled=False, RotateDays=0, NextRotateTime=0)


@action
def schedule_key_deletion(ctx: Context, request: models.ScheduleKeyDeletionRequest) -> dict[str, Any]:
    """A disabled key goes after 7 to 30 days; until then its alias stays taken."""
    asked = given(request)
    id, days = asked["KeyId"], asked["PendingWindowInDays"]
    if not 7 <= days <= 30:
        message = f"`PendingWindowInDays` must be between 7 and 30, given `{days}`."
        raise ApiError("InvalidParameter.InvalidPendingWindowInDays", message)
    moment = int(time.time()) + days * _DAY_S
    with ctx.store.lock:
        if KEYS.need(ctx, id)["KeyState"] == ENABLED:
            message = f"The key `{id}` must be disabled before its deletion is scheduled."
            raise ApiError("ResourceUnavailable.CmkShouldBeDisabled", message)
        _change(ctx, id, (DISABLED, ARCHIVED), KeyState=PENDING_DELETE, DeletionDate=moment)
    ctx.later(days * _DAY_S, "kms.delete", {"id": id, "DeletionDate": moment})
    return {"DeletionDate": moment, "KeyId": id}


@task("kms.delete")
def delete_key(ctx: Context, payload: Doc) -> None:
    """The window is over."""
    with ctx.store.lock:
        key = KEYS.find(ctx, payload["id"])
        if key is not None and key["DeletionDate"] == payload["DeletionDate"]:
            KEYS.drop(ctx, key["KeyId"])
            tags.forget(ctx.store, "kms", "key", ctx.region, key["ResourceId"])


@action
def cancel_key_deletion(ctx: Context, request: models.CancelKeyDeletionRequest) -> dict[str, Any]:
    """The key is disabled then."""
    id = given(request)["KeyId"]
    with ctx.store.lock:
        if KEYS.need(ctx, id)["KeyState"] != PENDING_DELETE:
            raise ApiError("ResourceUnavailable.CmkNotPendingDelete", f"The key `{id}` is not to be deleted.")
        _change(ctx, id, (PENDING_DELETE,), KeyState=DISABLED, DeletionDate=0)
    return {"KeyId": id}
