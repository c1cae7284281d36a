"""Log sets, topics, indexes, through the official SDK."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.sandbox.local_cloud import LocalCloud, local_cloud

RULE = {"FullText": {"CaseSensitive": False, "Tokenizer": ",;", "ContainZH": True}}


@pytest.fixture
def cloud(tmp_path: Path) -> Generator[LocalCloud]:
    with local_cloud(tmp_path) as running:
        yield running


def call(cloud: LocalCloud, action: str, **params: Any) -> dict[str, Any]:
    return cloud.call("cls", action, params)


def code_of(cloud: LocalCloud, action: str, **params: Any) -> str | None:
    with pytest.raises(TencentCloudSDKException) as caught:
        call(cloud, action, **params)
    return caught.value.code


def test_a_log_set_goes_after_its_topics(cloud: LocalCloud) -> None:
    logset = call(cloud, "CreateLogset", LogsetName="l", Tags=[{"Key": "env", "Value": "x"}])["LogsetId"]
    topic = call(cloud, "CreateTopic", LogsetId=logset, TopicName="t", Period=7)["TopicId"]
    found = call(cloud, "DescribeLogsets", Filters=[{"Key": "logsetId", "Values": [logset]}])["Logsets"][0]
    assert (found["TopicCount"], found["Tags"]) == (1, [{"Key": "env", "Value": "x"}])
    assert code_of(cloud, "DeleteLogset", LogsetId=logset) == "FailedOperation.LogsetNotEmpty"
    call(cloud, "DeleteTopic", TopicId=topic)
    call(cloud, "DeleteLogset", LogsetId=logset)
    assert call(cloud, "DescribeLogsets")["TotalCount"] == 0


def test_a_topic_has_one_index(cloud: LocalCloud) -> None:
    logset = call(cloud, "CreateLogset", LogsetName="l")["LogsetId"]
    topic = call(cloud, "CreateTopic", LogsetId=logset, TopicName="t")["TopicId"]
    assert code_of(cloud, "DescribeIndex", TopicId=topic) == "ResourceNotFound.IndexNotExist"
    call(cloud, "CreateIndex", TopicId=topic, Rule=RULE)
    assert code_of(cloud, "CreateIndex", TopicId=topic, Rule=RULE) == "InvalidParameter.IndexConflict"
    index = call(cloud, "DescribeIndex", TopicId=topic)
    assert (index["Status"], index["Rule"]["FullText"]["Tokenizer"]) == (True, ",;")
    call(cloud, "ModifyIndex", TopicId=topic, Status=False)
    assert call(cloud, "DescribeTopics")["Topics"][0]["Index"] is False


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"Period": 3601}, "InvalidParameterValue"),
        ({"StorageType": "cold", "Period": 3}, "InvalidParameterValue"),
        ({"HotPeriod": 3}, "InvalidParameterValue"),
        ({"PartitionCount": 11}, "InvalidParameterValue"),
        ({"TopicName": "t"}, "InvalidParameter.TopicConflict"),
        ({"LogsetId": "none"}, "ResourceNotFound.LogsetNotExist"),
    ],
)
def test_impossible_topics_are_refused(cloud: LocalCloud, wrong: dict[str, Any], code: str) -> None:
    logset = call(cloud, "CreateLogset", LogsetName="l")["LogsetId"]
    call(cloud, "CreateTopic", LogsetId=logset, TopicName="t")
    assert code_of(cloud, "CreateTopic", **({"LogsetId": logset, "TopicName": "u"} | wrong)) == code


def test_names_are_unique_and_filters_named(cloud: LocalCloud) -> None:
    call(cloud, "CreateLogset", LogsetName="l")
    assert code_of(cloud, "CreateLogset", LogsetName="l") == "InvalidParameter.LogsetConflict"
    assert code_of(cloud, "DescribeLogsets", Filters=[{"Key": "x", "Values": ["y"]}]) == "InvalidFilter"
