"""Tags of resources, through the official SDK."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from sandbox.api import tags
from tests.sandbox.local_cloud import LocalCloud, local_cloud

RESOURCE = "qcs::vpc:ap-beijing:uin/:vpc/vpc-12345678"


@pytest.fixture
def cloud(tmp_path: Path) -> Generator[LocalCloud]:
    with local_cloud(tmp_path) as running:
        yield running


def call(cloud: LocalCloud, action: str, **params: Any) -> dict[str, Any]:
    return cloud.call("tag", action, params, region="")


def code_of(cloud: LocalCloud, action: str, **params: Any) -> str | None:
    with pytest.raises(TencentCloudSDKException) as caught:
        call(cloud, action, **params)
    return caught.value.code


def labels(**values: str) -> list[dict[str, str]]:
    return [{"TagKey": key, "TagValue": value} for key, value in values.items()]


def test_services_read_what_the_tag_service_wrote(cloud: LocalCloud) -> None:
    call(cloud, "ModifyResourceTags", Resource=RESOURCE, ReplaceTags=labels(env="dev", team="a"))
    call(
        cloud, "ModifyResourceTags", Resource=RESOURCE, ReplaceTags=labels(env="prod"), DeleteTags=[{"TagKey": "team"}]
    )
    assert tags.read(cloud.store, "vpc", "vpc", "ap-beijing", "vpc-12345678") == {"env": "prod"}


def test_tags_are_found_by_resource_and_resources_by_tag(cloud: LocalCloud) -> None:
    call(cloud, "TagResources", ResourceList=[RESOURCE, RESOURCE + "x"], Tags=labels(env="dev"))
    where = {"ServiceType": "vpc", "ResourcePrefix": "vpc", "ResourceRegion": "ap-beijing"}
    found = call(cloud, "DescribeResourceTagsByResourceIds", ResourceIds=["vpc-12345678"], **where)
    assert [(each["TagKey"], each["TagValue"], each["ResourceId"]) for each in found["Tags"]] == [
        ("env", "dev", "vpc-12345678")
    ]
    rows = call(cloud, "DescribeResourcesByTags", TagFilters=[{"TagKey": "env", "TagValue": ["dev"]}])["Rows"]
    assert [row["ResourceId"] for row in rows] == ["vpc-12345678", "vpc-12345678x"]
    listed = call(cloud, "GetResources", ResourceList=[RESOURCE])["ResourceTagMappingList"]
    assert [each["Tags"][0]["TagValue"] for each in listed] == ["dev"]


def test_an_attached_tag_cannot_be_deleted(cloud: LocalCloud) -> None:
    call(cloud, "AddResourceTag", Resource=RESOURCE, TagKey="env", TagValue="dev")
    assert call(cloud, "DescribeTags", TagKey="env")["Tags"][0]["CanDelete"] == 0
    assert code_of(cloud, "DeleteTag", TagKey="env", TagValue="dev") == "FailedOperation.TagAttachedResource"
    call(cloud, "DeleteResourceTag", Resource=RESOURCE, TagKey="env")
    call(cloud, "DeleteTag", TagKey="env", TagValue="dev")
    assert code_of(cloud, "DeleteTag", TagKey="env", TagValue="dev") == "ResourceNotFound.TagNonExist"


def test_what_is_not_a_tag_is_refused(cloud: LocalCloud) -> None:
    call(cloud, "CreateTag", TagKey="a", TagValue="b")
    assert code_of(cloud, "CreateTag", TagKey="a", TagValue="b") == "ResourceInUse.TagDuplicate"
    assert code_of(cloud, "CreateTag", TagKey="qcs:x", TagValue="b") == "InvalidParameter.ReservedTagKey"
    wrong = code_of(cloud, "ModifyResourceTags", Resource="vpc-1", ReplaceTags=labels(a="b"))
    assert wrong == "InvalidParameterValue.ResourceDescriptionError"
