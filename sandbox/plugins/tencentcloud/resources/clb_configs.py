"""Custom configurations and logs of load balancers (Clb/customizedConfigV2, its attachment, logSet, logTopic)."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import Cloud, Created, Handler, Partial, Props, ProviderError, resource
from sandbox.plugins.tencentcloud.resources.clb import in_range, one_of, perform, writing

_BIND = {
    "loadBalancerId": "LoadBalancerId",
    "listenerId": "ListenerId",
    "domain": "Domain",
    "locationId": "LocationId",
}


@resource("tencentcloud:Clb/customizedConfigV2:CustomizedConfigV2")
class CustomizedConfig(Handler):
    """A configuration: id `<pz-id>#<type>`, output configId `pz-…`."""

    def check(self, props: Props) -> dict[str, str]:
        """Preview-time validators."""
        return one_of(props, "configType", "CLB", "SERVER", "LOCATION")

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """Directives are checked by the API."""
        request = {
            "ConfigName": props["configName"],
            "ConfigType": props["configType"],
            "ConfigContent": props["configContent"],
        }
        with writing():
            id = f"{perform(cloud, 'AddCustomizedConfig', request)['ConfigId']}#{props['configType']}"
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """By id and type."""
        own, kind = id.split("#")
        query = {"UconfigIds": [own], "ConfigType": kind}
        found = cloud.call("clb", "DescribeCustomizedConfigList", query)["ConfigList"]
        if not found:
            return None
        return {
            "configId": own,
            "configName": found[0]["ConfigName"],
            "configType": kind,
            "configContent": found[0]["ConfigContent"],
            "createTime": found[0]["CreateTimestamp"],
            "updateTime": found[0]["UpdateTimestamp"],
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Name and content."""
        request = {"ConfigName": new["configName"], "ConfigContent": new["configContent"]}
        with writing():
            perform(cloud, "ModifyCustomizedConfig", {"UconfigId": id.split("#")[0], **request})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Refused by the API while bound."""
        with writing():
            if self.read(cloud, id, props) is not None:
                perform(cloud, "DeleteCustomizedConfig", {"UconfigIdList": [id.split("#")[0]]})


@resource("tencentcloud:Clb/customizedConfigAttachment:CustomizedConfigAttachment")
class CustomizedConfigAttachment(Handler):
    """Where a configuration is bound: id = configId."""

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """Bind everything at once."""
        with writing():
            self._send(cloud, "AssociateCustomizedConfig", props["configId"], props["bindLists"])
        partial.id(props["configId"])
        return Created(props["configId"])

    def _send(self, cloud: Cloud, action: str, id: str, binds: list[Props]) -> None:
        listed = [{key: bind.get(name) or None for name, key in _BIND.items()} for bind in binds]
        perform(cloud, action, {"UconfigId": id, "BindList": listed})

    def _bound(self, cloud: Cloud, id: str) -> list[dict[str, Any]]:
        query = {"UconfigId": id, "Limit": 100}
        return cloud.call("clb", "DescribeCustomizedConfigAssociateList", query)["BindList"]

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """Without any binding the provider answers with an error, not with a gone resource."""
        found = self._bound(cloud, id)
        if not found:
            raise ProviderError(f"resource `tencentcloud_clb_customized_config_attachment` {id} does not exist")
        binds = [{name: bind.get(key) or "" for name, key in _BIND.items()} for bind in found]
        for bind in binds:
            if not bind["locationId"]:
                del bind["locationId"]
        return {"configId": id, "bindLists": binds}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Unbind what is left out, then bind what is new."""
        before: list[Props] = old.get("bindLists") or []
        after: list[Props] = new["bindLists"]
        removed = [bind for bind in before if bind not in after]
        added = [bind for bind in after if bind not in before]
        with writing():
            if removed:
                self._send(cloud, "DisassociateCustomizedConfig", id, removed)
            if added:
                self._send(cloud, "AssociateCustomizedConfig", id, added)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Unbind all."""
        with writing():
            if self._bound(cloud, id):
                self._send(cloud, "DisassociateCustomizedConfig", id, props.get("bindLists") or [])


@resource("tencentcloud:Clb/logSet:LogSet")
class LogSet(Handler):
    """The region's one log set of load balancers; its name is fixed."""

    write_only = ("period",)

    def check(self, props: Props) -> dict[str, str]:
        """Preview-time validators."""
        return in_range(props, "period", 1, 90)

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """A second one is refused."""
        existing = cloud.call("clb", "DescribeClsLogSet").get("LogsetId")
        if existing:
            raise ProviderError(f"log set {existing} exists: there is one `clb_logset` per account and region")
        request = {"Period": props.get("period"), "LogsetName": "clb_logset"}
        with writing():
            id = cloud.call("clb", "CreateClsLogSet", request)["LogsetId"]
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """A missing one is an error."""
        filters = [{"Key": "logsetId", "Values": [id]}]
        found = cloud.call("cls", "DescribeLogsets", {"Filters": filters})["Logsets"]
        if not found:
            raise ProviderError(f"log set {id} does not exist")
        count = str(found[0].get("TopicCount") or 0)
        return {"name": found[0]["LogsetName"], "createTime": found[0]["CreateTime"], "topicCount": count}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Nothing of it changes in place."""

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Through the log service."""
        cloud.call("cls", "DeleteLogset", {"LogsetId": id})


@resource("tencentcloud:Clb/logTopic:LogTopic")
class LogTopic(Handler):
    """A topic of that log set."""

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """Made by the load balancer's API, switched by the log service's."""
        with writing():
            id = cloud.call("clb", "CreateTopic", {"TopicName": props["topicName"]})["TopicId"]
        partial.id(id)
        if props.get("status") is False:
            cloud.call("cls", "ModifyTopic", {"TopicId": id, "Status": False})
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """A missing one is an error."""
        filters = [{"Key": "topicId", "Values": [id]}]
        found = cloud.call("cls", "DescribeTopics", {"Filters": filters})["Topics"]
        if not found:
            raise ProviderError(f"log topic {id} does not exist")
        topic = found[0]
        return {
            "logSetId": topic["LogsetId"],
            "topicName": topic["TopicName"],
            "createTime": topic["CreateTime"],
            "status": bool(topic["Status"]),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """On or off."""
        cloud.call("cls", "ModifyTopic", {"TopicId": id, "Status": bool(new.get("status", True))})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Through the log service."""
        cloud.call("cls", "DeleteTopic", {"TopicId": id})
