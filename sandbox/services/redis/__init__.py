"""Redis 2018-04-12: instances with replicas behind one address, their settings, parameter templates, accounts."""

from sandbox.services.redis import accounts, changes, instances, offers, parameters, settings

__all__ = ["accounts", "changes", "instances", "offers", "parameters", "settings"]
