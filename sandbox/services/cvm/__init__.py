"""CVM 2017-03-12: what is on sale, images, instances."""

from sandbox.services.cvm import catalogue, instances, machines

__all__ = ["catalogue", "instances", "machines"]
