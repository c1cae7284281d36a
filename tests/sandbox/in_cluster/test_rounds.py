"""Rounds: again after a failure, at once when rung, and out with what nobody expected."""

import threading
from collections.abc import Callable

import pytest

from sandbox.in_cluster.rounds import Bell, run

FOR_EVER_S = 3600.0


class Away(Exception):
    """A server is away."""


def rounds(*answers: Callable[[], float | None], bell: Bell | None = None) -> int:
    """How many of the answers were asked for until one ended the program."""
    left, asked = list(answers), 0

    def work() -> float | None:
        nonlocal asked
        asked += 1
        return left.pop(0)()

    with pytest.raises(ZeroDivisionError):
        run(work, bell or Bell(), FOR_EVER_S, (Away,))
    return asked


def ends() -> float | None:
    raise ZeroDivisionError


def away() -> float | None:
    raise Away("no answer")


def test_a_server_that_is_away_is_tried_again_and_other_errors_end_the_program() -> None:
    assert rounds(away, ends) == 2


def test_a_round_that_wants_another_soon_gets_it() -> None:
    assert rounds(lambda: 0.0, ends) == 2


def test_a_bell_that_rings_during_a_round_brings_the_next() -> None:
    bell = Bell()

    def changed() -> float | None:
        thread = threading.Thread(target=bell.ring)
        thread.start()
        thread.join()
        return None

    assert rounds(changed, ends, bell=bell) == 2
