"""Tasks are run when due, again after a failure, and after a restart; reconcilers do not stop one another."""

import logging
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from sandbox.api import actions
from sandbox.api.actions import Context
from sandbox.api.scheduler import Scheduler
from sandbox.api.store import Store

WAIT_S = 20


@pytest.fixture
def registered() -> Generator[None]:
    """Whatever a test registers is gone afterwards; what the services registered does not run here."""
    tasks, reconcilers, restores = dict(actions.TASKS), dict(actions.RECONCILERS), list(actions.RESTORES)
    actions.RECONCILERS.clear()
    actions.RESTORES.clear()
    yield
    actions.RESTORES[:] = restores
    actions.TASKS.clear()
    actions.TASKS.update(tasks)
    actions.RECONCILERS.clear()
    actions.RECONCILERS.update(reconcilers)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "db")


@pytest.fixture
def scheduler(registered: None, store: Store) -> Generator[Scheduler]:
    running = Scheduler(store)
    running.start()
    yield running
    running.stop()


def test_a_task_runs_in_the_region_it_was_made_in(scheduler: Scheduler, store: Store) -> None:
    seen: list[Any] = []
    done = threading.Event()

    def run(ctx: Context, payload: dict[str, Any]) -> None:
        seen.append((ctx.region, payload))
        done.set()

    actions.task("probe.run")(run)
    Context(store=store, region="ap-shanghai", wake=scheduler.wake).later(0.05, "probe.run", {"a": 1})
    assert done.wait(WAIT_S)
    assert seen == [("ap-shanghai", {"a": 1})]


def test_a_task_that_fails_is_tried_again(scheduler: Scheduler, store: Store) -> None:
    tries: list[float] = []
    done = threading.Event()

    def run(ctx: Context, payload: dict[str, Any]) -> None:
        tries.append(time.monotonic())
        if len(tries) == 1:
            raise RuntimeError("not yet")
        done.set()

    actions.task("probe.run")(run)
    Context(store=store, wake=scheduler.wake).later(0, "probe.run", {})
    assert done.wait(WAIT_S)
    assert len(tries) == 2


def test_a_task_of_an_earlier_process_is_resumed(registered: None, store: Store) -> None:
    done = threading.Event()

    def run(ctx: Context, payload: dict[str, Any]) -> None:
        done.set()

    actions.task("probe.run")(run)
    Context(store=store).later(0, "probe.run", {})
    assert not done.is_set()
    scheduler = Scheduler(store)
    scheduler.start()
    assert done.wait(WAIT_S)
    scheduler.stop()
    assert store.tasks() == []


def test_a_failing_reconciler_is_logged_once_and_stops_no_other(
    registered: None, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    runs = threading.Semaphore(0)

    def broken(ctx: Context) -> None:
        raise RuntimeError("no network")

    def sound(ctx: Context) -> None:
        runs.release()

    actions.every(0.01)(broken)
    actions.every(0.01)(sound)
    scheduler = Scheduler(store)
    with caplog.at_level(logging.INFO, logger="sandbox.api.tasks"):
        scheduler.start()
        for _ in range(5):
            assert runs.acquire(timeout=WAIT_S)
        scheduler.stop()
    assert caplog.text.count("no network") == 1


def test_tasks_of_one_resource_run_one_after_another_and_hold_up_no_other(scheduler: Scheduler, store: Store) -> None:
    slow, go_on, other = threading.Event(), threading.Event(), threading.Event()
    order: list[str] = []

    def first(ctx: Context, payload: dict[str, Any]) -> None:
        slow.set()
        go_on.wait(WAIT_S)
        order.append("first")

    def second(ctx: Context, payload: dict[str, Any]) -> None:
        order.append("second")

    def elsewhere(ctx: Context, payload: dict[str, Any]) -> None:
        other.set()

    for run in (first, second, elsewhere):
        actions.task(f"probe.{run.__name__}")(run)
    context = Context(store=store, wake=scheduler.wake)
    for number in range(6):
        context.later(0, "probe.first", {"id": f"slow-{number}"})
    assert slow.wait(WAIT_S)
    context.later(0, "probe.second", {"id": "slow-0"})
    context.later(0, "probe.elsewhere", {"name": "quick"}, key="quick")
    assert other.wait(WAIT_S)
    assert order == []
    go_on.set()
    _until(lambda: not store.tasks())
    assert "first" in order[: order.index("second")]


def test_a_task_given_up_says_so_to_its_service(scheduler: Scheduler, store: Store) -> None:
    told: list[tuple[str, Any, str]] = []

    def given_up(ctx: Context, payload: dict[str, Any], reason: str) -> None:
        told.append((ctx.region, payload["id"], reason))

    @actions.task("probe.run", attempts=2, given_up=given_up)
    def run(ctx: Context, payload: dict[str, Any]) -> None:
        raise RuntimeError("no room")

    Context(store=store, region="ap-beijing", wake=scheduler.wake).later(0, "probe.run", {"id": "x-1"})
    _until(lambda: bool(told))
    assert told == [("ap-beijing", "x-1", "no room")]
    assert store.tasks() == []


@pytest.mark.parametrize("step_s", [-7200.0, 7200.0])
def test_a_clock_that_is_set_neither_delays_nor_hastens_tasks(registered: None, store: Store, step_s: float) -> None:
    ran: dict[str, threading.Event] = {"soon": threading.Event(), "late": threading.Event()}
    offset = [0.0]

    @actions.task("probe.run")
    def run(ctx: Context, payload: dict[str, Any]) -> None:
        ran[payload["id"]].set()

    scheduler = Scheduler(store, now=lambda: time.time() + offset[0])
    Context(store=store).later(0.3, "probe.run", {"id": "soon"})
    Context(store=store).later(3600, "probe.run", {"id": "late"})
    offset[0] = step_s
    scheduler.start()
    try:
        assert ran["soon"].wait(WAIT_S)
        assert not ran["late"].is_set()
    finally:
        scheduler.stop()


def test_a_clock_that_was_set_back_between_two_starts_delays_no_task(registered: None, tmp_path: Path) -> None:
    ran = threading.Event()

    @actions.task("probe.run")
    def run(ctx: Context, payload: dict[str, Any]) -> None:
        ran.set()

    before = Store(tmp_path / "db")
    Context(store=before).later(0.1, "probe.run", {"id": "x-1"})
    before.close()
    scheduler = Scheduler(Store(tmp_path / "db"), now=lambda: time.time() - 7200)
    scheduler.start()
    try:
        assert ran.wait(WAIT_S)
    finally:
        scheduler.stop()


def _until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not happened():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
