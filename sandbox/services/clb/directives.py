"""The directives of a CLB custom configuration: what is allowed, and what it means for a listener.

Source: docs/sources.md, CLB (custom config directives).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sandbox.api.errors import ApiError
from sandbox.substrate.specs import Listener

MAX_BYTES = 64 * 1024
TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
DEFAULT_TLS_VERSIONS = TLS_VERSIONS[:3]
"""What a CLB offers without a custom configuration."""
LARGE_BODY_BYTES = 256 * 1024 * 1024
"""A larger `client_max_body_size` needs `proxy_request_buffering off`."""
_SIZE_UNITS = {"k": 1024, "m": 1024 * 1024}
_PROXY_HEADERS = {("X-Real-Port", "$remote_port"), ("X-clb-stgw-vip", "$server_addr"), ("Stgw-request-id",)}


def _refuse(directive: str, given: str, allowed: str) -> ApiError:
    message = f"directive {directive}: `{given}` is not allowed; allowed: {allowed}."
    return ApiError("InvalidParameterValue", message)


def _seconds(name: str, values: list[str], low: int, high: int) -> int:
    given = " ".join(values)
    match = re.fullmatch(r"(\d+)(s?)", given)
    if match is None or not low <= int(match[1]) <= high:
        raise _refuse(name, given, f"{low}s to {high}s")
    return int(match[1])


def _size(name: str, given: str, unit: str, low: int, high: int) -> int:
    match = re.fullmatch(r"(\d+)([kKmM])", given)
    if match is None or match[2].lower() != unit or not low <= int(match[1]) <= high:
        raise _refuse(name, given, f"{low}{unit} to {high}{unit}")
    return int(match[1]) * _SIZE_UNITS[unit]


def _check_seconds(low: int, high: int) -> Callable[[str, list[str]], None]:
    def check(name: str, values: list[str]) -> None:
        _seconds(name, values, low, high)

    return check


def _check_size(unit: str, low: int, high: int) -> Callable[[str, list[str]], None]:
    def check(name: str, values: list[str]) -> None:
        _size(name, " ".join(values), unit, low, high)

    return check


def _check_number(low: int, high: int) -> Callable[[str, list[str]], None]:
    def check(name: str, values: list[str]) -> None:
        given = " ".join(values)
        if not given.isdecimal() or not low <= int(given) <= high:
            raise _refuse(name, given, f"{low} to {high}")

    return check


def _check_switch(name: str, values: list[str]) -> None:
    if values not in (["on"], ["off"]):
        raise _refuse(name, " ".join(values), "on, off")


def _check_tls(name: str, values: list[str]) -> None:
    if not values or any(value not in TLS_VERSIONS for value in values):
        raise _refuse(name, " ".join(values), " ".join(TLS_VERSIONS))


def _check_buffers(name: str, values: list[str]) -> None:
    given = " ".join(values)
    if len(values) != 2 or not values[0].isdecimal() or not 3 <= int(values[0]) <= 8:
        raise _refuse(name, given, "3 to 8 buffers of 4k to 16k")
    _size(name, values[1], "k", 4, 16)


def _check_proxy_header(name: str, values: list[str]) -> None:
    if tuple(values) not in _PROXY_HEADERS and tuple(values[:1]) not in _PROXY_HEADERS:
        raise _refuse(name, " ".join(values), "X-Real-Port $remote_port, X-clb-stgw-vip $server_addr, Stgw-request-id")


def _check_free(name: str, values: list[str]) -> None:
    if not values:
        raise _refuse(name, "", "a value")


_CHECKS: dict[str, Callable[[str, list[str]], None]] = {
    "ssl_protocols": _check_tls,
    "ssl_ciphers": _check_free,
    "client_header_timeout": _check_seconds(30, 120),
    "client_header_buffer_size": _check_size("k", 1, 256),
    "client_body_timeout": _check_seconds(30, 120),
    "client_max_body_size": _check_size("m", 1, 10240),
    "keepalive_timeout": _check_seconds(0, 900),
    "keepalive_requests": _check_number(1, 10000),
    "add_header": _check_free,
    "more_set_headers": _check_free,
    "proxy_connect_timeout": _check_seconds(4, 120),
    "proxy_read_timeout": _check_seconds(30, 3600),
    "proxy_send_timeout": _check_seconds(30, 3600),
    "proxy_buffer_size": _check_size("k", 1, 64),
    "proxy_buffers": _check_buffers,
    "proxy_request_buffering": _check_switch,
    "proxy_set_header": _check_proxy_header,
    "send_timeout": _check_seconds(1, 3600),
    "ssl_verify_depth": _check_number(1, 10),
    "server_tokens": _check_switch,
}
_REPEATABLE = {"add_header", "more_set_headers", "proxy_set_header"}


@dataclass(frozen=True, kw_only=True)
class Directive:
    """One directive as written: `name`, and its values without quotes resolved."""

    name: str
    values: tuple[str, ...]


def parse(content: str) -> list[Directive]:
    """Read and check a configuration text.

    Every directive ends with `;`. Raises ApiError InvalidParameterValue that names the directive, what was given and
    what is allowed; LimitExceeded for a text above 64 KB.
    """
    if len(content.encode()) > MAX_BYTES:
        raise ApiError("LimitExceeded", f"ConfigContent has {len(content.encode())} bytes; allowed: {MAX_BYTES}.")
    *statements, rest = content.replace("\r\n", "\n").split(";")
    if rest.strip():
        raise ApiError("InvalidParameterValue", f"directive `{rest.strip()[:60]}` does not end with `;`.")
    found: list[Directive] = []
    for statement in statements:
        words = statement.split()
        if not words:
            raise ApiError("InvalidParameterValue", "ConfigContent has an empty directive (two `;`).")
        name, values = words[0], words[1:]
        check = _CHECKS.get(name)
        if check is None:
            raise ApiError(
                "InvalidParameterValue", f"directive {name} is not supported; supported: {', '.join(sorted(_CHECKS))}."
            )
        if name not in _REPEATABLE and any(other.name == name for other in found):
            raise ApiError("InvalidParameterValue", f"directive {name} is given twice.")
        check(name, values)
        found.append(Directive(name=name, values=tuple(values)))
    if not found:
        raise ApiError("InvalidParameterValue", "ConfigContent is empty.")
    _check_together(found)
    return found


def _check_together(found: Iterable[Directive]) -> None:
    values = {directive.name: list(directive.values) for directive in found}
    body = values.get("client_max_body_size")
    large = body is not None and _size("client_max_body_size", body[0], "m", 1, 10240) > LARGE_BODY_BYTES
    if large and values.get("proxy_request_buffering") != ["off"]:
        raise ApiError("InvalidParameterValue", "client_max_body_size above 256M needs `proxy_request_buffering off;`.")
    if "proxy_buffer_size" in values and "proxy_buffers" not in values:
        raise ApiError("InvalidParameterValue", "proxy_buffer_size needs proxy_buffers beside it.")


def configure(listener: Listener, directives: Iterable[Directive]) -> Listener:
    """The listener with the directives' meaning. Those that haproxy has no counterpart for change nothing."""
    for directive in directives:
        name, values = directive.name, list(directive.values)
        match name:
            case "ssl_protocols":
                listener = replace(listener, tls_versions=tuple(values))
            case "proxy_read_timeout":
                listener = replace(listener, read_timeout_s=_seconds(name, values, 30, 3600))
            case "proxy_send_timeout":
                listener = replace(listener, send_timeout_s=_seconds(name, values, 30, 3600))
            case "proxy_connect_timeout":
                listener = replace(listener, connect_timeout_s=_seconds(name, values, 4, 120))
            case "keepalive_timeout":
                listener = replace(listener, keepalive_s=_seconds(name, values, 0, 900))
            case "client_max_body_size":
                listener = replace(listener, body_limit_bytes=_size(name, values[0], "m", 1, 10240))
            case _:
                pass
    return listener
