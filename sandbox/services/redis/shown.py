"""What `status` shows of Redis instances."""

from collections.abc import Iterator

from sandbox.api.store import Store
from sandbox.services.redis.kinds import INSTANCES, TASKS
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.servers import caches

BOOKKEEPING = (TASKS.name,)


def parts(store: Store, region: str) -> Iterator[tuple[str, str, str, str]]:
    """What it is, id, address, which server is primary."""
    for doc in store.list(INSTANCES.name, region):
        yield "Redis", doc["InstanceId"], f"{doc['WanIp']}:{doc['Port']}", _primary(doc["InstanceId"])


def _primary(id: str) -> str:
    try:
        return f"primary {caches.primary(id)}"
    except SubstrateError:
        return "no primary"
