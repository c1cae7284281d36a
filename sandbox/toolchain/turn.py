"""One preparation at a time: two would write the same environments, caches and build folders."""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager

from sandbox import layout
from sandbox.toolchain.steps import Steps


@contextmanager
def taken(steps: Steps) -> Generator[None]:
    """Wait for whoever prepares this machine with the same cache. The kernel ends the turn of one that dies."""
    layout.CACHE.mkdir(parents=True, exist_ok=True)
    with (layout.CACHE / "turn").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            steps.note("… another command is preparing this machine: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
