"""Secrets and keys, through the official SDK."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.sandbox.local_cloud import LocalCloud, local_cloud


@pytest.fixture
def cloud(tmp_path: Path) -> Generator[LocalCloud]:
    with local_cloud(tmp_path) as running:
        yield running


def call(cloud: LocalCloud, action: str, region: str = "ap-beijing", **params: Any) -> dict[str, Any]:
    service = "kms" if "Key" in action or "Alias" in action else "ssm"
    return cloud.call(service, action, params, region=region)


def code_of(cloud: LocalCloud, action: str, region: str = "ap-beijing", **params: Any) -> str | None:
    with pytest.raises(TencentCloudSDKException) as caught:
        call(cloud, action, region, **params)
    return caught.value.code


def create(cloud: LocalCloud, name: str = "s", **more: Any) -> None:
    call(cloud, "CreateSecret", SecretName=name, VersionId="v1", SecretString="the value", **more)


def test_a_secret_is_kept_sealed_and_read_back(cloud: LocalCloud) -> None:
    create(cloud)
    call(cloud, "PutSecretValue", SecretName="s", VersionId="v2", SecretString="another value")
    assert call(cloud, "GetSecretValue", SecretName="s", VersionId="v1")["SecretString"] == "the value"
    assert call(cloud, "GetSecretValue", SecretName="s", VersionId="SSM_Current")["VersionId"] == "v2"
    assert code_of(cloud, "GetSecretValue", SecretName="s") == "MissingParameter"
    call(cloud, "UpdateSecret", SecretName="s", VersionId="v2", SecretString="changed")
    assert call(cloud, "GetSecretValue", SecretName="s", VersionId="SSM_Current")["SecretString"] == "changed"
    on_disk = b"".join(path.read_bytes() for path in cloud.directory.glob("cloud.db*"))
    assert b"the value" not in on_disk
    assert b"SecretName" in on_disk


def test_names_are_unique_in_a_region_alone(cloud: LocalCloud) -> None:
    create(cloud)
    again = {"SecretName": "s", "VersionId": "v1", "SecretString": "x"}
    assert code_of(cloud, "CreateSecret", **again) == "ResourceInUse.SecretExists"
    call(cloud, "CreateSecret", "ap-shanghai", **again)


def test_versions_come_and_go(cloud: LocalCloud) -> None:
    create(cloud)
    call(cloud, "DeleteSecretVersion", SecretName="s", VersionId="v1")
    assert call(cloud, "ListSecretVersionIds", SecretName="s")["Versions"] == []
    for number in range(10):
        call(cloud, "PutSecretValue", SecretName="s", VersionId=f"v{number}", SecretBinary="AAAA")
    full = code_of(cloud, "PutSecretValue", SecretName="s", VersionId="v10", SecretString="x")
    assert full == "LimitExceeded"
    assert call(cloud, "GetSecretValue", SecretName="s", VersionId="v3")["SecretBinary"] == "AAAA"


def test_a_disabled_secret_is_not_read(cloud: LocalCloud) -> None:
    create(cloud)
    call(cloud, "DisableSecret", SecretName="s")
    assert code_of(cloud, "GetSecretValue", SecretName="s", VersionId="v1") == "ResourceUnavailable.ResourceDisabled"
    call(cloud, "UpdateSecret", SecretName="s", VersionId="v1", SecretString="changed meanwhile")
    call(cloud, "EnableSecret", SecretName="s")
    assert call(cloud, "GetSecretValue", SecretName="s", VersionId="v1")["SecretString"] == "changed meanwhile"


def test_of_a_secret_that_is_to_be_deleted_versions_can_only_go(cloud: LocalCloud) -> None:
    create(cloud)
    call(cloud, "DisableSecret", SecretName="s")
    call(cloud, "DeleteSecret", SecretName="s", RecoveryWindowInDays=7)
    further = code_of(cloud, "PutSecretValue", SecretName="s", VersionId="v2", SecretString="x")
    assert further == "FailedOperation"
    call(cloud, "DeleteSecretVersion", SecretName="s", VersionId="v1")
    assert code_of(cloud, "DeleteSecretVersion", SecretName="s", VersionId="v1") == "ResourceNotFound"


def test_deletion_wants_it_disabled_and_a_window_keeps_the_name(cloud: LocalCloud) -> None:
    create(cloud)
    assert code_of(cloud, "DeleteSecret", SecretName="s", RecoveryWindowInDays=0) == "FailedOperation"
    call(cloud, "DisableSecret", SecretName="s")
    call(cloud, "DeleteSecret", SecretName="s", RecoveryWindowInDays=7)
    assert call(cloud, "DescribeSecret", SecretName="s")["Status"] == "PendingDelete"
    taken = code_of(cloud, "CreateSecret", SecretName="s", VersionId="v1", SecretString="x")
    assert taken == "ResourceInUse.SecretExists"
    call(cloud, "RestoreSecret", SecretName="s")
    call(cloud, "DeleteSecret", SecretName="s", RecoveryWindowInDays=0)
    # The official provider waits for this very code, and takes one with a part after the dot for a failure.
    assert code_of(cloud, "DescribeSecret", SecretName="s") == "ResourceNotFound"
    assert code_of(cloud, "ListSecretVersionIds", SecretName="s") == "ResourceNotFound"
    gone = code_of(cloud, "GetSecretValue", SecretName="s", VersionId="v1")
    assert gone == "ResourceNotFound.SecretNotExist"


def test_a_secret_wants_an_enabled_key_of_its_region(cloud: LocalCloud) -> None:
    key = call(cloud, "CreateKey", "ap-shanghai", Alias="k")["KeyId"]
    params = {"SecretName": "s", "VersionId": "v1", "SecretString": "x", "KmsKeyId": key}
    assert code_of(cloud, "CreateSecret", **params) == "FailedOperation.AccessKmsError"
    call(cloud, "CreateSecret", "ap-shanghai", **params)


def test_secrets_are_listed_by_name_and_tag(cloud: LocalCloud) -> None:
    create(cloud, "one", Tags=[{"TagKey": "env", "TagValue": "dev"}])
    create(cloud, "two")
    assert call(cloud, "ListSecrets", SearchSecretName="tw")["TotalCount"] == 1
    found = call(cloud, "ListSecrets", TagFilters=[{"TagKey": "env", "TagValue": ["dev"]}])
    assert [each["SecretName"] for each in found["SecretMetadatas"]] == ["one"]


def test_an_alias_stays_taken_until_the_key_is_gone(cloud: LocalCloud) -> None:
    key = call(cloud, "CreateKey", Alias="k")["KeyId"]
    taken = "InvalidParameterValue.AliasAlreadyExists"
    assert code_of(cloud, "CreateKey", Alias="k") == taken
    early = code_of(cloud, "ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    assert early == "ResourceUnavailable.CmkShouldBeDisabled"
    call(cloud, "DisableKey", KeyId=key)
    short = code_of(cloud, "ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=3)
    assert short == "InvalidParameter.InvalidPendingWindowInDays"
    call(cloud, "ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    assert call(cloud, "DescribeKey", KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDelete"
    assert code_of(cloud, "CreateKey", Alias="k") == taken
    call(cloud, "CancelKeyDeletion", KeyId=key)
    call(cloud, "EnableKey", KeyId=key)
    call(cloud, "EnableKeyRotation", KeyId=key)
    assert call(cloud, "DescribeKey", KeyId=key)["KeyMetadata"]["KeyRotationEnabled"] is True
    call(cloud, "CreateKey", "ap-shanghai", Alias="k")


def test_an_archived_key_can_be_scheduled_for_deletion_or_taken_back(cloud: LocalCloud) -> None:
    key = call(cloud, "CreateKey", Alias="k")["KeyId"]
    call(cloud, "ArchiveKey", KeyId=key)
    assert code_of(cloud, "EnableKey", KeyId=key) == "ResourceUnavailable.CmkStateNotSupport"
    call(cloud, "UpdateAlias", KeyId=key, Alias="l")
    call(cloud, "CancelKeyArchive", KeyId=key)
    assert call(cloud, "ListKeyDetail", KeyState=1)["KeyMetadatas"][0]["Alias"] == "l"
    call(cloud, "ArchiveKey", KeyId=key)
    call(cloud, "ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=30)
    assert code_of(cloud, "UpdateAlias", KeyId=key, Alias="m") == "ResourceUnavailable.CmkStateNotSupport"
