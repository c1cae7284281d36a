"""Alert rules: Prometheus evaluates them; nobody is notified."""

import re
from typing import Any

from tencentcloud.monitor.v20180724 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.locks import holding
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services.monitor import dataplane
from sandbox.services.monitor.kinds import ALERT, ENABLED, PROMETHEUS, check_state, part, parts, running
from sandbox.services.params import Params, check_name, given, public, stamp_utc

_DURATION = re.compile(r"(\d+[smhdwy])+")


def _check(rule: Doc) -> None:
    check_name("RuleName", rule["RuleName"], 128)
    if not _DURATION.fullmatch(rule["Duration"]):
        raise ApiError("InvalidParameterValue", f"`Duration` is `{rule['Duration']}`; a duration such as 1m is wanted.")
    check_state(rule["RuleState"])


def _rule(ctx: Context, asked: Params, id: str, created: str) -> Doc:
    """The whole rule that a request asks for; its name is unique in the instance."""
    for other in parts(ctx.store, ALERT, asked["InstanceId"]):
        if other["RuleName"] == asked["RuleName"] and other["RuleId"] != id:
            raise ApiError("FailedOperation", f"The name `{asked['RuleName']}` is that of `{other['RuleId']}`.")
    doc: Doc = {
        "RuleId": id,
        "RuleName": asked["RuleName"],
        "RuleState": asked["RuleState"],
        "Type": asked.get("Type", ""),
        "Labels": asked.get("Labels", []),
        "Annotations": asked.get("Annotations", []),
        "Expr": asked["Expr"],
        "Duration": asked["Duration"],
        "Receivers": asked["Receivers"],
        "Health": "ok",
        "CreatedAt": created,
        "UpdatedAt": stamp_utc(ctx),
        "_prometheus": asked["InstanceId"],
        "_id": id,
    }
    _check(doc)
    return doc


@action
def create_rule(ctx: Context, request: models.CreateAlertRuleRequest) -> dict[str, Any]:
    """A rule; on and after a minute unless it says otherwise."""
    asked = given(request)
    whole = Params({"RuleState": ENABLED, "Duration": "1m", **asked})
    with holding(PROMETHEUS.name, asked["InstanceId"]):
        running(ctx, asked["InstanceId"])
        id = ctx.store.new_id("arule")
        dataplane.keep(ctx, ALERT, _rule(ctx, whole, id, stamp_utc(ctx)))
    return {"RuleId": id}


@action
def update_rule(ctx: Context, request: models.UpdateAlertRuleRequest) -> dict[str, Any]:
    """The whole rule anew: labels and annotations that are not given are gone."""
    asked = given(request)
    with holding(PROMETHEUS.name, asked["InstanceId"]):
        before = part(ctx, ALERT, asked["InstanceId"], asked["RuleId"])
        dataplane.keep(ctx, ALERT, _rule(ctx, asked, before["RuleId"], before["CreatedAt"]))
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
