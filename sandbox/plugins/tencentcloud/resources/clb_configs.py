"""Custom configurations of load balancers (Clb/customizedConfigV2) and where they are bound (…Attachment).

The provider does not put these calls in a row with those of listeners, rules and redirections, and repeats none that
meets a balancer which is being changed: the program has to give the order. Source: docs/fidelity/clb.md.
"""

from typing import Any

from sandbox.plugins.tencentcloud.handler import Cloud, Created, Handler, Partial, Props, ProviderError, resource
from sandbox.plugins.tencentcloud.resources.clb_calls import all_pages, one_of, perform

_BIND = {
    "loadBalancerId": "LoadBalancerId",
    "listenerId": "ListenerId",
    "domain": "Domain",
    "locationId": "LocationId",
}


@resource("tencentcloud:Clb/customizedConfigV2:CustomizedConfigV2")
class CustomizedConfig(Handler):
    """A configuration: id `<pz-id>#<type>`, output configId `pz-…`."""

    kind = "clb.config"
    key = ("UconfigId", "ConfigType")

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
        id = f"{perform(cloud, 'AddCustomizedConfig', request, anew=True)['ConfigId']}#{props['configType']}"
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
        """Name and content, both."""
        request = {"ConfigName": new["configName"], "ConfigContent": new["configContent"]}
        perform(cloud, "ModifyCustomizedConfig", {"UconfigId": id.split("#")[0], **request}, anew=True)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Refused by the API while bound."""
        perform(cloud, "DeleteCustomizedConfig", {"UconfigIdList": [id.split("#")[0]]}, anew=True)


@resource("tencentcloud:Clb/customizedConfigAttachment:CustomizedConfigAttachment")
class CustomizedConfigAttachment(Handler):
    """Where a configuration is bound: id = configId."""

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """Bind everything at once."""
        _send(cloud, "AssociateCustomizedConfig", props["configId"], props["bindLists"])
        partial.id(props["configId"])
        return Created(props["configId"])

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """Never repeated. Without any binding the provider answers with an error, not with a gone resource."""
        bound = all_pages(cloud, "DescribeCustomizedConfigAssociateList", {"UconfigId": id}, "BindList", retry_s=0)
        binds = [{name: bind.get(key) or "" for name, key in _BIND.items()} for bind in bound]
        if not binds:
            raise ProviderError(f"resource `tencentcloud_clb_customized_config_attachment` {id} does not exist")
        return {"configId": id, "bindLists": binds}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Unbind what is left out, then bind what is new."""
        before, after = _wire(old.get("bindLists") or []), _wire(new["bindLists"])
        removed = [bind for bind in before if bind not in after]
        added = [bind for bind in after if bind not in before]
        for action, binds in (("DisassociateCustomizedConfig", removed), ("AssociateCustomizedConfig", added)):
            if binds:
                perform(cloud, action, {"UconfigId": id, "BindList": binds}, anew=True)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Unbind all that the state knows."""
        _send(cloud, "DisassociateCustomizedConfig", id, props.get("bindLists") or [])


def _wire(binds: list[Props]) -> list[dict[str, Any]]:
    """An optional part that is not given is sent as an empty text."""
    return [{key: bind.get(name) or "" for name, key in _BIND.items()} for bind in binds]


def _send(cloud: Cloud, action: str, id: str, binds: list[Props]) -> None:
    perform(cloud, action, {"UconfigId": id, "BindList": _wire(binds)}, anew=True)
