"""Gateways on Kubernetes: a managed cluster, native nodes over the zones, its endpoint and add-ons.

The cluster resource is kept minimal: the provider knows its id only when all steps of its creation are done, so any
failing extra would leave a running cluster nobody knows of. Node pool, endpoint, encryption and add-ons are resources
of their own; the audit log is not sold as one (docs/adr/0003).
"""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes
from tencentcloud_iac_pulumi import kubernetes

from infra.context import CellContext, keeps_data
from infra.region.network import Network


@dataclass(frozen=True, kw_only=True)
class ComputeTkeArgs:
    """`key_id`: KMS key that encrypts secrets in etcd. `log_set_id`, `audit_topic_id`: where its audit log goes."""

    cell: CellContext
    network: Network
    security_group_id: pulumi.Input[str]
    key_id: pulumi.Input[str]
    log_set_id: pulumi.Input[str]
    audit_topic_id: pulumi.Input[str]


class ComputeTke(pulumi.ComponentResource):
    """Cluster of a cell. cluster_id; access: provider that reaches it from inside the VPC; kubeconfig: so do people.

    `ready`: what workloads and agents wait for (nodes and add-ons).
    """

    cluster_id: pulumi.Output[str]
    access: pulumi_kubernetes.Provider
    kubeconfig: pulumi.Output[str]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: ComputeTkeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:region:ComputeTke", name, None, opts)
        self._cell, self._child = args.cell, pulumi.ResourceOptions(parent=self)
        cluster = self._cluster(args)
        self.cluster_id = cluster.id
        encryption = kubernetes.EncryptionProtection(
            self._cell.name("cluster-encryption"),
            cluster_id=cluster.id,
            kms_configuration=kubernetes.EncryptionProtectionKmsConfigurationArgs(
                key_id=args.key_id, kms_region=self._cell.region.value
            ),
            opts=self._child,
        )
        pool = self._nodes(args)
        endpoint = kubernetes.ClusterEndpoint(
            self._cell.name("cluster-endpoint"),
            cluster_id=cluster.id,
            cluster_intranet=True,
            cluster_intranet_subnet_id=args.network.subnet_ids["operations"][self._cell.zones[0]],
            cluster_internet=False,
            # It waits for a node that is ready, and fails without one.
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[pool],
                additional_secret_outputs=["password", "kubeConfig", "kubeConfigIntranet"],
            ),
        )
        addons = self._addons(pool)
        self.kubeconfig = pulumi.Output.secret(endpoint.kube_config_intranet)
        self.access = pulumi_kubernetes.Provider(
            self._cell.name("kubernetes"),
            kubeconfig=self.kubeconfig,
            cluster_identifier=cluster.id,
            enable_server_side_apply=True,
            opts=self._child,
        )
        self.ready = [pool, encryption, *addons]
        self.register_outputs({"cluster_id": self.cluster_id})

    def _cluster(self, args: ComputeTkeArgs) -> kubernetes.Cluster:
        cell, stack = self._cell, self._cell.stack
        settings, own = stack.tke, stack.regions[cell.region]
        assert settings is not None
        assert own.service_cidr is not None
        return kubernetes.Cluster(
            cell.name("cluster"),
            cluster_name=cell.name("cluster"),
            cluster_desc="LLM API gateway",
            vpc_id=args.network.vpc_id,
            cluster_version=settings.version,
            cluster_deploy_type="MANAGED_CLUSTER",
            cluster_level=cell.size.cluster_level,
            auto_upgrade_cluster_level=True,
            container_runtime="containerd",
            network_type="VPC-CNI",
            vpc_cni_type="tke-route-eni",
            eni_subnet_ids=args.network.zone_subnets("pods"),
            service_cidr=str(own.service_cidr),
            # The range's own size: another number is rounded up and then read back as a difference.
            cluster_max_service_num=own.service_cidr.num_addresses,
            cluster_audit=kubernetes.ClusterClusterAuditArgs(
                enabled=True,
                log_set_id=args.log_set_id,
                topic_id=args.audit_topic_id,
                delete_audit_log_and_topic=False,
            ),
            # What controllers made would else stay, be billed and keep the VPC from going.
            resource_delete_options=[
                kubernetes.ClusterResourceDeleteOptionArgs(resource_type="CBS", delete_mode="terminate"),
                kubernetes.ClusterResourceDeleteOptionArgs(resource_type="CLB", delete_mode="terminate"),
            ],
            deletion_protection=stack.protection.deletion,
            tags=cell.tags,
            opts=pulumi.ResourceOptions.merge(
                keeps_data(stack, self, replace=("cdcId", "extensionAddons", "disableAddons", "clusterSubnetId")),
                # A cluster can be rebuilt from the program; what it holds lies elsewhere. It is never left behind.
                # The image name reads back as an image id. The level is where it begins: it grows with the cluster.
                pulumi.ResourceOptions(
                    retain_on_delete=False,
                    ignore_changes=["clusterOs", "clusterLevel"],
                    # Read back at every refresh; the provider marks the kubeconfigs alone.
                    additional_secret_outputs=["password", "kubeConfig", "kubeConfigIntranet"],
                ),
            ),
        )

    def _nodes(self, args: ComputeTkeArgs) -> kubernetes.NativeNodePool:
        cell, stack, size = self._cell, self._cell.stack, self._cell.size
        settings = stack.tke
        assert settings is not None
        return kubernetes.NativeNodePool(
            cell.name("nodes"),
            name=cell.name("nodes"),
            cluster_id=self.cluster_id,
            type="Native",
            deletion_protection=stack.protection.deletion,
            labels=[kubernetes.NativeNodePoolLabelArgs(name="sanmen.cn/role", value="gateway")],
            tags=[
                kubernetes.NativeNodePoolTagArgs(
                    resource_type="machine",
                    tags=[
                        kubernetes.NativeNodePoolTagTagArgs(key=key, value=value)
                        for key, value in sorted(cell.tags.items())
                    ],
                )
            ],
            native=kubernetes.NativeNodePoolNativeArgs(
                instance_charge_type="POSTPAID_BY_HOUR",
                instance_types=list(settings.instance_types),
                subnet_ids=args.network.zone_subnets("compute"),
                security_group_ids=[args.security_group_id],
                system_disk=kubernetes.NativeNodePoolNativeSystemDiskArgs(
                    disk_type=settings.system_disk_type, disk_size=settings.system_disk_gib
                ),
                scaling=kubernetes.NativeNodePoolNativeScalingArgs(
                    min_replicas=size.nodes_minimum, max_replicas=size.nodes_maximum, create_policy="ZoneEquality"
                ),
                # Where it begins; unset goes out as 0, below the minimum. The autoscaler changes it.
                replicas=size.nodes_minimum,
                enable_autoscaling=True,
                auto_repair=True,
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.network.ways_out),
                replace_on_changes=["type"],
                # The autoscaler writes it. Every update sends the number that was last read: docs/cloud.md.
                ignore_changes=["native.replicas"],
            ),
        )

    def _addons(self, pool: pulumi.Resource) -> list[pulumi.Resource]:
        settings = self._cell.stack.tke
        assert settings is not None
        made: list[pulumi.Resource] = []
        for addon, version in sorted(settings.addons.items()):
            made.append(
                kubernetes.Addon(
                    self._cell.name(f"addon-{addon}"),
                    cluster_id=self.cluster_id,
                    addon_name=addon,
                    addon_version=version,
                    opts=pulumi.ResourceOptions(
                        parent=self,
                        depends_on=[pool],
                        # They read back with the add-on's defaults in them, which may be secret.
                        ignore_changes=["rawValues"],
                        additional_secret_outputs=["rawValues"],
                        # Three minutes, the default, are too few for the first image pulls.
                        custom_timeouts=pulumi.CustomTimeouts(create="15m", update="15m", delete="15m"),
                    ),
                )
            )
        return made
