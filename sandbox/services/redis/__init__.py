"""Redis 2018-04-12: instances with replicas behind one address, their backups' hour, parameter templates."""

from sandbox.services.redis import backups, changes, instances, kinds, offers, parameters

__all__ = ["backups", "changes", "instances", "kinds", "offers", "parameters"]
