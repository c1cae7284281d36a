"""TCR 2019-09-24: registry instances, what is in them, who logs in and from where; behind each a real registry."""

from sandbox.services.tcr import contents, endpoints, instances, logins, names

__all__ = ["contents", "endpoints", "instances", "logins", "names"]
