"""The names that the cloud gives to registries."""

from collections.abc import Iterable

from sandbox.api.store import Store
from sandbox.services import zones
from sandbox.services.tcr.kinds import ATTACHMENT, REGISTRY, of_registry
from sandbox.substrate.specs import Zone

ZONE = "tencentcloudcr.com"


@zones.publishes_zones
def published(store: Store) -> Iterable[Zone]:
    """Every registry that has a public address; by the name with `-vpc` too once an attached VPC asked for that."""
    named: list[tuple[str, str]] = []
    for doc in REGISTRY.all(store):
        if doc.get("_public"):
            named.append((doc["PublicDomain"], doc["_public"]))
            if any(each["_vpc_name"] for each in of_registry(store, ATTACHMENT, doc["RegistryId"])):
                named.append((doc["InternalEndpoint"], doc["_public"]))
    return zones.cloud_zone(ZONE, named)
