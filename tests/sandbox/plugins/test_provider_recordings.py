"""Our plugin makes the official plugin's calls, with the same parameters, and gives back the same outputs."""

import json
from pathlib import Path

import pytest

from tests.sandbox.plugins import provider_lives
from tests.sandbox.plugins.provider_run import OURS, run

RECORDINGS = Path(__file__).parent / "recordings"
UNREAD = ("update As/scalingPolicy", "update As/lifecycleHook")
"""After these the official plugin believes what it sent; ours reads after every update."""


@pytest.mark.parametrize("family", [path.stem for path in sorted(RECORDINGS.glob("*.json"))])
def test_our_plugin_does_what_the_official_one_did(family: str, tmp_path: Path) -> None:
    official = json.loads((RECORDINGS / f"{family}.json").read_text())
    with run(OURS, tmp_path) as plugin:
        getattr(provider_lives, family)(plugin)
    for ours, theirs in zip(plugin.steps, official, strict=True):
        if ours["step"] in UNREAD:
            assert ours["calls"].pop()[0].startswith("Describe")
        assert ours == theirs
