"""CAM 2019-01-16: roles, policies and which policy is attached to which role.

Error codes: the SDK's own table (tencentcloud/cam/v20190116/errorcodes.py).
"""

import json
import re
from typing import Any

from tencentcloud.cam.v20190116 import models

from sandbox.api import tags
from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.api.validation import require

_ROLE, _POLICY, _ATTACHMENT = "cam.role", "cam.policy", "cam.attachment"
_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_CUSTOM = 1
_FIRST_ROLE = 4611686018427900001
_FIRST_POLICY = 200000001
_MAX_DOCUMENT = 6144


def _time(ctx: Context) -> str:
    return ctx.now().strftime("%Y-%m-%d %H:%M:%S")


def _document(text: str, *, trust: bool) -> None:
    """Check a policy document. `trust`: of a role (principals), else of a policy (resources)."""
    if len(text) > _MAX_DOCUMENT:
        message = f"The policy document has {len(text)} characters, {_MAX_DOCUMENT} are allowed."
        raise ApiError("InvalidParameter.PolicyDocumentLengthOverLimit", message)
    try:
        document: Any = json.loads(text)
        statements: Any = document["statement"]
    except (ValueError, KeyError, TypeError):
        message = "The policy document must be a JSON object with `version` and `statement`."
        raise ApiError("InvalidParameter.PolicyDocumentError", message) from None
    if document.get("version") != "2.0":
        raise ApiError("InvalidParameter.VersionError", 'The `version` of a policy document must be "2.0".')
    listed: list[Any] = [statements] if isinstance(statements, dict) else statements
    for statement in listed:
        _statement(statement, trust=trust)


def _statement(statement: Any, *, trust: bool) -> None:
    if not isinstance(statement, dict) or not statement:
        raise ApiError("InvalidParameter.StatementError", "Each statement must be a JSON object.")
    if statement.get("effect") not in ("allow", "deny"):  # pyright: ignore[reportUnknownMemberType]  # JSON
        raise ApiError("InvalidParameter.EffectError", "The `effect` of a statement must be `allow` or `deny`.")
    if not statement.get("action"):  # pyright: ignore[reportUnknownMemberType]  # JSON
        raise ApiError("InvalidParameter.ActionMiss", "A statement lacks its `action`.")
    if trust and not statement.get("principal"):  # pyright: ignore[reportUnknownMemberType]  # JSON
        raise ApiError("InvalidParameter.PrincipalError", "A statement of a role lacks its `principal`.")
    if not trust and not statement.get("resource"):  # pyright: ignore[reportUnknownMemberType]  # JSON
        raise ApiError("InvalidParameter.ResourceError", "A statement lacks its `resource`.")


def _role(ctx: Context, id: Any, name: Any) -> Doc:
    for role in ctx.store.list(_ROLE):
        if (id is not None and role["RoleId"] == str(id)) or (id is None and role["RoleName"] == name):
            return role
    raise ApiError("InvalidParameter.RoleNotExist", f"The role `{id or name}` does not exist.")


def _tagged(ctx: Context, role: Doc) -> Doc:
    return role | {"Tags": tags.as_list(tags.read(ctx.store, "cam", "role", "", role["RoleId"]))}


def _policy(ctx: Context, id: Any, name: Any = None) -> Doc:
    if id is not None:
        found = ctx.store.find(_POLICY, str(id))
    else:
        found = next((each for each in ctx.store.list(_POLICY) if each["PolicyName"] == name), None)
    if found is None:
        raise ApiError("ResourceNotFound.PolicyIdNotFound", f"The policy `{id or name}` does not exist.")
    return found


def _page(items: list[Doc], number: int | None, size: int | None) -> list[Doc]:
    count = size or 20
    start = ((number or 1) - 1) * count
    return items[start : start + count]


@action
def get_user_app_id(ctx: Context, request: models.GetUserAppIdRequest) -> dict[str, Any]:
    """The account's numbers."""
    return {"Uin": ctx.account.uin, "OwnerUin": ctx.account.uin, "AppId": ctx.account.app_id}


@action
def create_role(ctx: Context, request: models.CreateRoleRequest) -> dict[str, Any]:
    """The name is unique in the account."""
    require(request, "RoleName", "PolicyDocument")
    if not _NAME.fullmatch(request.RoleName):
        raise ApiError("InvalidParameter.RoleNameError", f"The role name `{request.RoleName}` is not valid.")
    _document(request.PolicyDocument, trust=True)
    with ctx.store.lock:
        if any(role["RoleName"] == request.RoleName for role in ctx.store.list(_ROLE)):
            raise ApiError("InvalidParameter.RoleNameInUse", f"The role name `{request.RoleName}` is in use.")
        id, now = str(ctx.store.number(_ROLE, _FIRST_ROLE)), _time(ctx)
        role = {
            "RoleId": id,
            "RoleName": request.RoleName,
            "PolicyDocument": request.PolicyDocument,
            "Description": request.Description or "",
            "AddTime": now,
            "UpdateTime": now,
            "ConsoleLogin": request.ConsoleLogin or 0,
            "RoleType": "user",
            "SessionDuration": request.SessionDuration or 7200,
            "DeletionTaskId": "",
            "RoleArn": f"qcs::cam::uin/{ctx.account.uin}:roleName/{request.RoleName}",
        }
        ctx.store.put(_ROLE, id, role)
    tags.write(ctx.store, "cam", "role", "", id, tags.of_request(request.Tags))
    return {"RoleId": id}


@action
def get_role(ctx: Context, request: models.GetRoleRequest) -> dict[str, Any]:
    """By id or name."""
    return {"RoleInfo": _tagged(ctx, _role(ctx, request.RoleId, request.RoleName))}


@action
def describe_role_list(ctx: Context, request: models.DescribeRoleListRequest) -> dict[str, Any]:
    """Pages from 1, `Rp` roles each; with Tags, those that have all of them."""
    wanted = tags.of_request(request.Tags).items()
    roles = [
        role
        for role in (_tagged(ctx, each) for each in ctx.store.list(_ROLE))
        if all({"Key": key, "Value": value} in role["Tags"] for key, value in wanted)
    ]
    return {"List": _page(roles, request.Page, request.Rp), "TotalNum": len(roles)}


def _change_role(ctx: Context, id: Any, name: Any, **changes: Any) -> None:
    with ctx.store.lock:
        role = _role(ctx, id, name) | changes | {"UpdateTime": _time(ctx)}
        ctx.store.put(_ROLE, role["RoleId"], role)


@action
def update_assume_role_policy(ctx: Context, request: models.UpdateAssumeRolePolicyRequest) -> None:
    """Who may take the role."""
    require(request, "PolicyDocument")
    _document(request.PolicyDocument, trust=True)
    _change_role(ctx, request.RoleId, request.RoleName, PolicyDocument=request.PolicyDocument)


@action
def update_role_description(ctx: Context, request: models.UpdateRoleDescriptionRequest) -> None:
    """The role's description."""
    _change_role(ctx, request.RoleId, request.RoleName, Description=request.Description or "")


@action
def update_role_console_login(ctx: Context, request: models.UpdateRoleConsoleLoginRequest) -> None:
    """Whether people may take the role in the console."""
    require(request, "ConsoleLogin")
    _change_role(ctx, request.RoleId, request.RoleName, ConsoleLogin=request.ConsoleLogin)


@action
def tag_role(ctx: Context, request: models.TagRoleRequest) -> None:
    """Add or replace tags."""
    with ctx.store.lock:
        id = _role(ctx, request.RoleId, request.RoleName)["RoleId"]
        labels = tags.read(ctx.store, "cam", "role", "", id) | tags.of_request(request.Tags)
        tags.write(ctx.store, "cam", "role", "", id, labels)


@action
def untag_role(ctx: Context, request: models.UntagRoleRequest) -> None:
    """Remove tags."""
    with ctx.store.lock:
        id = _role(ctx, request.RoleId, request.RoleName)["RoleId"]
        labels = tags.read(ctx.store, "cam", "role", "", id)
        kept = {key: value for key, value in labels.items() if key not in (request.TagKeys or [])}
        tags.write(ctx.store, "cam", "role", "", id, kept)


@action
def delete_role(ctx: Context, request: models.DeleteRoleRequest) -> None:
    """The role and its attachments."""
    with ctx.store.lock:
        role = _role(ctx, request.RoleId, request.RoleName)
        for attachment in ctx.store.list(_ATTACHMENT):
            if attachment["RoleId"] == role["RoleId"]:
                ctx.store.delete(_ATTACHMENT, f"{role['RoleId']}#{attachment['PolicyId']}")
        ctx.store.delete(_ROLE, role["RoleId"])
        tags.forget(ctx.store, "cam", "role", "", role["RoleId"])


@action
def create_policy(ctx: Context, request: models.CreatePolicyRequest) -> dict[str, Any]:
    """The name is unique in the account."""
    require(request, "PolicyName", "PolicyDocument")
    if not _NAME.fullmatch(request.PolicyName):
        raise ApiError("InvalidParameter.PolicyNameError", f"The policy name `{request.PolicyName}` is not valid.")
    _document(request.PolicyDocument, trust=False)
    with ctx.store.lock:
        if any(policy["PolicyName"] == request.PolicyName for policy in ctx.store.list(_POLICY)):
            raise ApiError("FailedOperation.PolicyNameInUse", f"The policy name `{request.PolicyName}` is in use.")
        id, now = ctx.store.number(_POLICY, _FIRST_POLICY), _time(ctx)
        policy = {
            "PolicyId": id,
            "PolicyName": request.PolicyName,
            "Description": request.Description or "",
            "Type": _CUSTOM,
            "AddTime": now,
            "UpdateTime": now,
            "PolicyDocument": request.PolicyDocument,
            "CreateMode": 2,
            "Tags": tags.as_list(tags.of_request(request.Tags)),
        }
        ctx.store.put(_POLICY, str(id), policy)
    return {"PolicyId": id}


@action
def get_policy(ctx: Context, request: models.GetPolicyRequest) -> dict[str, Any]:
    """By id."""
    require(request, "PolicyId")
    policy = _policy(ctx, request.PolicyId)
    names = ("PolicyName", "Description", "Type", "AddTime", "UpdateTime", "PolicyDocument", "Tags")
    return {name: policy[name] for name in names} | {"PresetAlias": "", "IsServiceLinkedRolePolicy": 0}


@action
def update_policy(ctx: Context, request: models.UpdatePolicyRequest) -> dict[str, Any]:
    """What is given changes. The cloud's own policies stay as they are."""
    with ctx.store.lock:
        policy = _policy(ctx, request.PolicyId, request.PolicyName)
        _own(policy)
        if request.PolicyDocument is not None:
            _document(request.PolicyDocument, trust=False)
        for name in ("PolicyName", "Description", "PolicyDocument"):
            if getattr(request, name) is not None:
                policy[name] = getattr(request, name)
        policy["UpdateTime"] = _time(ctx)
        ctx.store.put(_POLICY, str(policy["PolicyId"]), policy)
    return {"PolicyId": policy["PolicyId"]}


def _own(policy: Doc) -> None:
    if policy["Type"] != _CUSTOM:
        raise ApiError("FailedOperation.Unmodifiable", f"The preset policy `{policy['PolicyName']}` cannot be changed.")


@action
def delete_policy(ctx: Context, request: models.DeletePolicyRequest) -> None:
    """Policies and where they are attached."""
    require(request, "PolicyId")
    with ctx.store.lock:
        policies = [_policy(ctx, id) for id in request.PolicyId]
        for policy in policies:
            _own(policy)
        for policy in policies:
            for attachment in ctx.store.list(_ATTACHMENT):
                if attachment["PolicyId"] == policy["PolicyId"]:
                    ctx.store.delete(_ATTACHMENT, f"{attachment['RoleId']}#{policy['PolicyId']}")
            ctx.store.delete(_POLICY, str(policy["PolicyId"]))


@action
def list_policies(ctx: Context, request: models.ListPoliciesRequest) -> dict[str, Any]:
    """Scope: All, QCS (the cloud's own) or Local (the account's); Keyword: part of the name."""
    types = {"QCS": (2,), "Local": (1,)}.get(request.Scope or "All", (1, 2))
    attachments = ctx.store.list(_ATTACHMENT)
    found = [
        {name: value for name, value in policy.items() if name != "PolicyDocument"}
        | {"Attachments": sum(each["PolicyId"] == policy["PolicyId"] for each in attachments), "IsAttached": None}
        for policy in ctx.store.list(_POLICY)
        if policy["Type"] in types and (request.Keyword or "") in policy["PolicyName"]
    ]
    return {"TotalNum": len(found), "List": _page(found, request.Page, request.Rp), "ServiceTypeList": []}


@action
def attach_role_policy(ctx: Context, request: models.AttachRolePolicyRequest) -> None:
    """Twice is once."""
    with ctx.store.lock:
        role = _role(ctx, request.AttachRoleId, request.AttachRoleName)
        policy = _policy(ctx, request.PolicyId, request.PolicyName)
        id = f"{role['RoleId']}#{policy['PolicyId']}"
        if ctx.store.find(_ATTACHMENT, id) is None:
            doc = {"RoleId": role["RoleId"], "PolicyId": policy["PolicyId"], "AddTime": _time(ctx)}
            ctx.store.put(_ATTACHMENT, id, doc)


@action
def detach_role_policy(ctx: Context, request: models.DetachRolePolicyRequest) -> None:
    """What is not attached is accepted."""
    with ctx.store.lock:
        role = _role(ctx, request.DetachRoleId, request.DetachRoleName)
        policy = _policy(ctx, request.PolicyId, request.PolicyName)
        ctx.store.delete(_ATTACHMENT, f"{role['RoleId']}#{policy['PolicyId']}")


@action
def list_attached_role_policies(ctx: Context, request: models.ListAttachedRolePoliciesRequest) -> dict[str, Any]:
    """The policies of a role. PolicyType: User (the account's) or QCS (the cloud's)."""
    role = _role(ctx, request.RoleId, request.RoleName)
    found: list[Doc] = []
    for attachment in ctx.store.list(_ATTACHMENT):
        if attachment["RoleId"] != role["RoleId"]:
            continue
        policy = _policy(ctx, attachment["PolicyId"])
        kind = "User" if policy["Type"] == _CUSTOM else "QCS"
        if request.PolicyType in (None, "", kind) and (request.Keyword or "") in policy["PolicyName"]:
            entry = {name: policy[name] for name in ("PolicyId", "PolicyName", "CreateMode", "Description")}
            entry |= {"AddTime": attachment["AddTime"], "PolicyType": kind, "Deactived": 0, "DeactivedDetail": []}
            found.append(entry)
    return {"List": _page(found, request.Page, request.Rp), "TotalNum": len(found)}
