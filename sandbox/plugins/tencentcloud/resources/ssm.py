"""SSM secrets and their versions. Source: docs/sources.md, keys and identity."""

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

_FIRST_VERSION = "default"


def _describe(cloud: Cloud, name: str) -> dict[str, Any] | None:
    try:
        return cloud.call("ssm", "DescribeSecret", {"SecretName": name})
    except CloudError as error:
        if error.matches("ResourceNotFound"):
            return None
        raise


def _tag_id(secret: dict[str, Any]) -> str:
    """What the resource name of a secret ends with, besides its type."""
    return f"creatorUin/{secret['CreateUin']}/{secret['SecretName']}"


@resource("tencentcloud:Ssm/secret:Secret")
class Secret(Handler):
    """Id: the name. It has no version until a SecretVersion makes one."""

    kind = "ssm.secret"
    key = ("SecretName",)
    immutable = ("secretType", "additionalConfig")
    write_only = ("recoveryWindowInDays",)

    def identify(self, doc: Doc) -> Iterable[str]:
        """But for one that waits for its end."""
        return () if doc["Status"] == "PendingDelete" else super().identify(doc)

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        names = {"secretName": "SecretName", "description": "Description", "kmsKeyId": "KmsKeyId"}
        request = given(props, {**names, "secretType": "SecretType", "additionalConfig": "AdditionalConfig"})
        cloud.call("ssm", "CreateSecret", request | {"VersionId": _FIRST_VERSION, "SecretString": "default"})
        id = str(props["secretName"])
        partial.id(id)
        cloud.call("ssm", "DeleteSecretVersion", {"SecretName": id, "VersionId": _FIRST_VERSION})
        self._finish(cloud, id, {}, props)
        return Created(id)

    def _finish(self, cloud: Cloud, id: str, old: Props, new: Props) -> None:
        action = "EnableSecret" if new.get("isEnabled", True) else "DisableSecret"
        cloud.call("ssm", action, {"SecretName": id})
        secret = _describe(cloud, id)
        if secret is not None:
            write_tags(cloud, "ssm", "secret", _tag_id(secret), old.get("tags"), new.get("tags"))

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        secret = _describe(cloud, id)
        if secret is None:
            return None
        return {
            "secretName": secret["SecretName"],
            "description": secret["Description"],
            "kmsKeyId": secret["KmsKeyId"],
            "secretType": secret["SecretType"],
            "additionalConfig": secret["AdditionalConfig"],
            "status": secret["Status"],
            "isEnabled": secret["Status"] == "Enabled",
            "tags": read_tags(cloud, "ssm", "secret", _tag_id(secret)),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        if not changed:
            present = cloud.call("ssm", "ListSecretVersionIds", {"SecretName": id})["Versions"]
            if any(version["VersionId"] == _FIRST_VERSION for version in present):
                cloud.call("ssm", "DeleteSecretVersion", {"SecretName": id, "VersionId": _FIRST_VERSION})
        if "description" in changed:
            request = {"SecretName": id, "Description": new.get("description", "")}
            cloud.call("ssm", "UpdateDescription", request)
        if not changed or changed & {"isEnabled", "tags"}:
            self._finish(cloud, id, old, new)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        secret = _describe(cloud, id)
        if secret is None or secret["Status"] == "PendingDelete":
            return
        cloud.call("ssm", "DisableSecret", {"SecretName": id})
        days = props.get("recoveryWindowInDays") or 0
        cloud.call("ssm", "DeleteSecret", {"SecretName": id, "RecoveryWindowInDays": days})
        cloud.wait(
            lambda: (_describe(cloud, id) or {}).get("Status", "gone"),
            {"gone", "PendingDelete"},
            30,
            what=f"deletion of secret {id}",
        )


@resource("tencentcloud:Ssm/secretVersion:SecretVersion")
class SecretVersion(Handler):
    """Id: `<secretName>#<versionId>`. The value is read back at every refresh."""

    kind = "ssm.version"
    key = ("SecretName", "VersionId")

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        cloud.call("ssm", "PutSecretValue", self._request(props))
        id = f"{props['secretName']}#{props['versionId']}"
        partial.id(id)
        return Created(id)

    def _request(self, props: Props) -> dict[str, Any]:
        names = {"secretName": "SecretName", "versionId": "VersionId"}
        return given(props, {**names, "secretString": "SecretString", "secretBinary": "SecretBinary"})

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        name, _, version = id.partition("#")
        try:
            found = cloud.call("ssm", "GetSecretValue", {"SecretName": name, "VersionId": version})
        except CloudError as error:
            if error.matches("ResourceNotFound"):
                return None
            raise
        values = {"secretString": found["SecretString"], "secretBinary": found["SecretBinary"]}
        set_values = {key: value for key, value in values.items() if value}
        return {"secretName": name, "versionId": version, **set_values}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        cloud.call("ssm", "UpdateSecret", self._request(new))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        name, _, version = id.partition("#")
        try:
            cloud.call("ssm", "DeleteSecretVersion", {"SecretName": name, "VersionId": version})
        except CloudError as error:
            if not error.matches("ResourceNotFound"):
                raise
