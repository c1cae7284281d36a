"""What IGTM offers: lines, packages, detectors, and the limits of packages.

The sandbox's account owns the packages `ins-sanmenigtm`, STANDARD, and `ins-sanmenfree`.
"""

from typing import Any

from tencentcloud.igtm.v20231024 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc, Store
from sandbox.services import zones
from sandbox.services.igtm.kinds import INSTANCE, PACKAGE, strategies_of
from sandbox.services.params import given

DEFAULT_LINE_ID = 1
LINES = {
    1: "默认",
    2: "境内",
    3: "境外",
    858: "电信",
    859: "联通",
    860: "移动",
    861: "教育网",
    901: "华北",
    902: "东北",
    903: "华东",
    904: "华中",
    905: "华南",
    906: "西南",
    907: "西北",
}
"""`DnsLineId` -> name. 1, 858, 859 and 860 are the cloud's; the others are the sandbox's own: look them up by name."""
SEEDS: tuple[Doc, ...] = (
    {"ResourceId": "ins-sanmenigtm", "PackageType": "STANDARD", "MinCheckInterval": 15, "MinGlobalTtl": 60},
    {"ResourceId": "ins-sanmenfree", "PackageType": "FREE", "MinCheckInterval": 60, "MinGlobalTtl": 600},
)
DETECTORS: tuple[Doc, ...] = (
    {
        "Gid": 1,
        "GroupType": "INTERNAL",
        "GroupName": "境内",
        "InternetFamily": "ipv4",
        "PackageSet": ["FREE", "STANDARD"],
    },
    {"Gid": 2, "GroupType": "OVERSEAS", "GroupName": "境外", "InternetFamily": "ipv4", "PackageSet": ["STANDARD"]},
)


def line_ranges(line_id: int) -> list[str]:
    """The regions whose clients a line has in the sandbox; none for a line that nobody asks from."""
    name = LINES[line_id]
    if name == zones.MAINLAND_LINE:
        return list(zones.REGION_LINES.values())
    return [zones.REGION_LINES[name]] if name in zones.REGION_LINES else []


def packages(store: Store) -> list[Doc]:
    """The account's packages and what uses them."""
    users = {doc["ResourceId"]: doc for doc in INSTANCE.all(store)}
    answer: list[Doc] = []
    for seed in (*SEEDS, *PACKAGE.all(store)):
        user = users.get(seed["ResourceId"], {})
        answer.append(
            {
                "InstanceId": user.get("InstanceId", ""),
                "InstanceName": user.get("InstanceName", ""),
                "CurrentDeadline": "2036-01-01 00:00:00",
                "CreateTime": "2026-01-01 00:00:00",
                "IsExpire": 0,
                "Status": "ENABLED",
                "AutoRenewFlag": 0,
                "Remark": "",
                "CostItemList": [],
                "TrafficStrategy": ["ALL", "WEIGHT"],
                "ScheduleStrategy": ["LOCATION", "DELAY"],
            }
            | seed
        )
    return answer


def package(store: Store, id: str) -> Doc:
    """The account's package. Raises ApiError UnauthorizedOperation.ResourceIdUnauthorized."""
    for doc in packages(store):
        if doc["ResourceId"] == id:
            return doc
    raise ApiError("UnauthorizedOperation.ResourceIdUnauthorized", f"The package `{id}` is not one of this account.")


@action
def describe_dns_line_list(ctx: Context, request: models.DescribeDnsLineListRequest) -> dict[str, Any]:
    """Lines by id."""
    used = {s["DnsLineId"] for doc in strategies_of(ctx.store, request.InstanceId or "") for s in doc["Source"]}
    listed = [
        {"DnsLineId": id, "Parent": 0, "LineName": name, "Useful": id not in used, "SubGroup": 0, "Weight": position}
        for position, (id, name) in enumerate(LINES.items())
    ]
    return {"DnsLineSet": listed}


@action
def describe_instance_package_list(ctx: Context, request: models.DescribeInstancePackageListRequest) -> dict[str, Any]:
    """By package id, instance or type; IsUsed 1: those that an instance uses."""
    asked = given(request)
    docs = [doc for doc in packages(ctx.store) if fits(doc, asked.get("Filters"))]
    if "IsUsed" in asked:
        docs = [doc for doc in docs if bool(doc["InstanceId"]) == bool(asked["IsUsed"])]
    return {"TotalCount": len(docs), "InstanceSet": page(docs, request.Offset, request.Limit)}


@action
def describe_detectors(ctx: Context, request: models.DescribeDetectorsRequest) -> dict[str, Any]:
    """Groups of detectors; in the sandbox one prober on its internet stands for all of them."""
    return {"DetectorGroupSet": list(DETECTORS)}


def fits(doc: Doc, filters: list[dict[str, Any]] | None) -> bool:
    """Whether a document passes models.ResourceFilter: Name is a field, Value a list, Fuzzy: part of it is enough."""
    for each in filters or ():
        actual, values = str(doc.get(each["Name"], "")), [str(value) for value in each.get("Value", [])]
        if not any(value in actual if each.get("Fuzzy") else value == actual for value in values):
            return False
    return True
