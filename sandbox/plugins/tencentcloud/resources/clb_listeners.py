"""Listeners of load balancers (Clb/listener)."""

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


@resource("tencentcloud:Clb/listener:Listener")
class Listener(Handler):
    """A listener: id `<lb>#<lbl>`, output listenerId `lbl-…`."""

    def check(self, props: Props) -> dict[str, str]:
        """Preview-time validators."""
        reasons = one_of(props, "protocol", "TCP", "UDP", "HTTP", "HTTPS", "TCP_SSL", "QUIC")
        reasons |= one_of(props, "scheduler", "WRR", "IP_HASH", "LEAST_CONN")
        reasons |= one_of(props, "certificateSslMode", "UNIDIRECTIONAL", "MUTUAL")
        return reasons | in_range(props, "port", 1, 65535) | check_health(props)

    def _check_apply(self, props: Props) -> None:
        protocol = props["protocol"]
        if props.get("scheduler") == "IP_HASH":
            raise ProviderError("Scheduler 'IP_HASH' can only be set with rule of HTTP/HTTPS listener")
        if props.get("sniSwitch") is not None and protocol != "HTTPS":
            raise ProviderError("sni_switch can only be set with protocol HTTPS")
        if props.get("sniSwitch") is False and not (props.get("certificateId") or props.get("multiCertInfo")):
            raise ProviderError("certificate is needed with protocol HTTPS and sni_switch false")
        if protocol == "TCP_SSL":
            raise ProviderError("TCP_SSL listeners need certificateId and multiCertInfo, which exclude each other")
        if props.get("sessionExpireTime") and (protocol not in ("TCP", "UDP") or props.get("scheduler") != "WRR"):
            raise ProviderError("session_expire_time can only be set with protocol TCP/UDP and scheduler WRR")
        if protocol in LAYER_7 and health(props) is not None:
            raise ProviderError(
                "health para can only be set with TCP/UDP/TCP_SSL listener or rule of HTTP/HTTPS listener"
            )

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The id is set after the task: a failure before leaves a listener that takes the port."""
        self._check_apply(props)
        balancer = props["clbId"]
        request: dict[str, Any] = {
            "LoadBalancerId": balancer,
            "Ports": [props["port"]],
            "Protocol": props["protocol"],
            "ListenerNames": [props["listenerName"]],
            **certificate(cloud, props),
            **self._shared(props),
        }
        if props["protocol"] not in LAYER_7:
            request["HealthCheck"] = health(props) or {"HealthSwitch": 0}
            request["Scheduler"] = props.get("scheduler")
        if props.get("sniSwitch") is not None:
            request["SniSwitch"] = int(props["sniSwitch"])
        for name, parameter in (("endPort", "EndPort"), ("targetType", "TargetType"), ("h2cSwitch", "H2cSwitch")):
            request[parameter] = props.get(name)
        with writing():
            answer = perform(cloud, "CreateListener", request)
        id = f"{balancer}#{answer['ListenerIds'][0]}"
        partial.id(id)
        return Created(id)

    def _shared(self, props: Props) -> dict[str, Any]:
        names = {
            "keepaliveEnable": "KeepaliveEnable",
            "sessionExpireTime": "SessionExpireTime",
            "sessionType": "SessionType",
            "idleConnectTimeout": "IdleConnectTimeout",
            "deregisterTargetRst": "DeregisterTargetRst",
            "snatEnable": "SnatEnable",
        }
        return {parameter: props.get(name) for name, parameter in names.items()}

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """`scheduler` is not read for layer 7."""
        balancer, own = id.split("#")
        found = find_listener(cloud, balancer, own)
        if found is None:
            return None
        answer: Props = {
            "clbId": balancer,
            "listenerId": own,
            "listenerName": found["ListenerName"],
            "protocol": found["Protocol"],
            "port": found["Port"],
            "endPort": found.get("EndPort") or 0,
            "sessionType": found.get("SessionType") or "NORMAL",
            "keepaliveEnable": found.get("KeepaliveEnable") or 0,
            "deregisterTargetRst": bool(found.get("DeregisterTargetRst")),
            "targetType": found.get("TargetType") or "",
            "idleConnectTimeout": found.get("IdleConnectTimeout") or 0,
            "snatEnable": False,
            "h2cSwitch": False,
            **read_health(found.get("HealthCheck")),
            **read_certificate(found.get("Certificate"), props),
        }
        if found["Protocol"] == "HTTPS" and (props.get("sniSwitch") is not None or found.get("SniSwitch")):
            answer["sniSwitch"] = bool(found.get("SniSwitch"))
        if found["Protocol"] not in LAYER_7:
            answer["scheduler"] = found["Scheduler"]
            answer["sessionExpireTime"] = found.get("SessionExpireTime") or props.get("sessionExpireTime")
        return answer

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Health block and certificate are sent again with every update."""
        self._check_apply(new)
        balancer, own = id.split("#")
        request: dict[str, Any] = {
            "LoadBalancerId": balancer,
            "ListenerId": own,
            "ListenerName": new["listenerName"],
            **certificate(cloud, new),
            **self._shared(new),
        }
        if new["protocol"] not in LAYER_7:
            request["HealthCheck"] = health(new) or {"HealthSwitch": 0}
            request["Scheduler"] = new.get("scheduler")
        with writing():
            perform(cloud, "ModifyListener", request)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """With its rules."""
        balancer, own = id.split("#")
        with writing():
            if find_balancer(cloud, balancer) and find_listener(cloud, balancer, own):
                perform(cloud, "DeleteListener", {"LoadBalancerId": balancer, "ListenerId": own})
