"""The order of all tests: what runs in a world of its own comes last, when nothing else runs beside it."""

from tests.isolation import pytest_collection_modifyitems

__all__ = ["pytest_collection_modifyitems"]
