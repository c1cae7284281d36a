"""Records again what the official plugin does.

    .venv/bin/python -m tests.sandbox.plugins.record PLUGIN [FAMILY...]

PLUGIN: the official plugin's file (0.2.3); without families: all of them. Needs root: it goes through tests/isolated,
where there is no network but loopback and /etc/hosts is its own. Nobody edits a recording by hand.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sandbox import layout, services
from sandbox.api.actions import ACTIONS
from sandbox.substrate.names import host_names
from tests.sandbox.plugins.lives import FAMILIES
from tests.sandbox.plugins.provider_run import run

RECORDINGS = Path(__file__).parent / "recordings"


def main(plugin: str, families: Sequence[str]) -> None:
    """Write the recordings of these families."""
    services.load()
    host_names.ensure({f"{service}.{layout.API_ROOT_DOMAIN}" for service, _, _ in ACTIONS})
    for family in families:
        with tempfile.TemporaryDirectory() as directory, run([plugin], Path(directory)) as recorded:
            FAMILIES[family](recorded)
        steps = (json.dumps(step, sort_keys=True, ensure_ascii=False) for step in recorded.steps)
        (RECORDINGS / f"{family}.json").write_text("[\n" + ",\n".join(steps) + "\n]\n", encoding="utf-8")
        print(f"{family}: {len(recorded.steps)} steps", flush=True)


def apart(words: Sequence[str]) -> None:
    """Become the same command in namespaces of its own."""
    isolated = str(layout.CHECKOUT / "tests" / "isolated")
    os.execv(isolated, [isolated, sys.executable, "-m", __spec__.name, *words])


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog=f"python -m {__spec__.name}", description=__doc__)
    arguments.add_argument("plugin", metavar="PLUGIN")
    arguments.add_argument("families", metavar="FAMILY", nargs="*", help=", ".join(FAMILIES))
    given = arguments.parse_args()
    if unknown := set(given.families) - set(FAMILIES):
        arguments.error(f"no such family: {', '.join(sorted(unknown))}")
    if "SANMEN_ISOLATED" not in os.environ:
        apart(sys.argv[1:])
    main(given.plugin, given.families or list(FAMILIES))
