"""`status`: regions, resources, processes, addresses and health in tables."""

import json
import socket
from collections.abc import Iterable, Sequence

from sandbox import layout
from sandbox.api.store import Doc, Store
from sandbox.commands import ownership
from sandbox.commands.ownership import CommandError
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.names import name_server
from sandbox.substrate.network import namespaces
from sandbox.substrate.servers import balancers, caches
from sandbox.substrate.supervision import processes

BOOKKEEPING = (
    "as.activity",
    "clb.task",
    "eip_task",
    "network_host",
    "private_address",
    "public_address",
    "tag.resource",
)
"""Kinds of documents that a person would not call a resource."""
Rows = Iterable[Sequence[object]]


def table(head: Sequence[str], rows: Rows) -> str:
    """Columns wide enough for their longest cell."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([lines[0], "  ".join("─" * width for width in widths), *lines[1:]])


def _answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def _regions() -> str:
    rows = [
        (name, plan.namespace, plan.public, plan.clients, "up" if namespaces.exists(plan.short) else "down")
        for name, plan in layout.REGIONS.items()
    ]
    return table(("region", "namespace", "public range", "clients near it", "state"), rows)


def _balancer_health(doc: Doc) -> str:
    try:
        states = [alive for route in balancers.health(doc["LoadBalancerId"]).values() for alive in route.values()]
    except SubstrateError:
        return "does not run"
    return f"{sum(states)} of {len(states)} targets healthy" if states else "no targets"


def _primary(id: str) -> str:
    try:
        return f"primary {caches.primary(id)}"
    except SubstrateError:
        return "no primary"


def _parts(store: Store, region: str) -> Rows:
    """What carries traffic in a region: where it is and how it is."""
    for doc in store.list("clb.load_balancer", region):
        address = doc.get("_vip") or ", ".join(doc.get("LoadBalancerVips") or ())
        yield region, "CLB (haproxy)", doc["LoadBalancerId"], address, _balancer_health(doc)
    for doc in store.list("cvm.instance", region):
        address = ", ".join(doc.get("PrivateIpAddresses") or ())
        yield region, f"CVM in {doc['Placement']['Zone']}", doc["InstanceId"], address, doc["InstanceState"].lower()
    for doc in store.list("redis.instance", region):
        yield region, "Redis", doc["InstanceId"], f"{doc['WanIp']}:{doc['Port']}", _primary(doc["InstanceId"])
    up = {process.name: process.up for process in processes.statuses()}
    for doc in store.list("monitor.prometheus", region):
        state = "running" if up.get(f"metrics-{doc['InstanceId']}") else "down"
        yield region, "TMP (prometheus)", doc["InstanceId"], f"{doc['IPv4Address']}:9090", state
    for doc in store.list("tcr.registry", region):
        yield region, "TCR (registry)", doc["RegistryId"], doc["PublicDomain"], doc["Status"].lower()


def _carriers(store: Store) -> str:
    rows = [row for region in layout.REGIONS for row in _parts(store, region)]
    return table(("region", "what", "id", "address", "health"), rows) if rows else "nothing is deployed yet"


def _resources(store: Store) -> str:
    """A line per kind: how many in each region, and how many of no region."""
    rows: list[tuple[object, ...]] = []
    for kind, count in sorted(store.kinds().items()):
        if kind.startswith("_") or kind in BOOKKEEPING:
            continue
        by_region = [len(store.list(kind, region)) for region in layout.REGIONS]
        rows.append((kind, *by_region, count - sum(by_region)))
    return table(("resources", *layout.REGIONS, "elsewhere"), rows)


def _names() -> str:
    rows = [
        (name, target, "healthy" if alive else "failing")
        for name, targets in sorted(name_server.states().items())
        for target, alive in sorted(targets.items())
    ]
    return table(("failover", "target", "probe"), rows) if rows else "no failover is set up yet"


def _processes() -> str:
    rows = [(p.name, "up" if p.up else "down", p.pid or "-", f"{p.seconds} s") for p in processes.statuses()]
    return table(("process", "state", "pid", "for"), sorted(rows))


def status() -> None:
    """Print the tables. Raises CommandError when there is no sandbox, or none runs."""
    if ownership.owner() is None:
        raise CommandError("there is no sandbox on this machine; 'make up' makes one")
    if not namespaces.exists(layout.INTERNET):
        raise CommandError("nothing of the sandbox runs since this machine was restarted; 'make up' brings it back")
    told = json.loads(layout.OWNER.read_text())
    answers = "answers" if _answers(layout.API_HOST, layout.API_PORT) else "does not answer"
    print(f"Sandbox of {told['checkout']}, since {told['started']}")
    print(f"Cloud API http://{layout.API_HOST}:{layout.API_PORT} {answers}\n")
    store = Store(layout.DATABASE)
    try:
        parts = (_regions(), _carriers(store), _names(), _resources(store), _processes())
    finally:
        store.close()
    print("\n\n".join(parts))
