"""A look at what the plugin's handlers say to the API: which actions, in which order, with which parameters."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sandbox import layout
from sandbox.plugins.tencentcloud.cloud import Cloud

Call = tuple[str, dict[str, Any]]
"""`service:Action` and its parameters."""


@contextmanager
def spied(cloud: Cloud) -> Generator[list[Call]]:
    """Every call of the handlers from now on; they are sent as they are."""
    calls: list[Call] = []
    send = cloud.call

    def call(service: str, action: str, params: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        calls.append((f"{service}:{action}", dict(params or {})))
        return send(service, action, params, **options)

    setattr(cloud, "call", call)  # noqa: B010  # an instance's own, over the method
    try:
        yield calls
    finally:
        delattr(cloud, "call")


def actions(calls: list[Call]) -> list[str]:
    """The actions alone, repeated ones once: how often a wait asks is no matter."""
    return [action for at, (action, _) in enumerate(calls) if at == 0 or calls[at - 1][0] != action]


def params(calls: list[Call], action: str) -> dict[str, Any]:
    """What the one call of an action said, without what is not sent."""
    found = [given for name, given in calls if name == action]
    assert len(found) == 1, (action, calls)
    return {name: value for name, value in found[0].items() if value is not None}


def documented(token: str, page: str) -> set[str]:
    """The actions that docs/fidelity/<page>.md names for a resource type."""
    heading = token.removeprefix("tencentcloud:").rsplit(":", 1)[0]
    text = (layout.CHECKOUT / "docs" / "fidelity" / f"{page}.md").read_text()
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| \w+ \| `([\w]+:\w+)` \|", section, re.MULTILINE))
