"""Who a request's key belongs to: the account's own, or a temporary one issued for a role."""

import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.api.actions import Caller
from sandbox.api.errors import ApiError
from sandbox.api.store import Store

TEMPORARY = "_temporary_key"
"""The kind of store documents that hold temporary keys."""


@dataclass(frozen=True)
class AccountKey:
    """The account's own key."""

    secret_id: str
    secret_key: str

    @classmethod
    def read(cls, path: Path) -> "AccountKey":
        """Read the file that layout.CREDENTIALS names. Raises ValueError naming the file."""
        try:
            given = json.loads(path.read_text())
            return cls(given["secret_id"], given["secret_key"])
        except FileNotFoundError:
            raise ValueError(f"{path}: the credentials of the sandbox are missing; `make up` writes them") from None
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(f'{path}: {{"secret_id": …, "secret_key": …}} is wanted') from error


def make_account_key() -> AccountKey:
    """A fresh key in the cloud's format."""
    return AccountKey(f"AKID{secrets.token_hex(16)}", secrets.token_hex(16))


def issue(store: Store, role: Mapping[str, Any], session: str, seconds: int) -> dict[str, Any]:
    """Issue a temporary key for a role (a `cam.role` document). ExpiredTime: seconds since the epoch."""
    forget_expired(store)
    key: dict[str, Any] = {
        "TmpSecretId": f"AKID{secrets.token_urlsafe(32)}",
        "TmpSecretKey": secrets.token_urlsafe(32),
        "Token": secrets.token_urlsafe(96),
        "ExpiredTime": int(time.time()) + seconds,
        "_role_id": role["RoleId"],
        "_role_name": role["RoleName"],
        "_session": session,
    }
    store.put(TEMPORARY, key["TmpSecretId"], key)
    return {name: value for name, value in key.items() if not name.startswith("_")}


def current(store: Store, role_id: str, session: str, seconds: int) -> dict[str, Any] | None:
    """A key issued before for the same role and session that is good for at least `seconds` more."""
    for key in store.list(TEMPORARY):
        same = key["_role_id"] == role_id and key["_session"] == session
        if same and key["ExpiredTime"] >= time.time() + seconds:
            return {name: value for name, value in key.items() if not name.startswith("_")}
    return None


def forget_expired(store: Store) -> None:
    """Remove temporary keys whose time is over for more than an hour; until then they are refused by their reason."""
    for key in store.list(TEMPORARY):
        if key["ExpiredTime"] < time.time() - 3600:
            store.delete(TEMPORARY, key["TmpSecretId"])


def look_up(store: Store, account: AccountKey, secret_id: str, token: str | None) -> tuple[str, Caller]:
    """The secret key and whose it is. Raises ApiError AuthFailure.SecretIdNotFound or AuthFailure.TokenFailure."""
    if secret_id == account.secret_id:
        return account.secret_key, Caller()
    key = store.find(TEMPORARY, secret_id)
    if key is None:
        message = "The SecretId is not found, please ensure that your SecretId is correct."
        raise ApiError("AuthFailure.SecretIdNotFound", message)
    if token is None or not hmac.compare_digest(token.encode(), str(key["Token"]).encode()):
        raise ApiError("AuthFailure.TokenFailure", "The token does not belong to the temporary SecretId.")
    if key["ExpiredTime"] <= time.time():
        raise ApiError("AuthFailure.TokenFailure", "The token of the temporary SecretId has expired.")
    return key["TmpSecretKey"], Caller(key["_role_id"], key["_role_name"], key["_session"])
