"""The substrate's tests run in a network, mounts and process tree of their own; see tests/isolation.py."""

from collections.abc import Iterator

import pytest

from sandbox.substrate import teardown
from sandbox.substrate.network import topology
from sandbox.substrate.supervision import processes
from tests.isolation import INSIDE


@pytest.fixture
def substrate() -> None:
    """Internet, regions and supervisor stand. Tests share them, so each names its things apart from all others'."""
    topology.start()
    processes.start()


@pytest.fixture(scope="session", autouse=True)
def _nothing_left() -> Iterator[None]:
    yield
    if INSIDE:
        teardown.everything()
