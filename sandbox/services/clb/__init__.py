"""Cloud Load Balancer (clb 2018-03-17): control plane; haproxy is behind it.

Other services use `targets` (registration by scaling groups) and `instances` (what a certificate or a log topic is
bound to). Source: docs/sources.md, CLB.
"""

from sandbox.services.clb import configs, instances, listeners, logs, quota, redirection, rules, targets, tasks

__all__ = ["configs", "instances", "listeners", "logs", "quota", "redirection", "rules", "targets", "tasks"]
