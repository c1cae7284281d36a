"""Waiting for a server to say that it is where it should be."""

import time
from collections.abc import Callable

from sandbox.substrate.errors import SubstrateError

PAUSE_S = 0.05


def until(reached: Callable[[], bool], what: str, timeout_s: float = 15) -> None:
    """Ask again and again until the answer is yes. Raises SubstrateError saying what did not come about in time."""
    deadline = time.monotonic() + timeout_s
    while not reached():
        if time.monotonic() > deadline:
            raise SubstrateError(f"{what}: not within {timeout_s:.0f} s")
        time.sleep(PAUSE_S)
