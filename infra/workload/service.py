"""The gateway's Service: the cluster's controller puts port 443 on the cell's own load balancer, pods as targets.

The program owns the balancer and port 80, the controller owns port 443 and nothing else (docs/adr/0002). After it,
listener and rule are looked up, so that custom configuration and redirection hold for them as in the other flavour.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import tencentcloud_iac_pulumi as tencentcloud
from pulumi_kubernetes import apiextensions, core, meta
from tencentcloud_iac_pulumi import clb

from infra.context import CellContext
from infra.region.ingress import OK_2XX, READINESS_PATH, Balancer, Target
from infra.workload.names import APP, LABELS


@dataclass(frozen=True, kw_only=True)
class ServiceArgs:
    """`cloud`: the region's provider, for the look-up of what the controller made.

    `after`: what these objects need, and what changes the balancer before the controller does, for neither waits for
    the other.
    """

    cell: CellContext
    namespace: pulumi.Input[str]
    balancer: Balancer
    certificate_id: pulumi.Input[str]
    cloud: tencentcloud.Provider
    after: Sequence[pulumi.Resource]


class Service(pulumi.ComponentResource):
    """Service bound to the existing load balancer with direct access to pods. target: its listener and rule."""

    target: Target

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:workload:Service", name, None, opts)
        cell, child = args.cell, pulumi.ResourceOptions(parent=self, depends_on=list(args.after))
        certificate = core.v1.Secret(
            cell.name("certificate"),
            metadata=meta.v1.ObjectMetaArgs(name=f"{APP}-certificate", namespace=args.namespace, labels=LABELS),
            type="Opaque",
            string_data={"qcloud_cert_id": args.certificate_id},  # an id, no key: that never enters the cluster
            opts=child,
        )
        config = apiextensions.CustomResource(
            cell.name("listener"),
            api_version="cloud.tencent.com/v1alpha1",
            kind="TkeServiceConfig",
            metadata=meta.v1.ObjectMetaArgs(name=f"{APP}-listener", namespace=args.namespace, labels=LABELS),
            spec=_listener(cell),
            opts=child,
        )
        service = core.v1.Service(
            cell.name("service"),
            metadata=meta.v1.ObjectMetaArgs(
                name=APP,
                namespace=args.namespace,
                labels=LABELS,
                annotations={
                    "service.kubernetes.io/tke-existed-lbid": args.balancer.balancer_id,
                    "service.cloud.tencent.com/direct-access": "true",
                    "service.cloud.tencent.com/enable-grace-shutdown": "true",
                    "service.cloud.tencent.com/pass-to-target": "true",
                    "service.cloud.tencent.com/tke-service-config": f"{APP}-listener",
                    "service.cloud.tencent.com/specify-protocol": json.dumps(
                        {"443": {"protocol": ["HTTPS"], "hosts": {cell.stack.host: {"tls": f"{APP}-certificate"}}}}
                    ),
                },
            ),
            spec=core.v1.ServiceSpecArgs(
                type="LoadBalancer",
                selector=LABELS,
                ports=[core.v1.ServicePortArgs(name="https", port=443, target_port="http", protocol="TCP")],
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[certificate, config, *args.after]),
        )
        self.target = _made_by_controller(args, service, self)
        self.register_outputs({"listener_id": self.target.listener_id, "rule_id": self.target.rule_id})


def _listener(cell: CellContext) -> dict[str, object]:
    """What the controller sets on the listener: the same health check as in the other flavour."""
    settings = cell.stack.balancer
    rule: dict[str, object] = {
        "url": "/",
        "forwardType": "HTTP",
        "scheduler": "LEAST_CONN",
        "healthCheck": {
            "enable": True,
            "httpCheckMethod": "GET",
            "httpCheckPath": READINESS_PATH,
            "httpCheckDomain": cell.stack.host,
            "httpCode": OK_2XX,
            "intervalTime": settings.check_interval_s,
            "timeout": settings.check_timeout_s,
            "healthNum": settings.healthy_after,
            "unHealthNum": settings.unhealthy_after,
        },
    }
    domains = [{"domain": cell.stack.host, "http2": True, "rules": [rule]}]
    listener = {"protocol": "HTTPS", "port": 443, "keepaliveEnable": 1, "domains": domains}
    return {"loadBalancer": {"l7Listeners": [listener]}}


def _made_by_controller(args: ServiceArgs, service: core.v1.Service, parent: pulumi.Resource) -> Target:
    """Listener and rule on port 443, once the Service is there. Unknown in a preview of a new stack."""
    look = pulumi.InvokeOutputOptions(parent=parent, provider=args.cloud, depends_on=[service])
    listeners = clb.get_listeners_output(clb_id=args.balancer.balancer_id, protocol="HTTPS", port=443, opts=look)
    listener_id = listeners.apply(
        lambda found: _the_only([listener.listener_id for listener in found.listener_lists], "HTTPS listener on 443")
    )
    rules = clb.get_listener_rules_output(
        clb_id=args.balancer.balancer_id,
        listener_id=listener_id,
        domain=args.cell.stack.host,
        url="/",
        opts=look,
    )
    rule_id = rules.apply(
        lambda found: _the_only([rule.rule_id for rule in found.rule_lists], f"rule for {args.cell.stack.host}")
    )
    return Target(listener_id=listener_id, rule_id=rule_id)


def _the_only(ids: list[str], what: str) -> str:
    if len(ids) != 1:
        raise pulumi.RunError(f"the cluster's Service controller made {len(ids)} times a {what}, once expected")
    return ids[0]
