"""Targets of load balancers (Clb/attachment)."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    resource,
)
from sandbox.plugins.tencentcloud.resources.clb import (
    TARGETS_AT_ONCE,
    perform,
    plain,
    rules_of,
    writing,
)


@resource("tencentcloud:Clb/attachment:Attachment")
class Attachment(Handler):
    """Targets of a listener or rule: id `<loc or "" or "domain,url">#<lbl>#<lb>`."""

    def check(self, props: Props) -> dict[str, str]:
        """Preview-time validators."""
        return plain(props, "listenerId", "ruleId")

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """In batches of twenty, each waited for."""
        place = {"LoadBalancerId": props["clbId"], "ListenerId": props["listenerId"]}
        rule = props.get("ruleId") or ""
        if rule:
            place["LocationId"] = rule
        elif props.get("domain"):
            place |= {"Domain": props["domain"], "Url": props["url"]}
            rule = f"{props['domain']},{props['url']}"
        with writing():
            self._send(cloud, "RegisterTargets", place, props["targets"])
        id = f"{rule}#{props['listenerId']}#{props['clbId']}"
        partial.id(id)
        return Created(id)

    def _send(self, cloud: Cloud, action: str, place: dict[str, Any], targets: list[Props]) -> None:
        listed = [self._target(target) for target in targets]
        for start in range(0, len(listed), TARGETS_AT_ONCE):
            perform(cloud, action, {**place, "Targets": listed[start : start + TARGETS_AT_ONCE]})

    def _target(self, target: Props) -> dict[str, Any]:
        if bool(target.get("instanceId")) == bool(target.get("eniIp")):
            raise ProviderError("one of instance_id and eni_ip is needed for a target, not both")
        where = {"InstanceId": target["instanceId"]} if target.get("instanceId") else {"EniIp": target["eniIp"]}
        return {**where, "Port": target["port"], "Weight": target.get("weight", 10)}

    def _place(self, id: str) -> tuple[dict[str, Any], str]:
        rule, listener, balancer = id.split("#")
        place = {"LoadBalancerId": balancer, "ListenerId": listener}
        if "," in rule:
            domain, url = rule.split(",", 1)
            place |= {"Domain": domain, "Url": url}
        elif rule:
            place["LocationId"] = rule
        return place, rule

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """All targets of that place, whoever registered them."""
        place, rule = self._place(id)
        try:
            found = cloud.call(
                "clb",
                "DescribeTargets",
                {"LoadBalancerId": place["LoadBalancerId"], "ListenerIds": [place["ListenerId"]]},
            )["Listeners"]
        except CloudError as error:
            if error.matches("InvalidParameter"):
                return None
            raise
        if not found:
            return None
        backends: list[dict[str, Any]] = found[0].get("Targets") or []
        for each in rules_of(found[0]):
            if rule in (each["LocationId"], f"{each['Domain']},{each['Url']}"):
                backends = each["Targets"]
        if not backends:
            return None
        targets = [
            {
                "instanceId": backend["InstanceId"] or "",
                "eniIp": "" if backend["InstanceId"] else backend["PrivateIpAddresses"][0],
                "port": backend["Port"],
                "weight": backend["Weight"],
            }
            for backend in backends
        ]
        return {
            "clbId": place["LoadBalancerId"],
            "listenerId": place["ListenerId"],
            "protocolType": found[0]["Protocol"],
            "targets": targets,
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Remove, then add: a changed weight loses its target for a moment."""
        place, _ = self._place(id)
        before: list[Props] = old.get("targets") or []
        after: list[Props] = new["targets"]
        removed = [target for target in before if target not in after]
        added = [target for target in after if target not in before]
        with writing():
            if removed:
                self._send(cloud, "DeregisterTargets", place, removed)
            if added:
                self._send(cloud, "RegisterTargets", place, added)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """`InvalidParameter` is taken as gone."""
        place, _ = self._place(id)
        with writing():
            try:
                self._send(cloud, "DeregisterTargets", place, props.get("targets") or [])
            except CloudError as error:
                if not error.matches("InvalidParameter"):
                    raise
