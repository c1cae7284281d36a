"""Kinds of differences in a Diff answer."""

from sandbox.plugins.protocol.stubs import provider_pb2

KINDS = {
    ("add", False): provider_pb2.PropertyDiff.ADD,
    ("add", True): provider_pb2.PropertyDiff.ADD_REPLACE,
    ("delete", False): provider_pb2.PropertyDiff.DELETE,
    ("delete", True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    ("update", False): provider_pb2.PropertyDiff.UPDATE,
    ("update", True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


def property_diff(kind: str, replace: bool) -> provider_pb2.PropertyDiff:
    """kind: add, delete or update, found by comparing with the old state."""
    return provider_pb2.PropertyDiff(kind=KINDS[kind, replace])
