"""The plugin asks of DNSPod, IGTM, TMP and CLS what the official one asks, call by call and parameter by parameter."""

import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from sandbox.plugins.tencentcloud.diff import diff
from sandbox.plugins.tencentcloud.handler import HANDLERS, Partial
from sandbox.plugins.tencentcloud.schema import schema
from sandbox.services import cls, dnspod, igtm, monitor, tag, vpc
from tests.sandbox.plugins.edge_lives import RECORDED, Lived, Props, live, plain
from tests.sandbox.plugins.entry_wire import wire
from tests.sandbox.world import World, checked, world

SERVICES = (cls, dnspod, igtm, monitor, tag, vpc)


@pytest.fixture
def edge(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as made:
        yield made


class Ours:
    """Lives with our handlers. `steps`: what was done, and what was asked for it."""

    def __init__(self, edge: World) -> None:
        self.steps: list[list[Any]] = []
        self._cloud = edge.cloud

    def __call__(self, kind: str, first: Props, second: Props | None = None) -> Lived:
        token, handler = f"tencentcloud:{kind}", HANDLERS[f"tencentcloud:{kind}"]
        wanted = checked(token, first)
        ids: list[str] = []

        def create() -> None:
            ids.append(handler.create(self._cloud, wanted, Partial()).id)

        state = self._step(f"create {kind}", create, lambda: self._read(token, ids[0], wanted))
        id = ids[0]
        if second is not None:
            wish = checked(token, second)
            changed = frozenset(change.top for change in diff(token, schema()[token], state, wish))
            before = state

            def update() -> None:
                handler.update(self._cloud, id, before, wish, changed)

            state = self._step(f"update {kind}", update, lambda: self._read(token, id, {**before, **wish}))
        state = self._step(f"read {kind}", lambda: None, lambda: self._read(token, id, state))

        def delete() -> None:
            self._step(f"delete {kind}", lambda: handler.delete(self._cloud, id, state), dict)

        return id, state, delete

    def _read(self, token: str, id: str, props: Props) -> Props:
        found = HANDLERS[token].read(self._cloud, id, props)
        assert found is not None
        return {**props, **found}

    def _step(self, what: str, work: Callable[[], object], then: Callable[[], Props]) -> Props:
        with wire() as calls:
            work()
            found = then()
        self.steps.append([what, plain(calls)])
        return found


def test_the_wire_is_the_official_plugins(edge: World) -> None:
    ours = Ours(edge)
    live(ours, *edge.network())
    recorded: list[list[Any]] = json.loads(RECORDED.read_text())
    assert [step[0] for step in ours.steps] == [step[0] for step in recorded]
    for step, official in zip(ours.steps, recorded, strict=True):
        assert step == official
