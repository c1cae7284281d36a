"""What `status` shows of Prometheus instances."""

from collections.abc import Iterator

from sandbox.api.store import Store
from sandbox.services.monitor.kinds import PROMETHEUS
from sandbox.substrate.supervision import processes


def parts(store: Store, region: str) -> Iterator[tuple[str, str, str, str]]:
    """What it is, id, address, state."""
    up = {process.name: process.up for process in processes.statuses()}
    for doc in store.list(PROMETHEUS.name, region):
        state = "running" if up.get(f"metrics-{doc['InstanceId']}") else "down"
        yield "TMP (prometheus)", doc["InstanceId"], f"{doc['IPv4Address']}:9090", state
