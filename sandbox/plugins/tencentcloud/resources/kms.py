"""KMS keys. Source: docs/fidelity/kms.md."""

from collections.abc import Iterable
from typing import Any

from sandbox.plugins.tencentcloud.cloud import READ_RETRY_S, WRITE_RETRY_S
from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Doc,
    Handler,
    Partial,
    Props,
    nonzero,
    read_tags,
    resource,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import arguments

_SYMMETRIC = "ENCRYPT_DECRYPT"


@resource("tencentcloud:Kms/key:Key")
class Key(Handler):
    """Id: a UUID. A key is disabled at once unless `isEnabled` is true."""

    kind = "kms.key"
    key = ("KeyId",)
    immutable = ("hsmClusterId",)
    write_only = ("pendingDeleteWindowInDays",)

    def identify(self, doc: Doc) -> Iterable[str]:
        """But for one that waits for its end."""
        return () if doc["KeyState"] == "PendingDelete" else super().identify(doc)

    def discard(self, cloud: Cloud, id: str) -> None:
        """It is deleted only after days, and would keep the alias for as long."""
        cloud.call("kms", "UpdateAlias", {"KeyId": id, "Alias": f"lost-{id}"})
        super().discard(cloud, id)

    def check(self, props: Props) -> dict[str, str]:
        """The window before the deletion."""
        return arguments.faults(props, {"pendingDeleteWindowInDays": arguments.between(7, 30)})

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateKey and SetId; then the state, the rotation, the archive, the tags."""
        names = {"description": "Description", "keyUsage": "KeyUsage", "hsmClusterId": "HsmClusterId"}
        request = {"Type": 1, "Alias": props["alias"], **nonzero(props, names)}
        id = str(cloud.call("kms", "CreateKey", request)["KeyId"])
        partial.id(id)
        if not props.get("isEnabled"):
            _call(cloud, "DisableKey", id)
        if props["keyUsage"] == _SYMMETRIC and props.get("keyRotationEnabled"):
            _call(cloud, "EnableKeyRotation", id)
        if props.get("isArchived"):
            _call(cloud, "ArchiveKey", id)
        _tag(cloud, id, None, props.get("tags"))
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeKey. A missing key is an error, one that waits for its deletion is still there."""
        key = _metadata(cloud, id)
        shown: Props = {
            "alias": key["Alias"],
            "description": key["Description"],
            "keyState": key["KeyState"],
            "keyUsage": key["KeyUsage"],
            "keyRotationEnabled": key["KeyRotationEnabled"],
            "tags": read_tags(cloud, "kms", "key", key["ResourceId"]),
        }
        if key["HsmClusterId"] is not None:
            shown["hsmClusterId"] = key["HsmClusterId"]
        if key["KeyState"] in ("Enabled", "Disabled"):
            shown["isEnabled"] = key["KeyState"] == "Enabled"
        elif key["KeyState"] == "Archived":
            shown["isArchived"] = True
        return shown

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """What changed; the state is set each time, also when it is as it should be."""
        if "description" in changed:
            _call(cloud, "UpdateKeyDescription", id, Description=new.get("description", ""))
        if "alias" in changed:
            _call(cloud, "UpdateAlias", id, Alias=new["alias"])
        if old.get("keyState") in ("Enabled", "Disabled", "Archived"):
            enabling = "EnableKey" if new.get("isEnabled") else "DisableKey"
            _call(cloud, "ArchiveKey" if new.get("isArchived") else enabling, id)
        if new["keyUsage"] == _SYMMETRIC and "keyRotationEnabled" in changed:
            _call(cloud, "EnableKeyRotation" if new.get("keyRotationEnabled") else "DisableKeyRotation", id)
        _tag(cloud, id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DisableKey when the state says enabled, ScheduleKeyDeletion, and the wait for PendingDelete."""
        if props.get("isEnabled"):
            _final(cloud, "DisableKey", {"KeyId": id})
        days = props.get("pendingDeleteWindowInDays", 7)
        _final(cloud, "ScheduleKeyDeletion", {"KeyId": id, "PendingWindowInDays": days})
        cloud.wait(
            lambda: _metadata(cloud, id)["KeyState"], {"PendingDelete"}, READ_RETRY_S, what=f"deletion of key {id}"
        )


def _metadata(cloud: Cloud, id: str) -> dict[str, Any]:
    return cloud.call("kms", "DescribeKey", {"KeyId": id})["KeyMetadata"]


def _call(cloud: Cloud, action: str, id: str, **params: str) -> None:
    cloud.call("kms", action, {"KeyId": id, **params})


def _final(cloud: Cloud, action: str, params: Props) -> None:
    """A call of the deletion: repeated only while there is no answer."""

    def answered() -> bool:
        try:
            cloud.call("kms", action, params, retry_s=0)
        except CloudError as error:
            if not error.code.startswith("ClientError."):
                raise
            return False
        return True

    cloud.wait(answered, {True}, WRITE_RETRY_S, what=f"an answer to {action}")


def _tag(cloud: Cloud, id: str, old: Any, new: Any) -> None:
    if (old or {}) != (new or {}):
        write_tags(cloud, "kms", "key", _metadata(cloud, id)["ResourceId"], old, new)
