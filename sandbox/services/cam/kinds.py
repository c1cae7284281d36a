"""The documents of CAM. All are the account's, in no region."""

from collections.abc import Iterator, Sequence
from typing import Any

from sandbox.api import access, instance_metadata
from sandbox.api.actions import Context
from sandbox.api.errors import ApiError
from sandbox.api.kinds import Kind, TagNames
from sandbox.api.store import Doc, Store
from sandbox.services.params import Params

ROLES = Kind(
    name="cam.role",
    key="RoleId",
    noun="role",
    missing="InvalidParameter.RoleNotExist",
    tags=TagNames(service="cam", prefix="role", field="Tags"),
)
POLICIES = Kind(name="cam.policy", key="PolicyId", noun="policy", missing="ResourceNotFound.PolicyIdNotFound")
ATTACHMENTS = Kind(name="cam.attachment", key="_id", noun="attachment")
"""Key: `<role>#<policy>`."""
PAGE = 20
MAX_PAGE = 200


def the_role(ctx: Context, asked: Params, prefix: str = "") -> Doc:
    """The role that a request names by RoleId, or else by RoleName; `prefix`: Attach or Detach before both."""
    id, name = asked.get(f"{prefix}RoleId"), asked.get(f"{prefix}RoleName")
    for role in ROLES.list(ctx):
        if (id is not None and role["RoleId"] == str(id)) or (id is None and role["RoleName"] == name):
            return role
    raise ROLES.absent(ctx, str(id or name))


def the_policy(ctx: Context, asked: Params, code: str = "") -> Doc:
    """The policy that a request names by PolicyId, or else by PolicyName."""
    if "PolicyId" in asked:
        return POLICIES.need(ctx, str(asked["PolicyId"]), code)
    name = asked.get("PolicyName")
    found = next((policy for policy in POLICIES.list(ctx) if policy["PolicyName"] == name), None)
    if found is None:
        raise POLICIES.absent(ctx, str(name), code)
    return found


def paged(found: Sequence[Doc], asked: Params, **more: Any) -> dict[str, Any]:
    """The answer of a list: pages from 1, `Rp` entries each."""
    size, number = asked.get("Rp", PAGE), asked.get("Page", 1)
    if not (0 < size <= MAX_PAGE and number > 0):
        message = f"`Rp` {size} must be 1 to {MAX_PAGE}, and `Page` {number} 1 or more."
        raise ApiError("InvalidParameter.ParamError", message)
    return {"List": list(found[(number - 1) * size : number * size]), "TotalNum": len(found), **more}


def detach(ctx: Context, key: str, id: object) -> None:
    """Forget every attachment whose `key` (RoleId or PolicyId) is `id`."""
    for attachment in ATTACHMENTS.list(ctx):
        if attachment[key] == id:
            ATTACHMENTS.drop(ctx, attachment["_id"])


@access.policies_are_found_by
def policies_of(store: Store, role_id: str) -> Iterator[str]:
    """The documents of the policies that a role has."""
    for attachment in ATTACHMENTS.all(store):
        policy = POLICIES.anywhere(store, str(attachment["PolicyId"])) if attachment["RoleId"] == role_id else None
        if policy is not None:
            yield policy["PolicyDocument"]


@instance_metadata.roles_are_found_by
def role_named(store: Store, name: str) -> Doc | None:
    """The role of this name."""
    return next((role for role in ROLES.all(store) if role["RoleName"] == name), None)
