"""Cloud Load Balancer (clb 2018-03-17): control plane; haproxy is behind it.

Other services use `kinds` and `targets` (registration by scaling groups). Source: docs/sources.md, CLB.
"""

from sandbox.services.clb import configs, instances, listeners, names, quota, redirection, rules, targets, tasks

__all__ = ["configs", "instances", "listeners", "names", "quota", "redirection", "rules", "targets", "tasks"]
