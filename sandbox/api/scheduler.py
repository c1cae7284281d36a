"""Runs tasks when they are due and reconcilers all the time, each isolated from the others' errors."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from sandbox.api.actions import RECONCILERS, TASKS, Context, Reconciler
from sandbox.api.store import Store, WaitingTask

log = logging.getLogger("sandbox.api.tasks")

ATTEMPTS = 8
"""How often a failing task is tried before it is given up; the waits between double from half a second."""
_IDLE_S = 5.0


class Scheduler:
    """One thread for what is due, a few for the tasks themselves, one for the reconcilers."""

    def __init__(self, store: Store, workers: int = 4) -> None:
        self._store = store
        self._context = Context(store=store, wake=self.wake)
        self._changed = threading.Event()
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="task")
        self._running: set[int] = set()
        self._guard = threading.Lock()
        self._threads = [
            threading.Thread(target=self._tasks, name="tasks", daemon=True),
            threading.Thread(target=self._reconcile, name="reconcilers", daemon=True),
        ]

    def start(self) -> None:
        """Begin; tasks left by an earlier process are run when their time comes."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; waits for what is running."""
        self._stopped.set()
        self._changed.set()
        for thread in self._threads:
            thread.join()
        self._pool.shutdown(wait=True)

    def wake(self) -> None:
        """There is a new task."""
        self._changed.set()

    def _tasks(self) -> None:
        while not self._stopped.is_set():
            self._changed.clear()
            wait_s = _IDLE_S
            for waiting in self._store.tasks():
                left_s = waiting.due - time.time()
                if left_s > 0:
                    wait_s = min(wait_s, left_s)
                    break
                with self._guard:
                    if waiting.id in self._running:
                        continue
                    self._running.add(waiting.id)
                self._pool.submit(self._run, waiting)
            self._changed.wait(wait_s)

    def _run(self, waiting: WaitingTask) -> None:
        try:
            run = TASKS[waiting.name]
            run(replace(self._context, region=waiting.region), waiting.payload)
            self._store.end_task(waiting.id)
        except Exception as error:  # a task's failure must not end the thread that runs the others
            self._failed(waiting, error)
        finally:
            with self._guard:
                self._running.discard(waiting.id)
            self.wake()

    def _failed(self, waiting: WaitingTask, error: Exception) -> None:
        attempts = waiting.attempts + 1
        if attempts >= ATTEMPTS:
            log.error("task %s %s: given up after %d attempts", waiting.id, waiting.name, attempts, exc_info=error)
            self._store.give_up_task(waiting.id, f"{type(error).__name__}: {error}")
            return
        log.warning("task %s %s: attempt %d: %s: %s", waiting.id, waiting.name, attempts, type(error).__name__, error)
        self._store.postpone_task(waiting.id, time.time() + 0.25 * 2**attempts)

    def _reconcile(self) -> None:
        due: dict[str, float] = {}
        failing: dict[str, str] = {}
        while not self._stopped.is_set():
            for reconciler in list(RECONCILERS.values()):
                if due.get(reconciler.name, 0.0) <= time.monotonic() and not self._stopped.is_set():
                    _run_reconciler(reconciler, self._context, failing)
                    due[reconciler.name] = time.monotonic() + reconciler.period_s
            wait_s = min((moment - time.monotonic() for moment in due.values()), default=_IDLE_S)
            self._stopped.wait(max(0.01, wait_s))


def _run_reconciler(reconciler: Reconciler, context: Context, failing: dict[str, str]) -> None:
    """Logs a state once when it changes, not at every run."""
    report: Callable[..., None] = log.error
    try:
        reconciler.run(context)
        state = ""
    except Exception as error:  # one reconciler's failure must not stop the others
        state = f"{type(error).__name__}: {error}"
    if failing.get(reconciler.name, "") == state:
        return
    failing[reconciler.name] = state
    if state:
        report("%s fails: %s", reconciler.name, state)
    else:
        log.info("%s works again", reconciler.name)
