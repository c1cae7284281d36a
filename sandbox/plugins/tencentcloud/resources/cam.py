"""CAM: roles, policies and attachments. Source: docs/sources.md, keys and identity."""

import json
from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    given,
    read_tags,
    resource,
    tag_list,
    write_tags,
)

_GONE = ("ResourceNotFound", "InvalidParameter.RoleNotExist", "InvalidParameter.PolicyIdNotExist")


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def _check_document(text: str) -> None:
    """The provider's own look at a document, at `up` only; the cloud looks again."""
    try:
        document = json.loads(text)
    except ValueError:
        raise ProviderError("`document` is not valid JSON") from None
    statements: Any = document.get("statement") if isinstance(document, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(statements, list):
        raise ProviderError("`document` needs lower-case keys `version` and `statement`, a list")
    listed: list[dict[str, Any]] = statements  # pyright: ignore[reportUnknownVariableType]  # JSON of any shape
    for statement in listed:
        if "resource" in statement and not isinstance(statement["resource"], list):
            raise ProviderError("`resource` of a policy statement must be a list")
        principal: dict[str, Any] = statement.get("principal", {})
        if "qcs" in principal and not isinstance(principal["qcs"], list):
            raise ProviderError("`principal.qcs` of a policy statement must be a list")


class _Document(Handler):
    """Two documents that are the same JSON are no difference."""

    def equal(self, name: str, old: Any, new: Any) -> bool:
        return name == "document" and _parsed(old) == _parsed(new)


@resource("tencentcloud:Cam/role:Role")
class Role(_Document):
    """Id: the numeric role id."""

    kind = "cam.role"
    key = ("RoleId",)

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        _check_document(props["document"])
        names = {"name": "RoleName", "document": "PolicyDocument", "description": "Description"}
        request = given(props, {**names, "sessionDuration": "SessionDuration"})
        request |= {"ConsoleLogin": int(bool(props.get("consoleLogin"))), "Tags": tag_list(props.get("tags"))}
        id = str(cloud.call("cam", "CreateRole", request)["RoleId"])
        partial.id(id)
        cloud.wait(lambda: self.read(cloud, id, props), lambda role: role is not None, 30, what=f"role {id}")
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        try:
            role = cloud.call("cam", "GetRole", {"RoleId": id})["RoleInfo"]
        except CloudError as error:
            if error.matches(*_GONE):
                return None
            raise
        return {
            "name": role["RoleName"],
            "document": role["PolicyDocument"],
            "description": role["Description"],
            "consoleLogin": bool(role["ConsoleLogin"]),
            "createTime": role["AddTime"],
            "updateTime": role["UpdateTime"],
            "sessionDuration": role["SessionDuration"],
            "roleArn": role["RoleArn"],
            "tags": read_tags(cloud, "cam", "role", id, region=""),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        if not changed or "document" in changed:
            _check_document(new["document"])
            cloud.call("cam", "UpdateAssumeRolePolicy", {"RoleId": id, "PolicyDocument": new["document"]})
        if not changed or "description" in changed:
            cloud.call("cam", "UpdateRoleDescription", {"RoleId": id, "Description": new.get("description", "")})
        if "consoleLogin" in changed:
            login = int(bool(new.get("consoleLogin")))
            cloud.call("cam", "UpdateRoleConsoleLogin", {"RoleId": int(id), "ConsoleLogin": login})
        if not changed or "tags" in changed:
            write_tags(cloud, "cam", "role", id, old.get("tags"), new.get("tags"), region="")

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        try:
            cloud.call("cam", "DeleteRole", {"RoleId": id})
        except CloudError as error:
            if not error.matches(*_GONE):
                raise


@resource("tencentcloud:Cam/policy:Policy")
class Policy(_Document):
    """Id: the numeric policy id."""

    kind = "cam.policy"
    key = ("PolicyId",)

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        _check_document(props["document"])
        names = {"name": "PolicyName", "document": "PolicyDocument", "description": "Description"}
        id = str(cloud.call("cam", "CreatePolicy", given(props, names))["PolicyId"])
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        try:
            policy = cloud.call("cam", "GetPolicy", {"PolicyId": int(id)})
        except CloudError as error:
            if error.matches(*_GONE):
                return None
            raise
        return {
            "name": policy["PolicyName"],
            "document": policy["PolicyDocument"],
            "description": policy["Description"],
            "type": policy["Type"],
            "createTime": policy["AddTime"],
            "updateTime": policy["UpdateTime"],
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        _check_document(new["document"])
        request = {"PolicyId": int(id), "PolicyDocument": new["document"], "Description": new.get("description", "")}
        cloud.call("cam", "UpdatePolicy", request)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        try:
            cloud.call("cam", "DeletePolicy", {"PolicyId": [int(id)]})
        except CloudError as error:
            if not error.matches(*_GONE):
                raise


@resource("tencentcloud:Cam/rolePolicyAttachment:RolePolicyAttachment")
class RolePolicyAttachment(Handler):
    """Id: `<roleId>#<policyId>`."""

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        request = {"AttachRoleId": props["roleId"], "PolicyId": int(props["policyId"])}
        cloud.call("cam", "AttachRolePolicy", request)
        id = f"{props['roleId']}#{props['policyId']}"
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        role, _, policy = id.partition("#")
        found = _attached(cloud, role, int(policy))
        if found is None:
            return None
        return {
            "roleId": role,
            "policyId": policy,
            "policyName": found["PolicyName"],
            "policyType": found["PolicyType"],
            "createMode": found["CreateMode"],
            "createTime": found["AddTime"],
        }

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        role, _, policy = id.partition("#")
        try:
            cloud.call("cam", "DetachRolePolicy", {"DetachRoleId": role, "PolicyId": int(policy)})
        except CloudError as error:
            if not error.matches(*_GONE):
                raise


def _attached(cloud: Cloud, role: str, policy: int) -> dict[str, Any] | None:
    number, size = 1, 200
    while True:
        try:
            answer = cloud.call("cam", "ListAttachedRolePolicies", {"RoleId": role, "Page": number, "Rp": size})
        except CloudError as error:
            if error.matches(*_GONE):
                return None
            raise
        for each in answer["List"]:
            if each["PolicyId"] == policy:
                return each
        if number * size >= answer["TotalNum"]:
            return None
        number += 1
