"""Network policies of the gateway's namespace: nothing comes in or goes out but what is listed."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import meta, networking

from infra.context import CellContext
from infra.region.cache import PORT as REDIS_PORT
from infra.region.firewall import ANYWHERE, GATEWAY_PORT, HEALTH_CHECKS, LINK_LOCAL, METRICS_PORTS
from infra.region.network import Network
from infra.workload.names import LABELS

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")
"""Upstreams stand on the internet: a name that resolves to one of these is refused."""


@dataclass(frozen=True, kw_only=True)
class IsolationArgs:
    """`network`: whose ranges the policies name. `after`: what enforces them."""

    cell: CellContext
    network: Network
    namespace: pulumi.Input[str]
    after: Sequence[pulumi.Resource]


class Isolation(pulumi.ComponentResource):
    """Default deny, and one policy for the gateway."""

    policies: list[pulumi.Resource]

    def __init__(self, name: str, args: IsolationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:workload:Isolation", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, depends_on=list(args.after))
        deny = networking.v1.NetworkPolicy(
            args.cell.name("deny"),
            metadata=meta.v1.ObjectMetaArgs(name="default-deny", namespace=args.namespace, labels=LABELS),
            spec=networking.v1.NetworkPolicySpecArgs(
                pod_selector=meta.v1.LabelSelectorArgs(), policy_types=["Ingress", "Egress"]
            ),
            opts=child,
        )
        allow = networking.v1.NetworkPolicy(
            args.cell.name("allow"),
            metadata=meta.v1.ObjectMetaArgs(name="gateway", namespace=args.namespace, labels=LABELS),
            spec=networking.v1.NetworkPolicySpecArgs(
                pod_selector=meta.v1.LabelSelectorArgs(match_labels=LABELS),
                policy_types=["Ingress", "Egress"],
                ingress=_ingress(args),
                egress=_egress(args),
            ),
            opts=child,
        )
        self.policies = [deny, allow]
        self.register_outputs({})


def _ingress(args: IsolationArgs) -> list[networking.v1.NetworkPolicyIngressRuleArgs]:
    own = str(args.cell.stack.regions[args.cell.region].cidr)
    return [
        networking.v1.NetworkPolicyIngressRuleArgs(
            from_=[_peer(own), _peer(HEALTH_CHECKS)], ports=[_port(GATEWAY_PORT)]
        ),
        networking.v1.NetworkPolicyIngressRuleArgs(
            from_=[_peer(own)],
            ports=[_port(port) for job, port in sorted(METRICS_PORTS.items()) if job != "node"],
        ),
    ]


def _egress(args: IsolationArgs) -> list[networking.v1.NetworkPolicyEgressRuleArgs]:
    upstream_ports = sorted({upstream.port for upstream in args.cell.stack.upstreams.values()})
    return [
        networking.v1.NetworkPolicyEgressRuleArgs(
            to=[_peer(cidr) for cidr in args.network.cidrs(("data",))], ports=[_port(REDIS_PORT)]
        ),
        networking.v1.NetworkPolicyEgressRuleArgs(
            to=[
                networking.v1.NetworkPolicyPeerArgs(
                    namespace_selector=meta.v1.LabelSelectorArgs(
                        match_labels={"kubernetes.io/metadata.name": "kube-system"}
                    )
                ),
                _peer(LINK_LOCAL),
            ],
            ports=[_port(53), _port(53, "UDP")],
        ),
        networking.v1.NetworkPolicyEgressRuleArgs(
            to=[_peer(ANYWHERE, PRIVATE)], ports=[_port(port) for port in upstream_ports]
        ),
    ]


def _peer(cidr: str, but: tuple[str, ...] = ()) -> networking.v1.NetworkPolicyPeerArgs:
    return networking.v1.NetworkPolicyPeerArgs(
        ip_block=networking.v1.IPBlockArgs(cidr=cidr, except_=list(but) if but else None)
    )


def _port(port: int, protocol: str = "TCP") -> networking.v1.NetworkPolicyPortArgs:
    return networking.v1.NetworkPolicyPortArgs(port=port, protocol=protocol)
