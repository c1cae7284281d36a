"""Rules of load balancers and redirections between them (Clb/listenerRule, Clb/redirection)."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    resource,
)
from sandbox.plugins.tencentcloud.resources.clb import (
    find_balancer,
    find_listener,
    one_of,
    perform,
    plain,
    rules_of,
    writing,
)
from sandbox.plugins.tencentcloud.resources.clb_parts import (
    LAYER_7,
    certificate,
    check_health,
    health,
    read_certificate,
    read_health,
)


@resource("tencentcloud:Clb/listenerRule:ListenerRule")
class ListenerRule(Handler):
    """A rule: id `<lb>#<lbl>#<loc>`, output ruleId `loc-…`."""

    def check(self, props: Props) -> dict[str, str]:
        """Preview-time validators."""
        reasons = plain(props, "listenerId") | one_of(props, "scheduler", "WRR", "IP_HASH", "LEAST_CONN")
        reasons |= one_of(props, "forwardType", "HTTP", "HTTPS", "GRPC", "GRPCS", "TRPC")
        return reasons | one_of(props, "targetType", "NODE", "TARGETGROUP") | check_health(props)

    def _protocol(self, cloud: Cloud, props: Props) -> str:
        found = find_listener(cloud, props["clbId"], props["listenerId"])
        if found is None:
            raise ProviderError(f"listener {props['listenerId']} of {props['clbId']} does not exist")
        if found["Protocol"] not in LAYER_7:
            raise ProviderError("The rule can only be created/modified with listeners of protocol HTTP/HTTPS")
        return str(found["Protocol"])

    def _rule(self, cloud: Cloud, props: Props) -> dict[str, Any]:
        return {
            "Url": props["url"],
            "Domain": props.get("domain"),
            "Domains": sorted(props["domains"]) if props.get("domains") else None,
            "Scheduler": props.get("scheduler"),
            "SessionExpireTime": props.get("sessionExpireTime"),
            "ForwardType": props.get("forwardType"),
            "TargetType": props.get("targetType"),
            "HealthCheck": health(props) or {"HealthSwitch": 0},
            **certificate(cloud, props),
        }

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The rule is found again by domain and URL; HTTP/2 is a step of its own, after the id is known."""
        balancer, listener = props["clbId"], props["listenerId"]
        with writing():
            self._protocol(cloud, props)
            rule = self._rule(cloud, props)
            perform(cloud, "CreateRule", {"LoadBalancerId": balancer, "ListenerId": listener, "Rules": [rule]})
            found = self._search(cloud, props)
            partial.id(f"{balancer}#{listener}#{found['LocationId']}")
            if props.get("http2Switch") is not None:
                self._switch_http2(cloud, props)
            if props.get("oauth"):
                self._set_oauth(cloud, props, found["LocationId"])
        return Created(f"{balancer}#{listener}#{found['LocationId']}")

    def _search(self, cloud: Cloud, props: Props) -> dict[str, Any]:
        found = find_listener(cloud, props["clbId"], props["listenerId"])
        wanted = {props["domain"]} if props.get("domain") else {str(domain) for domain in props.get("domains") or ()}
        for rule in rules_of(found):
            if rule["Url"] == props["url"] and wanted <= set(rule["Domains"]):
                return rule
        raise ProviderError(f"rule not found: domain {sorted(wanted)}, url {props['url']}")

    def _first(self, props: Props) -> str:
        return str(props.get("domain") or sorted(props["domains"])[0])

    def _switch_http2(self, cloud: Cloud, props: Props) -> None:
        place = {"LoadBalancerId": props["clbId"], "ListenerId": props["listenerId"], "Domain": self._first(props)}
        perform(cloud, "ModifyDomainAttributes", {**place, "Http2": props["http2Switch"], "Quic": props.get("quic")})

    def _set_oauth(self, cloud: Cloud, props: Props, location: str) -> None:
        place = {"LoadBalancerId": props["clbId"], "ListenerId": props["listenerId"], "LocationId": location}
        oauth = {
            "OAuthEnable": props["oauth"].get("oauthEnable"),
            "OAuthFailureStatus": props["oauth"].get("oauthFailureStatus"),
        }
        perform(cloud, "ModifyRule", {**place, "OAuth": oauth})

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """The rule's own, and what its domain has."""
        balancer, listener, own = id.split("#")
        found = find_listener(cloud, balancer, listener)
        rule = next((rule for rule in rules_of(found) if rule["LocationId"] == own), None)
        if rule is None:
            return None
        oauth: dict[str, Any] = rule.get("OAuth") or {}
        answer: Props = {
            "clbId": balancer,
            "listenerId": listener,
            "ruleId": own,
            "domain": rule["Domain"],
            "domains": rule["Domains"],
            "url": rule["Url"],
            "scheduler": rule["Scheduler"],
            "forwardType": rule.get("ForwardType") or "",
            "targetType": rule.get("TargetType") or "NODE",
            "http2Switch": bool(rule.get("Http2")),
            "quic": rule.get("QuicStatus") == "QUIC_ACTIVE",
            "oauth": {
                "oauthEnable": bool(oauth.get("OAuthEnable")),
                "oauthFailureStatus": oauth.get("OAuthFailureStatus") or "",
            },
            **read_health(rule.get("HealthCheck")),
        }
        if rule.get("SessionExpireTime"):
            answer["sessionExpireTime"] = rule["SessionExpireTime"]
        sni = bool(found and found.get("SniSwitch"))
        return answer | (read_certificate(rule.get("Certificate"), props) if sni else {})

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Rule, then domain. A changed certificateCaId alone goes unnoticed, as in the provider."""
        balancer, listener, own = id.split("#")
        place = {"LoadBalancerId": balancer, "ListenerId": listener}
        with writing():
            self._protocol(cloud, new)
            request = {
                "Url": new["url"],
                "Scheduler": new.get("scheduler"),
                "SessionExpireTime": new.get("sessionExpireTime"),
                "ForwardType": new.get("forwardType"),
                "HealthCheck": health(new) or {"HealthSwitch": 0},
            }
            perform(cloud, "ModifyRule", {**place, "LocationId": own, **request})
            if {"domain", "domains"} & changed:
                names = [new["domain"]] if new.get("domain") else sorted(new["domains"])
                before = old.get("domain") or sorted(old["domains"])[0]
                perform(cloud, "ModifyDomainAttributes", {**place, "Domain": before, "NewDomains": names})
            if {"certificateId", "certificateSslMode", "multiCertInfo"} & changed:
                params = {**place, "Domain": self._first(new), **certificate(cloud, new)}
                perform(cloud, "ModifyDomainAttributes", params)
            if "http2Switch" in changed or (not changed and new.get("http2Switch") is not None):
                self._switch_http2(cloud, new)
            if "oauth" in changed:
                self._set_oauth(cloud, new, own)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """A listener that is gone took its rules along."""
        balancer, listener, own = id.split("#")
        with writing():
            found = find_listener(cloud, balancer, listener)
            if any(rule["LocationId"] == own for rule in rules_of(found)):
                params = {"LoadBalancerId": balancer, "ListenerId": listener, "LocationIds": [own]}
                perform(cloud, "DeleteRule", params)


@resource("tencentcloud:Clb/redirection:Redirection")
class Redirection(Handler):
    """A redirection: id `srcLoc#dstLoc#srcLbl#dstLbl#lb`."""

    def check(self, props: Props) -> dict[str, str]:
        """Preview-time validators."""
        return plain(props, "sourceListenerId", "targetListenerId", "sourceRuleId", "targetRuleId")

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """By hand between two rules, or automatic from HTTP:80 to an HTTPS:443 listener."""
        balancer, target, target_rule = props["clbId"], props["targetListenerId"], props["targetRuleId"]
        with writing():
            if props.get("isAutoRewrite"):
                source, source_rule = self._automatic(cloud, props)
            else:
                source, source_rule = props.get("sourceListenerId"), props.get("sourceRuleId")
                if not source or not source_rule:
                    raise ProviderError("source_listener_id and source_rule_id are needed for a manual rewrite")
                info = {"SourceLocationId": source_rule, "TargetLocationId": target_rule}
                params = {"SourceListenerId": source, "TargetListenerId": target, "RewriteInfos": [info]}
                perform(cloud, "ManualRewrite", {"LoadBalancerId": balancer, **params})
        id = "#".join((source_rule, target_rule, source, target, balancer))
        partial.id(id)
        return Created(id)

    def _automatic(self, cloud: Cloud, props: Props) -> tuple[str, str]:
        if props.get("sourceListenerId") or props.get("sourceRuleId"):
            raise ProviderError("source_listener_id and source_rule_id must not be given with is_auto_rewrite true")
        found = find_listener(cloud, props["clbId"], props["targetListenerId"])
        if found is None or found["Protocol"] != "HTTPS" or found["Port"] != 443:
            raise ProviderError("The target listener must be port 443 of protocol HTTPS with is_auto_rewrite true")
        domains = [
            domain
            for rule in found["Rules"]
            if rule["LocationId"] == props["targetRuleId"]
            for domain in rule["Domains"]
        ]
        params = {"LoadBalancerId": props["clbId"], "ListenerId": props["targetListenerId"], "Domains": domains}
        perform(cloud, "AutoRewrite", params)
        for rule in self._rewrites(cloud, props["clbId"]):
            if rule["RewriteTarget"]["TargetLocationId"] == props["targetRuleId"]:
                return str(rule["ListenerId"]), str(rule["LocationId"])
        raise ProviderError(f"no rule redirects to {props['targetRuleId']}")

    def _rewrites(self, cloud: Cloud, balancer: str) -> list[dict[str, Any]]:
        return cloud.call("clb", "DescribeRewrite", {"LoadBalancerId": balancer})["RewriteSet"]

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """Gone when the source rule redirects elsewhere."""
        source_rule, target_rule, source, target, balancer = id.split("#")
        if find_balancer(cloud, balancer) is None:
            return None
        for rule in self._rewrites(cloud, balancer):
            if rule["LocationId"] == source_rule and rule["RewriteTarget"]["TargetLocationId"] == target_rule:
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
        """The rules stay."""
        source_rule, target_rule, source, target, balancer = id.split("#")
        info = {"SourceLocationId": source_rule, "TargetLocationId": target_rule}
        params = {"SourceListenerId": source, "TargetListenerId": target, "RewriteInfos": [info]}
        with writing():
            if self.read(cloud, id, props) is not None:
                perform(cloud, "DeleteRewrite", {"LoadBalancerId": balancer, **params})
