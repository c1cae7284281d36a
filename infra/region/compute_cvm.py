"""Gateways on machines: launch configuration, scaling group over the zones behind the load balancer, its policies.

The group takes a launch configuration (`As/scalingConfig`); `Cvm/launchTemplate` has nothing to attach to here.
"""

from dataclasses import dataclass

import pulumi
from tencentcloud_iac_pulumi import as_

from infra.context import CellContext
from infra.gateway_files import gateway_json, user_data
from infra.region.cache import Cache
from infra.region.firewall import GATEWAY_PORT
from infra.region.ingress import Balancer, Target
from infra.region.network import Network


@dataclass(frozen=True, kw_only=True)
class ComputeCvmArgs:
    """`secret_name`: the SSM secret an instance reads with the CAM role `role_name`."""

    cell: CellContext
    network: Network
    cache: Cache
    balancer: Balancer
    target: Target
    security_group_id: pulumi.Input[str]
    secret_name: pulumi.Input[str]
    role_name: pulumi.Input[str]


class ComputeCvm(pulumi.ComponentResource):
    """Scaling group of gateways. group_id."""

    group_id: pulumi.Output[str]

    def __init__(self, name: str, args: ComputeCvmArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:region:ComputeCvm", name, None, opts)
        self._cell, self._child = args.cell, pulumi.ResourceOptions(parent=self)
        group = self._group(args, self._launch_configuration(args))
        self._policies(group)
        self.group_id = group.id
        self.register_outputs({"group_id": self.group_id})

    def _launch_configuration(self, args: ComputeCvmArgs) -> as_.ScalingConfig:
        cell, settings = args.cell, args.cell.stack.cvm
        assert settings is not None
        data = pulumi.Output.all(args.cache.host, args.secret_name, args.role_name).apply(
            lambda known: user_data(
                cell, gateway_json(cell, known[0], args.cache.port), secret_name=known[1], role=known[2]
            )
        )
        return as_.ScalingConfig(
            cell.name("gateway"),
            configuration_name=cell.name("gateway"),
            image_id=settings.image_ids[cell.region],
            instance_types=list(settings.instance_types),
            instance_charge_type="POSTPAID_BY_HOUR",
            system_disk_type=settings.system_disk_type,
            system_disk_size=settings.system_disk_gib,
            disk_type_policy="ORIGINAL",
            security_group_ids=[args.security_group_id],
            public_ip_assigned=False,
            internet_max_bandwidth_out=0,
            enhanced_security_service=True,
            enhanced_monitor_service=True,
            keep_image_login=True,  # the image has no password and no key: nobody logs in
            cam_role_name=args.role_name,
            user_data=data,
            instance_name_settings=as_.ScalingConfigInstanceNameSettingsArgs(
                instance_name=cell.name("gateway"), instance_name_style="ORIGINAL"
            ),
            instance_tags=cell.tags,
            tags=cell.tags,
            opts=pulumi.ResourceOptions(parent=self, replace_on_changes=["projectId"]),
        )

    def _group(self, args: ComputeCvmArgs, configuration: as_.ScalingConfig) -> as_.ScalingGroup:
        cell, settings = args.cell, args.cell.stack.cvm
        assert settings is not None
        return as_.ScalingGroup(
            cell.name("gateways"),
            scaling_group_name=cell.name("gateways"),
            configuration_id=configuration.id,
            vpc_id=args.network.vpc_id,
            subnet_ids=args.network.zone_subnets("compute"),
            multi_zone_subnet_policy="EQUALITY",
            # No desired capacity: the policies change it, and a stale one would undo that.
            min_size=cell.size.gateways,
            max_size=cell.stack.autoscaling.maximum,
            default_cooldown=cell.stack.autoscaling.scale_down_window_s,
            health_check_type="CLB",
            lb_health_check_grace_period=settings.start_s,
            replace_load_balancer_unhealthy=True,
            replace_monitor_unhealthy=True,
            retry_policy="INCREMENTAL_INTERVALS",
            termination_policies="OLDEST_INSTANCE",
            scaling_mode="CLASSIC_SCALING",
            forward_balancer_ids=[
                as_.ScalingGroupForwardBalancerIdArgs(
                    load_balancer_id=args.balancer.balancer_id,
                    listener_id=args.target.listener_id,
                    rule_id=args.target.rule_id,
                    target_attributes=[
                        as_.ScalingGroupForwardBalancerIdTargetAttributeArgs(port=GATEWAY_PORT, weight=10)
                    ],
                )
            ],
            tags=cell.tags,
            # Machines fetch their secrets and answer health checks through ways out that must exist first.
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.network.ways_out)),
        )

    def _policies(self, group: as_.ScalingGroup) -> None:
        cell, stack, settings = self._cell, self._cell.stack, self._cell.stack.cvm
        assert settings is not None
        as_.ScalingPolicy(
            cell.name("gateways-cpu"),
            policy_name=cell.name("gateways-cpu"),
            scaling_group_id=group.id,
            policy_type="TARGET_TRACKING",
            predefined_metric_type="ASG_AVG_CPU_UTILIZATION",
            target_value=stack.autoscaling.cpu_percent,
            estimated_instance_warmup=settings.start_s,
            disable_scale_in=False,
            opts=self._child,
        )
        as_.LifecycleHook(
            cell.name("gateways-drain"),
            lifecycle_hook_name=cell.name("gateways-drain"),
            scaling_group_id=group.id,
            lifecycle_transition="INSTANCE_TERMINATING",
            default_result="CONTINUE",
            # Off the balancer at once, gone when open streams have had their time.
            heartbeat_timeout=min(7200, stack.gateway.drain_s + stack.gateway.drain_notice_s + 60),
            notification_metadata="drain",
            opts=self._child,
        )
