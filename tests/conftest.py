"""For all tests: their order, and that a request to end lets them clean up.

What runs in a world of its own comes last, when nothing else runs beside it.
"""

import signal

from tests.isolation import pytest_collection_modifyitems

__all__ = ["pytest_collection_modifyitems"]


def pytest_configure() -> None:
    """Told to end, pytest would end at once, and leave what a fixture started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
