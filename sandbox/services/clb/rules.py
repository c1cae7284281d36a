"""Forwarding rules of HTTP and HTTPS listeners, and their domains."""

import re
from typing import Any

from tencentcloud.clb.v20180317 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.services.clb import certificates, health, quota, tasks
from sandbox.services.clb.inventory import (
    LAYER_7,
    idle,
    listener,
    remove_rule,
    rule,
    rules_of,
)
from sandbox.services.clb.kinds import RULE
from sandbox.services.params import check_one_of, given, stamp

SCHEDULERS = ("WRR", "IP_HASH", "LEAST_CONN")
FORWARD_TYPES = ("HTTP", "HTTPS")
_DOMAIN = re.compile(r"(\*|\*\.[A-Za-z0-9.-]+|[A-Za-z0-9.-]+(\.\*)?|[A-Za-z0-9_.-]+)")


@action
def create_rule(ctx: Context, request: models.CreateRuleRequest) -> dict[str, Any]:
    """Rules of one listener; the first of a listener becomes its default server."""
    asked = given(request)
    wanted: list[dict[str, Any]] = asked["Rules"]
    with ctx.store.lock:
        idle(ctx, asked["LoadBalancerId"])
        owner = listener(ctx, asked["LoadBalancerId"], asked["ListenerId"])
        if owner["Protocol"] not in LAYER_7:
            raise ApiError("InvalidParameter.ProtocolCheckFailed", f"A {owner['Protocol']} listener has no rules.")
        there = rules_of(ctx.store, owner["ListenerId"])
        quota.limit("TOTAL_LISTENER_RULE_QUOTA", len(there) + len(wanted))
        made: list[Doc] = []
        for each in wanted:
            doc = _new(ctx, owner, each)
            _check_new(there + made, doc)
            doc["DefaultServer"] = bool(each.get("DefaultServer", not there and not made))
            made.append(doc)
        for doc in made:
            _take_over_default(ctx, there, doc)
            RULE.create(ctx, doc)
        tasks.begin(ctx, [asked["LoadBalancerId"]])
    return {"LocationIds": [doc["LocationId"] for doc in made]}


def _take_over_default(ctx: Context, there: list[Doc], doc: Doc) -> None:
    if doc["DefaultServer"]:
        for other in there:
            RULE.save(ctx.store, other | {"DefaultServer": False})


def _check_new(there: list[Doc], doc: Doc) -> None:
    for other in there:
        same = set(other["Domains"]) & set(doc["Domains"])
        if same and other["Url"] == doc["Url"]:
            message = f"The rule {min(same)} {doc['Url']} exists: `{other['LocationId']}`."
            raise ApiError(
                "InvalidParameter.RewriteAlreadyExist" if other["RewriteTarget"] else "InvalidParameter", message
            )


def _check_domain(domain: str) -> None:
    if domain.startswith("~"):
        message = f"Domain `{domain}`: the sandbox provides no regular expressions in domains."
        raise ApiError("UnsupportedOperation", message)
    if not 1 <= len(domain) <= 80 or not _DOMAIN.fullmatch(domain):
        message = f"Domain `{domain}`: 1 to 80 letters, digits, `-`, `.`; one `*`, first or last."
        raise ApiError("InvalidParameterValue", message)


def _check_url(url: str) -> None:
    if url.startswith("~"):
        raise ApiError("UnsupportedOperation", f"Url `{url}`: the sandbox provides no regular expressions in URLs.")
    if not url.startswith("/") or len(url) > 200:
        raise ApiError("InvalidParameterValue", f"Url `{url}`: 1 to 200 characters, beginning with `/`.")


def _check_times(asked: dict[str, Any]) -> None:
    session = int(asked.get("SessionExpireTime", 0))
    if session and not 30 <= session <= 3600:
        raise ApiError("InvalidParameterValue", f"`SessionExpireTime` is {session}; allowed: 0, 30 to 3600 s.")
    check_one_of("Scheduler", asked.get("Scheduler", "WRR"), SCHEDULERS)


def _check_forward(asked: dict[str, Any], protocol: str) -> None:
    forward = asked.get("ForwardType", "HTTP")
    check_one_of("ForwardType", forward, FORWARD_TYPES)
    if forward != "HTTP" and protocol != "HTTPS":
        raise ApiError("InvalidParameterValue", f"`ForwardType` {forward} needs an HTTPS listener.")


def _new(ctx: Context, owner: Doc, asked: dict[str, Any]) -> Doc:
    domains: list[str] = (
        asked.get("Domains") or [asked["Domain"]] if asked.get("Domain") or asked.get("Domains") else []
    )
    if not domains:
        raise ApiError("MissingParameter", "A rule needs `Domain` or `Domains`.")
    for domain in domains:
        _check_domain(domain)
    _check_url(asked["Url"])
    _check_times(asked)
    _check_forward(asked, owner["Protocol"])
    if asked.get("Http2") and owner["Protocol"] != "HTTPS":
        raise ApiError("InvalidParameter", "`Http2` needs an HTTPS listener.")
    certificate = certificates.settle(ctx, asked)
    if certificate and not owner["SniSwitch"]:
        raise ApiError("InvalidParameter", "A rule has certificates of its own under an HTTPS listener with SNI alone.")
    if owner["SniSwitch"] and not certificate:
        certificate = _certificate_of_domain(ctx, owner, domains)
    return {
        "LocationId": ctx.store.new_id("loc"),
        "ListenerId": owner["ListenerId"],
        "Domain": domains[0],
        "Domains": domains,
        "Url": asked["Url"],
        "SessionExpireTime": asked.get("SessionExpireTime", 0),
        "HealthCheck": health.settle(asked.get("HealthCheck"), owner["Protocol"]),
        "Certificate": certificate,
        "Scheduler": asked.get("Scheduler", "WRR"),
        "RewriteTarget": {},
        "HttpGzip": True,
        "BeAutoCreated": False,
        "DefaultServer": False,
        "Http2": bool(asked.get("Http2", False)),
        "ForwardType": asked.get("ForwardType", "HTTP"),
        "CreateTime": stamp(ctx),
        "TargetType": asked.get("TargetType", "NODE"),
        "QuicStatus": _quic(asked),
        "OAuth": {"OAuthEnable": False, "OAuthFailureStatus": ""},
        "_lb": owner["_lb"],
        "_targets": [],
    }


def _quic(asked: dict[str, Any]) -> str:
    """It only reads back: the sandbox carries no QUIC."""
    return "QUIC_ACTIVE" if asked.get("Quic") else "QUIC_INACTIVE"


def _certificate_of_domain(ctx: Context, owner: Doc, domains: list[str]) -> dict[str, Any]:
    for other in rules_of(ctx.store, owner["ListenerId"]):
        if set(other["Domains"]) & set(domains) and other["Certificate"]:
            return dict(other["Certificate"])
    raise ApiError("InvalidParameter", f"Domain `{domains[0]}` needs `Certificate`: the listener has SNI on.")


@action
def modify_rule(ctx: Context, request: models.ModifyRuleRequest) -> dict[str, Any]:
    """URL, health check, scheduler, session, forward type; what is given changes."""
    asked = given(request)
    with ctx.store.lock:
        idle(ctx, asked["LoadBalancerId"])
        owner = listener(ctx, asked["LoadBalancerId"], asked["ListenerId"])
        doc = rule(ctx, owner["ListenerId"], asked["LocationId"])
        _check_times(asked)
        _check_forward(asked, owner["Protocol"])
        if "Url" in asked:
            _check_url(asked["Url"])
            others = [
                each for each in rules_of(ctx.store, owner["ListenerId"]) if each["LocationId"] != doc["LocationId"]
            ]
            _check_new(others, doc | {"Url": asked["Url"]})
        if "HealthCheck" in asked:
            doc["HealthCheck"] = health.settle(asked["HealthCheck"], owner["Protocol"], doc["HealthCheck"])
        for key in ("Url", "Scheduler", "SessionExpireTime", "ForwardType", "OAuth"):
            doc[key] = asked.get(key, doc[key])
        RULE.save(ctx.store, doc)
        tasks.begin(ctx, [doc["_lb"]])
    return {}


@action
def modify_domain_attributes(ctx: Context, request: models.ModifyDomainAttributesRequest) -> dict[str, Any]:
    """Name, certificate, HTTP/2 and default server of a domain: they hold for all its rules.

    Rules of several domains may be named by `NewDomains` alone, which then changes no name.
    """
    asked = given(request)
    named = asked.get("Domain") or asked.get("NewDomains", [""])[0]
    with ctx.store.lock:
        idle(ctx, asked["LoadBalancerId"])
        owner = listener(ctx, asked["LoadBalancerId"], asked["ListenerId"])
        there = rules_of(ctx.store, owner["ListenerId"])
        docs = [doc for doc in there if named in doc["Domains"]]
        if not docs:
            message = f"No rule has domain `{named}` on listener `{owner['ListenerId']}`."
            raise ApiError("InvalidParameter.LocationNotFound", message)
        if asked.get("Http2") and owner["Protocol"] != "HTTPS":
            raise ApiError("InvalidParameter", "`Http2` needs an HTTPS listener.")
        certificate = certificates.settle(ctx, asked)
        if certificate and not owner["SniSwitch"]:
            raise ApiError("InvalidParameter", "A domain has a certificate of its own under a listener with SNI alone.")
        renamed: list[str] = asked.get("NewDomains") or ([asked["NewDomain"]] if asked.get("NewDomain") else [])
        for domain in renamed:
            _check_domain(domain)
        if asked.get("DefaultServer"):
            _take_over_default(ctx, [doc for doc in there if doc not in docs], {"DefaultServer": True})
        for doc in docs:
            doc |= {"Domain": renamed[0], "Domains": renamed} if renamed else {}
            doc |= {"Certificate": certificate} if certificate else {}
            doc |= {key: asked[key] for key in ("Http2", "DefaultServer") if key in asked}
            doc |= {"QuicStatus": _quic(asked)} if "Quic" in asked else {}
            RULE.save(ctx.store, doc)
        if asked.get("NewDefaultServerDomain"):
            _move_default(ctx, there, asked["NewDefaultServerDomain"])
        tasks.begin(ctx, [owner["_lb"]])
    return {}


def _move_default(ctx: Context, there: list[Doc], domain: str) -> None:
    for doc in there:
        RULE.save(ctx.store, doc | {"DefaultServer": domain in doc["Domains"]})


@action
def delete_rule(ctx: Context, request: models.DeleteRuleRequest) -> dict[str, Any]:
    """By LocationIds, or by Domain (with Url: that one rule)."""
    asked = given(request)
    with ctx.store.lock:
        idle(ctx, asked["LoadBalancerId"])
        owner = listener(ctx, asked["LoadBalancerId"], asked["ListenerId"])
        if asked.get("LocationIds"):
            docs = [rule(ctx, owner["ListenerId"], id) for id in asked["LocationIds"]]
        else:
            docs = [
                doc
                for doc in rules_of(ctx.store, owner["ListenerId"])
                if asked.get("Domain") in doc["Domains"] and doc["Url"] == asked.get("Url", doc["Url"])
            ]
        if not docs:
            raise ApiError(
                "InvalidParameter.LocationNotFound", "No rule is named by `LocationIds`, `Domain` and `Url`."
            )
        for doc in docs:
            remove_rule(ctx.store, doc)
        if asked.get("NewDefaultServerDomain"):
            _move_default(ctx, rules_of(ctx.store, owner["ListenerId"]), asked["NewDefaultServerDomain"])
        tasks.begin(ctx, [owner["_lb"]])
    return {}
