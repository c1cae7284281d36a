"""Verifies TC3-HMAC-SHA256, signature version 3 of the cloud's API."""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.api.errors import ApiError

ALGORITHM = "TC3-HMAC-SHA256"
MAX_SKEW_S = 300
"""How far a request's timestamp may be from the clock."""
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM}\s+Credential=(?P<id>[^/\s]+)/(?P<date>\d{{4}}-\d\d-\d\d)/(?P<service>[a-z0-9-]+)/tc3_request,"
    r"\s*SignedHeaders=(?P<headers>[a-z0-9;-]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
INVALID_AUTHORIZATION = "AuthFailure.InvalidAuthorization"


@dataclass(frozen=True, kw_only=True)
class Authorization:
    """The parsed header of that name."""

    secret_id: str
    date: str
    service: str
    headers: tuple[str, ...]
    signature: str


def parse(header: str | None) -> Authorization:
    """Raises ApiError AuthFailure.InvalidAuthorization if the header is missing or ill-formed."""
    found = _AUTHORIZATION.fullmatch((header or "").strip())
    if found is None:
        message = f"The `Authorization` header of the request is missing or is not in the format of `{ALGORITHM}`."
        raise ApiError(INVALID_AUTHORIZATION, message)
    return Authorization(
        secret_id=found["id"],
        date=found["date"],
        service=found["service"],
        headers=tuple(found["headers"].split(";")),
        signature=found["signature"],
    )


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _expected(
    authorization: Authorization, secret_key: str, path: str, headers: Mapping[str, str], body: bytes, timestamp: str
) -> str:
    unsigned = headers.get("x-tc-content-sha256") == "UNSIGNED-PAYLOAD"
    payload = b"UNSIGNED-PAYLOAD" if unsigned else body
    names = sorted(authorization.headers)
    # Header values are signed in lower case by some clients and as sent by others; each sends what it signed.
    canonical_headers = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in names)
    canonical = "\n".join(["POST", path, "", canonical_headers, ";".join(names), hashlib.sha256(payload).hexdigest()])
    scope = f"{authorization.date}/{authorization.service}/tc3_request"
    text = "\n".join([ALGORITHM, timestamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = _hmac(_hmac(_hmac(f"TC3{secret_key}".encode(), authorization.date), authorization.service), "tc3_request")
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def verify(authorization: Authorization, secret_key: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
    """Check a POST request's time and signature. headers: lower-case names.

    Raises ApiError AuthFailure.SignatureExpire, AuthFailure.SignatureFailure or AuthFailure.InvalidAuthorization.
    """
    timestamp = headers.get("x-tc-timestamp", "")
    if not timestamp.isdecimal() or time.strftime("%Y-%m-%d", time.gmtime(int(timestamp))) != authorization.date:
        message = "`X-TC-Timestamp` must be a Unix time in seconds on the date of the credential scope (UTC)."
        raise ApiError(INVALID_AUTHORIZATION, message)
    if abs(time.time() - int(timestamp)) > MAX_SKEW_S:
        message = (
            f"The signature has expired: `X-TC-Timestamp` is more than {MAX_SKEW_S} seconds from the server's time."
        )
        raise ApiError("AuthFailure.SignatureExpire", message)
    if not {"content-type", "host"} <= set(authorization.headers):
        raise ApiError(INVALID_AUTHORIZATION, "`content-type` and `host` must be among the signed headers.")
    variants = (headers, {name: value.lower() for name, value in headers.items()})
    for variant in variants:
        expected = _expected(authorization, secret_key, path, variant, body, timestamp)
        if hmac.compare_digest(expected, authorization.signature):
            return
    message = "The provided credentials could not be validated. Please check your signature is correct."
    raise ApiError("AuthFailure.SignatureFailure", message)
