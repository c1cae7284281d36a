"""Log sets and topics that the load balancer makes in the log service (CLS), for access logs.

They are CLS objects: kinds `cls.logset` and `cls.topic`, shaped as models.LogsetInfo and models.TopicInfo of cls.
"""

import uuid
from typing import Any

from tencentcloud.clb.v20180317 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.services.params import check_name, given, stamp

LOGSETS = {"ACCESS": "clb_logset", "HEALTH": "clb_health_logset"}
"""One of each per account and region, by fixed name."""


def _logset(ctx: Context, kind: str) -> Doc | None:
    docs = ctx.store.list("cls.logset", ctx.region)
    return next((doc for doc in docs if doc["LogsetName"] == LOGSETS[kind]), None)


@action
def create_cls_log_set(ctx: Context, request: models.CreateClsLogSetRequest) -> dict[str, Any]:
    """The region's one log set of load balancers."""
    asked = given(request)
    kind = asked.get("LogsetType", "ACCESS")
    if kind not in LOGSETS:
        raise ApiError("InvalidParameterValue", f"`LogsetType` is `{kind}`; allowed: {', '.join(LOGSETS)}.")
    if not 1 <= int(asked.get("Period", 7)) <= 90:
        raise ApiError("InvalidParameterValue", f"`Period` is {asked['Period']}; allowed: 1 to 90 days.")
    with ctx.store.lock:
        there = _logset(ctx, kind)
        if there is not None:
            raise ApiError("FailedOperation", f"The log set `{LOGSETS[kind]}` exists: {there['LogsetId']}.")
        id = str(uuid.uuid4())
        doc: Doc = {
            "LogsetId": id,
            "LogsetName": LOGSETS[kind],
            "CreateTime": stamp(ctx),
            "AssumerName": "CLB",
            "Tags": [],
            "TopicCount": 0,
            "RoleName": "",
        }
        ctx.store.put("cls.logset", id, doc, ctx.region)
    return {"LogsetId": id}


@action
def describe_cls_log_set(ctx: Context, request: models.DescribeClsLogSetRequest) -> dict[str, Any]:
    """Empty ids where there is none."""
    access, checks = _logset(ctx, "ACCESS"), _logset(ctx, "HEALTH")
    return {
        "LogsetId": access["LogsetId"] if access else "",
        "HealthLogsetId": checks["LogsetId"] if checks else "",
    }


@action
def create_topic(ctx: Context, request: models.CreateTopicRequest) -> dict[str, Any]:
    """A topic in the region's log set of load balancers."""
    asked = given(request)
    check_name("TopicName", asked["TopicName"], 255)
    with ctx.store.lock:
        logset = _logset(ctx, asked.get("TopicType", "ACCESS"))
        if logset is None:
            raise ApiError("ResourceNotFound", "There is no log set of load balancers: CreateClsLogSet makes it.")
        for doc in ctx.store.list("cls.topic", ctx.region):
            if doc["LogsetId"] == logset["LogsetId"] and doc["TopicName"] == asked["TopicName"]:
                raise ApiError("FailedOperation", f"The topic `{asked['TopicName']}` exists: {doc['TopicId']}.")
        id = str(uuid.uuid4())
        topic: Doc = {
            "TopicId": id,
            "TopicName": asked["TopicName"],
            "LogsetId": logset["LogsetId"],
            "PartitionCount": asked.get("PartitionCount", 1),
            "Period": asked.get("Period", 30),
            "StorageType": asked.get("StorageType", "hot"),
            "Index": False,
            "Status": True,
            "CreateTime": stamp(ctx),
            "AssumerName": "CLB",
            "Tags": asked.get("Tags", []),
            "AutoSplit": True,
            "MaxSplitPartitions": 50,
            "HotPeriod": 0,
            "Describes": "",
        }
        ctx.store.put("cls.topic", id, topic, ctx.region)
    return {"TopicId": id}
