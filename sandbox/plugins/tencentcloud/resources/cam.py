"""CAM: roles, policies and attachments. Source: docs/fidelity/cam.md."""

import json
from collections.abc import Mapping
from typing import Any

from sandbox.plugins.tencentcloud.cloud import READ_RETRY_S
from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    given,
    nonzero,
    read_tags,
    resource,
    write_tags,
)

_PAGE = 200


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
    statements: Any = document.get("statement", []) if isinstance(document, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # JSON of any shape
    if not isinstance(statements, list) or not all(isinstance(each, dict) for each in statements):  # pyright: ignore[reportUnknownVariableType]  # JSON of any shape
        raise ProviderError("`document` must be an object, its `statement` a list of objects")
    listed: list[dict[str, Any]] = statements  # pyright: ignore[reportUnknownVariableType]  # JSON of any shape
    for statement in listed:
        if isinstance(statement.get("resource"), str):
            raise ProviderError("`resource` of a policy statement must be a list")
        if not isinstance(statement.get("action"), str | list | None):
            raise ProviderError("`action` of a policy statement must be a list or a text")
        principal = statement.get("principal", {})
        if not isinstance(principal, dict) or not isinstance(principal.get("qcs", []), list):  # pyright: ignore[reportUnknownMemberType]  # JSON of any shape
            raise ProviderError("`principal` of a policy statement must be an object, its `qcs` a list")


def _paged(cloud: Cloud, action: str, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All rows of a list; a page that is not full is the last."""
    found: list[dict[str, Any]] = []
    number, rows = 0, _PAGE
    while rows == _PAGE:
        number += 1
        page = cloud.call("cam", action, {**request, "Page": number, "Rp": _PAGE})["List"]
        rows = len(page)
        found += page
    return found


class _Awaited(Handler):
    """Once made, it is awaited where reads look. Two documents that are the same JSON are no difference."""

    def equal(self, name: str, old: Any, new: Any) -> bool:
        return name == "document" and _parsed(old) == _parsed(new)

    def made(self, cloud: Cloud, id: str, partial: Partial) -> None:
        """SetId, and the wait until it is there."""
        partial.id(id)
        cloud.wait(lambda: self.found(cloud, id) is not None, {True}, READ_RETRY_S, what=f"{id} made")

    def found(self, cloud: Cloud, id: str) -> dict[str, Any] | None:
        """What the cloud has of it, or None."""
        raise NotImplementedError


@resource("tencentcloud:Cam/role:Role")
class Role(_Awaited):
    """Id: the numeric role id."""

    kind = "cam.role"
    key = ("RoleId",)

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateRole, the wait for it, and only then the tags."""
        _check_document(props["document"])
        request = {"RoleName": props["name"], "PolicyDocument": props["document"]}
        request |= nonzero(props, {"description": "Description"}) | given(props, {"sessionDuration": "SessionDuration"})
        if props.get("consoleLogin") is not None:
            request["ConsoleLogin"] = int(props["consoleLogin"])
        id = str(cloud.call("cam", "CreateRole", request)["RoleId"])
        self.made(cloud, id, partial)
        write_tags(cloud, "cam", "role", id, None, props.get("tags"), region="")
        return Created(id)

    def found(self, cloud: Cloud, id: str) -> dict[str, Any] | None:
        """DescribeRoleList; what it does not list is gone."""
        return next((each for each in _paged(cloud, "DescribeRoleList", {}) if each["RoleId"] == id), None)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """The list's entry, and the tags."""
        role = self.found(cloud, id)
        if role is None:
            return None
        return {
            "name": role["RoleName"],
            "document": role["PolicyDocument"],
            "description": role["Description"],
            "consoleLogin": role["ConsoleLogin"] == 1,
            "createTime": role["AddTime"],
            "updateTime": role["UpdateTime"],
            "sessionDuration": role["SessionDuration"],
            "roleArn": role["RoleArn"],
            "tags": read_tags(cloud, "cam", "role", id, region=""),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Each change its own call; two of them take the id as a number."""
        if "description" in changed:
            cloud.call("cam", "UpdateRoleDescription", {"RoleId": id, "Description": new.get("description", "")})
        if "document" in changed:
            _check_document(new["document"])
            cloud.call("cam", "UpdateAssumeRolePolicy", {"RoleId": id, "PolicyDocument": new["document"]})
        write_tags(cloud, "cam", "role", id, old.get("tags"), new.get("tags"), region="")
        if "consoleLogin" in changed:
            login = given(new, {"consoleLogin": "ConsoleLogin"})
            cloud.call(
                "cam", "UpdateRoleConsoleLogin", {"RoleId": int(id), **{key: int(on) for key, on in login.items()}}
            )
        if "sessionDuration" in changed:
            cloud.call(
                "cam", "UpdateRoleSessionDuration", {"RoleId": int(id), "SessionDuration": new["sessionDuration"]}
            )

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteRole."""
        cloud.call("cam", "DeleteRole", {"RoleId": id})


@resource("tencentcloud:Cam/policy:Policy")
class Policy(_Awaited):
    """Id: the numeric policy id."""

    kind = "cam.policy"
    key = ("PolicyId",)

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreatePolicy, and the wait for it."""
        _check_document(props["document"])
        request = {"PolicyName": props["name"], "PolicyDocument": props["document"]}
        id = str(
            cloud.call("cam", "CreatePolicy", request | nonzero(props, {"description": "Description"}))["PolicyId"]
        )
        self.made(cloud, id, partial)
        return Created(id)

    def found(self, cloud: Cloud, id: str) -> dict[str, Any] | None:
        """GetPolicy; codes with ResourceNotFound in them mean that it is gone."""
        try:
            return cloud.call("cam", "GetPolicy", {"PolicyId": int(id)})
        except CloudError as error:
            if "ResourceNotFound" in error.code:
                return None
            raise

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """What GetPolicy says."""
        policy = self.found(cloud, id)
        if policy is None:
            return None
        return {
            "name": policy["PolicyName"],
            "document": policy["PolicyDocument"].replace("\\/", "/"),
            "description": policy["Description"],
            "type": policy["Type"],
            "createTime": policy["AddTime"],
            "updateTime": policy["UpdateTime"],
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """UpdatePolicy with what changed."""
        if "document" in changed:
            _check_document(new["document"])
        names = {"description": "Description", "document": "PolicyDocument"}
        request = {parameter: new.get(name, "") for name, parameter in names.items() if name in changed}
        if request:
            cloud.call("cam", "UpdatePolicy", {"PolicyId": int(id), **request})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeletePolicy."""
        cloud.call("cam", "DeletePolicy", {"PolicyId": [int(id)]})


@resource("tencentcloud:Cam/rolePolicyAttachment:RolePolicyAttachment")
class RolePolicyAttachment(_Awaited):
    """Id: `<roleId>#<policyId>`."""

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """AttachRolePolicy, and the wait for it."""
        policy = int(props["policyId"])
        cloud.call("cam", "AttachRolePolicy", {"AttachRoleId": props["roleId"], "PolicyId": policy})
        id = f"{props['roleId']}#{policy}"
        self.made(cloud, id, partial)
        return Created(id)

    def found(self, cloud: Cloud, id: str) -> dict[str, Any] | None:
        """ListAttachedRolePolicies; gone when it is not listed, or the role is gone."""
        role, _, policy = id.partition("#")
        try:
            attached = _paged(cloud, "ListAttachedRolePolicies", {"RoleId": role})
        except CloudError as error:
            if "ResourceNotFound" in error.code or error.code == "InvalidParameter.RoleNotExist":
                return None
            raise
        return next((each for each in attached if each["PolicyId"] == int(policy)), None)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """The list's entry."""
        role, _, policy = id.partition("#")
        found = self.found(cloud, id)
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
        """DetachRolePolicy."""
        role, _, policy = id.partition("#")
        cloud.call("cam", "DetachRolePolicy", {"DetachRoleId": role, "PolicyId": int(policy)})
