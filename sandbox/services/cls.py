"""CLS 2020-10-16: log sets, topics and their indexes. Logs themselves are not kept.

Error codes: the SDK's own table (tencentcloud/cls/v20201016/errorcodes.py).
"""

import json
import uuid
from collections.abc import Callable
from typing import Any

from tencentcloud.cls.v20201016 import models

from sandbox.api import tags
from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.api.validation import one_of, require

_LOGSET, _TOPIC, _INDEX = "cls.logset", "cls.topic", "cls.index"
FOREVER = 3640


def _time(ctx: Context) -> str:
    return ctx.now().strftime("%Y-%m-%d %H:%M:%S")


def _logset(ctx: Context, id: str | None) -> Doc:
    found = ctx.store.find(_LOGSET, id or "")
    if found is None or ctx.store.region_of(_LOGSET, id or "") != ctx.region:
        raise ApiError("ResourceNotFound.LogsetNotExist", f"The log set `{id}` does not exist in {ctx.region}.")
    return found


def topic(ctx: Context, id: str | None) -> Doc:
    """A topic of the region. Raises ResourceNotFound.TopicNotExist."""
    found = ctx.store.find(_TOPIC, id or "")
    if found is None or ctx.store.region_of(_TOPIC, id or "") != ctx.region:
        raise ApiError("ResourceNotFound.TopicNotExist", f"The topic `{id}` does not exist in {ctx.region}.")
    return found


def _tags(ctx: Context, prefix: str, id: str) -> list[dict[str, str]]:
    return tags.as_list(tags.read(ctx.store, "cls", prefix, ctx.region, id))


def _select(docs: list[Doc], filters: list[models.Filter] | None, fields: dict[str, Callable[[Doc], Any]]) -> list[Doc]:
    """CLS spells a filter Key and Values; names match in part, as in the cloud."""
    for each in filters or []:
        if each.Key not in fields:
            raise ApiError("InvalidFilter", f"The filter `{each.Key}` is not one of: {', '.join(fields)}.")
        read = fields[each.Key]
        if each.Key.endswith("Name"):
            docs = [doc for doc in docs if any(value in read(doc) for value in each.Values or [])]
        else:
            docs = [doc for doc in docs if read(doc) in (each.Values or [])]
    return docs


@action
def create_logset(ctx: Context, request: models.CreateLogsetRequest) -> dict[str, Any]:
    """The name is unique in the region."""
    require(request, "LogsetName")
    with ctx.store.lock:
        _free_logset_name(ctx, request.LogsetName)
        id = request.LogsetId or str(uuid.uuid4())
        doc = {"LogsetId": id, "LogsetName": request.LogsetName, "CreateTime": _time(ctx), "RoleName": ""}
        ctx.store.put(_LOGSET, id, doc, ctx.region)
    tags.write(ctx.store, "cls", "logset", ctx.region, id, tags.of_request(request.Tags))
    return {"LogsetId": id}


def _free_logset_name(ctx: Context, name: str) -> None:
    if any(each["LogsetName"] == name for each in ctx.store.list(_LOGSET, ctx.region)):
        raise ApiError("InvalidParameter.LogsetConflict", f"The log set name `{name}` is taken in {ctx.region}.")


@action
def describe_logsets(ctx: Context, request: models.DescribeLogsetsRequest) -> dict[str, Any]:
    """Filters: logsetId, logsetName."""
    fields: dict[str, Callable[[Doc], Any]] = {
        "logsetId": lambda doc: doc["LogsetId"],
        "logsetName": lambda doc: doc["LogsetName"],
    }
    found = _select(ctx.store.list(_LOGSET, ctx.region), request.Filters, fields)
    topics = ctx.store.list(_TOPIC, ctx.region)
    logsets = [
        doc
        | {
            "Tags": _tags(ctx, "logset", doc["LogsetId"]),
            "TopicCount": sum(each["LogsetId"] == doc["LogsetId"] for each in topics),
        }
        for doc in page(found, request.Offset, request.Limit)
    ]
    return {"TotalCount": len(found), "Logsets": logsets}


@action
def modify_logset(ctx: Context, request: models.ModifyLogsetRequest) -> None:
    """Name and tags."""
    require(request, "LogsetId")
    with ctx.store.lock:
        doc = _logset(ctx, request.LogsetId)
        if request.LogsetName is not None and request.LogsetName != doc["LogsetName"]:
            _free_logset_name(ctx, request.LogsetName)
            ctx.store.put(_LOGSET, doc["LogsetId"], doc | {"LogsetName": request.LogsetName})
    if request.Tags is not None:
        tags.write(ctx.store, "cls", "logset", ctx.region, request.LogsetId, tags.of_request(request.Tags))


@action
def delete_logset(ctx: Context, request: models.DeleteLogsetRequest) -> None:
    """Its topics must be gone."""
    require(request, "LogsetId")
    with ctx.store.lock:
        doc = _logset(ctx, request.LogsetId)
        if any(each["LogsetId"] == doc["LogsetId"] for each in ctx.store.list(_TOPIC, ctx.region)):
            raise ApiError("FailedOperation.LogsetNotEmpty", f"The log set `{doc['LogsetId']}` still has topics.")
        ctx.store.delete(_LOGSET, doc["LogsetId"])
        tags.forget(ctx.store, "cls", "logset", ctx.region, doc["LogsetId"])


def _check_storage(storage: str, period: int, hot: int) -> None:
    one_of("StorageType", storage, ("hot", "cold"))
    shortest = 1 if storage == "hot" else 7
    if not (shortest <= period <= 3600 or period == FOREVER):
        message = f"`Period` must be between {shortest} and 3600 days, or {FOREVER} (for ever), given `{period}`."
        raise ApiError("InvalidParameterValue", message)
    if hot and not 7 <= hot < period:
        raise ApiError("InvalidParameterValue", f"`HotPeriod` must be 0, or from 7 to below `Period`, given `{hot}`.")


@action
def create_topic(ctx: Context, request: models.CreateTopicRequest) -> dict[str, Any]:
    """The name is unique in its log set."""
    require(request, "LogsetId", "TopicName")
    storage, period, hot = request.StorageType or "hot", request.Period or 30, request.HotPeriod or 0
    _check_storage(storage, period, hot)
    partitions = request.PartitionCount or 1
    if not 1 <= partitions <= 10:
        raise ApiError("InvalidParameterValue", f"`PartitionCount` must be between 1 and 10, given `{partitions}`.")
    with ctx.store.lock:
        logset = _logset(ctx, request.LogsetId)
        _free_topic_name(ctx, logset["LogsetId"], request.TopicName)
        id = request.TopicId or str(uuid.uuid4())
        doc = {
            "LogsetId": logset["LogsetId"],
            "TopicId": id,
            "TopicName": request.TopicName,
            "PartitionCount": partitions,
            "CreateTime": _time(ctx),
            "Status": True,
            "AutoSplit": True if request.AutoSplit is None else request.AutoSplit,
            "MaxSplitPartitions": request.MaxSplitPartitions or 50,
            "StorageType": storage,
            "Period": period,
            "Describes": request.Describes or "",
            "HotPeriod": hot,
            "BizType": request.BizType or 0,
            "IsWebTracking": bool(request.IsWebTracking),
            "Extends": _plain(request.Extends),
            "RoleName": "",
        }
        ctx.store.put(_TOPIC, id, doc, ctx.region)
    tags.write(ctx.store, "cls", "topic", ctx.region, id, tags.of_request(request.Tags))
    return {"TopicId": id}


def _plain(model: Any) -> Any:
    return None if model is None else json.loads(model.to_json_string())


def _free_topic_name(ctx: Context, logset: str, name: str) -> None:
    for each in ctx.store.list(_TOPIC, ctx.region):
        if (each["LogsetId"], each["TopicName"]) == (logset, name):
            raise ApiError("InvalidParameter.TopicConflict", f"The topic name `{name}` is taken in its log set.")


@action
def describe_topics(ctx: Context, request: models.DescribeTopicsRequest) -> dict[str, Any]:
    """Filters: topicId, topicName, logsetId, storageType."""
    fields: dict[str, Callable[[Doc], Any]] = {
        "topicId": lambda doc: doc["TopicId"],
        "topicName": lambda doc: doc["TopicName"],
        "logsetId": lambda doc: doc["LogsetId"],
        "storageType": lambda doc: doc["StorageType"],
    }
    found = _select(ctx.store.list(_TOPIC, ctx.region), request.Filters, fields)
    topics = [
        doc | {"Tags": _tags(ctx, "topic", doc["TopicId"]), "Index": _has_index(ctx, doc["TopicId"])}
        for doc in page(found, request.Offset, request.Limit)
    ]
    return {"TotalCount": len(found), "Topics": topics}


def _has_index(ctx: Context, id: str) -> bool:
    index = ctx.store.find(_INDEX, id)
    return index is not None and bool(index["Status"])


@action
def modify_topic(ctx: Context, request: models.ModifyTopicRequest) -> None:
    """What is given changes; partitions and storage class do not."""
    require(request, "TopicId")
    with ctx.store.lock:
        doc = topic(ctx, request.TopicId)
        if request.TopicName not in (None, doc["TopicName"]):
            _free_topic_name(ctx, doc["LogsetId"], request.TopicName)
        names = ("TopicName", "Status", "AutoSplit", "MaxSplitPartitions", "Period", "Describes", "HotPeriod")
        for name in (*names, "IsWebTracking"):
            if getattr(request, name) is not None:
                doc[name] = getattr(request, name)
        if request.Extends is not None:
            doc["Extends"] = _plain(request.Extends)
        _check_storage(doc["StorageType"], doc["Period"], doc["HotPeriod"])
        ctx.store.put(_TOPIC, doc["TopicId"], doc)
    if request.Tags is not None:
        tags.write(ctx.store, "cls", "topic", ctx.region, request.TopicId, tags.of_request(request.Tags))


@action
def delete_topic(ctx: Context, request: models.DeleteTopicRequest) -> None:
    """With its index."""
    require(request, "TopicId")
    with ctx.store.lock:
        doc = topic(ctx, request.TopicId)
        ctx.store.delete(_INDEX, doc["TopicId"])
        ctx.store.delete(_TOPIC, doc["TopicId"])
        tags.forget(ctx.store, "cls", "topic", ctx.region, doc["TopicId"])


def _index(ctx: Context, id: str | None) -> Doc:
    found = ctx.store.find(_INDEX, topic(ctx, id)["TopicId"])
    if found is None:
        raise ApiError("ResourceNotFound.IndexNotExist", f"The topic `{id}` has no index.")
    return found


@action
def create_index(ctx: Context, request: models.CreateIndexRequest) -> None:
    """One per topic."""
    require(request, "TopicId", "Rule")
    with ctx.store.lock:
        id = topic(ctx, request.TopicId)["TopicId"]
        if ctx.store.find(_INDEX, id) is not None:
            raise ApiError("InvalidParameter.IndexConflict", f"The topic `{id}` has an index.")
        doc = {
            "TopicId": id,
            "Status": True if request.Status is None else request.Status,
            "Rule": _plain(request.Rule),
            "ModifyTime": _time(ctx),
            "IncludeInternalFields": bool(request.IncludeInternalFields),
            "MetadataFlag": request.MetadataFlag or 0,
        }
        ctx.store.put(_INDEX, id, doc, ctx.region)


@action
def describe_index(ctx: Context, request: models.DescribeIndexRequest) -> dict[str, Any]:
    """A topic's index."""
    return _index(ctx, request.TopicId)


@action
def modify_index(ctx: Context, request: models.ModifyIndexRequest) -> None:
    """What is given changes."""
    with ctx.store.lock:
        doc = _index(ctx, request.TopicId)
        for name in ("Status", "IncludeInternalFields", "MetadataFlag"):
            if getattr(request, name) is not None:
                doc[name] = getattr(request, name)
        if request.Rule is not None:
            doc["Rule"] = _plain(request.Rule)
        ctx.store.put(_INDEX, doc["TopicId"], doc | {"ModifyTime": _time(ctx)})


@action
def delete_index(ctx: Context, request: models.DeleteIndexRequest) -> None:
    """The topic stays."""
    with ctx.store.lock:
        ctx.store.delete(_INDEX, _index(ctx, request.TopicId)["TopicId"])
