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
    wanted = [{"TagKey": "env", "TagValue": ["dev"]}]
    listed = call(cloud, "GetResources", ResourceList=[RESOURCE], TagFilters=wanted)["ResourceTagMappingList"]
    assert [each["Tags"][0]["TagValue"] for each in listed] == ["dev"]


def test_tags_are_read_in_pages(cloud: LocalCloud) -> None:
    call(cloud, "TagResources", ResourceList=[RESOURCE], Tags=labels(**{f"k{number}": "v" for number in range(25)}))
    where = {"ServiceType": "vpc", "ResourcePrefix": "vpc", "ResourceRegion": "ap-beijing"}
    pages = [
        call(cloud, "DescribeResourceTagsByResourceIds", ResourceIds=["vpc-12345678"], Offset=at, Limit=20, **where)
        for at in (0, 20)
    ]
    assert [len(page["Tags"]) for page in pages] == [20, 5]


def test_tags_go_from_several_resources_and_failures_are_named(cloud: LocalCloud) -> None:
    call(cloud, "TagResources", ResourceList=[RESOURCE], Tags=labels(env="dev", team="a"))
    answer = call(cloud, "UnTagResources", ResourceList=[RESOURCE, "vpc-1"], TagKeys=["env"])
    assert [each["Resource"] for each in answer["FailedResources"]] == ["vpc-1"]
    assert tags.read(cloud.store, "vpc", "vpc", "ap-beijing", "vpc-12345678") == {"team": "a"}


def test_what_is_not_a_tag_is_refused(cloud: LocalCloud) -> None:
    reserved = code_of(cloud, "ModifyResourceTags", Resource=RESOURCE, ReplaceTags=labels(**{"qcs:x": "b"}))
    assert reserved == "InvalidParameter.ReservedTagKey"
    full = labels(**{f"k{number}": "v" for number in range(51)})
    assert (
        code_of(cloud, "ModifyResourceTags", Resource=RESOURCE, ReplaceTags=full)
        == "LimitExceeded.ResourceAttachedTags"
    )
    wrong = code_of(cloud, "ModifyResourceTags", Resource="vpc-1", ReplaceTags=labels(a="b"))
    assert wrong == "InvalidParameterValue.ResourceDescriptionError"
