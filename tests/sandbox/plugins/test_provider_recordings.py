"""Our plugin makes the official plugin's calls, with the same parameters, and gives back the same outputs."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.plugins.tencentcloud import resources
from sandbox.plugins.tencentcloud.handler import HANDLERS
from tests.sandbox.plugins.lives import FAMILIES
from tests.sandbox.plugins.provider_run import OURS, Step, run, token_of
from tests.sandbox.plugins.record import RECORDINGS

RECORDED: dict[str, list[Step]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(RECORDINGS.glob("*.json"))
}
UNREAD = {"As/scalingPolicy": 1, "As/lifecycleHook": 1, "Clb/instance": 2, "Clb/listenerRule": 1}
"""After an update of these the official plugin believes what it sent; ours reads after every update. Type -> calls."""
STALE = {"Clb/customizedConfigV2": "configContent"}
"""After an update of these the official plugin gives the value of before. Type -> output."""


def kind_of(step: Step) -> str:
    """`update Vpc/instance` -> `Vpc/instance`."""
    return step["step"].split()[1]


@pytest.fixture(scope="module")
def lived() -> Callable[[str], list[Step]]:
    """The steps of a family with our plugin; lived once."""
    known: dict[str, list[Step]] = {}

    def live(family: str) -> list[Step]:
        if family not in known:
            with tempfile.TemporaryDirectory() as directory, run(OURS, Path(directory)) as plugin:
                FAMILIES[family](plugin)
            known[family] = plugin.steps
        return known[family]

    return live


def test_every_type_that_the_plugin_makes_is_recorded() -> None:
    resources.load()
    assert set(RECORDED) == set(FAMILIES)
    assert {token_of(kind_of(step)) for steps in RECORDED.values() for step in steps} == set(HANDLERS)


@pytest.mark.parametrize("family", RECORDED)
def test_the_steps_are_those_that_were_recorded(lived: Callable[[str], list[Step]], family: str) -> None:
    assert [step["step"] for step in lived(family)] == [step["step"] for step in RECORDED[family]]


@pytest.mark.parametrize(
    ("family", "kind"),
    [(family, kind) for family in RECORDED for kind in dict.fromkeys(map(kind_of, RECORDED[family]))],
)
def test_our_plugin_does_what_the_official_one_did(lived: Callable[[str], list[Step]], family: str, kind: str) -> None:
    official = [step for step in RECORDED[family] if kind_of(step) == kind]
    ours = [step for step in lived(family) if kind_of(step) == kind]
    for our, their in zip(ours, official, strict=True):
        assert _comparable(our, their) == their


def _comparable(our: Step, their: Step) -> Step:
    """Our step without what ours is known to do better; that it still does is part of what is held."""
    kind, calls, outputs = kind_of(our), our["calls"], our["outputs"]
    if not our["step"].startswith("update "):
        return our
    if kind in UNREAD:
        calls, read = calls[: -UNREAD[kind]], calls[-UNREAD[kind] :]
        assert all(action.startswith("Describe") for action, _ in read)
    if kind in STALE:
        assert outputs[STALE[kind]] != their["outputs"][STALE[kind]]
        outputs = {**outputs, STALE[kind]: their["outputs"][STALE[kind]]}
    return {**our, "calls": calls, "outputs": outputs}
