"""SSM 2019-09-23: secrets and their versions. Values are sealed in the database and open only in GetSecretValue.

Error codes: those that the SDK lists for each action, and the states it says each one is for. A secret that is missing
is `ResourceNotFound` in all of them but one; the official provider takes nothing else for gone (docs/fidelity/ssm.md).
"""

import base64
import binascii
import re
import time
from typing import Any

from tencentcloud.ssm.v20190923 import models

from sandbox.api import sealing, tags
from sandbox.api.access import protects
from sandbox.api.actions import Context, action, task
from sandbox.api.errors import ApiError
from sandbox.api.kinds import Kind
from sandbox.api.paging import page
from sandbox.api.store import Doc, Docs
from sandbox.services import kms
from sandbox.services.params import Params, given, public

SECRETS = Kind(name="ssm.secret", key="_id", noun="secret")
"""Key: `<region>/<name>`, as a name is unique in its region alone."""
VALUES = Kind(name="ssm.version", key="_id", noun="version of a secret")
"""Key: `<region>/<name>/<version>`."""
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


def _secret(ctx: Context, name: str, code: str = "") -> Doc:
    found = SECRETS.find(ctx, _id(ctx, name))
    if found is None:
        raise SECRETS.absent(ctx, name, code)
    return found


def _in_use(ctx: Context, name: str) -> Doc:
    """A secret that is not waiting for its deletion."""
    secret = _secret(ctx, name)
    if secret["Status"] == PENDING_DELETE:
        raise ApiError("FailedOperation", f"The secret `{name}` is to be deleted.")
    return secret


def _versions(ctx: Context, name: str) -> Docs:
    return [each for each in VALUES.list(ctx) if each["SecretName"] == name]


def _tag_id(ctx: Context, name: str) -> str:
    return f"creatorUin/{ctx.account.uin}/{name}"


def _value(asked: Params) -> tuple[str, str]:
    """("SecretString" or "SecretBinary", value) of a request that has exactly one of them."""
    fields = [name for name in ("SecretString", "SecretBinary") if asked.get(name)]
    if len(fields) != 1:
        message = "Exactly one of `SecretString` and `SecretBinary` must be given."
        raise ApiError("InvalidParameterValue", message)
    value: str = asked[fields[0]]
    size = len(value.encode())
    if fields[0] == "SecretBinary":
        try:
            size = len(base64.b64decode(value, validate=True))
        except binascii.Error:
            raise ApiError("InvalidParameterValue", "`SecretBinary` must be base64.") from None
    if size > MAX_BYTES:
        raise ApiError("InvalidParameterValue", f"A secret may have {MAX_BYTES} bytes, given {size}.")
    return fields[0], value


def _write(ctx: Context, name: str, version: str, value: tuple[str, str], created: int) -> None:
    id = f"{_id(ctx, name)}/{version}"
    sealed = sealing.seal(ctx.store.path, id, value[1])
    doc = {"SecretName": name, "VersionId": version, "CreateTime": created, "_field": value[0], "_sealed": sealed}
    VALUES.create(ctx, doc | {"_id": id})


def _checked_version(asked: Params) -> str:
    version: str = asked["VersionId"]
    if not _VERSION_ID.fullmatch(version):
        raise ApiError("InvalidParameterValue", f"The version id `{version}` must have 1 to 64 letters, digits, . - _.")
    return version


def _kms_key(ctx: Context, id: str | None) -> str:
    if not id:
        return kms.service_key(ctx, "ssm")["KeyId"]
    key = kms.KEYS.find(ctx, id)
    if key is None or key["KeyState"] != kms.ENABLED:
        message = f"The KMS key `{id}` does not exist in {ctx.region} or is not enabled."
        raise ApiError("FailedOperation.AccessKmsError", message)
    return id


@action
def create_secret(ctx: Context, request: models.CreateSecretRequest) -> dict[str, Any]:
    """A secret with its first version. The name is unique in the region, also while a deleted one waits."""
    asked = given(request)
    name: str = asked["SecretName"]
    if not _NAME.fullmatch(name):
        message = f"The name `{name}` must begin with a letter or digit and have 1 to 128 of them, - and _."
        raise ApiError("InvalidParameterValue", message)
    if asked.get("SecretType", 0) != 0:
        raise ApiError("UnsupportedOperation", "Only secrets of `SecretType` 0 (user-defined) are provided.")
    version, value, now = _checked_version(asked), _value(asked), int(time.time())
    with ctx.store.lock:
        if SECRETS.find(ctx, _id(ctx, name)) is not None:
            raise ApiError("ResourceInUse.SecretExists", f"The secret `{name}` exists in {ctx.region}.")
        secret: Doc = {
            "SecretName": name,
            "Description": asked.get("Description", ""),
            "KmsKeyId": _kms_key(ctx, asked.get("KmsKeyId")),
            "CreateUin": int(ctx.account.uin),
            "CreateUinString": ctx.account.uin,
            "Status": ENABLED,
            "DeleteTime": 0,
            "CreateTime": now,
            "SecretType": 0,
            "ProductName": "",
            "RotationStatus": False,
            "RotationFrequency": 0,
            "AdditionalConfig": asked.get("AdditionalConfig", ""),
            "EncryptType": asked.get("EncryptType", 0),
            "_id": _id(ctx, name),
        }
        SECRETS.create(ctx, secret)
        _write(ctx, name, version, value, now)
        tags.write(ctx.store, "ssm", "secret", ctx.region, _tag_id(ctx, name), tags.of_request(request.Tags))
    return {"SecretName": name, "VersionId": version, "TagCode": 0, "TagMsg": ""}


@action
def put_secret_value(ctx: Context, request: models.PutSecretValueRequest) -> dict[str, Any]:
    """A further version."""
    asked = given(request)
    name, version, value = asked["SecretName"], _checked_version(asked), _value(asked)
    with ctx.store.lock:
        _in_use(ctx, name)
        present = [each["VersionId"] for each in _versions(ctx, name)]
        if version in present:
            raise ApiError("ResourceInUse.VersionIdExists", f"The version `{version}` of `{name}` exists.")
        if len(present) >= MAX_VERSIONS:
            raise ApiError("LimitExceeded", f"A secret has at most {MAX_VERSIONS} versions.")
        _write(ctx, name, version, value, int(time.time()))
    return {"SecretName": name, "VersionId": version}


def _version(ctx: Context, name: str, version: str) -> Doc:
    versions = _versions(ctx, name)
    if version == CURRENT and versions:
        return versions[-1]
    found = next((each for each in versions if each["VersionId"] == version), None)
    if found is None:
        raise VALUES.absent(ctx, f"{name}/{version}")
    return found


@action
def update_secret(ctx: Context, request: models.UpdateSecretRequest) -> dict[str, Any]:
    """Another value for a version that exists."""
    asked = given(request)
    name, version, value = asked["SecretName"], _checked_version(asked), _value(asked)
    with ctx.store.lock:
        _in_use(ctx, name)
        _write(ctx, name, version, value, _version(ctx, name, version)["CreateTime"])
    return {"SecretName": name, "VersionId": version}


@action
def get_secret_value(ctx: Context, request: models.GetSecretValueRequest) -> dict[str, Any]:
    """The value of a version; `SSM_Current`: of the newest."""
    asked = given(request)
    name, version = asked["SecretName"], asked["VersionId"]
    # The one action that has a code of its own for a missing secret.
    status = _secret(ctx, name, "ResourceNotFound.SecretNotExist")["Status"]
    if status == DISABLED:
        raise ApiError("ResourceUnavailable.ResourceDisabled", f"The secret `{name}` is disabled.")
    if status == PENDING_DELETE:
        raise ApiError("ResourceUnavailable.ResourcePendingDeleted", f"The secret `{name}` is to be deleted.")
    found = _version(ctx, name, version)
    value = {"SecretString": "", "SecretBinary": ""}
    value[found["_field"]] = sealing.unseal(ctx.store.path, found["_id"], found["_sealed"])
    return {"SecretName": name, "VersionId": found["VersionId"], **value}


@action
def list_secret_version_ids(ctx: Context, request: models.ListSecretVersionIdsRequest) -> dict[str, Any]:
    """Oldest first."""
    name = _secret(ctx, given(request)["SecretName"])["SecretName"]
    versions = [{key: each[key] for key in ("VersionId", "CreateTime")} for each in _versions(ctx, name)]
    return {"SecretName": name, "Versions": versions}


@action
def delete_secret_version(ctx: Context, request: models.DeleteSecretVersionRequest) -> dict[str, Any]:
    """At once and for good, whatever the state of the secret."""
    asked = given(request)
    name, version = asked["SecretName"], _checked_version(asked)
    with ctx.store.lock:
        _secret(ctx, name)
        VALUES.drop(ctx, _version(ctx, name, version)["_id"])
    return {"SecretName": name, "VersionId": version}


@action
def describe_secret(ctx: Context, request: models.DescribeSecretRequest) -> dict[str, Any]:
    """All but the value."""
    return public(_secret(ctx, given(request)["SecretName"]))


@action
def list_secrets(ctx: Context, request: models.ListSecretsRequest) -> dict[str, Any]:
    """Newest first (OrderType 1: oldest first), by state, part of the name, tags."""
    asked = given(request)
    found: Docs = [
        secret
        for secret in SECRETS.list(ctx)
        if (not asked.get("State") or secret["Status"] == _STATE_NUMBERS.get(asked["State"]))
        and asked.get("SearchSecretName", "") in secret["SecretName"]
        and _has_tags(ctx, secret, asked.get("TagFilters", []))
    ]
    found.sort(key=lambda secret: secret["CreateTime"], reverse=asked.get("OrderType") != 1)
    listed = page(found, asked.get("Offset"), asked.get("Limit"), default=20, maximum=200)
    shown = [public(secret) | {"RotationStatus": 0} for secret in listed]  # here alone it is a number
    for secret in shown:
        del secret["AdditionalConfig"]  # DescribeSecret's alone
    return {"TotalCount": len(found), "SecretMetadatas": shown}


def _has_tags(ctx: Context, secret: Doc, filters: list[Params]) -> bool:
    labels = tags.read(ctx.store, "ssm", "secret", ctx.region, _tag_id(ctx, secret["SecretName"]))
    return all(
        each["TagKey"] in labels and (not each.get("TagValue") or labels[each["TagKey"]] in each["TagValue"])
        for each in filters
    )


def _change(ctx: Context, name: str, allowed: tuple[str, ...], **changes: Any) -> dict[str, Any]:
    with ctx.store.lock:
        secret = _secret(ctx, name)
        if secret["Status"] not in allowed:
            message = f"The secret `{name}` is {secret['Status']}; this needs it {' or '.join(allowed)}."
            raise ApiError("FailedOperation", message)
        SECRETS.save(ctx.store, secret | changes)
    return {"SecretName": name}


@action
def enable_secret(ctx: Context, request: models.EnableSecretRequest) -> dict[str, Any]:
    """Twice is once."""
    return _change(ctx, given(request)["SecretName"], (ENABLED, DISABLED), Status=ENABLED)


@action
def disable_secret(ctx: Context, request: models.DisableSecretRequest) -> dict[str, Any]:
    """Twice is once."""
    return _change(ctx, given(request)["SecretName"], (ENABLED, DISABLED), Status=DISABLED)


@action
def update_description(ctx: Context, request: models.UpdateDescriptionRequest) -> dict[str, Any]:
    """The description."""
    asked = given(request)
    return _change(ctx, asked["SecretName"], (ENABLED, DISABLED), Description=asked["Description"])


@action
def delete_secret(ctx: Context, request: models.DeleteSecretRequest) -> dict[str, Any]:
    """A disabled secret goes at once (window 0) or after up to 30 days, its name taken meanwhile."""
    asked = given(request)
    name, days = asked["SecretName"], asked.get("RecoveryWindowInDays", 0)
    if not 0 <= days <= 30:
        raise ApiError("InvalidParameterValue", f"`RecoveryWindowInDays` must be between 0 and 30, given `{days}`.")
    moment = int(time.time()) + days * _DAY_S
    _change(ctx, name, (DISABLED,), Status=PENDING_DELETE, DeleteTime=moment)
    payload = {"id": name, "DeleteTime": moment}
    if days == 0:
        remove(ctx, payload)
    else:
        ctx.later(days * _DAY_S, "ssm.delete", payload)
    return {"SecretName": name, "DeleteTime": moment}


@task("ssm.delete")
def remove(ctx: Context, payload: Doc) -> None:
    """The window is over."""
    name = payload["id"]
    with ctx.store.lock:
        secret = SECRETS.find(ctx, _id(ctx, name))
        if secret is None or secret["Status"] != PENDING_DELETE or secret["DeleteTime"] != payload["DeleteTime"]:
            return
        for version in _versions(ctx, name):
            VALUES.drop(ctx, version["_id"])
        SECRETS.drop(ctx, secret["_id"])
        tags.forget(ctx.store, "ssm", "secret", ctx.region, _tag_id(ctx, name))


@action
def restore_secret(ctx: Context, request: models.RestoreSecretRequest) -> dict[str, Any]:
    """Disabled then."""
    return _change(ctx, given(request)["SecretName"], (PENDING_DELETE,), Status=DISABLED, DeleteTime=0)
