"""Alert rules and groups: Prometheus evaluates them; nobody is notified."""

import re
from typing import Any

from tencentcloud.monitor.v20180724 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services.monitor import dataplane
from sandbox.services.monitor.inventory import (
    ALERT,
    ALERT_GROUP,
    DISABLED,
    ENABLED,
    part,
    parts,
    prometheus,
    running,
)
from sandbox.services.params import check_name, given, public, stamp

_DURATION = re.compile(r"(\d+[smhdwy])+")


def _check(rule: dict[str, Any]) -> None:
    check_name("RuleName", rule.get("RuleName", ""), 128)
    if not _DURATION.fullmatch(rule.get("Duration", "1m")):
        raise ApiError("InvalidParameterValue", f"`Duration` is `{rule['Duration']}`; a duration such as 1m is wanted.")
    if rule.get("RuleState", rule.get("State", ENABLED)) not in (ENABLED, DISABLED):
        raise ApiError("InvalidParameterValue", "The state of a rule is 2 (on) or 3 (off).")


@action
def create_rule(ctx: Context, request: models.CreateAlertRuleRequest) -> dict[str, Any]:
    """A rule; its name is unique in the instance."""
    asked = given(request)
    _check(asked)
    with ctx.store.lock:
        running(ctx, asked["InstanceId"])
        for other in parts(ctx.store, ALERT, asked["InstanceId"]):
            if other["RuleName"] == asked["RuleName"]:
                raise ApiError("FailedOperation", f"The name `{asked['RuleName']}` is that of `{other['RuleId']}`.")
        id = ctx.store.new_id("ar")
        doc: Doc = {
            "RuleId": id,
            "RuleName": asked["RuleName"],
            "RuleState": asked.get("RuleState", ENABLED),
            "Type": asked.get("Type", ""),
            "Labels": asked.get("Labels", []),
            "Annotations": asked.get("Annotations", []),
            "Expr": asked["Expr"],
            "Duration": asked.get("Duration", "1m"),
            "Receivers": asked.get("Receivers", []),
            "Health": "ok",
            "CreatedAt": stamp(ctx),
            "UpdatedAt": stamp(ctx),
            "_prometheus": asked["InstanceId"],
            "_id": id,
        }
        ctx.store.put(ALERT, id, doc, ctx.region)
    dataplane.accept(ctx.store, asked["InstanceId"], ALERT, id, None)
    return {"RuleId": id}


@action
def update_rule(ctx: Context, request: models.UpdateAlertRuleRequest) -> dict[str, Any]:
    """What is given changes."""
    asked = given(request)
    _check(asked)
    with ctx.store.lock:
        before = part(ctx, ALERT, asked["InstanceId"], asked["RuleId"], "alert rule")
        kept = {key: value for key, value in asked.items() if key not in ("InstanceId", "RuleId")}
        ctx.store.put(ALERT, asked["RuleId"], before | kept | {"UpdatedAt": stamp(ctx)})
    dataplane.accept(ctx.store, asked["InstanceId"], ALERT, asked["RuleId"], before)
    return {"RuleId": asked["RuleId"]}


@action
def describe_rules(ctx: Context, request: models.DescribeAlertRulesRequest) -> dict[str, Any]:
    """By id, state, name, type."""
    asked = given(request)
    prometheus(ctx, asked["InstanceId"])
    docs = [
        doc
        for doc in parts(ctx.store, ALERT, asked["InstanceId"])
        if all(doc[key] == asked.get(key, doc[key]) for key in ("RuleId", "RuleState", "Type"))
        and asked.get("RuleName", "") in doc["RuleName"]
    ]
    found = page(docs, request.Offset, request.Limit)
    return {"TotalCount": len(docs), "AlertRuleSet": [public(doc) for doc in found]}


@action
def delete_rules(ctx: Context, request: models.DeleteAlertRulesRequest) -> dict[str, Any]:
    """Those named; one that is gone is accepted."""
    return _delete(ctx, ALERT, given(request)["InstanceId"], given(request)["RuleIds"])


def _delete(ctx: Context, kind: str, prometheus_id: str, ids: list[str]) -> dict[str, Any]:
    with ctx.store.lock:
        prometheus(ctx, prometheus_id)
        for id in ids:
            ctx.store.delete(kind, id)
    dataplane.apply(ctx.store, prometheus_id)
    return {}


def _group(ctx: Context, asked: dict[str, Any], id: str) -> Doc:
    for rule in asked.get("Rules", []):
        _check(rule)
    check_name("GroupName", asked.get("GroupName", ""), 64)
    return {
        "GroupId": id,
        "GroupName": asked["GroupName"],
        "AMPReceivers": asked.get("AMPReceivers", []),
        "CustomReceiver": asked.get("CustomReceiver"),
        "RepeatInterval": asked.get("RepeatInterval", "1h"),
        "Rules": asked.get("Rules", []),
        "CreatedAt": stamp(ctx),
        "UpdatedAt": stamp(ctx),
        "_prometheus": asked["InstanceId"],
        "_id": id,
    }


@action
def create_group(ctx: Context, request: models.CreatePrometheusAlertGroupRequest) -> dict[str, Any]:
    """A group of alert rules."""
    asked = given(request)
    with ctx.store.lock:
        running(ctx, asked["InstanceId"])
        id = ctx.store.new_id("alert")
        ctx.store.put(ALERT_GROUP, id, _group(ctx, asked, id), ctx.region)
    dataplane.accept(ctx.store, asked["InstanceId"], ALERT_GROUP, id, None)
    return {"GroupId": id}


@action
def update_group(ctx: Context, request: models.UpdatePrometheusAlertGroupRequest) -> dict[str, Any]:
    """The whole group anew."""
    asked = given(request)
    with ctx.store.lock:
        before = part(ctx, ALERT_GROUP, asked["InstanceId"], asked["GroupId"], "alert group")
        changed = _group(ctx, asked, asked["GroupId"]) | {"CreatedAt": before["CreatedAt"]}
        ctx.store.put(ALERT_GROUP, asked["GroupId"], changed)
    dataplane.accept(ctx.store, asked["InstanceId"], ALERT_GROUP, asked["GroupId"], before)
    return {"GroupId": asked["GroupId"]}


@action
def describe_groups(ctx: Context, request: models.DescribePrometheusAlertGroupsRequest) -> dict[str, Any]:
    """By id or name."""
    asked = given(request)
    prometheus(ctx, asked["InstanceId"])
    docs = [
        doc
        for doc in parts(ctx.store, ALERT_GROUP, asked["InstanceId"])
        if doc["GroupId"] == asked.get("GroupId", doc["GroupId"]) and asked.get("GroupName", "") in doc["GroupName"]
    ]
    found = page(docs, request.Offset, request.Limit)
    return {"AlertGroupSet": [public(doc) for doc in found], "TotalCount": len(docs)}


@action
def delete_groups(ctx: Context, request: models.DeletePrometheusAlertGroupsRequest) -> dict[str, Any]:
    """Those named; one that is gone is accepted."""
    return _delete(ctx, ALERT_GROUP, given(request)["InstanceId"], given(request)["GroupIds"])
