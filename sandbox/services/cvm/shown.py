"""What `status` shows of instances."""

from collections.abc import Iterator

from sandbox.api.store import Store
from sandbox.services.cvm.kinds import INSTANCE


def parts(store: Store, region: str) -> Iterator[tuple[str, str, str, str]]:
    """What it is, id, address, state."""
    for doc in store.list(INSTANCE.name, region):
        address = ", ".join(doc.get("PrivateIpAddresses") or ())
        yield f"CVM in {doc['Placement']['Zone']}", doc["InstanceId"], address, doc["InstanceState"].lower()
