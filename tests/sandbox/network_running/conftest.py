"""These tests run the real substrate, in a network, mounts and process tree of their own; see tests/isolation.py."""

from collections.abc import Generator
from pathlib import Path

import pytest

from sandbox.services.plane import Plane
from sandbox.substrate import teardown
from sandbox.substrate.network import topology
from sandbox.substrate.supervision import processes
from tests.sandbox.local_cloud import LocalCloud, local_cloud


@pytest.fixture
def cloud(tmp_path: Path) -> Generator[LocalCloud]:
    """The API over the substrate; nothing is left of either."""
    teardown.everything()  # Addresses are handed out from the first on, in every test's own database.
    topology.start()
    processes.start()
    try:
        with local_cloud(tmp_path, substrate=Plane()) as running:
            yield running
    finally:
        teardown.everything()
