"""Listeners of load balancers (Clb/listener). Source: docs/fidelity/clb.md."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    given,
    resource,
)
from sandbox.plugins.tencentcloud.resources.clb_calls import (
    find_listener,
    in_range,
    one_of,
    perform,
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

TOKEN = "tencentcloud:Clb/listener:Listener"
_CREATED = {
    "targetType": "TargetType",
    "sessionType": "SessionType",
    "keepaliveEnable": "KeepaliveEnable",
    "endPort": "EndPort",
    "h2cSwitch": "H2cSwitch",
    "snatEnable": "SnatEnable",
    "deregisterTargetRst": "DeregisterTargetRst",
    "idleConnectTimeout": "IdleConnectTimeout",
}
_CHANGED = {
    "listenerName": "ListenerName",
    "scheduler": "Scheduler",
    "sessionExpireTime": "SessionExpireTime",
    "targetType": "TargetType",
    "sessionType": "SessionType",
    "keepaliveEnable": "KeepaliveEnable",
    "snatEnable": "SnatEnable",
    "deregisterTargetRst": "DeregisterTargetRst",
    "idleConnectTimeout": "IdleConnectTimeout",
}
_READ = {
    "listenerId": "ListenerId",
    "port": "Port",
    "protocol": "Protocol",
    "listenerName": "ListenerName",
    "targetType": "TargetType",
    "sessionExpireTime": "SessionExpireTime",
    "sessionType": "SessionType",
    "keepaliveEnable": "KeepaliveEnable",
    "endPort": "EndPort",
    "deregisterTargetRst": "DeregisterTargetRst",
    "idleConnectTimeout": "IdleConnectTimeout",
}


@resource(TOKEN)
class Listener(Handler):
    """A listener: id `<lb>#<lbl>`, output listenerId `lbl-…`."""

    kind = "clb.listener"
    key = ("_lb", "ListenerId")

    def check(self, props: Props) -> dict[str, str]:
        """Preview-time validators."""
        reasons = one_of(props, "protocol", "TCP", "UDP", "HTTP", "HTTPS", "TCP_SSL", "QUIC")
        reasons |= one_of(props, "scheduler", "WRR", "IP_HASH", "LEAST_CONN")
        reasons |= one_of(props, "certificateSslMode", "UNIDIRECTIONAL", "MUTUAL")
        return reasons | in_range(props, "port", 1, 65535) | check_health(props)

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The id is set after the task: a failure before leaves a listener that takes the port."""
        balancer, protocol = props["clbId"], props["protocol"]
        with writing():
            request: dict[str, Any] = {
                "LoadBalancerId": balancer,
                "ListenerNames": [props["listenerName"]],
                "Ports": [props.get("port") or 0],
                "Protocol": protocol,
                "HealthCheck": health(props, protocol, of_rule=False),
                **certificate(cloud, props),
                **given(props, _CREATED),
            }
            _check(props, protocol)
            if props.get("scheduler"):
                request["Scheduler"] = props["scheduler"]
            if protocol not in LAYER_7:
                request.setdefault("TargetType", "NODE")
            if props.get("sessionExpireTime"):
                request["SessionExpireTime"] = props["sessionExpireTime"]
            if props.get("sniSwitch") is not None:
                request["SniSwitch"] = int(props["sniSwitch"])
            answer = perform(cloud, "CreateListener", request)
        if not answer.get("ListenerIds"):
            raise ProviderError("Response error, listener id is null")
        id = f"{balancer}#{answer['ListenerIds'][0]}"
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """`scheduler` is not read for layer 7."""
        balancer, own = id.split("#")
        found = find_listener(cloud, balancer, own)
        if found is None:
            return None
        flags: list[str] = found.get("AttrFlags") or []
        answer: Props = {
            "clbId": balancer,
            **given(found, {key: name for name, key in _READ.items()}),
            "sniSwitch": found["SniSwitch"] > 0,
            "h2cSwitch": "H2cSwitch" in flags,
            "snatEnable": "SnatEnable" in flags,
            **read_health(found.get("HealthCheck")),
            **read_certificate(found.get("Certificate")),
        }
        if found["Protocol"] not in LAYER_7:
            answer["scheduler"] = found["Scheduler"]
        return answer

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Health check and certificates are sent with every change, the rest when it differs."""
        balancer, own = id.split("#")
        wanted = planned(schema()[TOKEN], old, new)
        protocol = wanted["protocol"]
        if "scheduler" in changed and protocol in LAYER_7:
            raise ProviderError("Scheduler can only be set with listener protocol TCP/UDP/TCP_SSL/QUIC")
        if {"scheduler", "sessionExpireTime"} & changed:
            _check(wanted, protocol)
        with writing():
            request: dict[str, Any] = {
                parameter: wanted.get(name) for name, parameter in _CHANGED.items() if name in changed
            }
            request["HealthCheck"] = health(wanted, protocol, of_rule=False)
            request |= certificate(cloud, wanted)
            perform(cloud, "ModifyListener", {"LoadBalancerId": balancer, "ListenerId": own, **request})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """With its rules. One that is gone is an error, as with the provider."""
        balancer, own = id.split("#")
        with writing():
            perform(cloud, "DeleteListener", {"LoadBalancerId": balancer, "ListenerId": own}, anew=True)


def _check(props: Props, protocol: str) -> None:
    """What the provider refuses before it calls. Raises ProviderError."""
    single, several = props.get("certificateId"), props.get("multiCertInfo")
    if protocol == "TCP_SSL" and not (single and several):
        raise ProviderError("certificated need to be set when protocol is TCPSSL")
    if props.get("scheduler") == "IP_HASH":
        raise ProviderError("Scheduler 'IP_HASH' can only be set with rule of listener HTTP/HTTPS")
    if props.get("sessionExpireTime"):
        if protocol not in ("TCP", "UDP"):
            raise ProviderError("session_expire_time can only be set with protocol TCP/UDP or rule of HTTP/HTTPS")
        if props.get("scheduler") not in (None, "", "WRR"):
            raise ProviderError("session_expire_time can only be set when scheduler is WRR")
    if props.get("sniSwitch") is not None:
        if protocol != "HTTPS":
            raise ProviderError("sni_switch can only be set with protocol HTTPS")
        if not (props["sniSwitch"] or single or several):
            raise ProviderError("certificated need to be set when protocol is HTTPS")
