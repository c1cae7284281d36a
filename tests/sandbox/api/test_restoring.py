"""What services registered runs in its order when the server starts; one failure keeps nothing else down."""

import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from sandbox.api import actions
from sandbox.api.actions import Context, Order, restores
from sandbox.api.kinds import Kind
from sandbox.api.restoring import each, restore
from sandbox.api.scheduler import Scheduler
from sandbox.api.store import Doc, Store
from sandbox.substrate.errors import SubstrateError

PROBE = Kind(name="probe", key="Id", noun="probe")


@pytest.fixture
def context(tmp_path: Path) -> Generator[Context]:
    """Nothing that the services registered runs here."""
    before = list(actions.RESTORES)
    actions.RESTORES.clear()
    store = Store(tmp_path / "db")
    yield Context(store=store)
    actions.RESTORES[:] = before
    store.close()


def test_networks_stand_before_servers_and_names_come_last(context: Context) -> None:
    seen: list[str] = []

    @restores(Order.NAMES)
    def names(ctx: Context) -> None:
        seen.append("names")

    @restores(Order.SERVERS)
    def servers(ctx: Context) -> None:
        seen.append("servers")
        raise RuntimeError("one of them is broken")

    @restores(Order.NETWORKS)
    def networks(ctx: Context) -> None:
        seen.append("networks")

    restore(context)
    assert seen == ["networks", "servers", "names"]


def test_no_task_or_reconciler_meets_a_data_plane_that_does_not_stand_yet(context: Context) -> None:
    seen: list[str] = []
    standing, done, reconciled = threading.Event(), threading.Event(), threading.Event()

    @restores(Order.SERVERS)
    def servers(ctx: Context) -> None:
        standing.wait(10)
        seen.append("restored")

    @actions.task("restoring-probe")
    def work(ctx: Context, payload: Doc) -> None:
        seen.append("task")
        done.set()

    @actions.every(0.01)
    def reconcile(ctx: Context) -> None:
        seen.append("reconciler")
        reconciled.set()

    context.store.add_task(0, "restoring-probe", {}, "")
    scheduler = Scheduler(context.store)
    scheduler.start()
    try:
        assert not done.wait(0.2)
        standing.set()
        assert done.wait(10)
        assert reconciled.wait(10)
    finally:
        scheduler.stop()
        del actions.TASKS["restoring-probe"], actions.RECONCILERS[f"{__name__}.reconcile"]
    assert seen[0] == "restored"


def test_every_document_is_applied_in_its_own_region(context: Context, caplog: pytest.LogCaptureFixture) -> None:
    for region, id in (("ap-beijing", "p-1"), ("ap-shanghai", "p-2"), ("ap-guangzhou", "p-3")):
        PROBE.create(context.within(region), {"Id": id})
    seen: set[tuple[str, str]] = set()

    def apply(ctx: Context, doc: Doc) -> None:
        if doc["Id"] == "p-2":
            raise SubstrateError("no room on the disk")
        seen.add((ctx.region, doc["Id"]))

    each(context, PROBE, apply)
    assert seen == {("ap-beijing", "p-1"), ("ap-guangzhou", "p-3")}
    assert "the probe p-2 does not stand again: no room on the disk" in caplog.text
