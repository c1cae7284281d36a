"""For all tests: which of them run in a world of their own, and that a request to end lets them clean up."""

import signal

from tests.isolation import (
    pytest_collection_modifyitems,
    pytest_runtest_protocol,
    pytest_runtestloop,
    pytest_sessionfinish,
)

__all__ = [
    "pytest_collection_modifyitems",
    "pytest_runtest_protocol",
    "pytest_runtestloop",
    "pytest_sessionfinish",
]


def pytest_configure() -> None:
    """Told to end, pytest would end at once, and leave what a fixture started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
