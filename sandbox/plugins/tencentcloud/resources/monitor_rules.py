"""Rules that Prometheus evaluates (Monitor/tmpRecordingRule, tmpAlertRule). Source: docs/fidelity/monitor.md.

A change of `instanceId` passes and goes to the old instance, as in the provider.
"""

import base64
import binascii
from typing import Any

from sandbox.plugins.tencentcloud.handler import Cloud, Created, Handler, Partial, Props, ProviderError, resource
from sandbox.plugins.tencentcloud.resources.monitor import listed, once


def _place(id: str) -> dict[str, Any]:
    instance, rule = id.split("#")
    return {"InstanceId": instance, "RuleId": rule}


@resource("tencentcloud:Monitor/tmpRecordingRule:TmpRecordingRule")
class TmpRecordingRule(Handler):
    """A recording rule group: id `<prom>#<rule>`."""

    kind = "monitor.recording_rule"
    key = ("_prometheus", "_id")

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The group is base64 on the wire."""
        request = {
            "InstanceId": props["instanceId"],
            "Name": props["name"],
            "Group": base64.b64encode(props["group"].encode()).decode(),
            "RuleState": props.get("ruleState") or None,
        }
        id = f"{props['instanceId']}#{cloud.call('monitor', 'CreateRecordingRule', request)['RuleId']}"
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """By id."""
        place = _place(id)
        found = listed(cloud, "DescribeRecordingRules", place, "RecordingRuleSet")
        if found is None:
            return None
        try:
            group = base64.b64decode(found["Group"], validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ProviderError(f"the group of recording rule {id} is not base64 of a text") from error
        return {
            "instanceId": place["InstanceId"],
            "name": found["Name"],
            "group": group,
            "ruleState": found["RuleState"],
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """The group goes as plain text here; the state only when it changed."""
        request = {**_place(id), "Name": new["name"], "Group": new["group"]}
        if not changed or "ruleState" in changed:
            request["RuleState"] = new.get("ruleState") or None
        cloud.call("monitor", "UpdateRecordingRule", request)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """By id."""
        place = _place(id)
        once(cloud, "DeleteRecordingRules", {"InstanceId": place["InstanceId"], "RuleIds": [place["RuleId"]]})


def _pairs(texts: Any) -> list[dict[str, str]] | None:
    return [{"Key": pair["key"], "Value": pair["value"]} for pair in texts or ()] or None


def _read_pairs(texts: Any) -> list[dict[str, str]]:
    return [{"key": pair["Key"], "value": pair["Value"]} for pair in texts]


@resource("tencentcloud:Monitor/tmpAlertRule:TmpAlertRule")
class TmpAlertRule(Handler):
    """An alert rule: id `<prom>#<rule>`."""

    kind = "monitor.alert_rule"
    key = ("_prometheus", "_id")

    def _request(self, props: Props) -> dict[str, Any]:
        return {
            "RuleName": props["ruleName"],
            "Expr": props["expr"],
            "Receivers": props["receivers"],
            "RuleState": props.get("ruleState") or None,
            "Duration": props.get("duration") or None,
            "Type": props.get("type") or None,
            "Labels": _pairs(props.get("labels")),
            "Annotations": _pairs(props.get("annotations")),
        }

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The id is the answer's."""
        params = {"InstanceId": props["instanceId"], **self._request(props)}
        id = f"{props['instanceId']}#{cloud.call('monitor', 'CreateAlertRule', params)['RuleId']}"
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """By id."""
        place = _place(id)
        found = listed(cloud, "DescribeAlertRules", place, "AlertRuleSet")
        if found is None:
            return None
        names = {
            "ruleName": "RuleName",
            "expr": "Expr",
            "receivers": "Receivers",
            "ruleState": "RuleState",
            "duration": "Duration",
            "labels": "Labels",
            "annotations": "Annotations",
            "type": "Type",
        }
        answer: Props = {name: found[key] for name, key in names.items() if found.get(key) is not None}
        for name in ("labels", "annotations"):
            if name in answer:
                answer[name] = _read_pairs(answer[name])
        return answer | {"instanceId": place["InstanceId"]}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """The whole rule."""
        cloud.call("monitor", "UpdateAlertRule", {**_place(id), **self._request(new)})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """By id."""
        place = _place(id)
        once(cloud, "DeleteAlertRules", {"InstanceId": place["InstanceId"], "RuleIds": [place["RuleId"]]})
