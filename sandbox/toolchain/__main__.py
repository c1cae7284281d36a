"""`python3 -m sandbox.toolchain [preview|run|test]`: bring the machine to where that can be done."""

import argparse
import os
import signal
import sys

from sandbox.toolchain import engine_build, environment, local_bin, packages, preflight, turn
from sandbox.toolchain.steps import Steps, ToolchainError

OLDEST_PYTHON = (3, 11)


def prepare(purpose: str) -> None:
    """`preview` needs no root and no servers, `run` all that the sandbox runs, `test` also the tests' clients."""
    if sys.version_info < OLDEST_PYTHON:
        raise ToolchainError(f"Python {sys.version.split()[0]} is too old: 3.11 or newer is needed")
    steps = Steps()
    with turn.taken(steps):
        _prepare(purpose, steps)


def _prepare(purpose: str, steps: Steps) -> None:
    if purpose != "preview":
        found = preflight.check_machine()
        if found:
            lines = "\n    ".join(str(missing) for missing in found)
            raise ToolchainError(f"this machine is not ready:\n    {lines}")
        packages.install(steps)
    environment.ensure(steps)
    local_bin.ensure(engine_build.ensure(steps))
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
    try:
        prepare(parser.parse_args().purpose)
    except ToolchainError as error:
        sys.exit(f"sanmen: {error}")
    except KeyboardInterrupt:
        sys.exit("\nsanmen: interrupted; the next run goes on from here")


if __name__ == "__main__":
    main()
