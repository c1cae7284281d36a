"""STS 2018-08-13: who calls, and temporary keys of roles."""

import time
from typing import Any

from tencentcloud.sts.v20180813 import models

from sandbox.api import credentials
from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.services.cam.kinds import ROLES
from sandbox.services.params import given

MAX_SECONDS = 43200


@action
def get_caller_identity(ctx: Context, request: models.GetCallerIdentityRequest) -> dict[str, Any]:
    """The account, or the role behind a temporary key."""
    uin, caller = ctx.account.uin, ctx.caller
    if not caller.role_id:
        arn = f"qcs::cam::uin/{uin}:uin/{uin}"
        return {"Arn": arn, "AccountId": uin, "UserId": uin, "PrincipalId": uin, "Type": "RootAccount"}
    return {
        "Arn": f"qcs::sts:::assumed-role/{caller.role_id}",
        "AccountId": uin,
        "UserId": f"{caller.role_id}:{caller.session}",
        "PrincipalId": caller.role_id,
        "Type": "AssumedRole",
    }


@action
def assume_role(ctx: Context, request: models.AssumeRoleRequest) -> dict[str, Any]:
    """A temporary key for a role that trusts the account. RoleArn: `qcs::cam::uin/<uin>:roleName/<name>`."""
    asked = given(request)
    seconds = asked.get("DurationSeconds") or 7200
    if not 0 < seconds <= MAX_SECONDS:
        message = f"`DurationSeconds` must be between 1 and {MAX_SECONDS}, given `{seconds}`."
        raise ApiError("InvalidParameter.OverTimeError", message)
    role = _role_by_arn(ctx, asked["RoleArn"])
    if f"uin/{ctx.account.uin}" not in role["PolicyDocument"]:
        raise ApiError("InternalError.IllegalRole", f"The role `{role['RoleName']}` does not trust this account.")
    key = credentials.issue(ctx.store, role, asked["RoleSessionName"], seconds)
    expires = int(key.pop("ExpiredTime"))
    expiration = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))
    return {"Credentials": key, "ExpiredTime": expires, "Expiration": expiration}


def _role_by_arn(ctx: Context, arn: str) -> Doc:
    kind, _, name = arn.rpartition(":")[2].partition("/")
    field = {"roleName": "RoleName", "role": "RoleId"}.get(kind, "")
    found = next((role for role in ROLES.all(ctx.store) if role.get(field) == name), None)
    if found is None:
        raise ROLES.absent(ctx, arn, "ResourceNotFound.RoleNotFound")
    return found
