"""The harness by its old name; see world.py."""

from tests.sandbox.certificates import self_signed
from tests.sandbox.world import REGION, World, world

__all__ = ["REGION", "World", "self_signed", "world"]
