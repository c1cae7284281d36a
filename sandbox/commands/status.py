"""`status`: regions, resources, processes, addresses and health in tables."""

import importlib
import json
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

from sandbox import layout, services
from sandbox.api import tags
from sandbox.api.store import Store
from sandbox.commands import ownership
from sandbox.commands.ownership import CommandError
from sandbox.substrate.names import name_server
from sandbox.substrate.network import namespaces
from sandbox.substrate.supervision import processes

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


def _shown() -> list[ModuleType]:
    """`shown.py` of every service that has one: `parts(store, region)`, what carries traffic and how it is, and
    `BOOKKEEPING`, kinds of documents that a person would not call a resource. Either may be missing.
    """
    found = sorted(Path(services.__path__[0]).glob("*/shown.py"))
    return [importlib.import_module(f"{services.__name__}.{path.parent.name}.shown") for path in found]


def carriers(store: Store) -> str:
    parts = [module.parts for module in _shown() if hasattr(module, "parts")]
    rows = [(region, *row) for region in layout.REGIONS for part in parts for row in part(store, region)]
    return table(("region", "what", "id", "address", "health"), rows) if rows else "nothing is deployed yet"


def resources(store: Store) -> str:
    """A line per kind: how many in each region, and how many of no region."""
    bookkeeping = {tags.KIND}.union(*(getattr(module, "BOOKKEEPING", ()) for module in _shown()))
    rows: list[tuple[object, ...]] = []
    for kind, count in sorted(store.kinds().items()):
        if kind.startswith("_") or kind in bookkeeping:
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
        parts = (_regions(), carriers(store), _names(), resources(store), _processes())
    finally:
        store.close()
    print("\n\n".join(parts))
