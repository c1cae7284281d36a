"""The names that the cloud gives to registries."""

from collections.abc import Iterable

from sandbox.api.store import Store
from sandbox.services import zones
from sandbox.services.tcr.kinds import REGISTRY
from sandbox.substrate.specs import Zone

ZONE = "tencentcloudcr.com"


@zones.publishes_zones
def published(store: Store) -> Iterable[Zone]:
    """Every registry that has a public address."""
    docs = REGISTRY.all(store)
    return zones.cloud_zone(ZONE, ((doc["PublicDomain"], doc["_public"]) for doc in docs if doc.get("_public")))
