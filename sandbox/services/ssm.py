"""SSM 2019-09-23: secrets and their versions. Values are sealed in the database and open only in GetSecretValue.

Error codes: the SDK's own table (tencentcloud/ssm/v20190923/errorcodes.py).
"""

import base64
import binascii
import re
import time
from typing import Any

from tencentcloud.ssm.v20190923 import models

from sandbox import layout
from sandbox.api import sealing, tags
from sandbox.api.access import protects
from sandbox.api.actions import Context, action, task
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.api.validation import require
from sandbox.services import kms

_SECRET, _VALUE = "ssm.secret", "ssm.version"
ENABLED, DISABLED, PENDING_DELETE = "Enabled", "Disabled", "PendingDelete"
CURRENT = "SSM_Current"
MAX_VERSIONS = 10
MAX_BYTES = 32768
_NAME = re.compile(r"[A-Za-z0-9][\w-]{0,127}", re.ASCII)
_VERSION_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)
_DAY_S = 86400
_STATE_NUMBERS = {1: ENABLED, 2: DISABLED, 3: PENDING_DELETE}
"""ListSecrets' State; 0: all."""


def _resources(ctx: Context, request: Any) -> list[str]:
    """With and without the creator: both spellings stand in policies."""
    base, name = f"qcs::ssm:{ctx.region}:uin/{ctx.account.uin}:secret/", request.SecretName or "*"
    return [f"{base}{name}", f"{base}creatorUin/{ctx.account.uin}/{name}"]


for _action in ("GetSecretValue", "DescribeSecret", "ListSecretVersionIds", "PutSecretValue", "UpdateSecret"):
    protects("ssm", _action)(_resources)


def _id(ctx: Context, name: str) -> str:
    return f"{ctx.region}/{name}"


def _secret(ctx: Context, name: str | None) -> Doc:
    if not name:
        raise ApiError("MissingParameter", "The request is missing a required parameter `SecretName`.")
    found = ctx.store.find(_SECRET, _id(ctx, name))
    if found is None:
        raise ApiError("ResourceNotFound.SecretNotExist", f"The secret `{name}` does not exist in {ctx.region}.")
    return found


def _usable(secret: Doc) -> None:
    if secret["Status"] == DISABLED:
        raise ApiError("ResourceUnavailable.ResourceDisabled", f"The secret `{secret['SecretName']}` is disabled.")
    if secret["Status"] == PENDING_DELETE:
        message = f"The secret `{secret['SecretName']}` is to be deleted."
        raise ApiError("ResourceUnavailable.ResourcePendingDeleted", message)


def _versions(ctx: Context, name: str) -> list[Doc]:
    return [each for each in ctx.store.list(_VALUE, ctx.region) if each["SecretName"] == name]


def _tag_id(ctx: Context, name: str) -> str:
    return f"creatorUin/{ctx.account.uin}/{name}"


def _value(request: Any) -> tuple[str, str]:
    """("SecretString" or "SecretBinary", value) of a request that has exactly one of them."""
    given = [name for name in ("SecretString", "SecretBinary") if getattr(request, name)]
    if len(given) != 1:
        raise ApiError("InvalidParameter", "Exactly one of `SecretString` and `SecretBinary` must be given.")
    value: str = getattr(request, given[0])
    size = len(value.encode())
    if given[0] == "SecretBinary":
        try:
            size = len(base64.b64decode(value, validate=True))
        except binascii.Error:
            raise ApiError("InvalidParameterValue", "`SecretBinary` must be base64.") from None
    if size > MAX_BYTES:
        raise ApiError("InvalidParameterValue", f"A secret may have {MAX_BYTES} bytes, given {size}.")
    return given[0], value


def _write(ctx: Context, name: str, version: str, value: tuple[str, str], created: int) -> None:
    id = f"{_id(ctx, name)}/{version}"
    doc = {
        "SecretName": name,
        "VersionId": version,
        "CreateTime": created,
        "_field": value[0],
        "_sealed": sealing.seal(ctx.store.path, id, value[1]),
    }
    ctx.store.put(_VALUE, id, doc, ctx.region)


def _check_version(version: str | None) -> str:
    if not version:
        raise ApiError("MissingParameter", "The request is missing a required parameter `VersionId`.")
    if not _VERSION_ID.fullmatch(version):
        raise ApiError("InvalidParameterValue", f"The version id `{version}` must have 1 to 64 letters, digits, . - _.")
    return version


def _kms_key(ctx: Context, id: str | None) -> str:
    if not id:
        return kms.service_key(ctx, "ssm")["KeyId"]
    key = ctx.store.find(kms.KIND, id)
    if key is None or ctx.store.region_of(kms.KIND, id) != ctx.region or key["KeyState"] != kms.ENABLED:
        message = f"The KMS key `{id}` does not exist in {ctx.region} or is not enabled."
        raise ApiError("FailedOperation.AccessKmsError", message)
    return id


@action
def create_secret(ctx: Context, request: models.CreateSecretRequest) -> dict[str, Any]:
    """A secret with its first version. The name is unique in the region, also while a deleted one waits."""
    require(request, "SecretName")
    if not _NAME.fullmatch(request.SecretName):
        message = (
            f"The name `{request.SecretName}` must begin with a letter or digit and have 1 to 128 of them, - and _."
        )
        raise ApiError("InvalidParameterValue", message)
    if request.SecretType not in (None, 0):
        raise ApiError("UnsupportedOperation", "Only secrets of `SecretType` 0 (user-defined) are provided.")
    version, value, now = _check_version(request.VersionId), _value(request), int(time.time())
    with ctx.store.lock:
        if ctx.store.find(_SECRET, _id(ctx, request.SecretName)) is not None:
            message = f"The secret `{request.SecretName}` exists in {ctx.region}."
            raise ApiError("ResourceInUse.SecretExists", message)
        secret = {
            "SecretName": request.SecretName,
            "Description": request.Description or "",
            "KmsKeyId": _kms_key(ctx, request.KmsKeyId),
            "CreateUin": int(ctx.account.uin),
            "CreateUinString": ctx.account.uin,
            "Status": ENABLED,
            "DeleteTime": 0,
            "CreateTime": now,
            "SecretType": 0,
            "ProductName": "",
            "RotationStatus": False,
            "RotationFrequency": 0,
            "AdditionalConfig": request.AdditionalConfig or "",
            "EncryptType": request.EncryptType or 0,
        }
        ctx.store.put(_SECRET, _id(ctx, request.SecretName), secret, ctx.region)
        _write(ctx, request.SecretName, version, value, now)
    labels = tags.of_request(request.Tags)
    tags.write(ctx.store, "ssm", "secret", ctx.region, _tag_id(ctx, request.SecretName), labels)
    return {"SecretName": request.SecretName, "VersionId": version, "TagCode": 0, "TagMsg": ""}


@action
def put_secret_value(ctx: Context, request: models.PutSecretValueRequest) -> dict[str, Any]:
    """A further version."""
    version, value = _check_version(request.VersionId), _value(request)
    with ctx.store.lock:
        _usable(_secret(ctx, request.SecretName))
        present = [each["VersionId"] for each in _versions(ctx, request.SecretName)]
        if version in present:
            message = f"The version `{version}` of `{request.SecretName}` exists."
            raise ApiError("ResourceInUse.VersionIdExists", message)
        if len(present) >= MAX_VERSIONS:
            raise ApiError("LimitExceeded", f"A secret has at most {MAX_VERSIONS} versions.")
        _write(ctx, request.SecretName, version, value, int(time.time()))
    return {"SecretName": request.SecretName, "VersionId": version}


def _version(ctx: Context, name: str, version: str | None) -> Doc:
    versions = _versions(ctx, name)
    if version == CURRENT and versions:
        return versions[-1]
    for each in versions:
        if each["VersionId"] == version:
            return each
    raise ApiError("ResourceNotFound", f"The version `{version}` of secret `{name}` does not exist.")


@action
def update_secret(ctx: Context, request: models.UpdateSecretRequest) -> dict[str, Any]:
    """Another value for a version that exists."""
    version, value = _check_version(request.VersionId), _value(request)
    with ctx.store.lock:
        _usable(_secret(ctx, request.SecretName))
        found = _version(ctx, request.SecretName, version)
        _write(ctx, request.SecretName, version, value, found["CreateTime"])
    return {"SecretName": request.SecretName, "VersionId": version}


@action
def get_secret_value(ctx: Context, request: models.GetSecretValueRequest) -> dict[str, Any]:
    """The value of a version; `SSM_Current`: of the newest."""
    require(request, "SecretName", "VersionId")
    _usable(_secret(ctx, request.SecretName))
    found = _version(ctx, request.SecretName, request.VersionId)
    label = f"{_id(ctx, request.SecretName)}/{found['VersionId']}"
    body = {"SecretName": request.SecretName, "VersionId": found["VersionId"], "SecretString": "", "SecretBinary": ""}
    return body | {found["_field"]: sealing.unseal(ctx.store.path, label, found["_sealed"])}


@action
def list_secret_version_ids(ctx: Context, request: models.ListSecretVersionIdsRequest) -> dict[str, Any]:
    """Oldest first."""
    _secret(ctx, request.SecretName)
    versions = [
        {"VersionId": each["VersionId"], "CreateTime": each["CreateTime"]}
        for each in _versions(ctx, request.SecretName)
    ]
    return {"SecretName": request.SecretName, "Versions": versions}


@action
def delete_secret_version(ctx: Context, request: models.DeleteSecretVersionRequest) -> dict[str, Any]:
    """At once and for good."""
    version = _check_version(request.VersionId)
    with ctx.store.lock:
        _usable(_secret(ctx, request.SecretName))
        _version(ctx, request.SecretName, version)
        ctx.store.delete(_VALUE, f"{_id(ctx, request.SecretName)}/{version}")
    return {"SecretName": request.SecretName, "VersionId": version}


@action
def describe_secret(ctx: Context, request: models.DescribeSecretRequest) -> dict[str, Any]:
    """All but the value."""
    return _secret(ctx, request.SecretName)


@action
def list_secrets(ctx: Context, request: models.ListSecretsRequest) -> dict[str, Any]:
    """Newest first (OrderType 1: oldest first), by state, part of the name, tags."""
    found = [
        secret
        for secret in ctx.store.list(_SECRET, ctx.region)
        if (not request.State or secret["Status"] == _STATE_NUMBERS.get(request.State))
        and (request.SearchSecretName or "") in secret["SecretName"]
        and _has_tags(ctx, secret, request.TagFilters or [])
    ]
    found.sort(key=lambda secret: secret["CreateTime"], reverse=request.OrderType != 1)
    listed = page(found, request.Offset, request.Limit, default=20, maximum=200)
    for secret in listed:
        del secret["AdditionalConfig"]  # DescribeSecret's alone
        secret["RotationStatus"] = 0  # and here alone a number
    return {"TotalCount": len(found), "SecretMetadatas": listed}


def _has_tags(ctx: Context, secret: Doc, filters: list[models.TagFilter]) -> bool:
    labels = tags.read(ctx.store, "ssm", "secret", ctx.region, _tag_id(ctx, secret["SecretName"]))
    return all(
        each.TagKey in labels and (not each.TagValue or labels[each.TagKey] in each.TagValue) for each in filters
    )


def _change(ctx: Context, name: str, allowed: tuple[str, ...], **changes: Any) -> dict[str, Any]:
    with ctx.store.lock:
        secret = _secret(ctx, name)
        if secret["Status"] not in allowed:
            message = f"The secret `{name}` is {secret['Status']}; this needs it {' or '.join(allowed)}."
            raise ApiError("FailedOperation", message)
        ctx.store.put(_SECRET, _id(ctx, name), secret | changes)
    return {"SecretName": name}


@action
def enable_secret(ctx: Context, request: models.EnableSecretRequest) -> dict[str, Any]:
    """Twice is once."""
    return _change(ctx, request.SecretName, (ENABLED, DISABLED), Status=ENABLED)


@action
def disable_secret(ctx: Context, request: models.DisableSecretRequest) -> dict[str, Any]:
    """Twice is once."""
    return _change(ctx, request.SecretName, (ENABLED, DISABLED), Status=DISABLED)


@action
def update_description(ctx: Context, request: models.UpdateDescriptionRequest) -> dict[str, Any]:
    """The description."""
    require(request, "Description")
    return _change(ctx, request.SecretName, (ENABLED, DISABLED), Description=request.Description)


@action
def delete_secret(ctx: Context, request: models.DeleteSecretRequest) -> dict[str, Any]:
    """A disabled secret goes at once (window 0) or after up to 30 days, its name taken meanwhile."""
    days = request.RecoveryWindowInDays or 0
    if not 0 <= days <= 30:
        raise ApiError("InvalidParameterValue", f"`RecoveryWindowInDays` must be between 0 and 30, given `{days}`.")
    moment = int(time.time()) + days * _DAY_S
    _change(ctx, request.SecretName, (DISABLED,), Status=PENDING_DELETE, DeleteTime=moment)
    payload = {"SecretName": request.SecretName, "DeleteTime": moment}
    if days == 0:
        remove(ctx, payload)
    else:
        ctx.later(days * _DAY_S, "ssm.delete", payload)
    return payload


@task("ssm.delete")
def remove(ctx: Context, payload: Doc) -> None:
    """The window is over."""
    name = payload["SecretName"]
    with ctx.store.lock:
        secret = ctx.store.find(_SECRET, _id(ctx, name))
        if secret is None or secret["Status"] != PENDING_DELETE or secret["DeleteTime"] != payload["DeleteTime"]:
            return
        for version in _versions(ctx, name):
            ctx.store.delete(_VALUE, f"{_id(ctx, name)}/{version['VersionId']}")
        ctx.store.delete(_SECRET, _id(ctx, name))
        tags.forget(ctx.store, "ssm", "secret", ctx.region, _tag_id(ctx, name))


@action
def restore_secret(ctx: Context, request: models.RestoreSecretRequest) -> dict[str, Any]:
    """Disabled then."""
    return _change(ctx, request.SecretName, (PENDING_DELETE,), Status=DISABLED, DeleteTime=0)


@action
def get_service_status(ctx: Context, request: models.GetServiceStatusRequest) -> dict[str, Any]:
    """Always on."""
    return {"ServiceEnabled": True, "InvalidType": 0, "AccessKeyEscrowEnabled": False}


@action
def get_regions(ctx: Context, request: models.GetRegionsRequest) -> dict[str, Any]:
    """Where SSM is."""
    return {"Regions": list(layout.REGIONS)}
