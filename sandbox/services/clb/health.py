"""Health check settings of listeners and rules: defaults, limits, and their meaning for the substrate.

Source: docs/sources.md, CLB (health check).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.api.errors import ApiError
from sandbox.substrate.specs import Check

LAYER_7 = ("HTTP", "HTTPS")
TARGETS_OWN = -1
"""`CheckPort` that takes a port off again: it reads back as none."""
_RANGES = {
    "TimeOut": (2, 60),
    "IntervalTime": (2, 300),
    "HealthNum": (2, 10),
    "UnHealthNum": (2, 10),
    "HttpCode": (1, 31),
}
_TYPES = {
    "TCP": ("TCP", "HTTP", "CUSTOM"),
    "UDP": ("PING", "CUSTOM"),
    "TCP_SSL": ("TCP", "HTTP"),
    "QUIC": ("TCP", "HTTP"),
    "HTTP": ("HTTP", "TCP", "GRPC"),
    "HTTPS": ("HTTP", "HTTPS", "TCP", "GRPC"),
}


def defaults(protocol: str) -> dict[str, Any]:
    """What a check reads back as when nothing is asked. A rule's host is its domain when HttpCheckDomain is empty."""
    check: dict[str, Any] = {
        "HealthSwitch": 1,
        "TimeOut": 2,
        "IntervalTime": 5,
        "HealthNum": 3,
        "UnHealthNum": 3,
        "CheckType": _TYPES[protocol][0],
        "SourceIpType": 1,
    }
    if protocol in LAYER_7:
        check |= {"HttpCode": 31, "HttpCheckPath": "/", "HttpCheckDomain": "", "HttpCheckMethod": "HEAD"}
    return check


def settle(asked: Mapping[str, Any] | None, protocol: str, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The complete check after a request: what was there (or the defaults), overwritten by what is asked.

    Raises ApiError InvalidParameterValue that names the field, what was given and what is allowed.
    """
    check = dict(before) if before else defaults(protocol)
    given = {key: value for key, value in (asked or {}).items() if value is not None}
    for key, (low, high) in _RANGES.items():
        if key in given and not low <= int(given[key]) <= high:
            raise ApiError("InvalidParameterValue", f"HealthCheck.{key} is {given[key]}; allowed: {low} to {high}.")
    if given.get("CheckType") not in (None, *_TYPES[protocol]):
        allowed = ", ".join(_TYPES[protocol])
        message = f"HealthCheck.CheckType is {given['CheckType']} on a {protocol} listener; allowed: {allowed}."
        raise ApiError("InvalidParameterValue", message)
    if given.get("HttpCheckMethod") not in (None, "HEAD", "GET"):
        message = f"HealthCheck.HttpCheckMethod is {given['HttpCheckMethod']}; allowed: HEAD, GET."
        raise ApiError("InvalidParameterValue", message)
    path = given.get("HttpCheckPath")
    if path and (not str(path).startswith("/") or len(path) > 200):
        message = f"HealthCheck.HttpCheckPath is `{path}`; allowed: up to 200 characters, beginning with `/`."
        raise ApiError("InvalidParameterValue", message)
    check |= given
    if check.get("CheckPort") == TARGETS_OWN:
        del check["CheckPort"]
    if check["HealthSwitch"] and check["TimeOut"] >= check["IntervalTime"]:
        message = f"HealthCheck.TimeOut is {check['TimeOut']}; it must be below IntervalTime, {check['IntervalTime']}."
        raise ApiError("InvalidParameterValue", message)
    return check


def status_classes(mask: int) -> tuple[int, ...]:
    """HttpCode's bits as first digits: 1 is 1xx, 2 is 2xx, 4 is 3xx, 8 is 4xx, 16 is 5xx."""
    return tuple(digit for digit in range(1, 6) if mask & (1 << (digit - 1)))


def to_spec(check: Mapping[str, Any], domain: str) -> Check | None:
    """The substrate's check; None when it is switched off. `domain`: host header when the check names none."""
    if not check.get("HealthSwitch"):
        return None
    timing = Check(
        kind="tcp",
        interval_s=int(check["IntervalTime"]),
        timeout_s=int(check["TimeOut"]),
        rise=int(check["HealthNum"]),
        fall=int(check["UnHealthNum"]),
    )
    if check["CheckType"] not in LAYER_7:
        return timing
    return replace(
        timing,
        kind="http",
        path=check.get("HttpCheckPath") or "/",
        host=check.get("HttpCheckDomain") or domain,
        method=check.get("HttpCheckMethod") or "HEAD",
        codes=status_classes(int(check.get("HttpCode") or 31)),
    )
