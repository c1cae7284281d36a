"""The names that the cloud gives to load balancers."""

from collections.abc import Iterable

from sandbox.api.store import Store
from sandbox.services import zones
from sandbox.services.clb.kinds import LOAD_BALANCER
from sandbox.substrate.specs import Zone

ZONE = "tencentclb.com"


@zones.publishes_zones
def published(store: Store) -> Iterable[Zone]:
    """Every load balancer that has a domain, at its address."""
    docs = LOAD_BALANCER.all(store)
    return zones.cloud_zone(
        ZONE, ((doc["LoadBalancerDomain"], doc["_vip"]) for doc in docs if doc["LoadBalancerDomain"])
    )
