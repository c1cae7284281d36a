"""KMS keys. Source: docs/sources.md, keys and identity."""

from collections.abc import Iterable
from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Doc,
    Handler,
    Partial,
    Props,
    given,
    read_tags,
    resource,
    write_tags,
)

_MISSING = "ResourceUnavailable.CmkNotFound"


def _metadata(cloud: Cloud, id: str) -> dict[str, Any] | None:
    try:
        # A missing key has a code that is otherwise worth a retry.
        key = cloud.call("kms", "DescribeKey", {"KeyId": id}, retry_s=0)["KeyMetadata"]
    except CloudError as error:
        if error.code == _MISSING:
            return None
        raise
    return key


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

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        names = {"alias": "Alias", "description": "Description", "keyUsage": "KeyUsage"}
        id = str(cloud.call("kms", "CreateKey", given(props, {**names, "hsmClusterId": "HsmClusterId"}))["KeyId"])
        partial.id(id)
        if props.get("keyRotationEnabled"):
            cloud.call("kms", "EnableKeyRotation", {"KeyId": id})
        self._state(cloud, id, props)
        self._tags(cloud, id, None, props.get("tags"))
        return Created(id)

    def _state(self, cloud: Cloud, id: str, props: Props) -> None:
        if props.get("isArchived"):
            cloud.call("kms", "ArchiveKey", {"KeyId": id})
        elif not props.get("isEnabled"):
            cloud.call("kms", "DisableKey", {"KeyId": id})

    def _tags(self, cloud: Cloud, id: str, old: Any, new: Any) -> None:
        key = _metadata(cloud, id)
        if key is not None:
            write_tags(cloud, "kms", "key", key["ResourceId"], old, new)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        key = _metadata(cloud, id)
        if key is None or key["KeyState"] == "PendingDelete":
            return None
        return {
            "alias": key["Alias"],
            "description": key["Description"],
            "keyUsage": key["KeyUsage"],
            "keyState": key["KeyState"],
            "keyRotationEnabled": key["KeyRotationEnabled"],
            "isEnabled": key["KeyState"] == "Enabled",
            "isArchived": key["KeyState"] == "Archived",
            "hsmClusterId": key["HsmClusterId"],
            "tags": read_tags(cloud, "kms", "key", key["ResourceId"]),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        every = not changed
        if "isArchived" in changed and not new.get("isArchived"):
            cloud.call("kms", "CancelKeyArchive", {"KeyId": id})
        # Only an enabled key takes the other changes; an unwanted state is set at the end.
        if old.get("keyState") != "Archived" and (every or changed - {"tags"}):
            cloud.call("kms", "EnableKey", {"KeyId": id})
        if "alias" in changed:
            cloud.call("kms", "UpdateAlias", {"KeyId": id, "Alias": new["alias"]})
        if "description" in changed:
            request = {"KeyId": id, "Description": new.get("description", "")}
            cloud.call("kms", "UpdateKeyDescription", request)
        if every or "keyRotationEnabled" in changed:
            action = "EnableKeyRotation" if new.get("keyRotationEnabled") else "DisableKeyRotation"
            cloud.call("kms", action, {"KeyId": id})
        if every or changed - {"tags"}:
            self._state(cloud, id, new)
        if every or "tags" in changed:
            self._tags(cloud, id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        key = _metadata(cloud, id)
        if key is None or key["KeyState"] == "PendingDelete":
            return
        if key["KeyState"] == "Enabled":
            cloud.call("kms", "DisableKey", {"KeyId": id})
        days = props.get("pendingDeleteWindowInDays") or 7
        cloud.call("kms", "ScheduleKeyDeletion", {"KeyId": id, "PendingWindowInDays": days})
        cloud.wait(
            lambda: (_metadata(cloud, id) or {}).get("KeyState", "PendingDelete"),
            {"PendingDelete"},
            30,
            what=f"deletion of key {id}",
        )
