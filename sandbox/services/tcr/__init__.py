"""TCR 2019-09-24: registry instances, their namespaces, repositories and tokens; behind each a real registry."""

from sandbox.services.tcr import contents, instances, tokens

__all__ = ["contents", "instances", "tokens"]
