"""Quotas per region. Source: docs/sources.md, CLB."""

from typing import Any

from tencentcloud.clb.v20180317 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.services.clb.inventory import CONFIG, LB

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
    return sum(1 for doc in ctx.store.list(LB, ctx.region) if doc["LoadBalancerType"] == _TYPES.get(name))


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
    limit("custom configurations", len(ctx.store.list(CONFIG, ctx.region)) + 1)


@action
def describe_quota(ctx: Context, request: models.DescribeQuotaRequest) -> dict[str, Any]:
    """Limits; what is used is told for load balancers alone, as the cloud does."""
    return {
        "QuotaSet": [
            {"QuotaId": name, "QuotaCurrent": _used(ctx, name) if name in _TYPES else None, "QuotaLimit": highest}
            for name, highest in LIMITS.items()
        ]
    }
