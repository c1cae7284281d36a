"""What a person does wrong, met in a network and process tree of the tests' own: see tests/isolation.py."""

import pytest

from tests.end_to_end.conftest import run
from tests.isolation import pytest_runtest_protocol, pytest_sessionfinish

__all__ = ["pytest_runtest_protocol", "pytest_sessionfinish"]


@pytest.fixture
def nothing() -> None:
    """No sandbox stands."""
    done = run("make", "down")
    assert done.returncode == 0, done.stdout + done.stderr
