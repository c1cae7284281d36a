"""What a Service wants of its load balancer. Nothing here calls anything.

A field that is None, and a key that is missing in `health`, is left as the load balancer has it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from lightkube.models.core_v1 import ServicePort
from lightkube.resources.core_v1 import Service

from sandbox.in_cluster import objects
from sandbox.in_cluster.service_controller.service_config import (
    Domain,
    HealthCheck,
    Layer7,
    Rule,
    ServiceConfig,
    Session,
)

BALANCER = "service.kubernetes.io/tke-existed-lbid"
DIRECT = "service.cloud.tencent.com/direct-access"
GRACEFUL = "service.cloud.tencent.com/enable-grace-shutdown"
GRACEFUL_UNREADY = "service.cloud.tencent.com/enable-grace-shutdown-tkex"
PASS_TO_TARGET = "service.cloud.tencent.com/pass-to-target"
CONFIG = "service.cloud.tencent.com/tke-service-config"
PROTOCOLS = "service.cloud.tencent.com/specify-protocol"
CERTIFICATE_KEY = "qcloud_cert_id"
"""The key of a Secret that holds a certificate's id."""

LAYER_4, LAYER_7 = ("TCP", "UDP", "TCP_SSL"), ("HTTP", "HTTPS")
ENCRYPTED = ("HTTPS", "TCP_SSL")


class Refused(Exception):
    """A Service cannot have what it wants. `reason`: one word, as events have it."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class RuleWish:
    """A forwarding rule. `health`: keys of models.HealthCheck. `certificate`: of its domain."""

    domain: str
    url: str
    certificate: str | None = None
    http2: bool | None = None
    scheduler: str | None = None
    session_s: int | None = None
    forward_type: str | None = None
    health: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def place(self) -> tuple[str, str]:
        """What tells it from the listener's others."""
        return self.domain, self.url


@dataclass(frozen=True, kw_only=True)
class ListenerWish:
    """A listener. `target_port`: a number, or the name of a port of the pods. `certificate`: TCP_SSL's alone.

    An HTTPS listener has its certificates by domain (SNI), so `certificate` is None there.
    """

    port: int
    protocol: str
    target_port: int | str
    certificate: str | None = None
    keepalive: int | None = None
    default_server: str | None = None
    scheduler: str | None = None
    session_s: int | None = None
    reset_on_deregister: bool | None = None
    health: Mapping[str, Any] = field(default_factory=dict[str, Any])
    rules: tuple[RuleWish, ...] = ()

    @property
    def certificates(self) -> frozenset[str]:
        """The ids of all that it needs."""
        found = (self.certificate, *(rule.certificate for rule in self.rules))
        return frozenset(id for id in found if id)


@dataclass(frozen=True)
class References:
    """How the objects that a Service names are looked up, in its namespace; None: there is none of that name."""

    secret: Callable[[str], Mapping[str, bytes] | None]
    config: Callable[[str], ServiceConfig | None]
    """Raises ValueError for one that cannot be read."""


def balancer_of(service: Service) -> str | None:
    """The load balancer that a Service is bound to; None: it wants none, is being deleted, or is of another kind."""
    if service.spec is None or service.spec.type != "LoadBalancer" or objects.leaving(service):
        return None
    return objects.annotations(service).get(BALANCER)


def is_on(service: Service, annotation: str) -> bool:
    """Whether a switch among the annotations is on."""
    return objects.annotations(service).get(annotation) == "true"


def listeners(service: Service, references: References) -> tuple[ListenerWish, ...]:
    """What a Service wants, a listener per port and protocol. Raises Refused."""
    if not is_on(service, DIRECT):
        raise Refused("DirectAccessNeeded", f"the sandbox binds pods alone: set {DIRECT} to true")
    if service.spec is None or not objects.selector(service):
        raise Refused("NoSelector", "a Service without a selector has no pods to bind")
    config = _config(service, references)
    said = _protocols(service)
    found: list[ListenerWish] = []
    for port in service.spec.ports or ():
        own = said.get(str(port.port), {})
        for protocol in own.get("protocol") or [port.protocol or "TCP"]:
            found.append(_listener(port, protocol, own, config, references))
    if not found:
        raise Refused("NoPorts", "the Service has no ports")
    return tuple(found)


def _config(service: Service, references: References) -> ServiceConfig:
    name = objects.annotations(service).get(CONFIG)
    if name is None:
        return ServiceConfig()
    try:
        config = references.config(name)
    except ValueError as error:
        raise Refused("ServiceConfigInvalid", f"TkeServiceConfig {name}: {error}") from None
    if config is None:
        raise Refused("ServiceConfigNotFound", f"there is no TkeServiceConfig {name} in the Service's namespace")
    return config


def _protocols(service: Service) -> Mapping[str, Mapping[str, Any]]:
    """Port -> {"protocol": [...], "tls": secret, "hosts": {host: {"tls": secret}}}."""
    text = objects.annotations(service).get(PROTOCOLS, "{}")
    try:
        said = json.loads(text)
    except json.JSONDecodeError as error:
        raise Refused("ProtocolInvalid", f"{PROTOCOLS}: not JSON: {error}") from None
    if not isinstance(said, dict):
        raise Refused("ProtocolInvalid", f"{PROTOCOLS}: an object by port is wanted")
    for port, own in cast(dict[str, Any], said).items():
        if not isinstance(own, dict) or set(cast(dict[str, Any], own)) - {"protocol", "tls", "hosts"}:
            raise Refused("ProtocolInvalid", f"{PROTOCOLS}: {port}: protocol, tls and hosts are allowed")
    return cast(dict[str, dict[str, Any]], said)


def _listener(
    port: ServicePort, protocol: str, own: Mapping[str, Any], config: ServiceConfig, references: References
) -> ListenerWish:
    target = port.targetPort or port.port
    if protocol in LAYER_4:
        said = config.listener4(protocol, port.port)
        return ListenerWish(
            port=port.port,
            protocol=protocol,
            target_port=target,
            certificate=_certificate(own.get("tls"), port.port, references) if protocol in ENCRYPTED else None,
            scheduler=said.scheduler if said else None,
            session_s=_session(said.session if said else None),
            reset_on_deregister=said.deregister_target_rst if said else None,
            health=_health(said.health_check if said else None),
        )
    if protocol not in LAYER_7:
        allowed = ", ".join((*LAYER_4, *LAYER_7))
        raise Refused("ProtocolInvalid", f"{PROTOCOLS}: {port.port}: protocol {protocol!r}; allowed: {allowed}")
    hosts: Mapping[str, Any] = own.get("hosts") or {}
    if not hosts:
        raise Refused("ProtocolInvalid", f"{PROTOCOLS}: {port.port}: {protocol} needs at least one of hosts")
    said7 = config.listener7(protocol, port.port) or Layer7(protocol="HTTPS", port=port.port)
    rules = [
        rule
        for host, settings in hosts.items()
        for rule in _rules(host, said7, _host_certificate(settings, protocol, own, port.port, references))
    ]
    return ListenerWish(
        port=port.port,
        protocol=protocol,
        target_port=target,
        keepalive=said7.keepalive_enable,
        default_server=said7.default_server,
        rules=tuple(rules),
    )


def _host_certificate(
    settings: Any, protocol: str, own: Mapping[str, Any], port: int, references: References
) -> str | None:
    if protocol not in ENCRYPTED:
        return None
    named: Mapping[str, Any] = settings or {}
    return _certificate(named.get("tls") or own.get("tls"), port, references)


def _certificate(secret: str | None, port: int, references: References) -> str:
    if not secret:
        raise Refused("CertificateMissing", f"{PROTOCOLS}: {port}: tls must name a Secret with the certificate's id")
    data = references.secret(secret)
    if data is None:
        raise Refused("CertificateMissing", f"there is no Secret {secret} in the Service's namespace")
    id = data.get(CERTIFICATE_KEY, b"").decode().strip()
    if not id:
        raise Refused("CertificateMissing", f"Secret {secret} has no {CERTIFICATE_KEY}")
    return id


def _rules(host: str, listener: Layer7, certificate: str | None) -> list[RuleWish]:
    """The rules of a host: the paths that its configuration names, or one for all paths."""
    domain = next((each for each in listener.domains if each.domain == host), Domain())
    return [
        RuleWish(
            domain=host,
            url=rule.url,
            certificate=certificate,
            http2=domain.http2,
            scheduler=rule.scheduler,
            session_s=_session(rule.session),
            forward_type=rule.forward_type,
            health=_health(rule.health_check),
        )
        for rule in domain.rules or (Rule(url="/"),)
    ]


def _session(session: Session | None) -> int | None:
    if session is None:
        return None
    return session.session_expire_time if session.enable else 0


def _health(check: HealthCheck | None) -> dict[str, Any]:
    """models.HealthCheck of what is stated."""
    if check is None:
        return {}
    stated = {
        "HealthSwitch": int(check.enable),
        "IntervalTime": check.interval_time,
        "TimeOut": check.timeout,
        "HealthNum": check.health_num,
        "UnHealthNum": check.un_health_num,
        "CheckType": check.check_type,
        "CheckPort": check.check_port,
        "HttpCode": check.http_code,
        "HttpCheckPath": check.http_check_path,
        "HttpCheckDomain": check.http_check_domain,
        "HttpCheckMethod": check.http_check_method,
        "SourceIpType": check.source_ip_type,
    }
    return {name: value for name, value in stated.items() if value is not None}
