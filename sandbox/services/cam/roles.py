"""Roles, and the policies that are attached to them."""

import re
from typing import Any

from tencentcloud.cam.v20190116 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.store import Docs
from sandbox.services.cam import documents
from sandbox.services.cam.kinds import ATTACHMENTS, POLICIES, ROLES, detach, paged, the_policy, the_role
from sandbox.services.cam.presets import PRESET
from sandbox.services.params import Params, given, stamp, tag_set

NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_FIRST = 4611686018427900001
_NO_POLICY = "InvalidParameter.PolicyIdNotExist"


@action
def get_user_app_id(ctx: Context, request: models.GetUserAppIdRequest) -> dict[str, Any]:
    """The account's numbers."""
    return {"Uin": ctx.account.uin, "OwnerUin": ctx.account.uin, "AppId": ctx.account.app_id}


@action
def create_role(ctx: Context, request: models.CreateRoleRequest) -> dict[str, Any]:
    """The name is unique in the account."""
    asked = given(request)
    name, document = asked["RoleName"], asked["PolicyDocument"]
    if not NAME.fullmatch(name):
        raise ApiError("InvalidParameter.RoleNameError", f"The role name `{name}` is not valid.")
    documents.check(document, trust=True)
    with ctx.store.lock:
        if any(role["RoleName"] == name for role in ROLES.list(ctx)):
            raise ApiError("InvalidParameter.RoleNameInUse", f"The role name `{name}` is in use.")
        id, now = str(ctx.store.number(ROLES.name, _FIRST)), stamp(ctx)
        role = {
            "RoleId": id,
            "RoleName": name,
            "PolicyDocument": document,
            "Description": asked.get("Description", ""),
            "AddTime": now,
            "UpdateTime": now,
            "ConsoleLogin": asked.get("ConsoleLogin", 0),
            "RoleType": "user",
            "SessionDuration": asked.get("SessionDuration", 7200),
            "DeletionTaskId": "",
            "RoleArn": f"qcs::cam::uin/{ctx.account.uin}:roleName/{name}",
            "Tags": tag_set(asked.get("Tags")),
        }
        ROLES.create(ctx, role)
    return {"RoleId": id}


@action
def get_role(ctx: Context, request: models.GetRoleRequest) -> dict[str, Any]:
    """By id or name."""
    return {"RoleInfo": the_role(ctx, given(request))}


@action
def describe_role_list(ctx: Context, request: models.DescribeRoleListRequest) -> dict[str, Any]:
    """With Tags, those roles that have all of them."""
    asked = given(request)
    wanted = tag_set(asked.get("Tags"))
    return paged([role for role in ROLES.list(ctx) if all(tag in role["Tags"] for tag in wanted)], asked)


def _change(ctx: Context, asked: Params, **changes: Any) -> None:
    with ctx.store.lock:
        ROLES.save(ctx.store, the_role(ctx, asked) | changes | {"UpdateTime": stamp(ctx)})


@action
def update_assume_role_policy(ctx: Context, request: models.UpdateAssumeRolePolicyRequest) -> None:
    """Who may take the role."""
    asked = given(request)
    documents.check(asked["PolicyDocument"], trust=True)
    _change(ctx, asked, PolicyDocument=asked["PolicyDocument"])


@action
def update_role_description(ctx: Context, request: models.UpdateRoleDescriptionRequest) -> None:
    """The role's description; "" for none."""
    asked = given(request)
    _change(ctx, asked, Description=asked["Description"])


@action
def update_role_console_login(ctx: Context, request: models.UpdateRoleConsoleLoginRequest) -> None:
    """Whether people may take the role in the console. The id is a number here."""
    asked = given(request)
    _change(ctx, asked, ConsoleLogin=asked["ConsoleLogin"])


@action
def update_role_session_duration(ctx: Context, request: models.UpdateRoleSessionDurationRequest) -> None:
    """For how many seconds its keys are good. The id is a number here."""
    asked = given(request)
    _change(ctx, asked, SessionDuration=asked["SessionDuration"])


@action
def delete_role(ctx: Context, request: models.DeleteRoleRequest) -> None:
    """The role and its attachments."""
    with ctx.store.lock:
        role = the_role(ctx, given(request))
        detach(ctx, "RoleId", role["RoleId"])
        ROLES.drop(ctx, role["RoleId"])


@action
def attach_role_policy(ctx: Context, request: models.AttachRolePolicyRequest) -> None:
    """Twice is once."""
    asked = given(request)
    with ctx.store.lock:
        role, policy = the_role(ctx, asked, "Attach"), the_policy(ctx, asked, _NO_POLICY)
        id = f"{role['RoleId']}#{policy['PolicyId']}"
        if ATTACHMENTS.find(ctx, id) is None:
            doc = {"RoleId": role["RoleId"], "PolicyId": policy["PolicyId"], "AddTime": stamp(ctx)}
            ATTACHMENTS.create(ctx, doc | {"_id": id})


@action
def detach_role_policy(ctx: Context, request: models.DetachRolePolicyRequest) -> None:
    """What is not attached is accepted."""
    asked = given(request)
    with ctx.store.lock:
        role, policy = the_role(ctx, asked, "Detach"), the_policy(ctx, asked, _NO_POLICY)
        ATTACHMENTS.drop(ctx, f"{role['RoleId']}#{policy['PolicyId']}")


@action
def list_attached_role_policies(ctx: Context, request: models.ListAttachedRolePoliciesRequest) -> dict[str, Any]:
    """The policies of a role. PolicyType: User (the account's) or QCS (the cloud's)."""
    asked = given(request)
    role = the_role(ctx, asked)
    found: Docs = []
    for attachment in ATTACHMENTS.list(ctx):
        if attachment["RoleId"] != role["RoleId"]:
            continue
        policy = POLICIES.need(ctx, str(attachment["PolicyId"]))
        kind = "QCS" if policy["Type"] == PRESET else "User"
        if asked.get("PolicyType") in (None, "", kind) and asked.get("Keyword", "") in policy["PolicyName"]:
            entry = {name: policy[name] for name in ("PolicyId", "PolicyName", "CreateMode", "Description")}
            entry |= {"AddTime": attachment["AddTime"], "PolicyType": kind, "Deactived": 0, "DeactivedDetail": []}
            found.append(entry)
    return paged(found, asked)
