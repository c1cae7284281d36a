"""Prometheus (TMP) of Cloud Monitor (monitor 2018-07-24), with a real Prometheus behind each instance.

Source: docs/sources.md, monitoring and logs.
"""

from sandbox.services.monitor import alerts, instances, recording, scraping

__all__ = ["alerts", "instances", "recording", "scraping"]
