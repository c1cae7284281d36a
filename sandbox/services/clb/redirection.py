"""Redirections between rules: from HTTP to HTTPS by itself, or from rule to rule by hand."""

from typing import Any

from tencentcloud.clb.v20180317 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.services.clb import health, listeners, tasks
from sandbox.services.clb.inventory import idle, listener, listeners_of, load_balancer, rule, rules_of
from sandbox.services.clb.kinds import LISTENER, RULE
from sandbox.services.params import given, public, stamp

CODES = (301, 302, 307)


def _point(ctx: Context, source: Doc, target: Doc, kind: str, code: int) -> None:
    source["RewriteTarget"] = {
        "TargetListenerId": target["ListenerId"],
        "TargetLocationId": target["LocationId"],
        "RewriteCode": code,
        "TakeUrl": True,
        "RewriteType": kind,
    }
    RULE.save(ctx.store, source)


def _check(source: Doc, target: Doc, code: int) -> None:
    if code not in CODES:
        raise ApiError("InvalidParameterValue", f"The redirect code is {code}; allowed: 301, 302, 307.")
    if source["RewriteTarget"]:
        message = f"The rule `{source['LocationId']}` redirects already."
        raise ApiError("InvalidParameter.RewriteAlreadyExist", message)
    if target["RewriteTarget"]:
        raise ApiError("InvalidParameter", f"The rule `{target['LocationId']}` redirects itself: no chains.")
    if source["_targets"]:
        raise ApiError("InvalidParameter", f"The rule `{source['LocationId']}` has targets: take them off first.")


@action
def auto_rewrite(ctx: Context, request: models.AutoRewriteRequest) -> dict[str, Any]:
    """Redirect port 80 to every rule of an HTTPS:443 listener; makes the HTTP listener and rules that are missing."""
    asked = given(request)
    with ctx.store.lock:
        balancer = idle(ctx, asked["LoadBalancerId"])
        target = listener(ctx, asked["LoadBalancerId"], asked["ListenerId"])
        if target["Protocol"] != "HTTPS" or target["Port"] != 443:
            raise ApiError("InvalidParameter", "AutoRewrite goes to an HTTPS listener on port 443.")
        source = _plain_listener(ctx, balancer["LoadBalancerId"])
        for aim in rules_of(ctx.store, target["ListenerId"]):
            if not set(asked.get("Domains", aim["Domains"])) & set(aim["Domains"]):
                continue
            origin = _plain_rule(ctx, source, aim)
            if not origin["RewriteTarget"]:
                _check(origin, aim, 301)
                _point(ctx, origin, aim, "Auto", 301)
        tasks.begin(ctx, [balancer["LoadBalancerId"]])
    return {}


def _plain_listener(ctx: Context, lb_id: str) -> Doc:
    for each in listeners_of(ctx.store, lb_id):
        if each["Port"] == 80 and each["Protocol"] in ("TCP", "TCP_SSL", "HTTPS", "HTTP"):
            if each["Protocol"] != "HTTP":
                raise ApiError("InvalidParameter.PortCheckFailed", f"Port 80 is taken by `{each['ListenerId']}`.")
            return each
    doc = listeners.new(ctx, {"Protocol": "HTTP", "LoadBalancerId": lb_id}, 80)
    LISTENER.create(ctx, doc)
    return doc


def _plain_rule(ctx: Context, source: Doc, aim: Doc) -> Doc:
    for each in rules_of(ctx.store, source["ListenerId"]):
        if set(each["Domains"]) & set(aim["Domains"]) and each["Url"] == aim["Url"]:
            return each
    made: Doc = dict(aim)
    made |= {
        "LocationId": ctx.store.new_id("loc"),
        "ListenerId": source["ListenerId"],
        "Certificate": None,
        "HealthCheck": health.defaults("HTTP"),
        "Http2": False,
        "ForwardType": "HTTP",
        "BeAutoCreated": True,
        "RewriteTarget": {},
        "CreateTime": stamp(ctx),
        "_targets": [],
    }
    RULE.create(ctx, made)
    return made


@action
def manual_rewrite(ctx: Context, request: models.ManualRewriteRequest) -> dict[str, Any]:
    """Redirect rules of one listener to rules of another."""
    asked = given(request)
    with ctx.store.lock:
        balancer = idle(ctx, asked["LoadBalancerId"])
        for key in ("SourceListenerId", "TargetListenerId"):
            listener(ctx, asked["LoadBalancerId"], asked[key])
        pairs: list[tuple[Doc, Doc, int]] = []
        for info in asked["RewriteInfos"]:
            source = rule(ctx, asked["SourceListenerId"], info["SourceLocationId"])
            target = rule(ctx, asked["TargetListenerId"], info["TargetLocationId"])
            code = int(info.get("RewriteCode", 301))
            _check(source, target, code)
            pairs.append((source, target, code))
        for source, target, code in pairs:
            _point(ctx, source, target, "Manual", code)
        tasks.begin(ctx, [balancer["LoadBalancerId"]])
    return {}


@action
def describe_rewrite(ctx: Context, request: models.DescribeRewriteRequest) -> dict[str, Any]:
    """The rules that redirect."""
    asked = given(request)
    load_balancer(ctx, asked["LoadBalancerId"])
    found: list[Doc] = []
    for owner in listeners_of(ctx.store, asked["LoadBalancerId"]):
        if owner["ListenerId"] in asked.get("SourceListenerIds", [owner["ListenerId"]]):
            found += [doc for doc in rules_of(ctx.store, owner["ListenerId"]) if doc["RewriteTarget"]]
    wanted = asked.get("SourceLocationIds")
    return {"RewriteSet": [public(doc) for doc in found if not wanted or doc["LocationId"] in wanted]}


@action
def delete_rewrite(ctx: Context, request: models.DeleteRewriteRequest) -> dict[str, Any]:
    """End redirections; the rules stay."""
    asked = given(request)
    with ctx.store.lock:
        balancer = idle(ctx, asked["LoadBalancerId"])
        for info in asked["RewriteInfos"]:
            source = rule(ctx, asked["SourceListenerId"], info["SourceLocationId"])
            if source["RewriteTarget"].get("TargetLocationId") != info["TargetLocationId"]:
                message = f"The rule `{source['LocationId']}` does not redirect to `{info['TargetLocationId']}`."
                raise ApiError("InvalidParameter", message)
            RULE.save(ctx.store, source | {"RewriteTarget": {}})
        tasks.begin(ctx, [balancer["LoadBalancerId"]])
    return {}
