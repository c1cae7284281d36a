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
from sandbox.services.dnspod.kinds import DOMAIN, PLAN, RECORD, domain_of, records_in
from sandbox.services.dnspod.plans import NAME_SERVERS, PLANS
from sandbox.services.params import Params, check_one_of, given, public, stamp

_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


@action
def create_domain(ctx: Context, request: models.CreateDomainRequest) -> dict[str, Any]:
    """A zone with its NS records. An empty mark and group 0 are as if not given."""
    asked = given(request)
    name = asked["Domain"].lower().rstrip(".")
    if not _DOMAIN.fullmatch(name) or len(name) > 253:
        raise ApiError("InvalidParameter.DomainInvalid", f"`{asked['Domain']}` is no domain name.")
    with zones.changing():
        if DOMAIN.find(ctx, name):
            raise ApiError("FailedOperation.DomainExists", f"The domain `{name}` exists.")
        grade = (PLAN.find(ctx, "account") or {"Grade": "DP_EXPERT"})["Grade"]
        doc = _new_domain(ctx, asked, name, grade)
        zones.keep(ctx, DOMAIN, doc, "FailedOperation")
        for server in NAME_SERVERS:
            record = {"SubDomain": "@", "RecordType": "NS", "RecordLine": zones.DEFAULT_LINE, "Value": f"{server}."}
            made = records.new_record(ctx, doc, Params(record | {"TTL": 86400}))
            RECORD.save(ctx.store, made | {"DefaultNS": True})
    info = {"Id": doc["DomainId"], "Domain": name, "Punycode": name, "GradeNsList": NAME_SERVERS}
    return {"DomainInfo": info}


def _new_domain(ctx: Context, asked: Params, name: str, grade: str) -> Doc:
    now = stamp(ctx)
    return {
        "DomainId": ctx.store.number("dnspod.domain", 90000001),
        "Domain": name,
        "Punycode": name,
        "Status": "enable",
        "Grade": grade,
        "GradeTitle": PLANS[grade].title,
        "GradeLevel": PLANS[grade].level,
        "GroupId": asked.get("GroupId", 1),
        "IsMark": "yes" if asked.get("IsMark") == "yes" else "no",
        "TTL": 600,
        "CnameSpeedup": "disable",
        "Remark": "",
        "DnsStatus": "",
        "DnspodNsList": NAME_SERVERS,
        "ActualNsList": NAME_SERVERS,
        "UserId": 1,
        "Uin": ctx.account.uin,
        "Owner": ctx.account.uin,
        "OwnerNick": "sandbox",
        "IsVip": "yes",
        "IsGracePeriod": "no",
        "VipBuffered": "no",
        "VipAutoRenew": "no",
        "IsSubDomain": False,
        "TagList": asked.get("Tags", []),
        "SearchEnginePush": "no",
        "SlaveDNS": "no",
        "CreatedOn": now,
        "UpdatedOn": now,
    }


@action
def describe_domain(ctx: Context, request: models.DescribeDomainRequest) -> dict[str, Any]:
    """A domain, with the name servers that answer for it."""
    doc = domain_of(ctx, request.Domain, request.DomainId)
    return {"DomainInfo": public(doc) | {"RecordCount": len(records_in(ctx.store, doc["Domain"]))}}


@action
def describe_domain_list(ctx: Context, request: models.DescribeDomainListRequest) -> dict[str, Any]:
    """Domains whose name holds the keyword."""
    docs = [doc for doc in DOMAIN.list(ctx) if (request.Keyword or "") in doc["Domain"]]
    shared = ("DomainId", "TTL", "Grade", "GroupId", "Remark", "Punycode", "GradeLevel")
    shared += ("GradeTitle", "CreatedOn", "UpdatedOn", "Owner", "TagList")
    # The list writes in capitals what the domain itself writes small.
    upper = {"Status": "Status", "IsVip": "IsVip", "SearchEnginePush": "SearchEnginePush"}
    upper |= {"CNAMESpeedup": "CnameSpeedup", "VipAutoRenew": "VipAutoRenew"}
    listed = [
        {key: doc[key] for key in shared}
        | {key: str(doc[field]).upper() for key, field in upper.items()}
        | {"Name": doc["Domain"], "EffectiveDNS": NAME_SERVERS, "DNSStatus": ""}
        | {"RecordCount": len(records_in(ctx.store, doc["Domain"]))}
        for doc in page(docs, request.Offset, request.Limit, maximum=3000)
    ]
    total = len(docs)
    counts = {"DomainTotal": total, "AllTotal": total, "MineTotal": total, "VipTotal": total}
    return {"DomainCountInfo": counts, "DomainList": listed}


@action
def delete_domain(ctx: Context, request: models.DeleteDomainRequest) -> None:
    """With all its records."""
    with zones.changing():
        name = domain_of(ctx, request.Domain, request.DomainId)["Domain"]
        for record in records_in(ctx.store, name):
            RECORD.drop(ctx, str(record["RecordId"]))
        DOMAIN.drop(ctx, name)
        zones.publish(ctx.store)


@action
def modify_domain_status(ctx: Context, request: models.ModifyDomainStatusRequest) -> None:
    """enable or disable: a disabled domain reads as `pause`, and is not answered for."""
    status = str(request.Status).lower()
    check_one_of("Status", status, ("enable", "disable"))
    with zones.changing():
        doc = domain_of(ctx, request.Domain, request.DomainId)
        doc["Status"] = "enable" if status == "enable" else "pause"
        zones.keep(ctx, DOMAIN, doc, "FailedOperation")


@action
def modify_domain_remark(ctx: Context, request: models.ModifyDomainRemarkRequest) -> None:
    """A note on the domain."""
    with zones.changing():
        doc = domain_of(ctx, request.Domain, request.DomainId)
        DOMAIN.save(ctx.store, doc | {"Remark": request.Remark or ""})
