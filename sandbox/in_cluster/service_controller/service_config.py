"""TkeServiceConfig: what of a listener a Service cannot say. Ranges: docs/sources.md, TKE Services.

What a configuration does not state stays as it is on the load balancer.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

GROUP, VERSION, KIND, PLURAL = "cloud.tencent.com", "v1alpha1", "TkeServiceConfig", "tkeserviceconfigs"

Port = Annotated[int, Meta(ge=1, le=65535)]
Count = Annotated[int, Meta(ge=2, le=10)]


class _Part(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """An unknown key is a mistake, not a wish."""


class HealthCheck(_Part, frozen=True):
    """How targets are watched. Times in seconds; `http_code`: a mask, 1 is 1xx, 2 is 2xx, 4 is 3xx and so on."""

    enable: bool
    interval_time: Annotated[int, Meta(ge=2, le=300)] | None = None
    timeout: Annotated[int, Meta(ge=2, le=60)] | None = None
    health_num: Count | None = None
    un_health_num: Count | None = None
    check_type: Literal["HTTP", "HTTPS", "TCP", "GRPC", "CUSTOM", "PING"] | None = None
    check_port: Port | None = None
    http_code: Annotated[int, Meta(ge=1, le=31)] | None = None
    http_check_path: Annotated[str, Meta(pattern="^/")] | None = None
    http_check_domain: str | None = None
    http_check_method: Literal["HEAD", "GET"] | None = None
    source_ip_type: Literal[0, 1] | None = None


class Session(_Part, frozen=True):
    """Whether a client stays with its target, and for how many seconds."""

    enable: bool
    session_expire_time: Annotated[int, Meta(ge=30, le=3600)] = 30


class Rule(_Part, frozen=True):
    """A forwarding rule of a domain, by its path."""

    url: Annotated[str, Meta(pattern="^/")]
    forward_type: Literal["HTTP", "HTTPS", "GRPC"] | None = None
    scheduler: Literal["WRR", "LEAST_CONN", "IP_HASH"] | None = None
    session: Session | None = None
    health_check: HealthCheck | None = None


class Domain(_Part, frozen=True):
    """A domain of a listener. `http2`: whether clients may speak HTTP/2."""

    domain: str = ""
    http2: bool | None = None
    rules: tuple[Rule, ...] = ()


class Layer7(_Part, frozen=True):
    """An HTTP or HTTPS listener. `default_server`: the domain that answers for hosts that no rule names."""

    protocol: Literal["HTTP", "HTTPS"]
    port: Port
    keepalive_enable: Literal[0, 1] | None = None
    default_server: str | None = None
    domains: tuple[Domain, ...] = ()


class Layer4(_Part, frozen=True):
    """A TCP, UDP or TCP_SSL listener."""

    protocol: Literal["TCP", "UDP", "TCP_SSL"]
    port: Port
    deregister_target_rst: bool | None = None
    scheduler: Literal["WRR", "LEAST_CONN"] | None = None
    session: Session | None = None
    health_check: HealthCheck | None = None


class _LoadBalancer(_Part, frozen=True):
    l4_listeners: tuple[Layer4, ...] = msgspec.field(default=(), name="l4Listeners")
    l7_listeners: tuple[Layer7, ...] = msgspec.field(default=(), name="l7Listeners")


class _Spec(_Part, frozen=True):
    load_balancer: _LoadBalancer


class ServiceConfig(Struct, frozen=True):
    """The listeners that a configuration speaks of."""

    layer4: tuple[Layer4, ...] = ()
    layer7: tuple[Layer7, ...] = ()

    def listener4(self, protocol: str, port: int) -> Layer4 | None:
        """What it says of a TCP, UDP or TCP_SSL listener."""
        return next((each for each in self.layer4 if (each.protocol, each.port) == (protocol, port)), None)

    def listener7(self, protocol: str, port: int) -> Layer7 | None:
        """What it says of an HTTP or HTTPS listener."""
        return next((each for each in self.layer7 if (each.protocol, each.port) == (protocol, port)), None)


def read(manifest: Mapping[str, Any]) -> ServiceConfig:
    """The configuration in a TkeServiceConfig. Raises ValueError: where the mistake is, and what is allowed."""
    try:
        found = msgspec.convert(manifest.get("spec"), _Spec).load_balancer
    except msgspec.ValidationError as error:
        raise ValueError(str(error).replace("$", "spec", 1)) from None
    for check in _checks(found):
        # The cloud's own defaults stand in for what is not stated.
        interval, timeout = check.interval_time or 5, check.timeout or 2
        if check.enable and timeout >= interval:
            raise ValueError(f"healthCheck: timeout is {timeout}; it must be below intervalTime, {interval}")
    return ServiceConfig(layer4=found.l4_listeners, layer7=found.l7_listeners)


def _checks(found: _LoadBalancer) -> list[HealthCheck]:
    rules = [rule for listener in found.l7_listeners for domain in listener.domains for rule in domain.rules]
    return [each.health_check for each in (*found.l4_listeners, *rules) if each.health_check]
