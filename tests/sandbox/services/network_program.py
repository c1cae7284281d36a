"""The harness by its old name; see tests/sandbox/world.py."""

from tests.sandbox.world import REGION, World, world

Network = World
network = world
__all__ = ["REGION", "Network", "network"]
