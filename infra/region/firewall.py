"""A cell's security groups: one per tier, each with one whole rule set.

Protocols and ports are upper case and ICMP is absent on purpose: the API reads rules back so, anything else drifts
(docs/sources.md, network). First match decides; what no rule admits is dropped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from tencentcloud_iac_pulumi import security

from infra.context import CellContext
from infra.region.network import Network

GATEWAY_PORT = 8080
METRICS_PORTS = {"gateway": 9145, "nginx": 9113, "redis": 9121, "node": 9100}
"""Scrape jobs and their ports."""
REDIS_PORT = 6379
HEALTH_CHECKS = "100.64.0.0/10"
"""Where load balancers probe from. Source: docs/sources.md, CLB."""
LINK_LOCAL = "169.254.0.0/16"
"""Metadata, intranet API and resolver inside every VPC."""
RESOLVERS = ("183.60.82.98/32", "183.60.83.19/32")
"""The VPC's default name servers. Source: docs/sources.md, network."""
ANYWHERE = "0.0.0.0/0"

Rule = security.GroupRuleSetIngressArgs
OutRule = security.GroupRuleSetEgressArgs


@dataclass(frozen=True, kw_only=True)
class FirewallArgs:
    """`network`: whose tiers are told apart by their subnets."""

    cell: CellContext
    network: Network


class Firewall(pulumi.ComponentResource):
    """Security groups of a cell. group_ids: tier (ingress, gateway, cache, operations) -> id."""

    group_ids: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: FirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:region:Firewall", name, None, opts)
        self._cell = args.cell
        network = args.network
        gateways, data, operations = (
            network.cidrs(("compute", "pods")),
            network.cidrs(("data",)),
            network.cidrs(("operations",)),
        )
        metrics = ",".join(str(port) for port in sorted(METRICS_PORTS.values()))
        upstream_ports = sorted({443, *(upstream.port for upstream in self._cell.stack.upstreams.values())})
        self.group_ids = {
            "ingress": self._group(
                "ingress",
                "public load balancer",
                [
                    _in(ANYWHERE, "443", "clients"),
                    _in(ANYWHERE, "80", "clients that are redirected to https"),
                ],
                [_out(cidr, str(GATEWAY_PORT), "gateways") for cidr in gateways],
            ),
            "gateway": self._group(
                "gateway",
                "gateways: machines, nodes and pods",
                [
                    _in(str(self._cell.stack.regions[self._cell.region].cidr), str(GATEWAY_PORT), "load balancer"),
                    _in(HEALTH_CHECKS, str(GATEWAY_PORT), "load balancer and its health checks"),
                    *(_in(cidr, metrics, "scrapes") for cidr in operations),
                    *self._cluster_rules_in(gateways, operations),
                ],
                [
                    *(_out(cidr, str(REDIS_PORT), "limits") for cidr in data),
                    *self._cluster_rules_out(gateways, operations),
                    _out(LINK_LOCAL, "ALL", "metadata, intranet API, resolver", protocol="ALL"),
                    *(
                        _out(cidr, "53", "names", protocol=protocol)
                        for cidr in RESOLVERS
                        for protocol in ("UDP", "TCP")
                    ),
                    _out(ANYWHERE, ",".join(map(str, upstream_ports)), "upstreams, registry, API"),
                ],
            ),
            "cache": self._group(
                "cache",
                "Redis",
                [_in(cidr, str(REDIS_PORT), "gateways") for cidr in gateways],
                [OutRule(action="DROP", cidr_block=ANYWHERE, protocol="ALL", port="ALL", description="answers only")],
            ),
        }
        self.register_outputs({"group_ids": self.group_ids})

    def _cluster_rules_in(self, gateways: Sequence[str], operations: Sequence[str]) -> list[Rule]:
        """Nodes and pods talk to each other; the API server's endpoint talks to kubelets and webhooks."""
        if self._cell.size.nodes_minimum == 0:
            return []
        return [
            *(_in(cidr, "ALL", "nodes and pods", protocol="ALL") for cidr in gateways),
            *(_in(cidr, "10250", "API server") for cidr in operations),
        ]

    def _cluster_rules_out(self, gateways: Sequence[str], operations: Sequence[str]) -> list[OutRule]:
        if self._cell.size.nodes_minimum == 0:
            return []
        return [
            *(_out(cidr, "ALL", "nodes and pods", protocol="ALL") for cidr in gateways),
            *(_out(cidr, "ALL", "API server", protocol="ALL") for cidr in operations),
        ]

    def _group(
        self, tier: str, description: str, ingress: Sequence[Rule], egress: Sequence[OutRule]
    ) -> pulumi.Output[str]:
        child, name = pulumi.ResourceOptions(parent=self), self._cell.name(f"sg-{tier}")
        group = security.Group(name, name=name, description=description, tags=self._cell.tags, opts=child)
        security.GroupRuleSet(
            f"{name}-rules", security_group_id=group.id, ingresses=list(ingress), egresses=list(egress), opts=child
        )
        return group.id


def _in(cidr: str, port: str, description: str, *, protocol: str = "TCP") -> Rule:
    return Rule(action="ACCEPT", cidr_block=cidr, protocol=protocol, port=port, description=description)


def _out(cidr: str, port: str, description: str, *, protocol: str = "TCP") -> OutRule:
    return OutRule(action="ACCEPT", cidr_block=cidr, protocol=protocol, port=port, description=description)
