"""Lookups (`tencentcloud_iac_pulumi.<module>.get_…`) that the sandbox can answer.

The engine asks them in previews too, once every argument is known: an answer then needs a cloud, and without one the
error says that none is configured.
"""

from collections.abc import Callable
from typing import Any

from sandbox.plugins.protocol.values import Values
from sandbox.plugins.tencentcloud import resources
from sandbox.plugins.tencentcloud.cloud import Cloud
from sandbox.plugins.tencentcloud.errors import ProviderError
from sandbox.plugins.tencentcloud.handler import HANDLERS, Props

Lookup = Callable[[Values, Cloud], Values]


def invoke(token: str, arguments: Values, cloud: Callable[[], Cloud]) -> Values:
    """The lookup's result. cloud: called only by lookups that exist. Raises ProviderError for any other."""
    if token not in LOOKUPS:
        known = ", ".join(sorted(LOOKUPS))
        raise ProviderError(f"the sandbox does not provide the lookup {token}; it has {known}")
    return LOOKUPS[token](arguments, cloud())


def _user_info(arguments: Values, cloud: Cloud) -> Values:
    answer: dict[str, Any] = cloud.call("cam", "GetUserAppId")
    uin = str(answer.get("Uin", ""))
    return {
        "id": f"user-{uin}",
        "appId": str(answer.get("AppId", "")),
        "uin": uin,
        "ownerUin": str(answer.get("OwnerUin", "")),
        "name": str(arguments.get("name") or ""),
    }


def _listeners(arguments: Values, cloud: Cloud) -> Values:
    """Listeners of a balancer, by id, protocol and port where these are given; none is an empty list."""
    balancer = str(arguments["clbId"])
    found = _described(cloud, balancer, arguments, protocol="Protocol", port="Port")
    listener = "tencentcloud:Clb/listener:Listener"
    listed = [_read(listener, cloud, balancer, str(one["ListenerId"])) for one in found]
    return {**arguments, "id": balancer, "listenerLists": [one for one in listed if one is not None]}


def _rules(arguments: Values, cloud: Cloud) -> Values:
    """Rules of a listener, by id, domain, URL and scheduler where these are given; none is an empty list."""
    balancer, listener = str(arguments["clbId"]), str(arguments["listenerId"])
    rules: list[dict[str, Any]] = [
        rule for one in _described(cloud, balancer, arguments) for rule in one.get("Rules") or ()
    ]
    wanted = {"ruleId": "LocationId", "domain": "Domain", "url": "Url", "scheduler": "Scheduler"}
    matching = [
        rule
        for rule in rules
        if all(rule.get(theirs) == arguments[ours] for ours, theirs in wanted.items() if arguments.get(ours))
    ]
    kind = "tencentcloud:Clb/listenerRule:ListenerRule"
    listed = [_read(kind, cloud, balancer, listener, str(rule["LocationId"])) for rule in matching]
    return {**arguments, "id": f"{balancer}#{listener}", "ruleLists": [one for one in listed if one is not None]}


def _described(cloud: Cloud, balancer: str, arguments: Values, **filters: str) -> list[dict[str, Any]]:
    request: dict[str, Any] = {"LoadBalancerId": balancer}
    if arguments.get("listenerId"):
        request["ListenerIds"] = [arguments["listenerId"]]
    request |= {theirs: arguments[ours] for ours, theirs in filters.items() if arguments.get(ours)}
    return cloud.call("clb", "DescribeListeners", request)["Listeners"]


def _read(token: str, cloud: Cloud, *ids: str) -> Props | None:
    """A resource as its handler reads it: a lookup has the same names. None: it went in between."""
    resources.load()
    return HANDLERS[token].read(cloud, "#".join(ids), {})


LOOKUPS: dict[str, Lookup] = {
    "tencentcloud:Clb/getListenerRules:getListenerRules": _rules,
    "tencentcloud:Clb/getListeners:getListeners": _listeners,
    "tencentcloud:User/getInfo:getInfo": _user_info,
}
