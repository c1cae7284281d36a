"""A region's cell: all that one region needs to serve alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import tencentcloud_iac_pulumi as tencentcloud

from infra.context import CellContext
from infra.edge.registry import Registry
from infra.gateway_files import gateway_json
from infra.region.cache import Cache, CacheArgs
from infra.region.compute_cvm import ComputeCvm, ComputeCvmArgs
from infra.region.compute_tke import ComputeTke, ComputeTkeArgs
from infra.region.firewall import Firewall, FirewallArgs
from infra.region.images import Images, ImagesArgs
from infra.region.ingress import Balancer, BalancerArgs, ListenerHere, ListenerHereArgs, Polish, PolishArgs, Target
from infra.region.logs import FlowLogArgs, Logs, LogsArgs, flow_log
from infra.region.network import Network, NetworkArgs
from infra.region.observability import Observability, ObservabilityArgs
from infra.region.secrets import Secrets, SecretsArgs
from infra.settings.kinds import Compute
from infra.workload.gateway import Gateway, GatewayArgs
from infra.workload.service import Service, ServiceArgs


@dataclass(frozen=True, kw_only=True)
class RegionCellArgs:
    """What a cell takes from outside: certificate, machine role, registry, secrets, its region's provider and that
    of the registry's region."""

    cell: CellContext
    cloud: tencentcloud.Provider
    certificate_id: pulumi.Input[str]
    role_name: pulumi.Input[str]
    registry: Registry
    registry_cloud: tencentcloud.Provider
    secrets: Mapping[str, pulumi.Output[str]]


class RegionCell(pulumi.ComponentResource):
    """One region. balancer_domain: where its CNAME leads; summary: its entry of the stack's output `regions`."""

    balancer_domain: pulumi.Output[str]
    summary: dict[str, pulumi.Input[object]]

    def __init__(self, name: str, args: RegionCellArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:region:RegionCell", name, None, opts)
        self._args, self._cell, self._child = args, args.cell, pulumi.ResourceOptions(parent=self)
        cell, child = self._cell, self._child
        self._network = Network(cell.name("network"), NetworkArgs(cell=cell), child)
        self._groups = Firewall(cell.name("firewall"), FirewallArgs(cell=cell, network=self._network), child).group_ids
        self._logs = self._make_logs()
        self._secrets = Secrets(cell.name("secrets"), SecretsArgs(cell=cell, secrets=args.secrets), child)
        self._cache = Cache(
            cell.name("cache"),
            CacheArgs(
                cell=cell,
                network=self._network,
                security_group_id=self._groups["cache"],
                password=args.secrets["redis_password"],
            ),
            child,
        )
        self._balancer = Balancer(
            cell.name("balancer"),
            BalancerArgs(
                cell=cell,
                network=self._network,
                security_group_id=self._groups["ingress"],
                log_set_id=self._logs.log_set_id,
                log_topic_id=self._logs.topic_ids["access"],
            ),
            child,
        )
        self._polish = Polish(cell.name("polish"), PolishArgs(cell=cell, balancer=self._balancer), child)
        flavour = cell.stack.regions[cell.region].compute
        self._kubeconfig: pulumi.Output[str] | None = None
        target, compute, metrics = self._machines() if flavour is Compute.CVM else self._cluster()
        self._polish.complete(target)
        self.balancer_domain = self._balancer.domain
        self.summary = {
            "compute": pulumi.Output.concat(f"{flavour.value} ", compute),
            "clb_domain": self._balancer.domain,
            "clb_vips": self._balancer.vips,
            "redis": pulumi.Output.concat(self._cache.host, f":{self._cache.port}"),
            "prometheus": metrics.address,
        }
        if self._kubeconfig is not None:
            self.summary["kubeconfig"] = self._kubeconfig
        self.register_outputs(self.summary)

    def _make_logs(self) -> Logs:
        cell, observability = self._cell, self._cell.stack.observability
        kinds = ["access"]
        if observability.flow_logs:
            kinds.append("flow")
        if cell.stack.regions[cell.region].compute is Compute.TKE:
            kinds.append("audit")
        logs = Logs(cell.name("logs"), LogsArgs(cell=cell, kinds=kinds), self._child)
        if observability.flow_logs:
            flow_log(FlowLogArgs(cell=cell, vpc_id=self._network.vpc_id, topic_id=logs.topic_ids["flow"]), self)
        return logs

    def _machines(self) -> tuple[Target, pulumi.Output[str], Observability]:
        cell, args, child = self._cell, self._args, self._child
        listener = ListenerHere(
            cell.name("listener"),
            ListenerHereArgs(cell=cell, balancer=self._balancer, certificate_id=args.certificate_id),
            child,
        )
        compute = ComputeCvm(
            cell.name("compute"),
            ComputeCvmArgs(
                cell=cell,
                network=self._network,
                cache=self._cache,
                balancer=self._balancer,
                target=listener.target,
                security_group_id=self._groups["gateway"],
                secret_name=self._secrets.secret_name,
                role_name=args.role_name,
            ),
            child,
        )
        metrics = Observability(cell.name("observability"), ObservabilityArgs(cell=cell, network=self._network), child)
        return listener.target, compute.group_id, metrics

    def _cluster(self) -> tuple[Target, pulumi.Output[str], Observability]:
        cell, child = self._cell, self._child
        compute = ComputeTke(
            cell.name("compute"),
            ComputeTkeArgs(
                cell=cell,
                network=self._network,
                security_group_id=self._groups["gateway"],
                key_id=self._secrets.key_id,
                log_set_id=self._logs.log_set_id,
                audit_topic_id=self._logs.topic_ids["audit"],
            ),
            child,
        )
        self._kubeconfig = compute.kubeconfig
        target = self._workload(compute)
        metrics = Observability(
            cell.name("observability"),
            ObservabilityArgs(cell=cell, network=self._network, cluster_id=compute.cluster_id, ready=compute.ready),
            child,
        )
        return target, compute.cluster_id, metrics

    def _workload(self, compute: ComputeTke) -> Target:
        """The gateway's objects in the cluster, once it has nodes and a way to the images."""
        cell, args = self._cell, self._args
        assert args.registry.puller is not None
        images = Images(
            cell.name("images"),
            ImagesArgs(
                cell=cell,
                network=self._network,
                registry_id=args.registry.registry_id,
                registry_cloud=args.registry_cloud,
            ),
            self._child,
        )
        inside = pulumi.ResourceOptions(parent=self, providers=[compute.access])
        after = [*compute.ready, images.ready]
        gateway = Gateway(
            cell.name("workload"),
            GatewayArgs(
                cell=cell,
                network=self._network,
                after=after,
                settings=self._cache.host.apply(lambda host: gateway_json(cell, host, self._cache.port)),
                secret_files=self._secrets.files,
                registry=args.registry.domain,
                puller=args.registry.puller,
                redis=pulumi.Output.concat(self._cache.host, f":{self._cache.port}"),
            ),
            inside,
        )
        service = Service(
            cell.name("entry"),
            ServiceArgs(
                cell=cell,
                namespace=gateway.namespace,
                balancer=self._balancer,
                certificate_id=args.certificate_id,
                cloud=args.cloud,
                after=[*after, self._polish.port_80],
            ),
            inside,
        )
        return service.target
