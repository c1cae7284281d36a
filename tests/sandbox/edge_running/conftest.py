"""The edge with its real servers, in a network, mounts and process tree of its own; see tests/isolation.py."""

from collections.abc import Generator
from pathlib import Path

import pytest

from sandbox.services.plane import Plane
from sandbox.substrate import teardown
from tests.isolation import INSIDE
from tests.sandbox.edge_running.stage import ground
from tests.sandbox.local_cloud import local_cloud
from tests.sandbox.world import World


@pytest.fixture
def edge(tmp_path: Path) -> Generator[World]:
    """The API over the real substrate: internet, regions, name server, authority, clients."""
    ground()
    with local_cloud(tmp_path, substrate=Plane()) as running:
        yield World(running)


@pytest.fixture(scope="session", autouse=True)
def _nothing_left() -> Generator[None]:
    yield
    if INSIDE:
        teardown.everything()
