"""The gateway's machine image: recipe, and the programs that run inside it."""

from gateway.image.recipe import IMAGE_ID, ImageError, build

__all__ = ["IMAGE_ID", "ImageError", "build"]
