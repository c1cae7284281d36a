"""CLS 2020-10-16: log sets, topics and their indexes. Logs themselves are not kept.

Documents are shaped as models.LogsetInfo, TopicInfo and DescribeIndexResponse. Error codes: the SDK's own table
(tencentcloud/cls/v20201016/errorcodes.py).
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from tencentcloud.cls.v20201016 import models

from sandbox.api import tags
from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.kinds import Kind, TagNames
from sandbox.api.paging import page
from sandbox.api.store import Doc, Docs
from sandbox.services.params import check_one_of, given, stamp

LOGSET = Kind(
    name="cls.logset",
    key="LogsetId",
    noun="log set",
    missing="ResourceNotFound.LogsetNotExist",
    tags=TagNames(service="cls", prefix="logset", field="Tags"),
)
TOPIC = Kind(
    name="cls.topic",
    key="TopicId",
    noun="topic",
    missing="ResourceNotFound.TopicNotExist",
    tags=TagNames(service="cls", prefix="topic", field="Tags"),
)
INDEX = Kind(name="cls.index", key="TopicId", noun="index", missing="ResourceNotFound.IndexNotExist")
FOREVER = 3640


def _select(docs: Docs, filters: list[models.Filter] | None, fields: Mapping[str, str]) -> Docs:
    """CLS spells a filter Key and Values; names match in part, as in the cloud. fields: filter -> field."""
    for each in filters or []:
        if each.Key not in fields:
            raise ApiError("InvalidFilter", f"The filter `{each.Key}` is not one of: {', '.join(fields)}.")
        field, values = fields[each.Key], each.Values or []
        if field.endswith("Name"):
            docs = [doc for doc in docs if any(value in doc[field] for value in values)]
        else:
            docs = [doc for doc in docs if doc[field] in values]
    return docs


def _write_tags(ctx: Context, kind: Kind, id: str, asked: list[models.Tag] | None) -> None:
    if asked is not None and kind.tags is not None:
        tags.write(ctx.store, kind.tags.service, kind.tags.prefix, ctx.region, id, tags.of_request(asked))


@action
def create_logset(ctx: Context, request: models.CreateLogsetRequest) -> dict[str, Any]:
    """The name is unique in the region."""
    asked = given(request)
    doc: Doc = {
        "LogsetId": asked.get("LogsetId") or str(uuid.uuid4()),
        "LogsetName": asked["LogsetName"],
        "CreateTime": stamp(ctx),
        "RoleName": "",
        "Tags": asked.get("Tags", []),
    }
    with ctx.store.lock:
        _free_logset_name(ctx, asked["LogsetName"])
        LOGSET.create(ctx, doc)
    return {"LogsetId": doc["LogsetId"]}


def _free_logset_name(ctx: Context, name: str) -> None:
    if any(each["LogsetName"] == name for each in LOGSET.list(ctx)):
        raise ApiError("InvalidParameter.LogsetConflict", f"The log set name `{name}` is taken in {ctx.region}.")


@action
def describe_logsets(ctx: Context, request: models.DescribeLogsetsRequest) -> dict[str, Any]:
    """Filters: logsetId, logsetName."""
    fields = {"logsetId": "LogsetId", "logsetName": "LogsetName"}
    found = _select(LOGSET.list(ctx), request.Filters, fields)
    topics = [topic["LogsetId"] for topic in TOPIC.list(ctx)]
    logsets = [
        doc | {"TopicCount": topics.count(doc["LogsetId"])} for doc in page(found, request.Offset, request.Limit)
    ]
    return {"TotalCount": len(found), "Logsets": logsets}


@action
def modify_logset(ctx: Context, request: models.ModifyLogsetRequest) -> None:
    """Name and tags."""
    with ctx.store.lock:
        doc = LOGSET.need(ctx, given(request)["LogsetId"])
        if request.LogsetName not in (None, doc["LogsetName"]):
            _free_logset_name(ctx, request.LogsetName)
            LOGSET.save(ctx.store, doc | {"LogsetName": request.LogsetName})
    _write_tags(ctx, LOGSET, doc["LogsetId"], request.Tags)


@action
def delete_logset(ctx: Context, request: models.DeleteLogsetRequest) -> None:
    """Its topics must be gone."""
    with ctx.store.lock:
        id = LOGSET.need(ctx, given(request)["LogsetId"])["LogsetId"]
        if any(topic["LogsetId"] == id for topic in TOPIC.list(ctx)):
            raise ApiError("FailedOperation.LogsetNotEmpty", f"The log set `{id}` still has topics.")
        LOGSET.drop(ctx, id)


def _check_storage(doc: Doc) -> None:
    period, hot = doc["Period"], doc["HotPeriod"]
    check_one_of("StorageType", doc["StorageType"], ("hot", "cold"))
    shortest = 1 if doc["StorageType"] == "hot" else 7
    if not (shortest <= period <= 3600 or period == FOREVER):
        message = f"`Period` must be between {shortest} and 3600 days, or {FOREVER} (for ever), given `{period}`."
        raise ApiError("InvalidParameterValue", message)
    if hot and not 7 <= hot < period:
        raise ApiError("InvalidParameterValue", f"`HotPeriod` must be 0, or from 7 to below `Period`, given `{hot}`.")


@action
def create_topic(ctx: Context, request: models.CreateTopicRequest) -> dict[str, Any]:
    """The name is unique in its log set."""
    asked = given(request)
    doc: Doc = {
        "LogsetId": asked["LogsetId"],
        "TopicId": asked.get("TopicId") or str(uuid.uuid4()),
        "TopicName": asked["TopicName"],
        "PartitionCount": asked.get("PartitionCount") or 1,
        "CreateTime": stamp(ctx),
        "Status": True,
        "AutoSplit": asked.get("AutoSplit", True),
        "MaxSplitPartitions": asked.get("MaxSplitPartitions") or 50,
        "StorageType": asked.get("StorageType") or "hot",
        "Period": asked.get("Period") or 30,
        "Describes": asked.get("Describes", ""),
        "HotPeriod": asked.get("HotPeriod", 0),
        "BizType": asked.get("BizType", 0),
        "IsWebTracking": asked.get("IsWebTracking", False),
        "Extends": _plain(request.Extends) or {"AnonymousAccess": None},
        "RoleName": "",
        "Tags": asked.get("Tags", []),
    }
    _check_storage(doc)
    if not 1 <= doc["PartitionCount"] <= 10:
        message = f"`PartitionCount` must be between 1 and 10, given `{doc['PartitionCount']}`."
        raise ApiError("InvalidParameterValue", message)
    with ctx.store.lock:
        LOGSET.need(ctx, doc["LogsetId"])
        _free_topic_name(ctx, doc["LogsetId"], doc["TopicName"])
        TOPIC.create(ctx, doc)
    return {"TopicId": doc["TopicId"]}


def _plain(model: Any) -> Any:
    """A block of a request with all its fields, as answers have it."""
    return None if model is None else json.loads(model.to_json_string())


def _free_topic_name(ctx: Context, logset: str, name: str) -> None:
    for each in TOPIC.list(ctx):
        if (each["LogsetId"], each["TopicName"]) == (logset, name):
            raise ApiError("InvalidParameter.TopicConflict", f"The topic name `{name}` is taken in its log set.")


@action
def describe_topics(ctx: Context, request: models.DescribeTopicsRequest) -> dict[str, Any]:
    """Filters: topicId, topicName, logsetId, storageType."""
    fields = {name: name[0].upper() + name[1:] for name in ("topicId", "topicName", "logsetId", "storageType")}
    found = _select(TOPIC.list(ctx), request.Filters, fields)
    topics = [
        doc | {"Index": bool((INDEX.find(ctx, doc["TopicId"]) or {}).get("Status"))}
        for doc in page(found, request.Offset, request.Limit)
    ]
    return {"TotalCount": len(found), "Topics": topics}


@action
def modify_topic(ctx: Context, request: models.ModifyTopicRequest) -> None:
    """What is given changes; partitions and storage class do not."""
    asked = given(request)
    with ctx.store.lock:
        doc = TOPIC.need(ctx, asked["TopicId"])
        if asked.get("TopicName", doc["TopicName"]) != doc["TopicName"]:
            _free_topic_name(ctx, doc["LogsetId"], asked["TopicName"])
        names = ("TopicName", "Status", "AutoSplit", "MaxSplitPartitions", "Period", "Describes", "HotPeriod")
        doc |= {name: asked[name] for name in (*names, "IsWebTracking") if name in asked}
        if request.Extends is not None:
            doc["Extends"] = _plain(request.Extends)
        _check_storage(doc)
        TOPIC.save(ctx.store, doc)
    _write_tags(ctx, TOPIC, doc["TopicId"], request.Tags)


@action
def delete_topic(ctx: Context, request: models.DeleteTopicRequest) -> None:
    """With its index."""
    with ctx.store.lock:
        id = TOPIC.need(ctx, given(request)["TopicId"])["TopicId"]
        INDEX.drop(ctx, id)
        TOPIC.drop(ctx, id)


def _index(ctx: Context, id: str) -> Doc:
    found = INDEX.find(ctx, TOPIC.need(ctx, id)["TopicId"])
    if found is None:
        raise ApiError(INDEX.missing, f"The topic `{id}` has no index.")
    return found


@action
def create_index(ctx: Context, request: models.CreateIndexRequest) -> None:
    """One per topic."""
    asked = given(request)
    doc: Doc = {
        "TopicId": asked["TopicId"],
        "Status": asked.get("Status", True),
        "Rule": asked["Rule"] and _plain(request.Rule),
        "ModifyTime": stamp(ctx),
        "IncludeInternalFields": asked.get("IncludeInternalFields", False),
        "MetadataFlag": asked.get("MetadataFlag", 0),
    }
    with ctx.store.lock:
        id = TOPIC.need(ctx, doc["TopicId"])["TopicId"]
        if INDEX.find(ctx, id) is not None:
            raise ApiError("InvalidParameter.IndexConflict", f"The topic `{id}` has an index.")
        INDEX.create(ctx, doc)


@action
def describe_index(ctx: Context, request: models.DescribeIndexRequest) -> dict[str, Any]:
    """A topic's index."""
    return _index(ctx, given(request)["TopicId"])


@action
def modify_index(ctx: Context, request: models.ModifyIndexRequest) -> None:
    """What is given changes."""
    asked = given(request)
    with ctx.store.lock:
        doc = _index(ctx, asked["TopicId"]) | {"ModifyTime": stamp(ctx)}
        doc |= {name: asked[name] for name in ("Status", "IncludeInternalFields", "MetadataFlag") if name in asked}
        if request.Rule is not None:
            doc["Rule"] = _plain(request.Rule)
        INDEX.save(ctx.store, doc)


@action
def delete_index(ctx: Context, request: models.DeleteIndexRequest) -> None:
    """The topic stays."""
    with ctx.store.lock:
        INDEX.drop(ctx, _index(ctx, given(request)["TopicId"])["TopicId"])
