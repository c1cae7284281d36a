"""A cell's Prometheus (TMP): its agent, scrape jobs for gateway, nginx, Redis and node, recording rules, alerts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from tencentcloud_iac_pulumi import monitor

from infra.context import CellContext
from infra.region.alerts import ALERTS, RECORDING, Alert
from infra.region.firewall import METRICS_PORTS
from infra.region.network import Network
from infra.workload.names import LABELS, NAMESPACE

ENABLED = 2
"""State of a rule that is evaluated. The provider reads it back and computes none."""


@dataclass(frozen=True, kw_only=True)
class ObservabilityArgs:
    """`cluster_id`: of a tke cell, whose agent needs ready nodes (`ready`); None in a cvm cell."""

    cell: CellContext
    network: Network
    cluster_id: pulumi.Input[str] | None = None
    ready: Sequence[pulumi.Resource] = ()


class Observability(pulumi.ComponentResource):
    """Prometheus of a cell. address: its private IPv4 address; instance_id."""

    address: pulumi.Output[str]
    instance_id: pulumi.Output[str]

    def __init__(self, name: str, args: ObservabilityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:region:Observability", name, None, opts)
        self._cell, self._child = args.cell, pulumi.ResourceOptions(parent=self)
        cell, zone = args.cell, args.cell.zones[0]
        instance = monitor.TmpInstance(
            cell.name("prometheus"),
            instance_name=cell.name("prometheus"),
            vpc_id=args.network.vpc_id,
            subnet_id=args.network.subnet_ids["operations"][zone],
            zone=zone,
            data_retention_time=cell.stack.observability.metrics_days,
            tags=cell.tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=cell.stack.protection.deletion,
                replace_on_changes=["vpcId", "subnetId", "zone"],
            ),
        )
        self.instance_id, self.address = instance.id, instance.ipv4_address
        if args.cluster_id is None:
            self._machines()
        else:
            self._cluster(args.cluster_id, args.ready)
        # A rule stays with its instance: the provider ignores another one.
        self._rule = pulumi.ResourceOptions(parent=self, replace_on_changes=["instanceId"])
        monitor.TmpRecordingRule(
            cell.name("recording"),
            instance_id=self.instance_id,
            name="sanmen",
            group=RECORDING,
            rule_state=ENABLED,
            opts=self._rule,
        )
        for alert in ALERTS:
            self._alert(alert)
        self.register_outputs({"address": self.address, "instance_id": self.instance_id})

    def _machines(self) -> None:
        """Scrape jobs that find the cell's machines by their instance name."""
        cell = self._cell
        agent = monitor.TmpCvmAgent(
            cell.name("agent"), instance_id=self.instance_id, name=cell.name("gateway"), opts=self._child
        )
        for job, port in sorted(METRICS_PORTS.items()):
            monitor.TmpScrapeJob(
                cell.name(f"scrape-{job}"),
                instance_id=self.instance_id,
                agent_id=agent.agent_id,
                config=_as_yaml(scrape_job(cell, job, port)),
                opts=pulumi.ResourceOptions(parent=self, replace_on_changes=["instanceId", "agentId"]),
            )

    def _cluster(self, cluster_id: pulumi.Input[str], ready: Sequence[pulumi.Resource]) -> None:
        """Agent in the cluster; it scrapes nodes by itself, pods by a PodMonitor."""
        cell, instance = self._cell, self.instance_id
        agent = monitor.TmpTkeClusterAgent(
            cell.name("agent"),
            instance_id=self.instance_id,
            agents=monitor.TmpTkeClusterAgentAgentsArgs(
                cluster_id=cluster_id,
                cluster_type="tke",
                region=cell.region.value,
                enable_external=False,
                not_install_basic_scrape=False,
                external_labels=[
                    monitor.TmpTkeClusterAgentAgentsExternalLabelArgs(name="env", value=cell.stack.env),
                    monitor.TmpTkeClusterAgentAgentsExternalLabelArgs(name="region", value=cell.region.value),
                ],
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(ready)),
        )
        monitor.TmpTkeConfig(
            cell.name("scrape"),
            instance_id=self.instance_id,
            cluster_id=cluster_id,
            cluster_type="tke",
            pod_monitors=[
                monitor.TmpTkeConfigPodMonitorArgs(
                    name=f"{NAMESPACE}/{job}",
                    config=instance.apply(lambda known, job=job: _as_yaml(pod_monitor(cell, job, known))),
                )
                for job in sorted(METRICS_PORTS)
                if job != "node"
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[agent]),
        )

    def _alert(self, alert: Alert) -> None:
        cell = self._cell
        monitor.TmpAlertRule(
            cell.name(f"alert-{alert.name}"),
            instance_id=self.instance_id,
            rule_name=alert.name,
            expr=alert.expression,
            duration=alert.duration,
            rule_state=ENABLED,
            receivers=list(cell.stack.observability.alert_receivers),
            labels=[
                monitor.TmpAlertRuleLabelArgs(key="severity", value=alert.severity),
                monitor.TmpAlertRuleLabelArgs(key="region", value=cell.region.value),
            ],
            annotations=[
                monitor.TmpAlertRuleAnnotationArgs(key="summary", value=alert.summary),
                monitor.TmpAlertRuleAnnotationArgs(key="runbook", value=alert.runbook),
            ],
            opts=self._rule,
        )


def scrape_job(cell: CellContext, job: str, port: int) -> dict[str, Any]:
    """A scrape job whose targets are the machines with the gateway's instance name in the cell's region."""
    return {
        "job_name": job,
        "metrics_path": "/metrics",
        "scrape_interval": f"{cell.stack.observability.scrape_interval_s}s",
        "cvm_sd_configs": [
            {
                "region": cell.region.value,
                "ports": [port],
                "filters": [{"name": "instance-name", "values": [cell.name("gateway")]}],
                "refresh_interval": "30s",
            }
        ],
        "relabel_configs": [
            {"source_labels": ["__meta_cvm_instance_state"], "regex": "RUNNING", "action": "keep"},
            {"source_labels": ["__meta_cvm_instance_id"], "target_label": "instance_id"},
            {"source_labels": ["__meta_cvm_zone"], "target_label": "zone"},
        ],
    }


def pod_monitor(cell: CellContext, job: str, instance_id: str) -> dict[str, Any]:
    """A PodMonitor for one port of the gateway's pods; its `job` label is that of the other flavour.

    Outside kube-system the agent looks at monitors with the label of its own instance alone.
    """
    port = "metrics" if job == "gateway" else job
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": job, "namespace": NAMESPACE, "labels": {"prom_id": instance_id}},
        "spec": {
            "selector": {"matchLabels": LABELS},
            "namespaceSelector": {"matchNames": [NAMESPACE]},
            "podMetricsEndpoints": [
                {
                    "port": port,
                    "path": "/metrics",
                    "interval": f"{cell.stack.observability.scrape_interval_s}s",
                    "relabelings": [{"targetLabel": "job", "replacement": job}],
                }
            ],
        },
    }


def _as_yaml(document: dict[str, Any]) -> str:
    """JSON is YAML; its order is fixed, so equal jobs give equal text."""
    return json.dumps(document, indent=1, sort_keys=True) + "\n"
