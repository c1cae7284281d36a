"""The documents of Redis: instances, their parameter templates, and the tasks that DescribeTaskInfo shows."""

from typing import Any

from tencentcloud.redis.v20180412 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.kinds import Kind, TagNames
from sandbox.api.store import Doc, Store
from sandbox.services.params import given, stamp

INSTANCES = Kind(
    name="redis.instance",
    key="InstanceId",
    noun="Redis instance",
    missing="ResourceNotFound.InstanceNotExists",
    tags=TagNames(service="redis", prefix="instance", field="InstanceTags", key="TagKey", value="TagValue"),
)
"""As models.InstanceSet. Private: `_region`, `_password`, `_groups`, `_parameters`, `_vip` (its address in the subnet),
`_nodes` ([{id, host, private}]: the host of each node in NodeSet, the primary of the first start in front) and `_gone`
(hosts of nodes that were taken out, while they stand)."""
TEMPLATES = Kind(name="redis.template", key="TemplateId", noun="parameter template", missing="InvalidParameter")
TASKS = Kind(name="redis.task", key="TaskId", noun="task", missing="InvalidParameter.InvalidParameter")

INIT, RUNNING, ONLINE, ISOLATED, DELETING = 0, 1, 2, -2, -3
TITLES = {INIT: "creating", RUNNING: "processing", ONLINE: "online", ISOLATED: "isolated", DELETING: "deleting"}


def online(ctx: Context, instance_id: str, code: str = "ResourceUnavailable.InstanceStatusError") -> Doc:
    """The instance, if nothing is being done with it. Raises `code`."""
    doc = INSTANCES.need(ctx, instance_id)
    if doc["Status"] != ONLINE:
        message = f"The Redis instance `{instance_id}` has the status {doc['Status']}, not {ONLINE} (running)."
        raise ApiError(code, message)
    return doc


def recycled(ctx: Context, instance_id: str) -> Doc:
    """The instance, if it is in the recycle bin."""
    doc = INSTANCES.need(ctx, instance_id)
    if doc["Status"] != ISOLATED:
        message = f"The Redis instance `{instance_id}` is not in the recycle bin."
        raise ApiError("ResourceUnavailable.InstanceStatusAbnormal", message)
    return doc


def at(doc: Doc, status: int) -> Doc:
    """The document with another status."""
    return {**doc, "Status": status, "InstanceTitle": TITLES[status]}


def set_status(store: Store, instance_id: str, status: int) -> Doc | None:
    """Change the status of an instance; None when it is gone."""
    with store.lock:
        doc = INSTANCES.anywhere(store, instance_id)
        if doc is not None:
            INSTANCES.save(store, at(doc, status))
    return doc


def process(ctx: Context, doc: Doc, kind: str, delay_s: float, then: str = "redis.start", status: int = RUNNING) -> int:
    """Keep the document with a status until the task `then` is through with it. Returns the running task's number."""
    number = ctx.store.number("redis_task", 10001)
    task: Doc = {
        "TaskId": number,
        "Status": "running",
        "StartTime": stamp(ctx),
        "TaskType": kind,
        "InstanceId": doc["InstanceId"],
        "TaskMessage": "",
    }
    TASKS.create(ctx, task)
    INSTANCES.save(ctx.store, at(doc, status))
    ctx.later(delay_s, then, {"id": doc["InstanceId"], "task": number})
    return number


def end_task(store: Store, number: int | None, error: str = "") -> None:
    """The task succeeded or, with an error, failed. Nothing without a number."""
    doc = TASKS.anywhere(store, str(number))
    if doc is not None:
        TASKS.save(store, {**doc, "Status": "failed" if error else "succeed", "TaskMessage": error})


@action
def describe_task_info(ctx: Context, request: models.DescribeTaskInfoRequest) -> dict[str, Any]:
    """running, succeed or failed."""
    doc = TASKS.need(ctx, str(given(request)["TaskId"]))
    return {key: value for key, value in doc.items() if key != "TaskId"}
