"""CLS log sets, topics and indexes. Source: docs/sources.md, monitoring and logs."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    given,
    resource,
    tag_list,
    tag_map,
    write_tags,
)


def _api(value: Any) -> Any:
    """A nested block in the API's casing: `caseSensitive` -> `CaseSensitive`."""
    if isinstance(value, dict):
        block: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]  # a block of any shape
        return {key[0].upper() + key[1:]: _api(each) for key, each in block.items() if each is not None}
    if isinstance(value, list):
        return [_api(each) for each in value]  # pyright: ignore[reportUnknownVariableType]  # a block of any shape
    return value


def _block(value: Any) -> Any:
    """The reverse; what is unset is left out."""
    if isinstance(value, dict):
        body: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]  # a body of any shape
        return {key[0].lower() + key[1:]: _block(each) for key, each in body.items() if each is not None}
    if isinstance(value, list):
        return [_block(each) for each in value]  # pyright: ignore[reportUnknownVariableType]  # a body of any shape
    return value


def _find(cloud: Cloud, action: str, key: str, id: str, listed: str) -> dict[str, Any] | None:
    found = cloud.call("cls", action, {"Filters": [{"Key": key, "Values": [id]}]})[listed]
    return found[0] if found else None


def _missing(kind: str, id: str) -> ProviderError:
    """These reads are errors when the thing is gone: a refresh fails until it is taken out of the state by hand."""
    return ProviderError(f"resource `tencentcloud_cls_{kind}` {id} does not exist")


@resource("tencentcloud:Cls/logset:Logset")
class Logset(Handler):
    """Id: a UUID."""

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        request = {"LogsetName": props["logsetName"], "Tags": tag_list(props.get("tags"))}
        id = str(cloud.call("cls", "CreateLogset", request)["LogsetId"])
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        logset = _find(cloud, "DescribeLogsets", "logsetId", id, "Logsets")
        if logset is None:
            raise _missing("logset", id)
        return {
            "logsetName": logset["LogsetName"],
            "createTime": logset["CreateTime"],
            "roleName": logset["RoleName"],
            "topicCount": logset["TopicCount"],
            "tags": tag_map(logset["Tags"]),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        if not changed or "logsetName" in changed:
            cloud.call("cls", "ModifyLogset", {"LogsetId": id, "LogsetName": new["logsetName"]})
        if not changed or "tags" in changed:
            write_tags(cloud, "cls", "logset", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        _delete(cloud, "DeleteLogset", {"LogsetId": id})


def _delete(cloud: Cloud, action: str, request: dict[str, Any]) -> None:
    try:
        cloud.call("cls", action, request)
    except CloudError as error:
        if not error.matches("ResourceNotFound"):
            raise


_TOPIC = {
    "topicName": "TopicName",
    "autoSplit": "AutoSplit",
    "maxSplitPartitions": "MaxSplitPartitions",
    "period": "Period",
    "describes": "Describes",
    "hotPeriod": "HotPeriod",
    "isWebTracking": "IsWebTracking",
}
"""Property -> parameter, of those that create, update and read share."""


@resource("tencentcloud:Cls/topic:Topic")
class Topic(Handler):
    """Id: a UUID."""

    immutable = ("partitionCount", "storageType")

    def _request(self, props: Props) -> dict[str, Any]:
        if bool(props.get("isWebTracking")) != bool(props.get("extends")):
            raise ProviderError("`is_web_tracking` and `extends` must be set together")
        return given(props, _TOPIC) | {"Extends": _api(props.get("extends"))}

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        names = {"logsetId": "LogsetId", "partitionCount": "PartitionCount", "storageType": "StorageType"}
        request = self._request(props) | given(props, names) | {"Tags": tag_list(props.get("tags"))}
        id = str(cloud.call("cls", "CreateTopic", request)["TopicId"])
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        topic = _find(cloud, "DescribeTopics", "topicId", id, "Topics")
        if topic is None:
            raise _missing("topic", id)
        found = {name: topic[parameter] for name, parameter in _TOPIC.items()}
        return found | {
            "logsetId": topic["LogsetId"],
            "partitionCount": topic["PartitionCount"],
            "storageType": topic["StorageType"],
            "extends": _block(topic["Extends"]),
            "tags": tag_map(topic["Tags"]),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        if "logsetId" in changed:
            raise ProviderError("argument `logset_id` cannot be changed")
        if not changed or changed - {"tags"}:
            cloud.call("cls", "ModifyTopic", self._request(new) | {"TopicId": id})
        if not changed or "tags" in changed:
            write_tags(cloud, "cls", "topic", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        _delete(cloud, "DeleteTopic", {"TopicId": id})


@resource("tencentcloud:Cls/index:Index")
class Index(Handler):
    """Id: the topic's. One per topic."""

    immutable = ("topicId",)

    def _request(self, props: Props) -> dict[str, Any]:
        names = {"includeInternalFields": "IncludeInternalFields", "metadataFlag": "MetadataFlag"}
        status = props.get("status")
        return given(props, names) | {"Rule": _api(props.get("rule")), "Status": True if status is None else status}

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        id = str(props["topicId"])
        cloud.call("cls", "CreateIndex", self._request(props) | {"TopicId": id})
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        try:
            index = cloud.call("cls", "DescribeIndex", {"TopicId": id})
        except CloudError as error:
            if error.matches("ResourceNotFound"):
                return None
            raise
        return {
            "topicId": id,
            "status": index["Status"],
            "rule": _block(index["Rule"]),
            "includeInternalFields": index["IncludeInternalFields"],
            "metadataFlag": index["MetadataFlag"],
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        cloud.call("cls", "ModifyIndex", self._request(new) | {"TopicId": id})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        _delete(cloud, "DeleteIndex", {"TopicId": id})
