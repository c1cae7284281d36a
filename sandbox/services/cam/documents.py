"""What a policy document must be, of a role (who may take it) and of a policy (what it allows)."""

import json
from typing import Any

from sandbox.api.errors import ApiError

_MAX_CHARACTERS = 6144


def check(text: str, *, trust: bool) -> None:
    """Raise ApiError for what is no policy document. `trust`: of a role (principals), else of a policy (resources)."""
    if len(text) > _MAX_CHARACTERS:
        message = f"The policy document has {len(text)} characters, {_MAX_CHARACTERS} are allowed."
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
        _check_statement(statement, trust=trust)


def _check_statement(statement: Any, *, trust: bool) -> None:
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
