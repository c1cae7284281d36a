"""Rules for the public entry: load balancer, listeners, custom configuration. Numbers: docs/policies.md, "Edge"."""

import re
from collections.abc import Iterator, Sequence

from policies.rules import Resource, ResourceRule, Rule, StackRule, by_type, given, items, made_of

BALANCER = "tencentcloud:Clb/instance:Instance"
LISTENER = "tencentcloud:Clb/listener:Listener"
LISTENER_RULE = "tencentcloud:Clb/listenerRule:ListenerRule"
REDIRECTION = "tencentcloud:Clb/redirection:Redirection"
CUSTOM = "tencentcloud:Clb/customizedConfigV2:CustomizedConfigV2"
CUSTOM_ATTACHMENT = "tencentcloud:Clb/customizedConfigAttachment:CustomizedConfigAttachment"
GROUP_RULES = "tencentcloud:Security/groupRuleSet:GroupRuleSet"

SAFE_TLS = {"TLSv1.2", "TLSv1.3"}
READ_TIMEOUT_S = range(30, 3601)
"""What the load balancer takes. Source: docs/sources.md, CLB."""
MAX_CHECK_INTERVAL_S = 15
READINESS_PATH = "/readyz"


def listener_is_https(resource: Resource) -> Iterator[str]:
    """Rule 1, first half. Checkov CKV_TC_13 asks for the same protocol."""
    protocol, port = resource.props["protocol"], resource.props.get("port")
    if protocol == "HTTPS" or (protocol == "HTTP" and port == 80):
        return
    yield (
        f"protocol is {protocol} on port {port}: a public listener is HTTPS, or HTTP on port 80 that redirects, "
        "because keys and prompts travel through it. Change the listener in infra/region/ingress.py"
    )


def plain_http_only_redirects(resources: Sequence[Resource]) -> Iterator[tuple[str, str]]:
    """Rule 1, second half: a listener on port 80 is the source of a redirection."""
    redirected = {urn for each in by_type(resources, REDIRECTION) for urn in made_of(each, "sourceListenerId")}
    for listener in by_type(resources, LISTENER):
        if listener.props["protocol"] == "HTTP" and listener.urn not in redirected:
            yield (
                listener.urn,
                "port 80 has no redirection to HTTPS: it would serve in the clear. Add a Clb/redirection",
            )


def tls_is_modern(resource: Resource) -> Iterator[str]:
    """Rule 2: the load balancer's own default admits TLS 1.0."""
    versions = _directive(resource, "ssl_protocols")
    if versions is None:
        yield "configContent sets no ssl_protocols: the default admits TLS 1.0. Set sanmen:balancer.tls_versions"
        return
    old = sorted(set(versions.split()) - SAFE_TLS)
    if old:
        yield (
            f"configContent admits {', '.join(old)}: wanted TLSv1.2 and TLSv1.3 only, older ones are broken. "
            "Change sanmen:balancer.tls_versions"
        )


def https_listener_is_tuned(resources: Sequence[Resource]) -> Iterator[tuple[str, str]]:
    """Rules 2 and 3 reach a listener only through an attachment of the custom configuration."""
    tuned = {urn for each in by_type(resources, CUSTOM_ATTACHMENT) for urn in made_of(each, "bindLists")}
    for listener in by_type(resources, LISTENER):
        if listener.props["protocol"] == "HTTPS" and listener.urn not in tuned:
            yield (
                listener.urn,
                "no custom configuration is attached: TLS 1.0 and a read time-out of 60 s apply. "
                "Add a Clb/customizedConfigAttachment",
            )


def streams_are_not_cut(longest_stream_s: int | None) -> ResourceRule:
    """Rule 3. longest_stream_s: the stack's sanmen:load.longest_stream_s, None where it says nothing."""

    def check(resource: Resource) -> Iterator[str]:
        text = _directive(resource, "proxy_read_timeout")
        match = re.fullmatch(r"(\d+)s?", text or "")
        if not match or int(match[1]) not in READ_TIMEOUT_S:
            yield (
                f"configContent has proxy_read_timeout {text}: 30 to 3600 s is possible, and the default of 60 s cuts "
                "models that think. Change sanmen:load.longest_stream_s"
            )
        elif longest_stream_s is not None and int(match[1]) < longest_stream_s:
            yield (
                f"configContent has proxy_read_timeout {match[1]} s: it cuts streams, "
                f"which may last {longest_stream_s} s. Change sanmen:load.longest_stream_s"
            )

    return ResourceRule(
        name="streams-are-not-cut",
        description="The load balancer waits at least as long as the longest stream.",
        types=(CUSTOM,),
        check=check,
    )


def connections_are_kept(resource: Resource) -> Iterator[str]:
    """Rule 3, second half."""
    if resource.props["protocol"] == "HTTPS" and resource.props.get("keepaliveEnable") != 1:
        yield (
            "keepaliveEnable is off: every request would open a connection to a gateway. "
            "Set keepalive_enable=1 in infra/region/ingress.py"
        )


def targets_are_checked(resources: Sequence[Resource]) -> Iterator[tuple[str, str]]:
    """Rule 4. A rule that only redirects has no targets to check."""
    redirects = {urn for each in by_type(resources, REDIRECTION) for urn in made_of(each, "sourceRuleId")}
    for rule in by_type(resources, LISTENER_RULE):
        if rule.urn in redirects:
            continue
        props = rule.props
        if props.get("healthCheckSwitch") is not True:
            yield rule.urn, "healthCheckSwitch is off, also when unset: a dead gateway would go on being asked. Set it"
            continue
        if props.get("healthCheckType") not in ("HTTP", "HTTPS"):
            yield rule.urn, f"healthCheckType is {props.get('healthCheckType')}: HTTP(S) is needed to ask for readiness"
        if props.get("healthCheckHttpPath") != READINESS_PATH:
            yield (
                rule.urn,
                f"healthCheckHttpPath is {props.get('healthCheckHttpPath')}: {READINESS_PATH} is what fails first "
                "when a gateway drains",
            )
        interval = props.get("healthCheckIntervalTime")
        if interval is None or interval > MAX_CHECK_INTERVAL_S:
            yield (
                rule.urn,
                f"healthCheckIntervalTime is {interval}: at most {MAX_CHECK_INTERVAL_S} s, or failures last. "
                "Change sanmen:balancer.check_interval_s",
            )


def zones_differ(resource: Resource) -> Iterator[str]:
    """Rule 6, first half."""
    if not given(resource.props, "masterZoneId") or not given(resource.props, "slaveZoneId"):
        yield "masterZoneId and slaveZoneId are not both set: one zone's outage ends the region. Give two zones"
        return
    master, slave = resource.props["masterZoneId"], resource.props["slaveZoneId"]
    if master == slave:
        yield (
            f"masterZoneId and slaveZoneId are both {master}: one zone's outage ends the region. "
            "Change sanmen:regions.<region>.zones"
        )


def balancer_admits_web_only(resources: Sequence[Resource]) -> Iterator[tuple[str, str]]:
    """Rule 6, second half."""
    groups = {urn for each in by_type(resources, BALANCER) for urn in made_of(each, "securityGroups")}
    for rules in by_type(resources, GROUP_RULES):
        if not made_of(rules, "securityGroupId") & groups:
            continue
        for index, rule in enumerate(items(rules.props, "ingresses")):
            if str(rule["action"]).upper() == "ACCEPT" and rule.get("port") not in ("443", "80", "80,443", "443,80"):
                yield (
                    rules.urn,
                    f"ingresses[{index}].port is {rule.get('port')}: the load balancer's group admits 443, and 80 to "
                    "redirect, only. Change infra/region/firewall.py",
                )


def _directive(resource: Resource, name: str) -> str | None:
    """A directive's value in a custom configuration."""
    match = re.search(rf"^\s*{name}\s+([^;]+);", resource.props["configContent"], re.MULTILINE)
    return match[1].strip() if match else None


def rules(longest_stream_s: int | None) -> list[Rule]:
    """This file's rules."""
    return [
        ResourceRule(
            name="listener-is-https",
            description="A public listener is HTTPS, or HTTP on port 80.",
            types=(LISTENER,),
            check=listener_is_https,
        ),
        StackRule(
            name="plain-http-only-redirects",
            description="Port 80 only redirects to HTTPS.",
            check=plain_http_only_redirects,
        ),
        ResourceRule(name="tls-is-modern", description="TLS 1.2 and 1.3 only.", types=(CUSTOM,), check=tls_is_modern),
        StackRule(
            name="https-listener-is-tuned",
            description="Every HTTPS listener has a custom configuration.",
            check=https_listener_is_tuned,
        ),
        streams_are_not_cut(longest_stream_s),
        ResourceRule(
            name="connections-are-kept",
            description="Connections to gateways are kept alive.",
            types=(LISTENER,),
            check=connections_are_kept,
        ),
        StackRule(
            name="targets-are-checked",
            description="Targets are health-checked on the readiness path, at least every 15 s.",
            check=targets_are_checked,
        ),
        ResourceRule(
            name="balancer-zones-differ",
            description="A load balancer stands in two zones.",
            types=(BALANCER,),
            check=zones_differ,
        ),
        StackRule(
            name="balancer-admits-web-only",
            description="The load balancer's security group admits 443 and 80 only.",
            check=balancer_admits_web_only,
        ),
    ]
