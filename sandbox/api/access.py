"""Decides by the policies attached to a role whether it may do an action. The account itself may do all.

A subset of CAM's policy language: effect, action, resource (`*` stands for any text in both), no principals. A
statement with a condition never allows and always denies, since conditions are not evaluated here.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any

from tencentcloud.common.abstract_model import AbstractModel

from sandbox.api.actions import Context
from sandbox.api.errors import ApiError
from sandbox.api.store import Store

Resources = Callable[[Context, Any], Sequence[str]]
_RESOURCES: dict[tuple[str, str], Resources] = {}
Policies = Callable[[Store, str], Iterable[str]]
"""(store, role's id) -> the documents (JSON) of the policies that the role has."""
_policies: list[Policies] = []


def policies_are_found_by(find: Policies) -> Policies:
    """Register how a role's policies are found: the service whose documents they are does."""
    _policies.append(find)
    return find


def protects(service: str, action: str) -> Callable[[Resources], Resources]:
    """Register the function that names what a request is about (`qcs::…`; spellings that mean the same: all of them).

    Actions without one are about `*`, as the cloud's interface-level authorisation.
    """

    def register(resources: Resources) -> Resources:
        _RESOURCES[service, action] = resources
        return resources

    return register


def _texts(statement: dict[str, Any], key: str) -> list[str]:
    given: Any = statement.get(key, [])
    return [given] if isinstance(given, str) else [str(each) for each in given]


def _statements(ctx: Context) -> Iterator[dict[str, Any]]:
    for policy in chain.from_iterable(find(ctx.store, ctx.caller.role_id) for find in _policies):
        given: Any = json.loads(policy).get("statement", [])
        statements: list[dict[str, Any]] = [given] if isinstance(given, dict) else given
        for statement in statements:
            yield {key.lower(): value for key, value in statement.items()}


def _names_action(statement: dict[str, Any], name: str) -> bool:
    patterns = [pattern.removeprefix("name/").lower() for pattern in _texts(statement, "action")]
    return any(fnmatchcase(name.lower(), pattern) for pattern in patterns)


def _spelling(resource: str, uin: str) -> list[str]:
    """A pattern that leaves the account or the region out means any."""
    parts = resource.split(":", 5)
    if len(parts) != 6:
        return [resource]
    parts[3] = parts[3] or "*"
    parts[4] = f"uin/{uin}" if parts[4] in ("", "uin/") else parts[4]
    return [":".join(parts)]


def _covers(statement: dict[str, Any], resources: Sequence[str], uin: str) -> bool:
    patterns = [spelt for given in _texts(statement, "resource") for spelt in _spelling(given, uin)]
    return any(fnmatchcase(resource, pattern) for resource in resources for pattern in patterns)


def check(ctx: Context, service: str, action: str, request: AbstractModel) -> None:
    """Raises ApiError AuthFailure.UnauthorizedOperation unless the caller may do this."""
    if not ctx.caller.role_id:
        return
    name = f"{service}:{action}"
    resources = list(_RESOURCES.get((service, action), lambda _ctx, _request: ("*",))(ctx, request))
    allowed = False
    for statement in _statements(ctx):
        if not _names_action(statement, name) or not _covers(statement, resources, ctx.account.uin):
            continue
        if str(statement.get("effect", "")).lower() == "deny":
            allowed = False
            break
        allowed = allowed or "condition" not in statement
    if not allowed:
        who = f"qcs::cam::uin/{ctx.account.uin}:roleName/{ctx.caller.role_name}"
        message = f"{who} is not authorized to perform operation `{name}` on resource `{resources[0]}`."
        raise ApiError("AuthFailure.UnauthorizedOperation", message)
