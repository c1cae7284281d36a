"""Tasks are run when due, again after a failure, and after a restart; reconcilers do not stop one another."""

import logging
import threading
import time
from collections.abc import Generator
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
    tasks, reconcilers = dict(actions.TASKS), dict(actions.RECONCILERS)
    actions.RECONCILERS.clear()
    yield
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
