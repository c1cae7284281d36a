"""Plans and lines. Source: docs/sources.md, DNS."""

from dataclasses import dataclass
from typing import Any

from tencentcloud.dnspod.v20210323 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.services.dnspod.kinds import domain_of

NAME_SERVERS = ["ns1.sandbox-dns.test"]
"""The sandbox's name server, by the name that its zones delegate to."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a plan allows. `group_lines`: lines by region group. `balance`: records of a name, type and line."""

    title: str
    level: int
    least_ttl_s: int
    balance: int
    group_lines: bool


PLANS = {
    "DP_FREE": Plan(title="免费版", level=1, least_ttl_s=600, balance=2, group_lines=False),
    "DP_PLUS": Plan(title="专业版", level=2, least_ttl_s=120, balance=10, group_lines=False),
    "DP_EXTRA": Plan(title="企业基础版", level=5, least_ttl_s=60, balance=15, group_lines=True),
    "DP_EXPERT": Plan(title="企业标准版", level=6, least_ttl_s=1, balance=30, group_lines=True),
    "DP_ULTRA": Plan(title="企业旗舰版", level=7, least_ttl_s=1, balance=60, group_lines=True),
}
LINES = {
    "默认": "0",
    "境内": "7=0",
    "境外": "3=0",
    "电信": "10=0",
    "联通": "10=1",
    "教育网": "10=2",
    "移动": "10=3",
    "百度": "90=0",
    "谷歌": "90=1",
    "有道": "90=2",
    "必应": "90=3",
    "搜搜": "90=4",
    "搜狗": "90=5",
    "奇虎": "90=6",
    "搜索引擎": "80=0",
}
GROUP_LINES = {
    "华北": "20=0",
    "东北": "20=1",
    "华东": "20=2",
    "华中": "20=3",
    "华南": "20=4",
    "西南": "20=5",
    "西北": "20=6",
}
"""The ids of region groups are the sandbox's own: the cloud's are known from its API alone."""


def plan_of(doc: Doc) -> Plan:
    """The plan of a domain."""
    return PLANS[doc["Grade"]]


@action
def describe_record_line_list(ctx: Context, request: models.DescribeRecordLineListRequest) -> dict[str, Any]:
    """The lines of a plan, by Chinese name."""
    grade = str(request.DomainGrade or domain_of(ctx, request.Domain, request.DomainId)["Grade"]).upper()
    if grade not in PLANS:
        raise ApiError("InvalidParameter.DomainGradeInvalid", f"`{grade}` is none of {', '.join(PLANS)}.")
    known = LINES | (GROUP_LINES if PLANS[grade].group_lines else {})
    return {"LineList": [{"Name": name, "LineId": id} for name, id in known.items()], "LineGroupList": []}


@action
def describe_package_detail(ctx: Context, request: models.DescribePackageDetailRequest) -> dict[str, Any]:
    """The plans and what they allow."""
    info = [
        {
            "DomainGrade": grade,
            "DomainGradeCn": plan.title,
            "GradeLevel": plan.level,
            "MinTtl": plan.least_ttl_s,
            "RecordRoll": plan.balance,
            "Ns": NAME_SERVERS,
        }
        for grade, plan in PLANS.items()
    ]
    return {"Info": info, "LevelMap": list(PLANS)}
