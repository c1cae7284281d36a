"""What services register with: actions, tasks and reconcilers, and the context that each of them gets."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from enum import IntEnum
from typing import Any, TypeVar

from tencentcloud.common.abstract_model import AbstractModel

from sandbox.api.store import Store

CHINA = timezone(timedelta(hours=8))
"""The cloud's own clock."""
GLOBAL_SERVICES = frozenset({"account", "cam", "dnspod", "igtm", "region", "ssl", "sts", "tag"})
"""Services that ignore the region."""


@dataclass(frozen=True)
class Account:
    """The one account of the sandbox."""

    app_id: int = 1300000001
    uin: str = "100000000001"


@dataclass(frozen=True)
class Caller:
    """Who signed the request. `role_id` is empty for the account itself."""

    role_id: str = ""
    role_name: str = ""
    session: str = ""


@dataclass(frozen=True, kw_only=True)
class Context:
    """What an action, a task or a reconciler works with.

    `region` is one of layout.REGIONS; "" in global services and reconcilers. `headers` have lower-case names.
    """

    store: Store
    region: str = ""
    account: Account = Account()
    caller: Caller = Caller()
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    wake: Callable[[], None] = lambda: None
    """Tells the task runner that there is a new task."""

    def now(self) -> datetime:
        """The time in the cloud's zone, UTC+8."""
        return datetime.now(CHINA)

    def later(self, delay_s: float, task_name: str, payload: Mapping[str, Any], key: str = "") -> None:
        """Run a task in this context's region after a delay. It survives a restart and may then run a second time.

        Tasks of one resource run one after another: those with the same `key`, which is `payload["id"]` unless given.
        """
        kept = dict(payload) | ({"_key": key} if key else {})
        self.store.add_task(time.time() + delay_s, task_name, kept, self.region)
        self.wake()

    def within(self, region: str) -> "Context":
        """The same context in a region, for reconcilers."""
        return replace(self, region=region)


Answer = Mapping[str, Any] | None
Run = Callable[[Context, Any], Answer]
TaskRun = Callable[[Context, dict[str, Any]], None]
Reconcile = Callable[[Context], None]
GivenUp = Callable[[Context, dict[str, Any], str], None]
_T = TypeVar("_T", bound=TaskRun)
_E = TypeVar("_E", bound=Reconcile)


@dataclass(frozen=True)
class Action:
    """A registered action: the request is checked against `model`."""

    service: str
    version: str
    name: str
    model: type[AbstractModel]
    run: Run


@dataclass(frozen=True)
class Reconciler:
    """A function that runs every `period_s` seconds."""

    name: str
    period_s: float
    run: Reconcile


@dataclass(frozen=True)
class Task:
    """A registered task. `given_up(context, payload, reason)` runs when it failed for good, after `attempts` tries."""

    run: TaskRun
    attempts: int
    given_up: GivenUp | None


class Order(IntEnum):
    """What stands on what: the order in which the data plane is brought back."""

    NETWORKS = 1
    SERVERS = 2
    NAMES = 3


ACTIONS: dict[tuple[str, str, str], Action] = {}
"""By (service, version, action)."""
ATTEMPTS = 8
"""How often a failing task is tried before it is given up, unless it says otherwise."""
TASKS: dict[str, Task] = {}
RECONCILERS: dict[str, Reconciler] = {}
SEEDS: list[Reconcile] = []
RESTORES: list[tuple[Order, Reconcile]] = []


_PACKAGES = {"autoscaling": "as"}
"""Packages of the official SDK that are not called as their service is."""
A = TypeVar("A", bound=Callable[[Context, Any], Answer])


def action(run: A) -> A:
    """Register the function that answers an action. It returns the body without RequestId, or raises ApiError.

    Service, version and name are those of the SDK's request model that the parameter `request` is annotated with:
    `tencentcloud.vpc.v20170312.models.CreateVpcRequest` is CreateVpc of vpc 2017-03-12.
    """
    model: type[AbstractModel] = run.__annotations__["request"]
    _, package, version, _ = model.__module__.split(".")
    service = _PACKAGES.get(package, package)
    register(
        Action(service, f"{version[1:5]}-{version[5:7]}-{version[7:]}", model.__name__[: -len("Request")], model, run)
    )
    return run


def register(entry: Action) -> None:
    """Answer an action with this entry from now on."""
    ACTIONS[entry.service, entry.version, entry.name] = entry


def task(name: str, *, attempts: int = ATTEMPTS, given_up: GivenUp | None = None) -> Callable[[_T], _T]:
    """Register the function that Context.later() names. One that raises is tried again, `attempts` times in all."""

    def register(run: _T) -> _T:
        TASKS[name] = Task(run, attempts, given_up)
        return run

    return register


def every(period_s: float) -> Callable[[_E], _E]:
    """Register a reconciler."""

    def register(run: _E) -> _E:
        name = f"{run.__module__}.{getattr(run, '__name__', 'reconciler')}"
        RECONCILERS[name] = Reconciler(name, period_s, run)
        return run

    return register


def seed(run: _E) -> _E:
    """Register what runs at every start of the server, before the first request: what an account has from the start."""
    SEEDS.append(run)
    return run


def restores(order: Order) -> Callable[[_E], _E]:
    """Register what runs at every start of the server, after the seeds: it brings the data plane to the documents.

    After a restart of the machine nothing of it stands; after one of the server alone all of it does, and nothing may
    be disturbed. Those of one order end before the next begin. `restoring.each` does it for all documents of a kind.
    """

    def register(run: _E) -> _E:
        RESTORES.append((order, run))
        return run

    return register
