"""A cell's Redis: where the limits of its tenants are kept."""

from dataclasses import dataclass

import pulumi
from tencentcloud_iac_pulumi import redis

from infra.context import CellContext, keeps_data
from infra.region.network import Network
from infra.settings.kinds import numeric_zone_id

PORT = 6379


@dataclass(frozen=True, kw_only=True)
class CacheArgs:
    """`password` is secret; `security_group_id` admits the gateways alone."""

    cell: CellContext
    network: Network
    security_group_id: pulumi.Input[str]
    password: pulumi.Input[str]


class Cache(pulumi.ComponentResource):
    """Redis with a replica in another zone. host: its address; port: 6379."""

    host: pulumi.Output[str]
    port: int = PORT

    def __init__(self, name: str, args: CacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:region:Cache", name, None, opts)
        cell, settings = args.cell, args.cell.stack.redis
        primary, replica = cell.zones[0], cell.zones[1]
        template = redis.ParamTemplate(
            cell.name("redis-parameters"),
            name=cell.name("redis-parameters"),
            description="limits are never evicted",
            # The same number as the instance's type (SDK: CreateParamTemplateRequest.ProductType).
            product_type=settings.type_id,
            params_overrides=[
                redis.ParamTemplateParamsOverrideArgs(key=key, value=value)
                for key, value in sorted(settings.parameters.items())
            ],
            opts=pulumi.ResourceOptions(parent=self, replace_on_changes=["productType", "templateId"]),
        )
        self._instance = instance = redis.Instance(
            cell.name("redis"),
            name=cell.name("redis"),
            type_id=settings.type_id,
            mem_size=cell.size.redis_mib,
            redis_shard_num=1,
            redis_replicas_num=1,
            availability_zone=primary,
            replica_zone_ids=[numeric_zone_id(cell.region, replica)],
            vpc_id=args.network.vpc_id,
            subnet_id=args.network.subnet_ids["data"][primary],
            security_groups=[args.security_group_id],
            port=PORT,
            no_auth=False,
            password=args.password,
            params_template_id=template.id,
            charge_type="POSTPAID",
            # Read from the state when it is destroyed: without it the instance keeps its subnet for days.
            force_delete=cell.stack.protection.redis_force_delete,
            tags=cell.tags,
            opts=keeps_data(
                cell.stack, self, replace=("productVersion", "redisClusterId", "vpcId", "subnetId", "prepaidPeriod")
            ),
        )
        redis.BackupConfig(
            cell.name("redis-backup"),
            redis_id=instance.id,
            backup_time=f"{settings.backup_hour:02d}:00-{settings.backup_hour + 1:02d}:00",
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.host = instance.ip
        self.register_outputs({"host": self.host, "port": self.port})
