"""KMS 2019-01-18: keys with their states. Nothing is encrypted with them here.

Error codes: the SDK's own table (tencentcloud/kms/v20190118/errorcodes.py).
"""

import re
import time
import uuid
from typing import Any

from tencentcloud.kms.v20190118 import models

from sandbox.api import tags
from sandbox.api.actions import Context, action, task
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.api.validation import require

KIND = "kms.key"
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


def _key(ctx: Context, id: str | None) -> Doc:
    if not id:
        raise ApiError("MissingParameter", "The request is missing a required parameter `KeyId`.")
    found = ctx.store.find(KIND, id)
    if found is None or ctx.store.region_of(KIND, id) != ctx.region:
        raise ApiError("ResourceUnavailable.CmkNotFound", f"The key `{id}` does not exist in {ctx.region}.")
    return found


def _free_alias(ctx: Context, alias: str) -> None:
    if not _ALIAS.fullmatch(alias):
        message = f"The alias `{alias}` must begin with a letter or digit and have 1 to 60 letters, digits, - and _."
        raise ApiError("InvalidParameterValue.InvalidAlias", message)
    if any(key["Alias"] == alias for key in ctx.store.list(KIND, ctx.region)):
        raise ApiError("InvalidParameterValue.AliasAlreadyExists", f"The alias `{alias}` is taken in {ctx.region}.")


def _make(ctx: Context, alias: str, description: str, usage: str, owner: str) -> Doc:
    now, uin = int(time.time()), ctx.account.uin
    key: Doc = {
        "KeyId": str(uuid.uuid4()),
        "Alias": alias,
        "CreateTime": now,
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
    }
    key["ResourceId"] = f"creatorUin/{uin}/{key['KeyId']}"
    ctx.store.put(KIND, key["KeyId"], key, ctx.region)
    return key


def service_key(ctx: Context, service: str) -> Doc:
    """The key that the cloud itself makes for a service in a region, as soon as it is needed."""
    with ctx.store.lock:
        for key in ctx.store.list(KIND, ctx.region):
            if key["Owner"] == service:
                return key
        return _make(ctx, f"TencentCloud-{service}", f"Made for {service}", _SYMMETRIC, service)


@action
def create_key(ctx: Context, request: models.CreateKeyRequest) -> dict[str, Any]:
    """Enabled at once. The alias is unique in the region."""
    require(request, "Alias")
    usage = request.KeyUsage or _SYMMETRIC
    if usage not in _USAGES:
        raise ApiError("InvalidParameterValue.InvalidKeyUsage", f"The key usage `{usage}` is not supported.")
    if request.Type not in (None, 1):
        raise ApiError("InvalidParameterValue.InvalidType", "Only `Type` 1, keys made by KMS, is supported.")
    with ctx.store.lock:
        _free_alias(ctx, request.Alias)
        key = _make(ctx, request.Alias, request.Description or "", usage, "user")
    labels = tags.of_request(request.Tags)
    tags.write(ctx.store, "kms", "key", ctx.region, key["ResourceId"], labels)
    names = ("KeyId", "Alias", "CreateTime", "Description", "KeyState", "KeyUsage", "HsmClusterId")
    return {name: key[name] for name in names} | {"TagCode": 0, "TagMsg": ""}


@action
def describe_key(ctx: Context, request: models.DescribeKeyRequest) -> dict[str, Any]:
    """One key."""
    return {"KeyMetadata": _key(ctx, request.KeyId)}


@action
def describe_keys(ctx: Context, request: models.DescribeKeysRequest) -> dict[str, Any]:
    """Several keys."""
    require(request, "KeyIds")
    return {"KeyMetadatas": [_key(ctx, id) for id in request.KeyIds]}


@action
def list_keys(ctx: Context, request: models.ListKeysRequest) -> dict[str, Any]:
    """Ids. Role 0: the account's, 1: made by other services."""
    keys = [key for key in ctx.store.list(KIND, ctx.region) if (key["Owner"] != "user") == (request.Role == 1)]
    listed = page(keys, request.Offset, request.Limit, default=10, maximum=200)
    return {"Keys": [{"KeyId": key["KeyId"]} for key in listed], "TotalCount": len(keys)}


@action
def list_key_detail(ctx: Context, request: models.ListKeyDetailRequest) -> dict[str, Any]:
    """Keys by state, part of the alias, usage."""
    keys = [
        key
        for key in ctx.store.list(KIND, ctx.region)
        if (key["Owner"] != "user") == (request.Role == 1)
        and (not request.KeyState or key["KeyState"] == _STATE_NUMBERS.get(request.KeyState))
        and (request.SearchKeyAlias or "") in key["Alias"]
        and request.KeyUsage in (None, "", "ALL", key["KeyUsage"])
    ]
    return {
        "TotalCount": len(keys),
        "KeyMetadatas": page(keys, request.Offset, request.Limit, default=10, maximum=200),
    }


def _change(ctx: Context, id: str, allowed: tuple[str, ...], **changes: Any) -> Doc:
    with ctx.store.lock:
        key = _key(ctx, id)
        if key["KeyState"] not in allowed:
            message = f"The key `{id}` is {key['KeyState']}; this needs it {' or '.join(allowed)}."
            raise ApiError("ResourceUnavailable.CmkStateNotSupport", message)
        key |= changes
        ctx.store.put(KIND, id, key)
    return key


@action
def enable_key(ctx: Context, request: models.EnableKeyRequest) -> None:
    """Twice is once."""
    _change(ctx, request.KeyId, (ENABLED, DISABLED), KeyState=ENABLED)


@action
def disable_key(ctx: Context, request: models.DisableKeyRequest) -> None:
    """Twice is once."""
    _change(ctx, request.KeyId, (ENABLED, DISABLED), KeyState=DISABLED)


@action
def archive_key(ctx: Context, request: models.ArchiveKeyRequest) -> None:
    """Decrypts, but encrypts no more."""
    _change(ctx, request.KeyId, (ENABLED, DISABLED, ARCHIVED), KeyState=ARCHIVED)


@action
def cancel_key_archive(ctx: Context, request: models.CancelKeyArchiveRequest) -> None:
    """Back to work."""
    _change(ctx, request.KeyId, (ARCHIVED,), KeyState=ENABLED)


@action
def update_alias(ctx: Context, request: models.UpdateAliasRequest) -> None:
    """To a free alias."""
    require(request, "Alias")
    with ctx.store.lock:
        if _key(ctx, request.KeyId)["Alias"] != request.Alias:
            _free_alias(ctx, request.Alias)
            _change(ctx, request.KeyId, (ENABLED, DISABLED), Alias=request.Alias)


@action
def update_key_description(ctx: Context, request: models.UpdateKeyDescriptionRequest) -> None:
    """The description."""
    require(request, "Description")
    _change(ctx, request.KeyId, (ENABLED, DISABLED), Description=request.Description)


@action
def enable_key_rotation(ctx: Context, request: models.EnableKeyRotationRequest) -> None:
    """Symmetric keys, every 7 to 365 days."""
    days = request.RotateDays or 365
    if not 7 <= days <= 365:
        raise ApiError("InvalidParameterValue", f"`RotateDays` must be between 7 and 365, given `{days}`.")
    if _key(ctx, request.KeyId)["KeyUsage"] != _SYMMETRIC:
        raise ApiError("UnsupportedOperation.RotateNotSupported", "Only symmetric keys can be rotated.")
    following = int(time.time()) + days * _DAY_S
    rotation = {"KeyRotationEnabled": True, "RotateDays": days, "NextRotateTime": following}
    _change(ctx, request.KeyId, (ENABLED,), **rotation)


@action
def disable_key_rotation(ctx: Context, request: models.DisableKeyRotationRequest) -> None:
    """No rotation."""
    rotation = {"KeyRotationEnabled": False, "RotateDays": 0, "NextRotateTime": 0}
    _change(ctx, request.KeyId, (ENABLED, DISABLED), **rotation)


@action
def get_key_rotation_status(ctx: Context, request: models.GetKeyRotationStatusRequest) -> dict[str, Any]:
    """Whether the key is rotated."""
    return {"KeyRotationEnabled": _key(ctx, request.KeyId)["KeyRotationEnabled"]}


@action
def schedule_key_deletion(ctx: Context, request: models.ScheduleKeyDeletionRequest) -> dict[str, Any]:
    """A disabled key goes after 7 to 30 days; until then its alias stays taken."""
    require(request, "KeyId", "PendingWindowInDays")
    days = request.PendingWindowInDays
    if not 7 <= days <= 30:
        message = f"`PendingWindowInDays` must be between 7 and 30, given `{days}`."
        raise ApiError("InvalidParameter.InvalidPendingWindowInDays", message)
    with ctx.store.lock:
        if _key(ctx, request.KeyId)["KeyState"] not in (DISABLED, ARCHIVED):
            message = f"The key `{request.KeyId}` must be disabled before its deletion is scheduled."
            raise ApiError("ResourceUnavailable.CmkShouldBeDisabled", message)
        moment = int(time.time()) + days * _DAY_S
        changes = {"KeyState": PENDING_DELETE, "DeletionDate": moment}
        _change(ctx, request.KeyId, (DISABLED, ARCHIVED), **changes)
    ctx.later(days * _DAY_S, "kms.delete", {"KeyId": request.KeyId, "DeletionDate": moment})
    return {"DeletionDate": moment, "KeyId": request.KeyId}


@task("kms.delete")
def delete_key(ctx: Context, payload: Doc) -> None:
    """The window is over."""
    with ctx.store.lock:
        key = ctx.store.find(KIND, payload["KeyId"])
        if key is not None and key["DeletionDate"] == payload["DeletionDate"]:
            ctx.store.delete(KIND, key["KeyId"])
            tags.forget(ctx.store, "kms", "key", ctx.region, key["ResourceId"])


@action
def cancel_key_deletion(ctx: Context, request: models.CancelKeyDeletionRequest) -> dict[str, Any]:
    """The key is disabled then."""
    if _key(ctx, request.KeyId)["KeyState"] != PENDING_DELETE:
        raise ApiError("ResourceUnavailable.CmkNotPendingDelete", f"The key `{request.KeyId}` is not to be deleted.")
    changes = {"KeyState": DISABLED, "DeletionDate": 0}
    _change(ctx, request.KeyId, (PENDING_DELETE,), **changes)
    return {"KeyId": request.KeyId}


@action
def get_service_status(ctx: Context, request: models.GetServiceStatusRequest) -> dict[str, Any]:
    """Always on."""
    count = sum(key["Owner"] == "user" for key in ctx.store.list(KIND, ctx.region))
    return {"ServiceEnabled": True, "InvalidType": 0, "UserLevel": 0, "CmkUserCount": count, "CmkLimit": 200}
