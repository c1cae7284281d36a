"""The plane of control-plane tests stands in for the whole of the real one."""

import inspect
from typing import get_args

from sandbox.services.plane import Plane, Spec, current, use
from tests.sandbox.recording import Recording


def test_nothing_that_services_ask_of_a_recording_reaches_the_real_plane() -> None:
    asked = {name for name, _ in inspect.getmembers(Plane, inspect.isfunction)}
    assert asked - {"__init__"} <= set(vars(Recording))


def test_what_was_removed_is_no_longer_held() -> None:
    recording = Recording()
    with use(recording):
        assert current() is recording
        for kind in get_args(Spec):
            current().remove(kind, "gone")  # what is already gone is fine, of any kind
    assert current() is not recording
