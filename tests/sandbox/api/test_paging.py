"""Offsets, limits, filters."""

from collections.abc import Mapping
from typing import Any

import pytest
from tencentcloud.vpc.v20170312.models import Filter

from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page

DOC: dict[str, Any] = {
    "VpcId": "vpc-1",
    "IsDefault": False,
    "Placement": {"Zone": "ap-beijing-3"},
    "Rules": [{"Id": "a"}, {"Id": "b"}],
    "TagSet": [{"Key": "env", "Value": "dev"}],
}


def _first(doc: Mapping[str, Any]) -> str:
    return doc["VpcId"][0]


def _filter(name: str, *values: str) -> Filter:
    made = Filter()
    made.Name, made.Values = name, list(values)
    return made


FIELDS: dict[str, Any] = {
    "vpc-id": "VpcId",
    "is-default": "IsDefault",
    "zone": "Placement.Zone",
    "rule": "Rules.Id",
    "first": _first,
}


def test_offset_and_limit_may_be_text() -> None:
    assert page(range(50), "10", "3") == [10, 11, 12]
    assert page(range(50), None, None) == list(range(20))


@pytest.mark.parametrize(("offset", "limit"), [(-1, 1), (0, 101), ("x", 1)])
def test_impossible_pages_are_refused(offset: Any, limit: Any) -> None:
    with pytest.raises(ApiError, match="InvalidParameterValue"):
        page([1], offset, limit)


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("vpc-id", "vpc-1", True),
        ("vpc-id", "vpc-*", True),
        ("vpc-id", "vpc-2", False),
        ("is-default", "false", True),
        ("zone", "ap-beijing-3", True),
        ("rule", "b", True),
        ("rule", "c", False),
        ("tag:env", "dev", True),
        ("tag:env", "prod", False),
        ("tag-key", "env", True),
        ("first", "v", True),
    ],
)
def test_a_filter_reaches_into_documents(name: str, value: str, fits: bool) -> None:
    assert matches(DOC, [_filter(name, "nothing", value)], FIELDS) is fits


def test_an_unknown_filter_is_named() -> None:
    with pytest.raises(ApiError, match="`colour` is not supported"):
        matches(DOC, [_filter("colour", "red")], FIELDS)
