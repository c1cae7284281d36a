"""Quotas per region. Source: docs/sources.md, CLB."""

from sandbox.api.actions import Context
from sandbox.api.errors import ApiError
from sandbox.services.clb.kinds import CONFIGURATION, LOAD_BALANCER

LIMITS = {
    "TOTAL_OPEN_CLB_QUOTA": 100,
    "TOTAL_INTERNAL_CLB_QUOTA": 100,
    "TOTAL_LISTENER_QUOTA": 50,
    "TOTAL_LISTENER_RULE_QUOTA": 50,
    "TOTAL_TARGET_BIND_QUOTA": 100,
}
CONFIGURATIONS = 200
_TYPES = {"TOTAL_OPEN_CLB_QUOTA": "OPEN", "TOTAL_INTERNAL_CLB_QUOTA": "INTERNAL"}


def _used(ctx: Context, name: str) -> int:
    return sum(1 for doc in LOAD_BALANCER.list(ctx) if doc["LoadBalancerType"] == _TYPES.get(name))


def take(ctx: Context, name: str) -> None:
    """Raise LimitExceeded if another load balancer does not fit."""
    limit(name, _used(ctx, name) + 1)


def limit(name: str, wanted: int) -> None:
    """Raise LimitExceeded if `wanted` is above the quota."""
    highest = LIMITS.get(name, CONFIGURATIONS)
    if wanted > highest:
        raise ApiError("LimitExceeded", f"{name} is {highest}; this would make {wanted}.")


def take_configuration(ctx: Context) -> None:
    """Raise LimitExceeded if another custom configuration does not fit."""
    limit("custom configurations", len(CONFIGURATION.list(ctx)) + 1)
