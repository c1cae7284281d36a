"""Auto Scaling 2018-04-19: launch configurations, groups that keep their count, policies, lifecycle hooks."""

from sandbox.services.autoscaling import activities, balancers, configs, groups, hooks, members, policies, reconciler

__all__ = ["activities", "balancers", "configs", "groups", "hooks", "members", "policies", "reconciler"]
