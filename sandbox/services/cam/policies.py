"""The account's own policies, beside the cloud's (presets)."""

from typing import Any

from tencentcloud.cam.v20190116 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.services.cam import documents
from sandbox.services.cam.kinds import ATTACHMENTS, POLICIES, detach, paged, the_policy
from sandbox.services.cam.presets import PRESET
from sandbox.services.cam.roles import NAME
from sandbox.services.params import given, stamp, tag_set

_CUSTOM = 1
_FIRST = 200000001


def _check_name(ctx: Context, name: str) -> None:
    if not NAME.fullmatch(name):
        raise ApiError("InvalidParameter.PolicyNameError", f"The policy name `{name}` is not valid.")
    if any(policy["PolicyName"] == name for policy in POLICIES.list(ctx)):
        raise ApiError("FailedOperation.PolicyNameInUse", f"The policy name `{name}` is in use.")


@action
def create_policy(ctx: Context, request: models.CreatePolicyRequest) -> dict[str, Any]:
    """The name is unique in the account."""
    asked = given(request)
    documents.check(asked["PolicyDocument"], trust=False)
    with ctx.store.lock:
        _check_name(ctx, asked["PolicyName"])
        id, now = ctx.store.number(POLICIES.name, _FIRST), stamp(ctx)
        policy = {
            "PolicyId": id,
            "PolicyName": asked["PolicyName"],
            "Description": asked.get("Description", ""),
            "Type": _CUSTOM,
            "AddTime": now,
            "UpdateTime": now,
            "PolicyDocument": asked["PolicyDocument"],
            "CreateMode": 2,
            "Tags": tag_set(asked.get("Tags")),
        }
        POLICIES.create(ctx, policy)
    return {"PolicyId": id}


@action
def get_policy(ctx: Context, request: models.GetPolicyRequest) -> dict[str, Any]:
    """By id."""
    policy = POLICIES.need(ctx, str(given(request)["PolicyId"]))
    names = ("PolicyName", "Description", "Type", "AddTime", "UpdateTime", "PolicyDocument", "Tags")
    return {name: policy[name] for name in names} | {"PresetAlias": "", "IsServiceLinkedRolePolicy": 0}


def _own(policy: Doc) -> Doc:
    if policy["Type"] == PRESET:
        raise ApiError("FailedOperation.Unmodifiable", f"The preset policy `{policy['PolicyName']}` cannot be changed.")
    return policy


@action
def update_policy(ctx: Context, request: models.UpdatePolicyRequest) -> dict[str, Any]:
    """What is given changes. The cloud's own policies stay as they are."""
    asked = given(request)
    with ctx.store.lock:
        policy = _own(the_policy(ctx, asked))
        if "PolicyDocument" in asked:
            documents.check(asked["PolicyDocument"], trust=False)
        if asked.get("PolicyName", policy["PolicyName"]) != policy["PolicyName"]:
            _check_name(ctx, asked["PolicyName"])
        changes = {name: asked[name] for name in ("PolicyName", "Description", "PolicyDocument") if name in asked}
        POLICIES.save(ctx.store, policy | changes | {"UpdateTime": stamp(ctx)})
    return {"PolicyId": policy["PolicyId"]}


@action
def delete_policy(ctx: Context, request: models.DeletePolicyRequest) -> None:
    """Policies and where they are attached."""
    with ctx.store.lock:
        for policy in [_own(POLICIES.need(ctx, str(id))) for id in given(request)["PolicyId"]]:
            detach(ctx, "PolicyId", policy["PolicyId"])
            POLICIES.drop(ctx, str(policy["PolicyId"]))


@action
def list_policies(ctx: Context, request: models.ListPoliciesRequest) -> dict[str, Any]:
    """Scope: All, QCS (the cloud's own) or Local (the account's); Keyword: part of the name."""
    asked = given(request)
    types = {"QCS": (PRESET,), "Local": (_CUSTOM,)}.get(asked.get("Scope", "All"), (_CUSTOM, PRESET))
    attachments = ATTACHMENTS.list(ctx)
    found = [
        {name: value for name, value in policy.items() if name != "PolicyDocument"}
        | {"Attachments": sum(each["PolicyId"] == policy["PolicyId"] for each in attachments), "IsAttached": None}
        for policy in POLICIES.list(ctx)
        if policy["Type"] in types and asked.get("Keyword", "") in policy["PolicyName"]
    ]
    return paged(found, asked, ServiceTypeList=[])
