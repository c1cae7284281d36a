"""The harness by its old name; see tests/sandbox/local_cloud.py."""

from tests.sandbox.local_cloud import LocalCloud, local_cloud

__all__ = ["LocalCloud", "local_cloud"]
