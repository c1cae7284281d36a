"""Recording rules: a group as YAML text."""

from typing import Any

import yaml
from tencentcloud.monitor.v20180724 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.services.monitor import dataplane
from sandbox.services.monitor.inventory import (
    DISABLED,
    ENABLED,
    RECORDING,
    part,
    parts,
    prometheus,
    running,
)
from sandbox.services.params import check_name, given, public, stamp


def _check(asked: dict[str, Any]) -> int:
    """How many rules the group has. Raises ApiError for what is no group of recording rules."""
    check_name("Name", asked["Name"], 128)
    if asked.get("RuleState", ENABLED) not in (ENABLED, DISABLED):
        raise ApiError("InvalidParameterValue", f"`RuleState` is {asked['RuleState']}; allowed: 2 (on), 3 (off).")
    try:
        group: Any = yaml.safe_load(asked["Group"])
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
    total = _check(asked)
    with ctx.store.lock:
        running(ctx, asked["InstanceId"])
        id = ctx.store.new_id("rr")
        doc = {
            "RuleId": id,
            "RuleState": asked.get("RuleState", ENABLED),
            "Name": asked["Name"],
            "RuleName": asked["Name"],
            "Group": asked["Group"],
            "Total": total,
            "CreatedAt": stamp(ctx),
            "UpdatedAt": stamp(ctx),
            "_prometheus": asked["InstanceId"],
            "_id": id,
        }
        ctx.store.put(RECORDING, id, doc, ctx.region)
    dataplane.accept(ctx.store, asked["InstanceId"], RECORDING, id, None)
    return {"RuleId": id}


@action
def update_rule(ctx: Context, request: models.UpdateRecordingRuleRequest) -> dict[str, Any]:
    """Another group."""
    asked = given(request)
    total = _check(asked)
    with ctx.store.lock:
        before = part(ctx, RECORDING, asked["InstanceId"], asked["RuleId"], "recording rule")
        changed = {key: asked[key] for key in ("Name", "Group", "RuleState") if key in asked}
        named = {"RuleName": asked["Name"], "Total": total, "UpdatedAt": stamp(ctx)}
        ctx.store.put(RECORDING, asked["RuleId"], before | changed | named)
    dataplane.accept(ctx.store, asked["InstanceId"], RECORDING, asked["RuleId"], before)
    return {"RuleId": asked["RuleId"]}


@action
def describe_rules(ctx: Context, request: models.DescribeRecordingRulesRequest) -> dict[str, Any]:
    """By id, state, name."""
    asked = given(request)
    prometheus(ctx, asked["InstanceId"])
    docs = [
        doc
        for doc in parts(ctx.store, RECORDING, asked["InstanceId"])
        if doc["RuleId"] == asked.get("RuleId", doc["RuleId"])
        and doc["RuleState"] == asked.get("RuleState", doc["RuleState"])
        and asked.get("Name", "") in doc["Name"]
    ]
    found = page(docs, request.Offset, request.Limit)
    total = sum(doc["Total"] for doc in docs)
    return {"TotalCount": len(docs), "RecordingRuleSet": [public(doc) for doc in found], "TotalRuleCount": total}


@action
def delete_rules(ctx: Context, request: models.DeleteRecordingRulesRequest) -> dict[str, Any]:
    """Those named; one that is gone is accepted."""
    asked = given(request)
    with ctx.store.lock:
        prometheus(ctx, asked["InstanceId"])
        for id in asked["RuleIds"]:
            ctx.store.delete(RECORDING, id)
    dataplane.apply(ctx.store, asked["InstanceId"])
    return {}
