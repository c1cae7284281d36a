"""`python3 -m sandbox.toolchain [preview|run|test] [--stack NAME]`: bring the machine to where that can be done."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from sandbox.toolchain import environment, go_build, local_bin, packages, preflight, programs, stack_files, turn
from sandbox.toolchain.programs import Need, Program
from sandbox.toolchain.steps import Steps, ToolchainError

OLDEST_PYTHON = (3, 11)


RUN_STACK = "local"
"""The stack that the sandbox runs."""


def prepare(purpose: str, stack: str = "") -> None:
    """`preview` needs no root and no servers, `run` all that the sandbox runs, `test` also the tests' clients.

    stack: the one to preview; without it, what every stack needs is made ready.
    """
    if sys.version_info < OLDEST_PYTHON:
        raise ToolchainError(f"Python {sys.version.split()[0]} is too old: 3.11 or newer is needed")
    stacks = {"run": [RUN_STACK], "test": stack_files.names()}.get(purpose, [stack])
    steps = Steps()
    with turn.taken(steps):
        _prepare(purpose, programs.needed(purpose, stacks), steps)


def _prepare(purpose: str, wanted: Sequence[Program], steps: Steps) -> None:
    if purpose != "preview":
        found = preflight.check_machine(wanted)
        if found:
            lines = "\n    ".join(str(missing) for missing in found)
            raise ToolchainError(f"this machine is not ready:\n    {lines}")
        packages.install(steps, clusters=any(program.needed_by is Need.CLUSTERS for program in wanted))
    environment.ensure(steps)
    local_bin.ensure(go_build.ensure(wanted, steps))
    if purpose == "test":
        environment.ensure_clients(steps)


def main() -> None:
    """Exit code 1 and one message when something is missing or fails."""
    # A request to end, or a terminal that is gone, must not skip what puts things back.
    for wish in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(wish) != signal.SIG_IGN:
            signal.signal(wish, signal.default_int_handler)
    os.umask(0o022)
    parser = argparse.ArgumentParser(prog="python3 -m sandbox.toolchain")
    parser.add_argument("purpose", nargs="?", choices=("preview", "run", "test"), default="run")
    parser.add_argument("--stack", default="", help="with preview: the stack to make ready for")
    given = parser.parse_args()
    try:
        prepare(given.purpose, given.stack)
    except ToolchainError as error:
        sys.exit(f"sanmen: {error}")
    except KeyboardInterrupt:
        sys.exit("\nsanmen: interrupted; the next run goes on from here")


if __name__ == "__main__":
    main()
