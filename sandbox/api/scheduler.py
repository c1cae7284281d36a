"""Runs tasks when they are due and reconcilers all the time, each isolated from the others' errors and slowness."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from sandbox.api import restoring
from sandbox.api.actions import RECONCILERS, TASKS, Context, Reconciler
from sandbox.api.store import StateError, Store, WaitingTask

log = logging.getLogger("sandbox.api.tasks")

WORKERS = 16
"""Tasks that run at once. They mostly wait for servers; those of one resource run one after another."""
CLOCK_STEP_S = 2.0
"""A change of the machine's clock beyond this is no drift: it was set."""
_IDLE_S = 5.0


def pause_s(attempts: int) -> float:
    """How long a task waits that has failed so often: half a second, and twice as long each time."""
    return 0.25 * 2.0**attempts


def key_of(waiting: WaitingTask) -> str:
    """What a task works on: two with the same key never run at once."""
    return str(waiting.payload.get("_key") or waiting.payload.get("id") or f"task {waiting.id}")


class Scheduler:
    """A thread for what is due, workers for the tasks, a thread per reconciler, and one that restores at the start."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        """`now`: seconds since the epoch, by the machine's clock."""
        self._store = store
        self._now = now
        self._context = Context(store=store, wake=self.wake)
        self._changed = threading.Event()
        self._stopped = threading.Event()
        self._restored = threading.Event()
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="task")
        self._running: dict[int, str] = {}
        """Task -> its key."""
        self._guard = threading.Lock()
        self._clock = now() - time.monotonic()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin; tasks left by an earlier process are run when their time comes."""
        back_s = self._store.written_at - self._now()
        if back_s > CLOCK_STEP_S:
            log.warning("the machine's clock was set back by %.0f s meanwhile; waiting tasks move with it", back_s)
            self._store.shift_tasks(-back_s)
        self._threads = [
            threading.Thread(target=self._restore, name="restore", daemon=True),
            threading.Thread(target=self._tasks, name="tasks", daemon=True),
            *(
                threading.Thread(target=self._reconcile, args=(each,), name=each.name, daemon=True)
                for each in RECONCILERS.values()
            ),
        ]
        for thread in self._threads:
            thread.start()

    def _restore(self) -> None:
        try:
            restoring.restore(self._context)
        finally:
            self._restored.set()

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
        self._restored.wait()  # a task works on what documents say that there is
        while not self._stopped.is_set():
            self._changed.clear()
            try:
                self._store.check_room()
                wait_s = self._begin_due()
            except StateError as error:  # the tasks are still there when it has room again
                log.error("no task is begun: %s", error)
                wait_s = _IDLE_S
            except Exception:
                log.exception("the tasks cannot be read")
                wait_s = _IDLE_S
            self._changed.wait(wait_s)

    def _begin_due(self) -> float:
        """Give what is due to the workers. Returns seconds until the next task is due."""
        self._follow_clock()
        for waiting in self._store.tasks():
            left_s = waiting.due - self._now()
            if left_s > 0:
                return min(_IDLE_S, left_s)
            with self._guard:
                if waiting.id in self._running or key_of(waiting) in self._running.values():
                    continue
                self._running[waiting.id] = key_of(waiting)
            self._pool.submit(self._run, waiting)
        return _IDLE_S

    def _follow_clock(self) -> None:
        """Tasks are due after a delay, not at an hour: when the clock is set, they move with it."""
        clock = self._now() - time.monotonic()
        step_s = clock - self._clock
        if abs(step_s) > CLOCK_STEP_S:
            log.warning("the machine's clock was set by %+.0f s; waiting tasks move with it", step_s)
            self._store.shift_tasks(step_s)
            self._clock = clock

    def _run(self, waiting: WaitingTask) -> None:
        try:
            context = replace(self._context, region=waiting.region)
            try:
                TASKS[waiting.name].run(context, waiting.payload)
            except Exception as error:  # a task's failure must not end the thread that runs the others
                self._failed(context, waiting, error)
            else:
                self._store.end_task(waiting.id)
        except Exception:
            log.exception("task %s %s: what became of it cannot be written down", waiting.id, waiting.name)
            self._stopped.wait(pause_s(1))  # it is still due: not again at once
        finally:
            with self._guard:
                self._running.pop(waiting.id, None)
            self.wake()

    def _failed(self, context: Context, waiting: WaitingTask, error: Exception) -> None:
        attempts = waiting.attempts + 1
        reason = f"{type(error).__name__}: {error}"
        task = TASKS.get(waiting.name)
        if task is not None and attempts < task.attempts:
            log.warning("task %s %s: attempt %d: %s", waiting.id, waiting.name, attempts, reason)
            self._store.postpone_task(waiting.id, self._now() + pause_s(attempts))
            return
        log.error("task %s %s: given up after %d attempts", waiting.id, waiting.name, attempts, exc_info=error)
        self._store.give_up_task(waiting.id, reason)
        if task is not None and task.given_up is not None:
            task.given_up(context, waiting.payload, str(error))

    def _reconcile(self, reconciler: Reconciler) -> None:
        """Run one again and again. Its state is logged once when it changes, not at every run."""
        state = ""
        self._restored.wait()  # a machine that does not stand yet is not one that died
        while not self._stopped.is_set():
            before = state
            try:
                reconciler.run(self._context)
                state = ""
            except Exception as error:  # the next run may find things mended
                state = f"{type(error).__name__}: {error}"
            if state and state != before:
                log.error("%s fails: %s", reconciler.name, state)
            elif before and not state:
                log.info("%s works again", reconciler.name)
            self._stopped.wait(reconciler.period_s)
