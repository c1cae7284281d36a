"""The async model: a write answers at once, and its RequestId is a task that DescribeTaskStatus tells about.

The documents are written when the request is accepted; the task brings the whole load balancer to what they say.
"""

import logging
from typing import Any

from tencentcloud.clb.v20180317 import models

from sandbox.api import tags
from sandbox.api.actions import Context, action, task
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.services import zones
from sandbox.services.clb import dataplane
from sandbox.services.clb.inventory import LB, listeners_of, remove_listener
from sandbox.services.params import given
from sandbox.substrate.errors import SubstrateError

log = logging.getLogger("sandbox.api.clb")

TASK = "clb.task"
DELAY_S = 0.1
SUCCESS, FAILED, RUNNING = 0, 1, 2
KEPT = 200
"""How many ended tasks can still be asked about."""


def begin(ctx: Context, lb_ids: list[str], work: str = "apply") -> None:
    """Start a task on load balancers under this request's id. `work`: create, apply or delete."""
    for lb_id in lb_ids:
        doc = ctx.store.get(LB, lb_id)
        doc["_task"] = ctx.request_id
        ctx.store.put(LB, lb_id, doc)
    _record(ctx, ctx.request_id, {"Status": RUNNING, "LoadBalancerIds": lb_ids, "Message": ""})
    ctx.later(DELAY_S, "clb.finish", {"task": ctx.request_id, "load_balancers": lb_ids, "work": work})


def settled(ctx: Context) -> None:
    """A task that is done at once: what it changed is not part of any data plane."""
    _record(ctx, ctx.request_id, {"Status": SUCCESS, "LoadBalancerIds": [], "Message": ""})


def _record(ctx: Context, id: str, doc: Doc) -> None:
    ctx.store.put(TASK, id, doc | {"_id": id}, ctx.region)
    ended = [old for old in ctx.store.list(TASK) if old["Status"] != RUNNING]
    for old in ended[:-KEPT]:
        ctx.store.delete(TASK, old["_id"])


@task("clb.finish")
def finish(ctx: Context, payload: dict[str, Any]) -> None:
    """Bring the load balancers to what their documents say, or remove them, and end the task."""
    status, message = SUCCESS, ""
    for lb_id in payload["load_balancers"]:
        try:
            if payload["work"] == "delete":
                dataplane.remove(ctx.store, lb_id)
            else:
                dataplane.apply(ctx.store, lb_id)
        except SubstrateError as error:
            status, message = FAILED, str(error)
            # Clients get no reason, as on the cloud.
            log.error("%s: %s of %s failed: %s", payload["task"], payload["work"], lb_id, error)
        _end_one(ctx, lb_id, payload["work"], failed=status == FAILED)
    if payload["work"] != "apply":
        zones.publish(ctx.store)
    found = ctx.store.find(TASK, payload["task"])
    if found is not None:
        ctx.store.put(TASK, payload["task"], found | {"Status": status, "Message": message})


def _end_one(ctx: Context, lb_id: str, work: str, *, failed: bool) -> None:
    with ctx.store.lock:
        doc = ctx.store.find(LB, lb_id)
        if doc is None:
            return
        if work == "delete" and not failed:
            for each in listeners_of(ctx.store, lb_id):
                remove_listener(ctx.store, each)
            ctx.store.delete(LB, lb_id)
            tags.forget(ctx.store, "clb", "clb", doc["_region"], lb_id)
            return
        doc["_task"] = ""
        # A load balancer whose creation failed stays at 0, as one the cloud never finished.
        doc["Status"] = doc["Status"] if failed else 1
        ctx.store.put(LB, lb_id, doc)


@action
def describe_task_status(ctx: Context, request: models.DescribeTaskStatusRequest) -> dict[str, Any]:
    """Status 0 success, 1 failed, 2 running."""
    asked = given(request)
    id = asked.get("TaskId") or asked.get("DealName")
    if not id:
        raise ApiError("MissingParameter", "One of `TaskId` and `DealName` is needed.")
    found = ctx.store.find(TASK, id)
    if found is None:
        raise ApiError("InvalidParameter", f"The task `{id}` does not exist.")
    return {key: found[key] for key in ("Status", "LoadBalancerIds", "Message")}
