"""SSM secrets and their versions. Source: docs/fidelity/ssm.md."""

from collections.abc import Callable, Iterable
from typing import Any

from sandbox.plugins.tencentcloud.cloud import READ_RETRY_S
from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Doc,
    Handler,
    Partial,
    Props,
    ProviderError,
    given,
    nonzero,
    read_tags,
    resource,
    write_tags,
)

_FIRST_VERSION = "default"
_GONE = "ResourceNotFound"
"""The whole code: after a deletion the official provider takes no other of this family for it."""


def _describe(cloud: Cloud, name: str) -> dict[str, Any]:
    return cloud.call("ssm", "DescribeSecret", {"SecretName": name})


def _tag_id(secret: dict[str, Any]) -> str:
    """What the resource name of a secret ends with, besides its type."""
    return f"creatorUin/{secret['CreateUin']}/{secret['SecretName']}"


def _until_gone(cloud: Cloud, action: str, request: Props, done: Callable[[dict[str, Any]], bool]) -> None:
    """Ask until the answer is `done`, or the code is the one that means gone. Raises ProviderError for any other."""

    def gone() -> bool:
        try:
            return done(cloud.call("ssm", action, request, retry_s=0))
        except CloudError as error:
            if error.code == _GONE:
                return True
            raise ProviderError(f"empty non-retryable error received (it was {error.code})") from None

    cloud.wait(gone, {True}, READ_RETRY_S, what=f"deletion of {request['SecretName']}")


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
        """CreateSecret with a version that is deleted at once; then the state and the tags."""
        names = {"description": "Description", "kmsKeyId": "KmsKeyId", "additionalConfig": "AdditionalConfig"}
        request = {
            "SecretName": props["secretName"],
            **nonzero(props, names),
            **given(props, {"secretType": "SecretType"}),
        }
        versioned = not props.get("secretType")
        if versioned:
            request |= {"VersionId": _FIRST_VERSION, "SecretString": _FIRST_VERSION}
        id = str(cloud.call("ssm", "CreateSecret", request)["SecretName"])
        partial.id(id)
        if versioned:
            cloud.call("ssm", "DeleteSecretVersion", {"SecretName": id, "VersionId": _FIRST_VERSION})
        if not props["isEnabled"]:
            cloud.call("ssm", "DisableSecret", {"SecretName": id})
        if props.get("tags"):
            write_tags(cloud, "ssm", "secret", _tag_id(_describe(cloud, id)), None, props["tags"])
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeSecret. A missing secret is an error."""
        secret = _describe(cloud, id)
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
        """What changed."""
        if "description" in changed:
            request = {"SecretName": id, "Description": new.get("description", "")}
            cloud.call("ssm", "UpdateDescription", request)
        if "isEnabled" in changed:
            cloud.call("ssm", "EnableSecret" if new["isEnabled"] else "DisableSecret", {"SecretName": id})
        if "tags" in changed:
            write_tags(cloud, "ssm", "secret", _tag_id(_describe(cloud, id)), old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DisableSecret when the state says enabled, DeleteSecret, and the wait until it is gone or waits for that."""
        if props.get("isEnabled"):
            cloud.call("ssm", "DisableSecret", {"SecretName": id})
        days = props.get("recoveryWindowInDays", 0)
        cloud.call("ssm", "DeleteSecret", {"SecretName": id, "RecoveryWindowInDays": days})
        _until_gone(cloud, "DescribeSecret", {"SecretName": id}, lambda secret: secret["Status"] == "PendingDelete")


@resource("tencentcloud:Ssm/secretVersion:SecretVersion")
class SecretVersion(Handler):
    """Id: `<secretName>#<versionId>`. The value is read back at every refresh."""

    kind = "ssm.version"
    key = ("SecretName", "VersionId")

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """PutSecretValue."""
        made = cloud.call("ssm", "PutSecretValue", _request(props))
        id = f"{made['SecretName']}#{made['VersionId']}"
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """Gone when the secret does not list it; of a disabled secret the value stays as it was known."""
        name, _, version = id.partition("#")
        secret = _describe(cloud, name)
        versions = cloud.call("ssm", "ListSecretVersionIds", {"SecretName": name})["Versions"]
        if all(each["VersionId"] != version for each in versions):
            return None
        if secret["Status"] != "Enabled":
            return {}
        found = cloud.call("ssm", "GetSecretValue", {"SecretName": name, "VersionId": version})
        return {
            "secretName": found["SecretName"],
            "versionId": found["VersionId"],
            "secretString": found["SecretString"],
            "secretBinary": found["SecretBinary"],
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """UpdateSecret, and nothing while the secret is disabled."""
        enabled = _describe(cloud, new["secretName"])["Status"] == "Enabled"
        if enabled and changed & {"secretString", "secretBinary"}:
            cloud.call("ssm", "UpdateSecret", _request(new))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteSecretVersion, and the wait until its value cannot be read."""
        name, _, version = id.partition("#")
        request = {"SecretName": name, "VersionId": version}
        cloud.call("ssm", "DeleteSecretVersion", request)
        _until_gone(cloud, "GetSecretValue", request, lambda _value: False)


def _request(props: Props) -> dict[str, Any]:
    names = {"secretName": "SecretName", "versionId": "VersionId"}
    return nonzero(props, {**names, "secretString": "SecretString", "secretBinary": "SecretBinary"})
