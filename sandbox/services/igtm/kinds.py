"""The documents of IGTM.

Shaped as models.Instance, AddressPool with its AddressSet, MonitorDetail, StrategyDetail, and InstancePackage. Reads of
what does not exist and changes of it are refused with codes of their own, as in the SDK's lists.
"""

from collections.abc import Iterator

from sandbox.api.actions import Context
from sandbox.api.errors import ApiError
from sandbox.api.kinds import Kind
from sandbox.api.store import Doc, Store

MISSING = "ResourceNotFound.SearchInfo"
PACKAGE = Kind(name="igtm.package", key="ResourceId", noun="package")
INSTANCE = Kind(name="igtm.instance", key="InstanceId", noun="instance", missing=MISSING)
POOL = Kind(name="igtm.pool", key="PoolId", noun="address pool", missing=MISSING)
MONITOR = Kind(name="igtm.monitor", key="MonitorId", noun="monitor", missing=MISSING)
STRATEGY = Kind(name="igtm.strategy", key="StrategyId", noun="strategy", missing=MISSING)
FOREIGN_INSTANCE = "UnauthorizedOperation.InstanceUnauthorized"
FOREIGN_POOL = "UnauthorizedOperation.PoolUnauthorized"
FOREIGN_MONITOR = "UnauthorizedOperation.UnauthorizedError"
FOREIGN_STRATEGY = "UnauthorizedOperation.StrategyUnauthorized"


def strategy_of(ctx: Context, instance_id: str, id: int, code: str = "") -> Doc:
    """The instance's strategy. Raises ApiError with `code`, or else ResourceNotFound.SearchInfo."""
    doc = STRATEGY.find(ctx, str(id))
    if doc is None or doc["InstanceId"] != instance_id:
        raise ApiError(code or MISSING, f"The strategy {id} of instance `{instance_id}` does not exist.")
    return doc


def strategies_of(store: Store, instance_id: str) -> list[Doc]:
    """An instance's strategies."""
    return [doc for doc in STRATEGY.all(store) if doc["InstanceId"] == instance_id]


def levels(strategy: Doc) -> Iterator[Doc]:
    """The levels of a strategy in their order, the fallback last."""
    yield from (*strategy["MainAddressPoolSet"], *strategy["FallbackAddressPoolSet"])


def pool_ids(strategy: Doc) -> set[int]:
    """The pools that a strategy names."""
    return {pool["PoolId"] for level in levels(strategy) for pool in level["AddressPools"]}


def access_name(instance: Doc) -> str:
    """The name that IGTM answers for."""
    sub, domain = instance["AccessSubDomain"], instance["AccessDomain"]
    return str(domain if sub in ("", "@") else f"{sub}.{domain}").lower()
