"""The substrate's tests run in a network, mounts and process tree of their own; see tests/isolation.py."""

from collections.abc import Iterator

import pytest

from sandbox.substrate import network, processes, teardown
from tests.isolation import INSIDE


@pytest.fixture
def substrate() -> None:
    """Internet, regions and supervisor stand. Tests share them, so each names its things apart from all others'."""
    network.start()
    processes.start()


@pytest.fixture(scope="session", autouse=True)
def _nothing_left() -> Iterator[None]:
    yield
    if INSIDE:
        teardown.everything()
