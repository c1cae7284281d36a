"""Recording rules: a group as YAML text, which is base64 on the wire."""

import base64
import binascii
from typing import Any

import yaml
from tencentcloud.monitor.v20180724 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.locks import holding
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services.monitor import dataplane
from sandbox.services.monitor.kinds import ENABLED, PROMETHEUS, RECORDING, check_state, part, parts, running
from sandbox.services.params import check_name, given, public, stamp_utc


def _decoded(group: str) -> str | None:
    try:
        return base64.b64decode(group, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _rules(text: str) -> int:
    """How many rules the group has. Raises ApiError for what is no group of recording rules."""
    try:
        group: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ApiError("InvalidParameterValue", f"`Group` is no YAML: {error}") from error
    rules: Any = group.get("rules") if isinstance(group, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # YAML
    if not isinstance(rules, list) or not rules:
        raise ApiError("InvalidParameterValue", "`Group` is one rule group: a mapping with `name` and `rules`.")
    return len(rules)  # pyright: ignore[reportUnknownArgumentType]  # YAML


@action
def create_rule(ctx: Context, request: models.CreateRecordingRuleRequest) -> dict[str, Any]:
    """A group of rules that Prometheus evaluates."""
    asked = given(request)
    check_name("Name", asked["Name"], 128)
    check_state(asked.get("RuleState", ENABLED))
    text = _decoded(asked["Group"])
    if text is None:
        raise ApiError("InvalidParameterValue", "`Group` is not the base64 of a text.")
    with holding(PROMETHEUS.name, asked["InstanceId"]):
        running(ctx, asked["InstanceId"])
        id = ctx.store.new_id("rrule")
        doc: Doc = {
            "RuleId": id,
            "RuleState": asked.get("RuleState", ENABLED),
            "Name": asked["Name"],
            "RuleName": asked["Name"],
            "Group": asked["Group"],
            "Total": _rules(text),
            "CreatedAt": stamp_utc(ctx),
            "UpdatedAt": stamp_utc(ctx),
            "_prometheus": asked["InstanceId"],
            "_id": id,
        }
        dataplane.keep(ctx, RECORDING, doc)
    return {"RuleId": id}


@action
def update_rule(ctx: Context, request: models.UpdateRecordingRuleRequest) -> dict[str, Any]:
    """Another group. Here the official provider sends plain text, which is accepted beside base64."""
    asked = given(request)
    check_name("Name", asked["Name"], 128)
    check_state(asked.get("RuleState", ENABLED))
    text = _decoded(asked["Group"]) or asked["Group"]
    with holding(PROMETHEUS.name, asked["InstanceId"]):
        doc = part(ctx, RECORDING, asked["InstanceId"], asked["RuleId"])
        doc |= {"Name": asked["Name"], "RuleName": asked["Name"], "Total": _rules(text), "UpdatedAt": stamp_utc(ctx)}
        doc["Group"] = base64.b64encode(text.encode()).decode()
        doc["RuleState"] = asked.get("RuleState", doc["RuleState"])
        dataplane.keep(ctx, RECORDING, doc)
    return {"RuleId": asked["RuleId"]}


@action
def describe_rules(ctx: Context, request: models.DescribeRecordingRulesRequest) -> dict[str, Any]:
    """By id, state, name."""
    asked = given(request)
    PROMETHEUS.need(ctx, asked["InstanceId"])
    docs = [
        doc
        for doc in parts(ctx.store, RECORDING, asked["InstanceId"])
        if all(doc[key] == asked.get(key, doc[key]) for key in ("RuleId", "RuleState"))
        and asked.get("Name", "") in doc["Name"]
    ]
    found = page(docs, request.Offset, request.Limit)
    total = sum(doc["Total"] for doc in docs)
    return {"TotalCount": len(docs), "RecordingRuleSet": [public(doc) for doc in found], "TotalRuleCount": total}


@action
def delete_rules(ctx: Context, request: models.DeleteRecordingRulesRequest) -> None:
    """Those named; one that is gone is accepted."""
    dataplane.forget_rules(ctx, RECORDING, given(request))
