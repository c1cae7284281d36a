"""What several handlers check and convert. Source: docs/sources.md, provider and network."""

from collections.abc import Callable, Mapping
from ipaddress import AddressValueError, IPv4Network, NetmaskValueError
from typing import Any

from sandbox.plugins.tencentcloud.handler import Props


def cidr_fault(text: object) -> str | None:
    """Why a text is no canonical IPv4 network; None if it is one."""
    try:
        if "/" in str(text):
            IPv4Network(str(text))
            return None
    except (AddressValueError, NetmaskValueError, ValueError):
        pass
    return f"{text!r} is not a network address such as 10.0.0.0/16"


def faults(props: Props, checks: Mapping[str, Callable[[Any], str | None]]) -> dict[str, str]:
    """Property -> reason, for those that are set and fail their check."""
    found = {name: check(props[name]) for name, check in checks.items() if props.get(name) is not None}
    return {name: reason for name, reason in found.items() if reason}


def length(shortest: int, longest: int) -> Callable[[Any], str | None]:
    """A check of a text's length."""

    def check(value: Any) -> str | None:
        size = len(str(value))
        return None if shortest <= size <= longest else f"has {size} characters; allowed are {shortest} to {longest}"

    return check


def between(low: float, high: float) -> Callable[[Any], str | None]:
    """A check of a number's range."""
    return lambda value: None if low <= value <= high else f"is {value}; allowed are {low} to {high}"


def one_of(*allowed: object) -> Callable[[Any], str | None]:
    """A check against the values the provider lists."""
    text = ", ".join(str(each) for each in allowed)
    return lambda value: None if value in allowed else f"is {value!r}; allowed are {text}"


NAME = length(1, 60)


def nonzero(props: Props, names: Mapping[str, str]) -> dict[str, Any]:
    """As `given`, without 0, "", False and [] too: most of the provider's requests cannot tell them from unset."""
    return {parameter: props[name] for name, parameter in names.items() if props.get(name)}


def shown(doc: Mapping[str, Any], names: Mapping[str, str]) -> Props:
    """Properties from an answer: {"cidrBlock": "CidrBlock"}. Null leaves the state as it is; an empty list is unset."""
    return {
        name: None if doc[parameter] == [] else doc[parameter]
        for name, parameter in names.items()
        if doc.get(parameter) is not None
    }


def pascal(value: Any) -> Any:
    """{"diskType": …} -> {"DiskType": …}, at every depth: most request parameters differ by this alone."""
    if isinstance(value, dict):
        pairs: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]  # plain data
        return {key[:1].upper() + key[1:]: pascal(each) for key, each in pairs.items() if each is not None}
    if isinstance(value, list):
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]  # plain data
        return [pascal(each) for each in items]
    return value
