"""The plugin asks of CLB and SSL what the official one asks, call by call and parameter by parameter."""

import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from sandbox.plugins.tencentcloud.diff import diff
from sandbox.plugins.tencentcloud.handler import HANDLERS
from sandbox.plugins.tencentcloud.schema import schema
from tests.sandbox.plugins.entry_wire import CHANGES, RECORDED, Made, build, prepare, wire
from tests.sandbox.world import World, world


@pytest.fixture
def edge(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as made:
        yield made


def asked(work: Callable[[], Any]) -> list[list[Any]]:
    with wire() as calls:
        work()
    return calls


def test_the_wire_is_the_official_plugins(edge: World) -> None:
    recorded: dict[str, list[list[Any]]] = json.loads(RECORDED.read_text())
    vpc_id, group = prepare(edge)
    made: list[Made] = []
    assert asked(lambda: made.extend(build(vpc_id, group, edge.up))) == recorded["create"]

    def read() -> None:
        for token, id, outputs, _ in made:
            assert HANDLERS[token].read(edge.cloud, id, outputs) is not None

    assert asked(read) == recorded["read"]
    for at, (token, id, outputs, inputs) in enumerate(made):
        changes = CHANGES.get(token.removeprefix("tencentcloud:"))
        if changes is not None:
            assert (
                asked(lambda step=made[at], changes=changes: _update(edge, step, changes)) == recorded[f"update {at}"]
            )
            made[at] = (token, id, {**outputs, **changes}, {**inputs, **changes})

    def delete() -> None:
        for token, id, outputs, _ in reversed(made):
            edge.down(token, id, outputs)

    assert asked(delete) == recorded["delete"]


def _update(edge: World, step: Made, changes: dict[str, Any]) -> None:
    """An update without the reading after it, which the official plugin leaves out for some types."""
    token, id, outputs, inputs = step
    defaults = {name: field.default for name, field in schema()[token].items() if field.default is not None}
    wanted = {**defaults, **inputs, **changes}
    changed = frozenset(change.top for change in diff(token, schema()[token], outputs, wanted))
    HANDLERS[token].update(edge.cloud, id, outputs, wanted, changed)
