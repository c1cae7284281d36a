"""The documents of Auto Scaling.

A member of a group (models.Instance) has the instance's id. Its private keys: `_activity` (the one it is part of),
`_since` (seconds since the epoch when its state began), `_drained`, `_completed` (how a hook's wait was ended).
"""

from sandbox.api.kinds import Kind, TagNames
from sandbox.api.store import Docs, Store

CONFIG = Kind(
    name="as.config",
    key="LaunchConfigurationId",
    noun="launch configuration",
    missing="ResourceNotFound.LaunchConfigurationIdNotFound",
    tags=TagNames(service="as", prefix="launch-configuration", field="Tags"),
)
GROUP = Kind(
    name="as.group",
    key="AutoScalingGroupId",
    noun="scaling group",
    missing="ResourceNotFound.AutoScalingGroupNotFound",
    tags=TagNames(service="as", prefix="auto-scaling-group", field="Tags"),
)
MEMBER = Kind(name="as.member", key="InstanceId", noun="instance of a group")
ACTIVITY = Kind(name="as.activity", key="ActivityId", noun="activity")
POLICY = Kind(
    name="as.policy",
    key="AutoScalingPolicyId",
    noun="scaling policy",
    missing="ResourceNotFound.ScalingPolicyNotFound",
)
HOOK = Kind(
    name="as.hook", key="LifecycleHookId", noun="lifecycle hook", missing="ResourceNotFound.LifecycleHookNotFound"
)
COMING = ("CREATING", "IN_LAUNCHING_HOOK")
GOING = ("TERMINATING", "IN_TERMINATING_HOOK")


def of_group(store: Store, kind: Kind, group_id: str) -> Docs:
    """The documents of a kind that belong to a group, in the order they came."""
    return [doc for doc in kind.all(store) if doc["AutoScalingGroupId"] == group_id]


def members(store: Store, group_id: str) -> Docs:
    """The instances of a group, in the order they came."""
    return of_group(store, MEMBER, group_id)


def hooks(store: Store, group_id: str, transition: str) -> Docs:
    """The hooks of a group for INSTANCE_LAUNCHING or INSTANCE_TERMINATING."""
    return [doc for doc in of_group(store, HOOK, group_id) if doc["LifecycleTransition"] == transition]
