"""Domains."""

import re
from typing import Any

from tencentcloud.dnspod.v20210323 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services import zones
from sandbox.services.dnspod import records
from sandbox.services.dnspod.plans import DOMAIN, NAME_SERVERS, PLAN, PLANS, RECORD, domain_of
from sandbox.services.params import check_one_of, given, public, stamp

_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


@action
def create_domain(ctx: Context, request: models.CreateDomainRequest) -> dict[str, Any]:
    """A zone with its NS records."""
    asked = given(request)
    name = asked["Domain"].lower().rstrip(".")
    if not _DOMAIN.fullmatch(name) or len(name) > 253:
        raise ApiError("InvalidParameter.DomainInvalid", f"`{asked['Domain']}` is no domain name.")
    with ctx.store.lock:
        if ctx.store.find(DOMAIN, name):
            raise ApiError("FailedOperation.DomainExists", f"The domain `{name}` exists.")
        grade = (ctx.store.find(PLAN, "account") or {"Grade": "DP_EXPERT"})["Grade"]
        doc = _new_domain(ctx, asked, name, grade)
        ctx.store.put(DOMAIN, name, doc)
        for server in NAME_SERVERS:
            record = {"SubDomain": "@", "RecordType": "NS", "RecordLine": zones.DEFAULT_LINE, "Value": f"{server}."}
            records.put(ctx, records.new_record(ctx, doc, record | {"TTL": 86400}) | {"DefaultNS": True})
        records.publish_or_undo(ctx, None, lambda: _remove_domain(ctx, name), "FailedOperation")
    info = {"Id": doc["DomainId"], "Domain": name, "Punycode": name, "GradeNsList": NAME_SERVERS}
    return {"DomainInfo": info}


def _new_domain(ctx: Context, asked: dict[str, Any], name: str, grade: str) -> Doc:
    now = stamp(ctx)
    return {
        "DomainId": ctx.store.number("dnspod.domain", 90000001),
        "Domain": name,
        "Punycode": name,
        "Status": "ENABLE",
        "Grade": grade,
        "GradeTitle": PLANS[grade].title,
        "GradeLevel": PLANS[grade].level,
        "GroupId": asked.get("GroupId", 1),
        "IsMark": "YES" if asked.get("IsMark", "no").lower() == "yes" else "NO",
        "TTL": 600,
        "CnameSpeedup": "DISABLE",
        "Remark": "",
        "DnsStatus": "",
        "DnspodNsList": NAME_SERVERS,
        "ActualNsList": NAME_SERVERS,
        "UserId": 1,
        "Uin": ctx.account.uin,
        "Owner": ctx.account.uin,
        "OwnerNick": "sandbox",
        "IsVip": "YES",
        "IsGracePeriod": "NO",
        "VipBuffered": "NO",
        "VipAutoRenew": "NO",
        "IsSubDomain": False,
        "TagList": asked.get("Tags", []),
        "SearchEnginePush": "NO",
        "SlaveDNS": "NO",
        "CreatedOn": now,
        "UpdatedOn": now,
    }


def _count(ctx: Context, doc: Doc) -> int:
    return sum(1 for record in ctx.store.list(RECORD) if record["_domain"] == doc["Domain"])


@action
def describe_domain(ctx: Context, request: models.DescribeDomainRequest) -> dict[str, Any]:
    """A domain, with the name servers that answer for it."""
    doc = domain_of(ctx, request.Domain, request.DomainId)
    return {"DomainInfo": public(doc) | {"RecordCount": _count(ctx, doc)}}


@action
def describe_domain_list(ctx: Context, request: models.DescribeDomainListRequest) -> dict[str, Any]:
    """Domains whose name holds the keyword."""
    docs = [doc for doc in ctx.store.list(DOMAIN) if (request.Keyword or "") in doc["Domain"]]
    shared = ("DomainId", "Status", "TTL", "Grade", "GroupId", "SearchEnginePush", "Remark", "Punycode", "GradeLevel")
    shared += ("GradeTitle", "IsVip", "CreatedOn", "UpdatedOn", "Owner", "TagList")
    listed = [
        {key: doc[key] for key in shared}
        | {"Name": doc["Domain"], "EffectiveDNS": NAME_SERVERS, "DNSStatus": "", "CNAMESpeedup": doc["CnameSpeedup"]}
        | {"RecordCount": _count(ctx, doc)}
        for doc in page(docs, request.Offset, request.Limit, maximum=3000)
    ]
    total = len(docs)
    counts = {"DomainTotal": total, "AllTotal": total, "MineTotal": total, "VipTotal": total}
    return {"DomainCountInfo": counts, "DomainList": listed}


@action
def delete_domain(ctx: Context, request: models.DeleteDomainRequest) -> dict[str, Any]:
    """With all its records."""
    with ctx.store.lock:
        _remove_domain(ctx, domain_of(ctx, request.Domain, request.DomainId)["Domain"])
        zones.publish(ctx.store)
    return {}


def _remove_domain(ctx: Context, name: str) -> None:
    for record in ctx.store.list(RECORD):
        if record["_domain"] == name:
            ctx.store.delete(RECORD, str(record["RecordId"]))
    ctx.store.delete(DOMAIN, name)


@action
def modify_domain_status(ctx: Context, request: models.ModifyDomainStatusRequest) -> dict[str, Any]:
    """enable or disable: a disabled domain is not answered for."""
    status = str(request.Status).upper()
    check_one_of("Status", status, ("ENABLE", "DISABLE"))
    with ctx.store.lock:
        doc = domain_of(ctx, request.Domain, request.DomainId)
        ctx.store.put(DOMAIN, doc["Domain"], doc | {"Status": "ENABLE" if status == "ENABLE" else "PAUSE"})
        zones.publish(ctx.store)
    return {}


@action
def modify_domain_remark(ctx: Context, request: models.ModifyDomainRemarkRequest) -> dict[str, Any]:
    """A note on the domain."""
    with ctx.store.lock:
        doc = domain_of(ctx, request.Domain, request.DomainId)
        ctx.store.put(DOMAIN, doc["Domain"], doc | {"Remark": request.Remark or ""})
    return {}
