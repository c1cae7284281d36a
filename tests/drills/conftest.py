"""Failures on purpose and wrong commands, met through the real program in a network and process tree of their own.

See tests/isolation.py. One sandbox at a time; a test that needs none takes it down first.
"""

from collections.abc import Iterator

import pytest

from tests.drills.stage import down


@pytest.fixture(scope="package", autouse=True)
def _nothing_left() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction] pytest uses it
    yield
    down()


@pytest.fixture
def nothing() -> None:
    """No sandbox stands."""
    down()
