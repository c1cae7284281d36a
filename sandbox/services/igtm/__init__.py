"""Intelligent global traffic manager (igtm 2023-10-24): names that answer with a living place near the asker.

`failovers` is what the account's instances mean for the name server. Source: shared
catalogue, section 7.
"""

from sandbox.services.igtm import catalogue, instances, monitors, pools, strategies
from sandbox.services.igtm.failover import failovers

__all__ = ["catalogue", "failovers", "instances", "monitors", "pools", "strategies"]
