"""The async model: a write answers at once, and its RequestId is a task that DescribeTaskStatus tells about.

The documents are written when the request is accepted; the task then brings each load balancer to what they say, one by
one: what fails for one fails the task, and leaves the others alone.
"""

import logging
from typing import Any

from tencentcloud.clb.v20180317 import models

from sandbox.api import restoring
from sandbox.api.actions import Context, Order, action, restores, task
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.services import zones
from sandbox.services.clb import dataplane
from sandbox.services.clb.inventory import remove_load_balancer
from sandbox.services.clb.kinds import LOAD_BALANCER, TASK
from sandbox.services.params import given

log = logging.getLogger("sandbox.api.clb")

DELAY_S = 0.1
ATTEMPTS = 3
"""What hinders a balancer is mostly a neighbour that is being made, and gone within a second."""
SUCCESS, FAILED, RUNNING = 0, 1, 2
KEPT = 200
"""How many ended tasks can still be asked about."""


def begin(ctx: Context, ids: list[str], work: str = "apply") -> None:
    """Start a task on load balancers under this request's id. `work`: create, apply or delete."""
    for id in ids:
        doc = ctx.store.get(LOAD_BALANCER.name, id)
        LOAD_BALANCER.save(ctx.store, doc | {"_task": ctx.request_id})
        ctx.later(DELAY_S, "clb.finish", {"id": id, "task": ctx.request_id, "work": work})
    status = RUNNING if ids else SUCCESS
    doc = {"_id": ctx.request_id, "Status": status, "LoadBalancerIds": ids, "Message": "", "_left": ids}
    TASK.create(ctx, doc)
    for old in [old for old in TASK.all(ctx.store) if old["Status"] != RUNNING][:-KEPT]:
        TASK.drop(ctx, old["_id"])


def _failed(ctx: Context, payload: dict[str, Any], reason: str) -> None:
    """Clients get no reason, as on the cloud; the log has it."""
    log.error("%s: %s of %s failed: %s", payload["task"], payload["work"], payload["id"], reason)
    with ctx.store.lock:
        doc = LOAD_BALANCER.anywhere(ctx.store, payload["id"])
        if doc is not None:
            # One whose creation failed stays at status 0, as one that the cloud never finished.
            LOAD_BALANCER.save(ctx.store, doc | {"_task": ""})
        _end(ctx, payload, reason)


@task("clb.finish", attempts=ATTEMPTS, given_up=_failed)
def finish(ctx: Context, payload: dict[str, Any]) -> None:
    """Bring a load balancer to what its documents say, or remove it, and end the task for it."""
    id, work = payload["id"], payload["work"]
    if work == "delete":
        dataplane.remove(ctx.store, id)
        with ctx.store.lock:
            remove_load_balancer(ctx, id)
    else:
        dataplane.apply(ctx.store, id)
    if work != "apply":
        zones.publish(ctx.store)
    with ctx.store.lock:
        doc = LOAD_BALANCER.anywhere(ctx.store, id)
        if doc is not None:
            LOAD_BALANCER.save(ctx.store, doc | {"_task": "", "Status": 1})
        _end(ctx, payload, "")


def _end(ctx: Context, payload: dict[str, Any], failure: str) -> None:
    """The caller holds the store's lock."""
    doc = TASK.anywhere(ctx.store, payload["task"])
    if doc is None:
        return
    doc["_left"] = [id for id in doc["_left"] if id != payload["id"]]
    doc["Message"] = doc["Message"] or failure
    if not doc["_left"]:
        doc["Status"] = FAILED if doc["Message"] else SUCCESS
    TASK.save(ctx.store, doc)


@restores(Order.SERVERS)
def restore(ctx: Context) -> None:
    """Every load balancer that was ready once stands again; one that a task works on is brought up by that."""

    def bring_up(inner: Context, doc: Doc) -> None:
        if doc["Status"] == 1:
            dataplane.apply(inner.store, doc["LoadBalancerId"])

    restoring.each(ctx, LOAD_BALANCER, bring_up)


@action
def describe_task_status(ctx: Context, request: models.DescribeTaskStatusRequest) -> dict[str, Any]:
    """Status 0 success, 1 failed, 2 running."""
    asked = given(request)
    id = asked.get("TaskId") or asked.get("DealName")
    if not id:
        raise ApiError("MissingParameter", "One of `TaskId` and `DealName` is needed.")
    found = TASK.need(ctx, id)
    return {key: found[key] for key in ("Status", "LoadBalancerIds", "Message")}
