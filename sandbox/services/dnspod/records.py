"""Records; the name server answers by them when a call returns."""

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from tencentcloud.dnspod.v20210323 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services import zones
from sandbox.services.dnspod.kinds import DOMAIN, RECORD, domain_of, record_of, records_in
from sandbox.services.dnspod.plans import GROUP_LINES, LINES, plan_of
from sandbox.services.params import Params, check_one_of, given, public, stamp

TYPES = ("A", "AAAA", "CNAME", "MX", "TXT", "NS", "SRV", "CAA", "HTTPS", "SVCB", "SPF", "显性URL", "隐性URL")
_HOST = re.compile(
    r"(\*|[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*"
)


def _line(doc: Doc, asked: Params) -> tuple[str, str]:
    known = LINES | (GROUP_LINES if plan_of(doc).group_lines else {})
    by_id = {id: name for name, id in known.items()}
    name = by_id.get(asked["RecordLineId"]) if asked.get("RecordLineId") else asked["RecordLine"]
    if name not in known:
        given_line = asked.get("RecordLineId") or asked["RecordLine"]
        message = f"The line `{given_line}` is not in plan {doc['Grade']}; its lines: {', '.join(known)}."
        raise ApiError("InvalidParameter.RecordLineInvalid", message)
    return str(name), known[str(name)]


def _check_value(kind: str, value: str) -> None:
    try:
        if kind == "A":
            IPv4Address(value)
        elif kind == "AAAA":
            IPv6Address(value)
        elif kind in ("CNAME", "MX", "NS") and not _HOST.fullmatch(value.rstrip(".")):
            raise ValueError(value)
    except ValueError:
        raise ApiError("InvalidParameter.RecordValueInvalid", f"`{value}` is no value of type {kind}.") from None
    if not value or len(value) > 4096:
        raise ApiError("InvalidParameter.RecordValueInvalid", f"A value has 1 to 4096 characters, given {len(value)}.")


def new_record(ctx: Context, doc: Doc, asked: Params, before: Doc | None = None) -> Doc:
    """The record that a request asks for, checked by itself."""
    name = asked.get("SubDomain") or "@"
    if name != "@" and (not _HOST.fullmatch(name) or len(name) > 200):
        raise ApiError("InvalidParameter.SubdomainInvalid", f"`{name}` is no host record.")
    kind = asked["RecordType"]
    if kind not in TYPES:
        raise ApiError("InvalidParameter.RecordTypeInvalid", f"The type `{kind}` is none of {', '.join(TYPES)}.")
    line, line_id = _line(doc, asked)
    _check_value(kind, asked["Value"])
    if kind == "MX" and not 1 <= int(asked.get("MX", 0)) <= 20:
        raise ApiError("InvalidParameter.MxInvalid", f"`MX` is {asked.get('MX')}; an MX record needs 1 to 20.")
    ttl = int(asked.get("TTL", max(600, plan_of(doc).least_ttl_s)))
    if not plan_of(doc).least_ttl_s <= ttl <= 604800:
        message = f"`TTL` is {ttl}; plan {doc['Grade']} allows {plan_of(doc).least_ttl_s} to 604800 s."
        raise ApiError("LimitExceeded.RecordTtlLimit", message)
    weight = asked.get("Weight")
    if weight is not None and not 0 <= int(weight) <= 100:
        raise ApiError("InvalidParameter.InvalidWeight", f"`Weight` is {weight}; allowed: 0 to 100.")
    status = str(asked.get("Status", "ENABLE")).upper()
    check_one_of("Status", status, ("ENABLE", "DISABLE"))
    dotted = kind in ("CNAME", "MX", "NS") and not asked["Value"].endswith(".")
    return {
        "RecordId": before["RecordId"] if before else ctx.store.number("dnspod.record", 1900000001),
        "Name": name,
        "Type": kind,
        "Line": line,
        "LineId": line_id,
        "Value": asked["Value"] + ("." if dotted else ""),
        "TTL": ttl,
        "MX": int(asked.get("MX", 0)) if kind == "MX" else 0,
        "Weight": int(weight) if weight else None,
        "Status": status,
        "MonitorStatus": "",
        "Remark": asked.get("Remark", before["Remark"] if before else ""),
        "UpdatedOn": stamp(ctx),
        "DefaultNS": False,
        "_domain": doc["Domain"],
        "_group": asked.get("GroupId", 0),
    }


def _check_beside(ctx: Context, doc: Doc, record: Doc) -> None:
    """Raise ApiError for a duplicate, A beside CNAME on one line, or more records than the plan balances."""
    beside = [
        other
        for other in records_in(ctx.store, doc["Domain"])
        if other["Name"] == record["Name"]
        and other["Line"] == record["Line"]
        and other["RecordId"] != record["RecordId"]
    ]
    for other in beside:
        if (other["Type"], other["Value"]) == (record["Type"], record["Value"]):
            message = f"The record exists: {other['RecordId']} ({record['Name']} {record['Type']} {record['Line']})."
            raise ApiError("InvalidParameter.DomainRecordExist", message)
    exclusive = {"A", "AAAA", "CNAME", "MX", "TXT"}
    for other in beside:
        pair = {other["Type"], record["Type"]}
        if "CNAME" in pair and len(pair) == 2 and pair <= exclusive and record["Status"] == "ENABLE":
            there = f"{other['Type']} record on line {record['Line']}"
            message = f"`{record['Name']}` has a {there}: no {record['Type']} beside it."
            raise ApiError("InvalidParameter.CustomMessage", message)
    same = sum(1 for other in beside if other["Type"] == record["Type"])
    if record["Type"] in ("A", "AAAA", "CNAME") and same >= plan_of(doc).balance:
        message = f"Plan {doc['Grade']} balances {plan_of(doc).balance} records of a name, type and line."
        raise ApiError("LimitExceeded.SubdomainRollLimit", message)


def _keep(ctx: Context, doc: Doc, record: Doc) -> dict[str, Any]:
    """Write and publish a record that fits beside the others."""
    _check_beside(ctx, doc, record)
    zones.keep(ctx, RECORD, record, "InvalidParameter.RecordValueInvalid")
    return {"RecordId": record["RecordId"]}


def add(ctx: Context, domain: str, asked: Params) -> int:
    """A new record of the account's domain; answered for when this returns. Returns its id."""
    with zones.changing():
        doc = domain_of(ctx, domain)
        return _keep(ctx, doc, new_record(ctx, doc, asked))["RecordId"]


def zone_of(ctx: Context, name: str) -> str | None:
    """The account's domain that a name is in, the longest of them."""
    inside = [domain for doc in DOMAIN.list(ctx) if f".{name}".endswith(f".{(domain := doc['Domain'])}")]
    return max(inside, key=len) if inside else None


@action
def create_record(ctx: Context, request: models.CreateRecordRequest) -> dict[str, Any]:
    """A record; answered for when this returns."""
    domain = domain_of(ctx, request.Domain, request.DomainId)["Domain"]
    return {"RecordId": add(ctx, domain, given(request))}


@action
def modify_record(ctx: Context, request: models.ModifyRecordRequest) -> dict[str, Any]:
    """All fields anew."""
    asked = given(request)
    with zones.changing():
        doc = domain_of(ctx, request.Domain, request.DomainId)
        return _keep(ctx, doc, new_record(ctx, doc, asked, record_of(ctx, doc, asked["RecordId"])))


@action
def modify_record_status(ctx: Context, request: models.ModifyRecordStatusRequest) -> dict[str, Any]:
    """ENABLE or DISABLE."""
    status = str(request.Status).upper()
    check_one_of("Status", status, ("ENABLE", "DISABLE"))
    with zones.changing():
        doc = domain_of(ctx, request.Domain, request.DomainId)
        return _keep(ctx, doc, record_of(ctx, doc, given(request)["RecordId"]) | {"Status": status})


@action
def modify_record_remark(ctx: Context, request: models.ModifyRecordRemarkRequest) -> None:
    """A note on the record."""
    with zones.changing():
        doc = domain_of(ctx, request.Domain, request.DomainId)
        RECORD.save(ctx.store, record_of(ctx, doc, request.RecordId) | {"Remark": request.Remark or ""})


@action
def delete_record(ctx: Context, request: models.DeleteRecordRequest) -> None:
    """One that is gone already is an error."""
    with zones.changing():
        record = record_of(ctx, domain_of(ctx, request.Domain, request.DomainId), request.RecordId)
        if record["DefaultNS"]:
            raise ApiError("InvalidParameter.OperateFailed", "The NS records of the zone itself cannot be deleted.")
        RECORD.drop(ctx, str(record["RecordId"]))
        zones.publish(ctx.store)


@action
def describe_record(ctx: Context, request: models.DescribeRecordRequest) -> dict[str, Any]:
    """A record."""
    doc = domain_of(ctx, request.Domain, request.DomainId)
    record = record_of(ctx, doc, request.RecordId)
    names = {"Name": "SubDomain", "Type": "RecordType", "Line": "RecordLine", "LineId": "RecordLineId"}
    info = {names[key]: record[key] for key in names}
    info |= {key: record[key] for key in ("Value", "Weight", "MX", "TTL", "MonitorStatus", "Remark", "UpdatedOn")}
    enabled = 1 if record["Status"] == "ENABLE" else 0
    return {"RecordInfo": info | {"Id": record["RecordId"], "Enabled": enabled, "DomainId": doc["DomainId"]}}


@action
def describe_record_list(ctx: Context, request: models.DescribeRecordListRequest) -> dict[str, Any]:
    """By host record, type, line or keyword. Finding none is an error, unless ErrorOnEmpty is no."""
    asked = given(request)
    doc = domain_of(ctx, request.Domain, request.DomainId)
    exact = {
        "Subdomain": "Name",
        "SubDomain": "Name",
        "RecordType": "Type",
        "RecordLine": "Line",
        "RecordLineId": "LineId",
    }
    word = asked.get("Keyword", "")
    all_records = records_in(ctx.store, doc["Domain"])
    records = [
        record
        for record in all_records
        if all(record[field] == asked[key] for key, field in exact.items() if key in asked)
        and (word in record["Name"] or word in record["Value"])
    ]
    if not records and asked.get("ErrorOnEmpty", "yes") != "no":
        raise ApiError("ResourceNotFound.NoDataOfRecord", f"No record of `{doc['Domain']}` fits.")
    listed = page(records, asked.get("Offset"), asked.get("Limit"), default=100, maximum=3000)
    subdomains = len({record["Name"] for record in all_records})
    counts = {"SubdomainCount": subdomains, "ListCount": len(listed), "TotalCount": len(records)}
    return {"RecordCountInfo": counts, "RecordList": [public(record) for record in listed]}
