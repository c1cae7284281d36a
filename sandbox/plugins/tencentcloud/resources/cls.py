"""CLS log sets, topics and indexes. Source: docs/fidelity/cls.md."""

from collections.abc import Mapping
from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    given,
    read_tags,
    resource,
    tag_list,
    tag_map,
    write_tags,
)


def _find(cloud: Cloud, action: str, key: str, id: str, listed: str, **how: Any) -> dict[str, Any]:
    """The document. Raises ProviderError when it is gone: a refresh fails until the state lets go of it by hand."""
    params = {"Filters": [{"Key": key, "Values": [id]}], "Offset": 0, "Limit": 100}
    found: list[dict[str, Any]] = cloud.call("cls", action, params, **how)[listed]
    if not found:
        raise ProviderError(f"resource `tencentcloud_cls_{listed[:-1].lower()}` {id} does not exist")
    return found[0]


def _read(found: Mapping[str, Any], names: Mapping[str, str]) -> Props:
    return {name: found[key] for name, key in names.items() if found.get(key) is not None}


@resource("tencentcloud:Cls/logset:Logset")
class Logset(Handler):
    """Id: a UUID. Its tags are the tag service's."""

    kind = "cls.logset"
    key = ("LogsetId",)

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        id = str(cloud.call("cls", "CreateLogset", {"LogsetName": props["logsetName"]})["LogsetId"])
        partial.id(id)
        write_tags(cloud, "cls", "logset", id, None, props.get("tags"))
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        logset = _find(cloud, "DescribeLogsets", "logsetId", id, "Logsets")
        names = {
            "logsetName": "LogsetName",
            "createTime": "CreateTime",
            "roleName": "RoleName",
            "topicCount": "TopicCount",
        }
        return _read(logset, names) | {"tags": read_tags(cloud, "cls", "logset", id)}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        if not changed or "logsetName" in changed:
            cloud.call("cls", "ModifyLogset", {"LogsetId": id, "LogsetName": new["logsetName"]})
        if not changed or "tags" in changed:
            write_tags(cloud, "cls", "logset", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        cloud.call("cls", "DeleteLogset", {"LogsetId": id})


_TOPIC = {
    "topicName": "TopicName",
    "autoSplit": "AutoSplit",
    "maxSplitPartitions": "MaxSplitPartitions",
    "period": "Period",
    "hotPeriod": "HotPeriod",
    "isWebTracking": "IsWebTracking",
}
"""Property -> parameter, of those that create, update and read share."""
_TOPIC_FIXED = {"logsetId": "LogsetId", "partitionCount": "PartitionCount", "storageType": "StorageType"}
_CONDITION = {"attributes": "Attributes", "rule": "Rule", "conditionValue": "ConditionValue"}
_CONDITION_UNSET = {"Attributes": "", "Rule": 0, "ConditionValue": ""}


@resource("tencentcloud:Cls/topic:Topic")
class Topic(Handler):
    """Id: a UUID. A change of `logsetId` passes and does nothing, as in the provider."""

    kind = "cls.topic"
    key = ("TopicId",)
    immutable = ("partitionCount", "storageType")

    def _extends(self, props: Props, tracking: bool) -> dict[str, Any] | None:
        if tracking != bool(props.get("extends")):
            raise ProviderError("`is_web_tracking` and `extends` must be set together")
        if not tracking:
            return None
        access = props["extends"].get("anonymousAccess")
        if not access:
            return {}
        conditions = [_CONDITION_UNSET | given(each, _CONDITION) for each in access.get("conditions") or ()]
        return {"AnonymousAccess": {"Operations": access.get("operations") or [], "Conditions": conditions or None}}

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        request = given(props, _TOPIC | _TOPIC_FIXED) | {"Describes": props.get("describes") or ""}
        request["Extends"] = self._extends(props, bool(props.get("isWebTracking")))
        request["Tags"] = tag_list(props.get("tags"))
        id = str(cloud.call("cls", "CreateTopic", request)["TopicId"])
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        topic = _find(cloud, "DescribeTopics", "topicId", id, "Topics", retry_s=0)
        found = {name: topic[key] for name, key in (_TOPIC | _TOPIC_FIXED | {"describes": "Describes"}).items()}
        found["tags"] = tag_map(topic["Tags"])
        if topic["IsWebTracking"] and topic["Extends"] is not None:
            found["extends"] = _read_extends(topic["Extends"])
        return found

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Only what changed is sent. A change of `extends` alone is refused: the switch counts as off in it."""
        if not changed or "tags" in changed:
            write_tags(cloud, "cls", "topic", id, old.get("tags"), new.get("tags"))
        wanted = new if not changed else {name: new.get(name) for name in changed}
        request = given(wanted, _TOPIC)
        if "describes" in changed:
            request["Describes"] = new.get("describes") or ""
        if "extends" in changed:
            request["Extends"] = self._extends(new, bool(wanted.get("isWebTracking"))) or None
        if request or "extends" in changed:
            cloud.call("cls", "ModifyTopic", request | {"TopicId": id})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        cloud.call("cls", "DeleteTopic", {"TopicId": id})


def _read_extends(extends: Mapping[str, Any]) -> Props:
    access = extends.get("AnonymousAccess")
    if access is None:
        return {}
    found: Props = {}
    if access.get("Operations") is not None:
        found["operations"] = list(access["Operations"])
    if access.get("Conditions") is not None:
        found["conditions"] = [_read(each, _CONDITION) for each in access["Conditions"]]
    return {"anonymousAccess": found}


_FULL_TEXT = {"caseSensitive": "CaseSensitive", "tokenizer": "Tokenizer", "containZH": "ContainZH"}
_VALUE = {"type": "Type", "tokenizer": "Tokenizer", "sqlFlag": "SqlFlag", "containZH": "ContainZH"}
_VALUE_UNSET = {"Tokenizer": "", "SqlFlag": False, "ContainZH": False}
"""A key's value is always sent whole."""


@resource("tencentcloud:Cls/index:Index")
class Index(Handler):
    """Id: the topic's. One per topic."""

    kind = "cls.index"
    key = ("TopicId",)
    immutable = ("topicId",)

    def _request(self, props: Props) -> dict[str, Any]:
        """False and zero count as unset: a status that is off is never sent."""
        names = {
            "status": "Status",
            "includeInternalFields": "IncludeInternalFields",
            "metadataFlag": "MetadataFlag",
        }
        asked = {key: props[name] for name, key in names.items() if props.get(name)}
        return asked | ({"Rule": _rule(props["rule"])} if props.get("rule") else {})

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        id = str(props["topicId"])
        cloud.call("cls", "CreateIndex", self._request(props) | {"TopicId": id})
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """An index that is gone is an error, as in the provider."""
        index = cloud.call("cls", "DescribeIndex", {"TopicId": id})
        names = {
            "topicId": "TopicId",
            "status": "Status",
            "includeInternalFields": "IncludeInternalFields",
            "metadataFlag": "MetadataFlag",
        }
        rule = index.get("Rule")
        return _read(index, names) | ({} if rule is None else {"rule": _read_rule(rule)})

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """The status and the rule that the cloud filled in go back as they were read."""
        kept = {name: old.get(name) for name in ("status", "rule")}
        cloud.call("cls", "ModifyIndex", self._request(kept | new) | {"TopicId": id})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        cloud.call("cls", "DeleteIndex", {"TopicId": id})


def _rule(rule: Props) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    if rule.get("fullText"):
        asked["FullText"] = given(rule["fullText"], _FULL_TEXT)
    for name, key in (("keyValue", "KeyValue"), ("tag", "Tag")):
        if rule.get(name):
            keys = [_key_value(each) for each in rule[name].get("keyValues") or ()]
            asked[key] = {"CaseSensitive": rule[name]["caseSensitive"], "KeyValues": keys or None}
    if rule.get("dynamicIndex"):
        asked["DynamicIndex"] = {"Status": rule["dynamicIndex"]["status"]}
    return asked


def _key_value(each: Props) -> dict[str, Any]:
    value = each.get("value")
    return {"Key": each["key"], "Value": _VALUE_UNSET | given(value, _VALUE) if value else None}


def _read_rule(rule: Mapping[str, Any]) -> Props:
    found: Props = dict.fromkeys(("fullText", "keyValue", "tag", "dynamicIndex"))
    if rule.get("FullText") is not None:
        found["fullText"] = _read(rule["FullText"], _FULL_TEXT)
    for name, key in (("keyValue", "KeyValue"), ("tag", "Tag")):
        if rule.get(key) is not None:
            found[name] = _read(rule[key], {"caseSensitive": "CaseSensitive"})
            if rule[key].get("KeyValues") is not None:
                found[name]["keyValues"] = [_read_key_value(each) for each in rule[key]["KeyValues"]]
    if rule.get("DynamicIndex") is not None:
        found["dynamicIndex"] = _read(rule["DynamicIndex"], {"status": "Status"})
    return found


def _read_key_value(each: Mapping[str, Any]) -> Props:
    value = each.get("Value")
    return _read(each, {"key": "Key"}) | ({} if value is None else {"value": _read(value, _VALUE)})
