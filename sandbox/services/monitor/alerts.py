"""Alert rules: Prometheus evaluates them; nobody is notified."""

import re
from collections.abc import Mapping
from typing import Any

from tencentcloud.monitor.v20180724 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.locks import holding
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services.monitor import dataplane
from sandbox.services.monitor.kinds import ALERT, ENABLED, PROMETHEUS, check_state, part, parts, running
from sandbox.services.params import check_name, given, public, stamp_utc

_DURATION = re.compile(r"(\d+[smhdwy])+")


def _check(rule: Mapping[str, Any]) -> None:
    check_name("RuleName", rule["RuleName"], 128)
    if not _DURATION.fullmatch(rule["Duration"]):
        raise ApiError("InvalidParameterValue", f"`Duration` is `{rule['Duration']}`; a duration such as 1m is wanted.")
    check_state(rule["RuleState"])


@action
def create_rule(ctx: Context, request: models.CreateAlertRuleRequest) -> dict[str, Any]:
    """A rule; its name is unique in the instance."""
    asked = given(request)
    with holding(PROMETHEUS.name, asked["InstanceId"]):
        running(ctx, asked["InstanceId"])
        for other in parts(ctx.store, ALERT, asked["InstanceId"]):
            if other["RuleName"] == asked["RuleName"]:
                raise ApiError("FailedOperation", f"The name `{asked['RuleName']}` is that of `{other['RuleId']}`.")
        id = ctx.store.new_id("arule")
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
            "CreatedAt": stamp_utc(ctx),
            "UpdatedAt": stamp_utc(ctx),
            "_prometheus": asked["InstanceId"],
            "_id": id,
        }
        _check(doc)
        dataplane.keep(ctx, ALERT, doc)
    return {"RuleId": id}


@action
def update_rule(ctx: Context, request: models.UpdateAlertRuleRequest) -> dict[str, Any]:
    """What is given changes."""
    asked = given(request)
    with holding(PROMETHEUS.name, asked["InstanceId"]):
        doc = part(ctx, ALERT, asked["InstanceId"], asked["RuleId"])
        doc |= {key: value for key, value in asked.items() if key != "InstanceId"} | {"UpdatedAt": stamp_utc(ctx)}
        _check(doc)
        dataplane.keep(ctx, ALERT, doc)
    return {"RuleId": asked["RuleId"]}


@action
def describe_rules(ctx: Context, request: models.DescribeAlertRulesRequest) -> dict[str, Any]:
    """By id, state, name, type."""
    asked = given(request)
    PROMETHEUS.need(ctx, asked["InstanceId"])
    docs = [
        doc
        for doc in parts(ctx.store, ALERT, asked["InstanceId"])
        if all(doc[key] == asked.get(key, doc[key]) for key in ("RuleId", "RuleState", "Type"))
        and asked.get("RuleName", "") in doc["RuleName"]
    ]
    found = page(docs, request.Offset, request.Limit)
    return {"TotalCount": len(docs), "AlertRuleSet": [public(doc) for doc in found]}


@action
def delete_rules(ctx: Context, request: models.DeleteAlertRulesRequest) -> None:
    """Those named; one that is gone is accepted."""
    dataplane.forget_rules(ctx, ALERT, given(request))
