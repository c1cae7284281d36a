"""What `status` shows of load balancers."""

from collections.abc import Iterator

from sandbox.api.store import Doc, Store
from sandbox.services.clb.kinds import LOAD_BALANCER, TASK
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.servers import balancers

BOOKKEEPING = (TASK.name,)


def parts(store: Store, region: str) -> Iterator[tuple[str, str, str, str]]:
    """What it is, id, address, health."""
    for doc in store.list(LOAD_BALANCER.name, region):
        address = doc.get("_vip") or ", ".join(doc.get("LoadBalancerVips") or ())
        yield "CLB (haproxy)", doc["LoadBalancerId"], address, _health(doc)


def _health(doc: Doc) -> str:
    try:
        states = [alive for route in balancers.health(doc["LoadBalancerId"]).values() for alive in route.values()]
    except SubstrateError:
        return "does not run"
    return f"{sum(states)} of {len(states)} targets healthy" if states else "no targets"
