"""Redirections between rules of a load balancer (Clb/redirection). Source: docs/fidelity/clb.md."""

from collections.abc import Iterable
from typing import Any

from sandbox.plugins.tencentcloud.cloud import READ_RETRY_S, WRITE_RETRY_S
from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    Created,
    Doc,
    Handler,
    Partial,
    Props,
    ProviderError,
    resource,
)
from sandbox.plugins.tencentcloud.resources.clb_calls import (
    find_listener,
    perform,
    plain,
    rules_of,
    unless_gone,
    writing,
)
from sandbox.plugins.tencentcloud.resources.clb_rules import TOKEN as RULE


@resource("tencentcloud:Clb/redirection:Redirection")
class Redirection(Handler):
    """A redirection: id `srcLoc#dstLoc#srcLbl#dstLbl#lb`."""

    kind = "clb.rule"
    whole = RULE

    def identify(self, doc: Doc) -> Iterable[str]:
        """A rule's own, if it redirects."""
        target = doc["RewriteTarget"]
        if not target:
            return ()
        rules, listeners = (
            (doc["LocationId"], target["TargetLocationId"]),
            (doc["ListenerId"], target["TargetListenerId"]),
        )
        return ("#".join((*rules, *listeners, doc["_lb"])),)

    def check(self, props: Props) -> dict[str, str]:
        """Preview-time validators."""
        return plain(props, "sourceListenerId", "targetListenerId", "sourceRuleId", "targetRuleId")

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """By hand between two rules, or automatic from HTTP:80 to an HTTPS:443 listener."""
        balancer, target, target_rule = props["clbId"], props["targetListenerId"], props["targetRuleId"]
        source, source_rule = props.get("sourceListenerId") or "", props.get("sourceRuleId") or ""
        with writing():
            if props.get("isAutoRewrite"):
                if source or source_rule:
                    raise ProviderError("auto rewrite cannot specify source")
                source, source_rule = _automatic(cloud, balancer, target, target_rule)
            else:
                params = _ends(balancer, source, source_rule, target, target_rule)
                perform(cloud, "ManualRewrite", params, retry_s=READ_RETRY_S)
        id = "#".join((source_rule, target_rule, source, target, balancer))
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """Gone when the source rule redirects elsewhere."""
        source_rule, target_rule, source, target, balancer = id.split("#")
        for rule in _rewrites(cloud, balancer, source, source_rule, retry_s=WRITE_RETRY_S):
            aim = rule["RewriteTarget"]
            if aim["TargetListenerId"] == target and aim["TargetLocationId"] == target_rule:
                return {
                    "clbId": balancer,
                    "sourceListenerId": source,
                    "sourceRuleId": source_rule,
                    "targetListenerId": target,
                    "targetRuleId": target_rule,
                }
        return None

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Only deleteAllAutoRewrite changes, and that is the provider's own."""

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """The rules stay. deleteAllAutoRewrite: what was redirected with it goes too."""
        source_rule, target_rule, source, target, balancer = id.split("#")
        ends = [(source, source_rule, target, target_rule)]
        with writing():
            if props.get("deleteAllAutoRewrite") and props.get("isAutoRewrite"):
                ends = _of_the_domain(cloud, balancer, source, source_rule)
            for each in ends:
                perform(cloud, "DeleteRewrite", _ends(balancer, *each), anew=True)


def _ends(balancer: str, source: str, source_rule: str, target: str, target_rule: str) -> dict[str, Any]:
    info = {"SourceLocationId": source_rule, "TargetLocationId": target_rule}
    return {
        "LoadBalancerId": balancer,
        "SourceListenerId": source,
        "TargetListenerId": target,
        "RewriteInfos": [info],
    }


def _rewrites(
    cloud: Cloud, balancer: str, source: str, source_rule: str | None = None, retry_s: float | None = None
) -> list[dict[str, Any]]:
    """The rules of a listener that redirect."""
    query: dict[str, Any] = {"LoadBalancerId": balancer, "SourceListenerIds": [source]}
    if source_rule is not None:
        query["SourceLocationIds"] = [source_rule]
    found = unless_gone(cloud, "DescribeRewrite", query, retry_s)
    listed: list[dict[str, Any]] = found["RewriteSet"] if found else []
    return [rule for rule in listed if rule.get("RewriteTarget")]


def _of_the_domain(cloud: Cloud, balancer: str, source: str, source_rule: str) -> list[tuple[str, str, str, str]]:
    rules = _rewrites(cloud, balancer, source)
    domain = next((rule["Domain"] for rule in rules if rule["LocationId"] == source_rule), "")
    return [
        (
            rule["ListenerId"],
            rule["LocationId"],
            rule["RewriteTarget"]["TargetListenerId"],
            rule["RewriteTarget"]["TargetLocationId"],
        )
        for rule in rules
        if rule["ListenerId"] == source and rule["Domain"] == domain
    ]


def _automatic(cloud: Cloud, balancer: str, target: str, target_rule: str) -> tuple[str, str]:
    """Redirect the rule's domain, and find the listener on port 80 and its rule that then exist."""
    found = find_listener(cloud, balancer, target)
    if found is None:
        raise ProviderError("the queried instance is empty [DescribeListenerById]")
    if found["Protocol"] == "HTTPS" and found["Port"] != 443:
        raise ProviderError("The target listener must be https:443 when applying auto rewrite")
    aim = next(
        (each for each in rules_of(find_listener(cloud, balancer, target)) if each["LocationId"] == target_rule), None
    )
    if aim is None:
        raise ProviderError(f"rule {target_rule} not found!")
    params = {"LoadBalancerId": balancer, "ListenerId": target, "Domains": [aim["Domain"]]}
    perform(cloud, "AutoRewrite", params, retry_s=READ_RETRY_S)
    query = {"LoadBalancerId": balancer, "Protocol": "HTTP", "Port": 80}
    listed = unless_gone(cloud, "DescribeListeners", query)
    if not listed or not listed["Listeners"]:
        raise ProviderError("listener not found!")
    source = str(listed["Listeners"][0]["ListenerId"])
    for rule in rules_of(find_listener(cloud, balancer, source)):
        if (rule["Domain"], rule["Url"]) == (aim["Domain"], aim["Url"]):
            return source, str(rule["LocationId"])
    raise ProviderError("rule not found!")
