"""What `status` shows of registries."""

from collections.abc import Iterator

from sandbox.api.store import Store
from sandbox.services.tcr.kinds import REGISTRY


def parts(store: Store, region: str) -> Iterator[tuple[str, str, str, str]]:
    """What it is, id, name, state."""
    for doc in store.list(REGISTRY.name, region):
        yield "TCR (registry)", doc["RegistryId"], doc["PublicDomain"], doc["Status"].lower()
