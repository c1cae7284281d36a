"""Intelligent global traffic manager (igtm 2023-10-24): names that answer with a living place near the asker.

Source: docs/sources.md, DNS.
"""

from sandbox.services.igtm import catalogue, failover, instances, kinds, monitors, pools, strategies

__all__ = ["catalogue", "failover", "instances", "kinds", "monitors", "pools", "strategies"]
