"""CVM 2017-03-12: what is on sale, images, instances, launch templates, key pairs."""

from sandbox.services.cvm import catalogue, instances, keys, templates

__all__ = ["catalogue", "instances", "keys", "templates"]
