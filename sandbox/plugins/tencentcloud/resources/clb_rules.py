"""Rules of load balancers (Clb/listenerRule). Source: docs/fidelity/clb.md."""

from typing import Any

from sandbox.plugins.tencentcloud.cloud import WRITE_RETRY_S
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
)
from sandbox.plugins.tencentcloud.resources.clb_calls import (
    OPERATING,
    find_listener,
    one_of,
    perform,
    plain,
    rules_of,
    still_working,
    unless_gone,
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
from sandbox.plugins.tencentcloud.schema import planned, schema

TOKEN = "tencentcloud:Clb/listenerRule:ListenerRule"
_READ = {
    "ruleId": "LocationId",
    "domain": "Domain",
    "domains": "Domains",
    "url": "Url",
    "scheduler": "Scheduler",
    "sessionExpireTime": "SessionExpireTime",
    "targetType": "TargetType",
    "forwardType": "ForwardType",
    "http2Switch": "Http2",
}


@resource(TOKEN)
class ListenerRule(Handler):
    """A rule: id `<lb>#<lbl>#<loc>`, output ruleId `loc-…`."""

    kind = "clb.rule"
    key = ("_lb", "ListenerId", "LocationId")

    def check(self, props: Props) -> dict[str, str]:
        """Preview-time validators."""
        reasons = plain(props, "listenerId") | one_of(props, "scheduler", "WRR", "IP_HASH", "LEAST_CONN")
        reasons |= one_of(props, "forwardType", "HTTP", "HTTPS", "GRPC", "GRPCS", "TRPC")
        return reasons | one_of(props, "targetType", "NODE", "TARGETGROUP") | check_health(props)

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The rule is found again by domain and URL; HTTP/2 is a step of its own, after the id is known."""
        place = {"LoadBalancerId": props["clbId"], "ListenerId": props["listenerId"]}
        with writing():
            listener = find_listener(cloud, props["clbId"], props["listenerId"])
            rule = _rule(cloud, props, str(listener["Protocol"]) if listener else "")
            perform(cloud, "CreateRule", {**place, "Rules": [rule]}, retry=still_working)
            own = _search(cloud, props)
            id = "#".join((props["clbId"], props["listenerId"], own))
            partial.id(id)
            if props.get("http2Switch") is not None:
                domain = {"Domain": props["domain"]} if props.get("domain") else {"NewDomains": props["domains"]}
                params = {**place, **domain, "Http2": props["http2Switch"]}
                perform(cloud, "ModifyDomainAttributes", params, retry=_operating)
            if props.get("oauth"):
                perform(cloud, "ModifyRule", {**place, "LocationId": own, "OAuth": _oauth(props)})
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """The rule's own, and what its domain has."""
        balancer, listener, own = id.split("#")
        found = find_listener(cloud, balancer, listener)
        rule = next((rule for rule in rules_of(found) if rule["LocationId"] == own), None)
        if rule is None:
            return None
        answer: Props = {
            "clbId": balancer,
            "listenerId": listener,
            **given(rule, {key: name for name, key in _READ.items()}),
            **read_health(rule.get("HealthCheck")),
            **read_certificate(rule.get("Certificate")),
        }
        if rule.get("HealthCheck"):
            answer["healthCheckHttpMethod"] = rule["HealthCheck"]["HttpCheckMethod"].upper()
        if rule.get("QuicStatus") is not None:
            answer["quic"] = rule["QuicStatus"] == "QUIC_ACTIVE"
        if rule.get("OAuth") is not None:
            names = {"OAuthEnable": "oauthEnable", "OAuthFailureStatus": "oauthFailureStatus"}
            answer["oauth"] = given(rule["OAuth"], names)
        return answer

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Rule, then domain. A changed certificateCaId alone goes unnoticed, as in the provider."""
        balancer, listener, own = id.split("#")
        place = {"LoadBalancerId": balancer, "ListenerId": listener}
        wanted = planned(schema()[TOKEN], old, new)
        with writing():
            query = {"LoadBalancerId": balancer, "ListenerIds": [listener]}
            found = unless_gone(cloud, "DescribeListeners", query, WRITE_RETRY_S)
            protocol = str(found["Listeners"][0]["Protocol"])
            request = _changes(wanted, changed, protocol)
            if request:
                perform(cloud, "ModifyRule", {**place, "LocationId": own, **request})
            request = _domain_changes(cloud, old, wanted, changed, protocol)
            if request:
                domain = old.get("domain") if "domain" in changed else wanted.get("domain")
                params = {**place, "Domain": domain, **request}
                perform(cloud, "ModifyDomainAttributes", params, retry=still_working)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """One that is gone is an error, as with the provider."""
        balancer, listener, own = id.split("#")
        params = {"LoadBalancerId": balancer, "ListenerId": listener, "LocationIds": [own]}
        with writing():
            perform(cloud, "DeleteRule", params, anew=True, retry=still_working)


def _operating(error: CloudError) -> bool:
    return error.code == OPERATING


def _rule(cloud: Cloud, props: Props, protocol: str) -> dict[str, Any]:
    if protocol not in LAYER_7:
        raise ProviderError("The rule can only be created/modified with listeners of protocol HTTP/HTTPS")
    _check_session(props)
    certificates = certificate(cloud, props)
    if "Certificate" in certificates and protocol != "HTTPS":
        raise ProviderError("certificate para can only be set with rule of linstener with protocol 'HTTPS'")
    return {
        "Domain": props.get("domain"),
        "Domains": props.get("domains") or None,
        "Url": props["url"],
        "TargetType": props.get("targetType"),
        "ForwardType": props.get("forwardType"),
        "Scheduler": props.get("scheduler"),
        "SessionExpireTime": props.get("sessionExpireTime"),
        "HealthCheck": health(props, protocol, of_rule=True),
        "Quic": props.get("quic"),
        **certificates,
    }


def _check_session(props: Props) -> None:
    if props.get("sessionExpireTime") is not None and props.get("scheduler") not in (None, "", "WRR"):
        raise ProviderError("session_expire_time can only be set when scheduler is WRR")


def _search(cloud: Cloud, props: Props) -> str:
    """The id of the rule with this URL, and this domain or exactly these domains."""
    for rule in rules_of(find_listener(cloud, props["clbId"], props["listenerId"])):
        domain, domains = props.get("domain"), props.get("domains")
        same = rule["Domain"] == domain if domain else sorted(rule["Domains"]) == sorted(domains or ())
        if rule["Url"] == props["url"] and same:
            return str(rule["LocationId"])
    raise ProviderError("check: rule not found!")


def _oauth(props: Props) -> dict[str, Any]:
    block: Props = props["oauth"]
    return {
        "OAuthEnable": bool(block.get("oauthEnable")),
        "OAuthFailureStatus": block.get("oauthFailureStatus") or "",
    }


def _changes(wanted: Props, changed: frozenset[str], protocol: str) -> dict[str, Any]:
    """What ModifyRule is to change: the health check always, while its switch is known."""
    names = {
        "url": "Url",
        "forwardType": "ForwardType",
        "scheduler": "Scheduler",
        "sessionExpireTime": "SessionExpireTime",
    }
    if "sessionExpireTime" in changed:
        _check_session(wanted)
    request = {parameter: wanted.get(name) for name, parameter in names.items() if name in changed}
    if "oauth" in changed and wanted.get("oauth"):
        request["OAuth"] = _oauth(wanted)
    check = health(wanted, protocol, of_rule=True)
    return request | ({"HealthCheck": check} if check else {})


def _domain_changes(cloud: Cloud, old: Props, wanted: Props, changed: frozenset[str], protocol: str) -> dict[str, Any]:
    """What ModifyDomainAttributes is to change, without the domain it is about."""
    request: dict[str, Any] = {}
    if "domain" in changed:
        request["NewDomain"] = wanted.get("domain")
    elif "domains" in changed:
        request |= {"Domain": old["domains"][0], "NewDomains": wanted["domains"]}
    certificates = certificate(cloud, wanted) if _CERTIFICATES & changed else {}
    if "Certificate" in certificates and protocol != "HTTPS":
        raise ProviderError("certificate para can only be set with rule of linstener with protocol 'HTTPS'")
    request |= certificates
    if "http2Switch" in changed:
        if protocol != "HTTPS":
            raise ProviderError("http2_switch can only be set with rule of listener with protocol 'HTTPS'")
        request["Http2"] = bool(wanted.get("http2Switch"))
    if "quic" in changed:
        request["Quic"] = bool(wanted.get("quic"))
    return request


_CERTIFICATES = frozenset({"certificateId", "certificateSslMode", "multiCertInfo"})
