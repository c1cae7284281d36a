"""A cell's public entry: the load balancer, its listeners and what they need so that LLM traffic passes.

The balancer and port 80 belong to the program in both flavours. Port 443 has one owner: the program where machines
serve (`ListenerHere`), the Service controller of the cluster where pods do (docs/adr/0002). Both end as a `Target`,
so that what follows (custom configuration, redirection) is the same.
"""

from dataclasses import dataclass

import pulumi
from tencentcloud_iac_pulumi import clb

from infra.context import CellContext
from infra.region.network import Network
from infra.settings.kinds import Compute

READINESS_PATH = "/readyz"
CLUSTER_MARK = 'tags["tke-clusterId"]'
"""Tag that the Service controller of a cluster puts on the balancer it uses; without it the balancer is nobody's."""
OK_2XX = 2
"""Bit of the health check's code mask that stands for 2xx."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The HTTPS listener and its rule for the public host: `lbl-…` and `loc-…`, never composite ids."""

    listener_id: pulumi.Output[str]
    rule_id: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class BalancerArgs:
    """`log_set_id`, `log_topic_id`: where access logs go."""

    cell: CellContext
    network: Network
    security_group_id: pulumi.Input[str]
    log_set_id: pulumi.Input[str]
    log_topic_id: pulumi.Input[str]


class Balancer(pulumi.ComponentResource):
    """Public, domain-based load balancer over two zones. id; domain (for CNAMEs); vips (may be empty)."""

    balancer_id: pulumi.Output[str]
    domain: pulumi.Output[str]
    vips: pulumi.Output[list[str]]

    def __init__(self, name: str, args: BalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:region:Balancer", name, None, opts)
        cell = args.cell
        shared = cell.stack.regions[cell.region].compute is Compute.TKE
        instance = clb.Instance(
            cell.name("ingress"),
            clb_name=cell.name("ingress"),
            network_type="OPEN",
            # A name and no fixed address. Old accounts still get an address unless they ask.
            dynamic_vip=True,
            vpc_id=args.network.vpc_id,
            master_zone_id=cell.zones[0],
            slave_zone_id=cell.zones[1],
            internet_charge_type="TRAFFIC_POSTPAID_BY_HOUR",
            internet_bandwidth_max_out=cell.size.balancer_mbps,
            sla_type=cell.size.balancer_sla,
            security_groups=[args.security_group_id],
            # Its own group decides who comes in; targets need not list every client.
            load_balancer_pass_to_target=True,
            delete_protect=cell.stack.protection.deletion,
            log_set_id=args.log_set_id,
            log_topic_id=args.log_topic_id,
            tags=cell.tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=cell.stack.protection.deletion,
                # A second balancer of the same name is refused.
                delete_before_replace=True,
                replace_on_changes=[
                    "masterZoneId",
                    "slaveZoneId",
                    "zoneId",
                    "addressIpVersion",
                    "bandwidthPackageId",
                    "snatIps",
                    "dynamicVip",
                ],
                ignore_changes=[CLUSTER_MARK] if shared else [],
            ),
        )
        self.balancer_id = instance.id
        self.domain = instance.domain
        self.vips = instance.clb_vips.apply(list)
        self.register_outputs({"balancer_id": self.balancer_id, "domain": self.domain, "vips": self.vips})


@dataclass(frozen=True, kw_only=True)
class ListenerHereArgs:
    """`certificate_id`: of the public host."""

    cell: CellContext
    balancer: Balancer
    certificate_id: pulumi.Input[str]


class ListenerHere(pulumi.ComponentResource):
    """Port 443 owned by the program: HTTPS listener with a rule for the public host, checked on /readyz."""

    target: Target

    def __init__(self, name: str, args: ListenerHereArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:region:ListenerHere", name, None, opts)
        cell, settings = args.cell, args.cell.stack.balancer
        listener = clb.Listener(
            cell.name("https"),
            listener_name=cell.name("https"),
            clb_id=args.balancer.balancer_id,
            protocol="HTTPS",
            port=443,
            certificate_ssl_mode="UNIDIRECTIONAL",
            certificate_id=args.certificate_id,
            keepalive_enable=1,
            # The port is taken until the old one is gone.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        rule = clb.ListenerRule(
            cell.name("https-api"),
            clb_id=args.balancer.balancer_id,
            listener_id=listener.listener_id,
            domain=cell.stack.host,
            url="/",
            scheduler="LEAST_CONN",  # streams differ much in length: counting requests would pile them up
            forward_type="HTTP",
            target_type="NODE",
            http2_switch=True,
            health_check_switch=True,  # unset means off
            health_check_type="HTTP",
            health_check_http_method="GET",
            health_check_http_path=READINESS_PATH,
            health_check_http_domain=cell.stack.host,
            health_check_http_code=OK_2XX,
            health_check_interval_time=settings.check_interval_s,
            health_check_time_out=settings.check_timeout_s,
            health_check_health_num=settings.healthy_after,
            health_check_unhealth_num=settings.unhealthy_after,
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        self.target = Target(listener_id=listener.listener_id, rule_id=rule.rule_id)
        self.register_outputs({"listener_id": listener.listener_id, "rule_id": rule.rule_id})


@dataclass(frozen=True, kw_only=True)
class PolishArgs:
    """The balancer that both ports are on."""

    cell: CellContext
    balancer: Balancer


class Polish(pulumi.ComponentResource):
    """Port 80, then its redirection to the HTTPS host and that host's custom configuration (TLS versions, times).

    A balancer takes one change at a time. Listeners, rules and redirections of a region wait for each other inside the
    provider. A cluster's controller does not wait for them, so port 80 comes before its Service (`port_80`). Custom
    configurations do not either, and are refused with FailedOperation.ResourceInOperating: they come after all of
    those, at every update too, and go before them.
    """

    port_80: clb.ListenerRule

    def __init__(self, name: str, args: PolishArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:region:Polish", name, None, opts)
        self._args = args
        # Ports, domains and sources are taken until the old ones are gone.
        self._child = pulumi.ResourceOptions(parent=self, delete_before_replace=True)
        cell = args.cell
        self._listener = clb.Listener(
            cell.name("http"),
            listener_name=cell.name("http"),
            clb_id=args.balancer.balancer_id,
            protocol="HTTP",
            port=80,
            opts=self._child,
        )
        self.port_80 = clb.ListenerRule(
            cell.name("http-api"),
            clb_id=args.balancer.balancer_id,
            listener_id=self._listener.listener_id,
            domain=cell.stack.host,
            url="/",
            health_check_switch=False,  # it has no targets: it only redirects
            opts=self._child,
        )

    def complete(self, target: Target) -> None:
        """Redirect to the HTTPS listener and its rule, whoever owns them, and configure its host."""
        cell, balancer_id = self._args.cell, self._args.balancer.balancer_id
        redirection = clb.Redirection(
            cell.name("http-redirect"),
            clb_id=balancer_id,
            is_auto_rewrite=False,
            source_listener_id=self._listener.listener_id,
            source_rule_id=self.port_80.rule_id,
            target_listener_id=target.listener_id,
            target_rule_id=target.rule_id,
            opts=self._child,
        )
        # The redirection comes after both listeners and their rules, whose ids it takes.
        last = pulumi.ResourceOptions(parent=self, depends_on=[redirection])
        config = clb.CustomizedConfigV2(
            cell.name("tuning"),
            config_name=cell.name("tuning"),
            config_type="SERVER",
            config_content=directives(cell),
            opts=last,
        )
        clb.CustomizedConfigAttachment(
            cell.name("tuning-https"),
            config_id=config.config_id,
            bind_lists=[
                clb.CustomizedConfigAttachmentBindListArgs(
                    load_balancer_id=balancer_id, listener_id=target.listener_id, domain=cell.stack.host
                )
            ],
            opts=last,
        )
        self.register_outputs({})


def directives(cell: CellContext) -> str:
    """The custom configuration, one directive per line. Source of names and ranges: docs/sources.md, CLB.

    The read time-out is the longest stream: the default of 60 s cuts models that think.
    """
    settings, longest = cell.stack.balancer, max(30, min(3600, cell.stack.load.longest_stream_s))
    return "\n".join(
        (
            f"ssl_protocols {' '.join(settings.tls_versions)};",
            f"proxy_read_timeout {longest}s;",
            f"proxy_send_timeout {longest}s;",
            f"client_header_timeout {settings.client_timeout_s}s;",
            f"client_body_timeout {settings.client_timeout_s}s;",
            f"client_max_body_size {cell.stack.gateway.body_limit_mib}M;",
            f"keepalive_timeout {settings.keepalive_timeout_s}s;",
            f"keepalive_requests {settings.keepalive_requests};",
        )
    )
