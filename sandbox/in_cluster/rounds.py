"""Rounds of a program that brings something to what it should be: at once when told, else now and then."""

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

SETTLE_S = 0.05
"""What changes together is looked at together."""
LONGEST_PAUSE_S = 10.0


class Bell:
    """Rung when it is worth looking. From any thread."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def ring(self) -> None:
        """Ask for a round."""
        self._rung.set()

    def wait(self, seconds: float) -> None:
        """Wait until it is rung, or for so long."""
        if self._rung.wait(seconds):
            time.sleep(SETTLE_S)
        self._rung.clear()


def run(work: Callable[[], float | None], bell: Bell, rest_s: float, expected: tuple[type[Exception], ...]) -> None:
    """Do rounds for ever. `work` returns after how many seconds it wants another, None: after `rest_s`, or when rung.

    `expected`: what a round may raise when a server is away; it is tried again, later each time, up to 10 s, and said
    once per reason. Any other error ends the program: its supervisor starts it anew.
    """
    failures, said = 0, ""
    while True:
        try:
            pause = work()
            if failures:
                log.info("works again")
            failures, said = 0, ""
        except expected as error:
            failures += 1
            pause = min(0.5 * 2 ** min(failures, 6), LONGEST_PAUSE_S)
            if str(error) != said:
                said = str(error)
                log.warning("tried again in %.0f s and later: %s", pause, said or repr(error))
        bell.wait(rest_s if pause is None else pause)
