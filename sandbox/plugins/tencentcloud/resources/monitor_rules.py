"""Rules that Prometheus evaluates (Monitor/tmpRecordingRule, tmpAlertRule, tmpAlertGroup)."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import Cloud, Created, Handler, Partial, Props, resource
from sandbox.plugins.tencentcloud.resources.monitor import ask


@resource("tencentcloud:Monitor/tmpRecordingRule:TmpRecordingRule")
class TmpRecordingRule(Handler):
    """A recording rule group: id `<prom>#<rule>`."""

    immutable = ("instanceId",)

    def _request(self, props: Props) -> dict[str, Any]:
        return {"Name": props["name"], "Group": props["group"], "RuleState": props.get("ruleState")}

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The id is the answer's."""
        params = {"InstanceId": props["instanceId"], **self._request(props)}
        id = f"{props['instanceId']}#{cloud.call('monitor', 'CreateRecordingRule', params)['RuleId']}"
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """By id."""
        instance, rule = id.split("#")
        answer = ask(cloud, "DescribeRecordingRules", {"InstanceId": instance, "RuleId": rule})
        if answer is None or not answer["RecordingRuleSet"]:
            return None
        found = answer["RecordingRuleSet"][0]
        read: Props = {"instanceId": instance, "name": found["Name"], "group": found["Group"]}
        # The schema does not compute ruleState: it is only told where the program says it.
        return read | ({"ruleState": found["RuleState"]} if props.get("ruleState") is not None else {})

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """The whole group."""
        instance, rule = id.split("#")
        params = {"InstanceId": instance, "RuleId": rule, **self._request(new)}
        cloud.call("monitor", "UpdateRecordingRule", params)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """One that is gone is accepted."""
        instance, rule = id.split("#")
        ask(cloud, "DeleteRecordingRules", {"InstanceId": instance, "RuleIds": [rule]})


def _pairs(listed: Any) -> list[dict[str, str]]:
    return [{"Key": pair["key"], "Value": pair["value"]} for pair in listed or ()]


def _read_pairs(listed: Any) -> list[dict[str, str]]:
    return [{"key": pair["Key"], "value": pair["Value"]} for pair in listed or ()]


@resource("tencentcloud:Monitor/tmpAlertRule:TmpAlertRule")
class TmpAlertRule(Handler):
    """An alert rule: id `<prom>#<rule>`."""

    immutable = ("instanceId",)

    def _request(self, props: Props) -> dict[str, Any]:
        return {
            "RuleName": props["ruleName"],
            "Expr": props["expr"],
            "Receivers": props["receivers"],
            "RuleState": props.get("ruleState"),
            "Duration": props.get("duration"),
            "Type": props.get("type"),
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
        instance, rule = id.split("#")
        answer = ask(cloud, "DescribeAlertRules", {"InstanceId": instance, "RuleId": rule})
        if answer is None or not answer["AlertRuleSet"]:
            return None
        found = answer["AlertRuleSet"][0]
        read: Props = {
            "instanceId": instance,
            "ruleName": found["RuleName"],
            "expr": found["Expr"],
            "receivers": found["Receivers"],
        }
        optional = (("ruleState", "RuleState"), ("duration", "Duration"), ("type", "Type"))
        read |= {name: found[key] for name, key in optional if props.get(name) is not None}
        for name, key in (("labels", "Labels"), ("annotations", "Annotations")):
            if found[key] or props.get(name):
                read[name] = _read_pairs(found[key])
        return read

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """The whole rule."""
        instance, rule = id.split("#")
        cloud.call("monitor", "UpdateAlertRule", {"InstanceId": instance, "RuleId": rule, **self._request(new)})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """One that is gone is accepted."""
        instance, rule = id.split("#")
        ask(cloud, "DeleteAlertRules", {"InstanceId": instance, "RuleIds": [rule]})


@resource("tencentcloud:Monitor/tmpAlertGroup:TmpAlertGroup")
class TmpAlertGroup(Handler):
    """A group of alert rules: id `<prom>#<group>`."""

    def _request(self, props: Props) -> dict[str, Any]:
        custom: Props | None = props.get("customReceiver")
        receiver = custom and {
            "Type": custom.get("type"),
            "Url": custom.get("url"),
            "ClusterId": custom.get("clusterId"),
            "ClusterType": custom.get("clusterType"),
            "AllowedTimeRanges": [
                {"Start": each.get("start"), "End": each.get("end")} for each in custom.get("allowedTimeRanges") or ()
            ],
        }
        return {
            "GroupName": props.get("groupName"),
            "AMPReceivers": props.get("ampReceivers"),
            "CustomReceiver": receiver,
            "RepeatInterval": props.get("repeatInterval"),
            "Rules": [self._rule(rule) for rule in props.get("rules") or ()],
        }

    def _rule(self, rule: Props) -> dict[str, Any]:
        pairs: dict[str, Any] = {}
        for name, parameter in (("labels", "Labels"), ("annotations", "Annotations")):
            texts: dict[str, str] = rule.get(name) or {}
            pairs[parameter] = [{"Key": key, "Value": value} for key, value in texts.items()]
        names = (("ruleName", "RuleName"), ("expr", "Expr"), ("duration", "Duration"), ("state", "State"))
        return {parameter: rule.get(name) for name, parameter in names} | pairs

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The id is the answer's."""
        params = {"InstanceId": props["instanceId"], **self._request(props)}
        id = f"{props['instanceId']}#{cloud.call('monitor', 'CreatePrometheusAlertGroup', params)['GroupId']}"
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """By id; receivers and rules as the program wrote them."""
        instance, group = id.split("#")
        answer = ask(cloud, "DescribePrometheusAlertGroups", {"InstanceId": instance, "GroupId": group})
        if answer is None or not answer["AlertGroupSet"]:
            return None
        found = answer["AlertGroupSet"][0]
        return {
            "instanceId": instance,
            "groupId": group,
            "groupName": found["GroupName"],
            "repeatInterval": found["RepeatInterval"],
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """The whole group."""
        instance, group = id.split("#")
        params = {"InstanceId": instance, "GroupId": group, **self._request(new)}
        cloud.call("monitor", "UpdatePrometheusAlertGroup", params)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """One that is gone is accepted."""
        instance, group = id.split("#")
        ask(cloud, "DeletePrometheusAlertGroups", {"InstanceId": instance, "GroupIds": [group]})
