"""The documents of Auto Scaling and how they are found.

Kinds: `as.config` (models.LaunchConfiguration), `as.group` (models.AutoScalingGroup), `as.member` (models.Instance; its
id is the instance's), `as.activity`, `as.policy`, `as.hook`. Private keys of a member: `_activity` (the one it is part
of), `_since` (seconds since the epoch when its state began), `_down_since`, `_dead_since`.
"""

from sandbox.api.actions import Context
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc, Store
from sandbox.services.params import in_region

CONFIG, GROUP, MEMBER, ACTIVITY, POLICY, HOOK = (
    "as.config",
    "as.group",
    "as.member",
    "as.activity",
    "as.policy",
    "as.hook",
)
COMING = ("CREATING", "IN_LAUNCHING_HOOK")
GOING = ("TERMINATING", "IN_TERMINATING_HOOK")


def group(ctx: Context, group_id: str) -> Doc:
    """The group in this region. Raises ResourceNotFound.AutoScalingGroupNotFound."""
    return _need(ctx, GROUP, group_id, "ResourceNotFound.AutoScalingGroupNotFound")


def config(ctx: Context, config_id: str) -> Doc:
    """The launch configuration in this region. Raises ResourceNotFound.LaunchConfigurationIdNotFound."""
    return _need(ctx, CONFIG, config_id, "ResourceNotFound.LaunchConfigurationIdNotFound")


def hook(ctx: Context, hook_id: str) -> Doc:
    """The lifecycle hook in this region. Raises ResourceNotFound.LifecycleHookNotFound."""
    return _need(ctx, HOOK, hook_id, "ResourceNotFound.LifecycleHookNotFound")


def policy(ctx: Context, policy_id: str) -> Doc:
    """The scaling policy in this region. Raises ResourceNotFound.ScalingPolicyNotFound."""
    return _need(ctx, POLICY, policy_id, "ResourceNotFound.ScalingPolicyNotFound")


def _need(ctx: Context, kind: str, id: str, code: str) -> Doc:
    doc = in_region(ctx, kind, id)
    if doc is None:
        raise ApiError(code, f"`{id}` does not exist in {ctx.region}.")
    return doc


def members(store: Store, group_id: str) -> list[Doc]:
    """The instances of a group, in the order they came."""
    return [doc for doc in store.list(MEMBER) if doc["AutoScalingGroupId"] == group_id]


def hooks(store: Store, group_id: str, transition: str) -> list[Doc]:
    """The hooks of a group for INSTANCE_LAUNCHING or INSTANCE_TERMINATING."""
    docs = [doc for doc in store.list(HOOK) if doc["AutoScalingGroupId"] == group_id]
    return [doc for doc in docs if doc["LifecycleTransition"] == transition]
