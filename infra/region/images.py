"""How a cell's nodes reach the registry: from inside the VPC, by the same host name as everywhere."""

from dataclasses import dataclass

import pulumi
import tencentcloud_iac_pulumi as tencentcloud
from tencentcloud_iac_pulumi import tcr

from infra.context import CellContext
from infra.region.network import Network


@dataclass(frozen=True, kw_only=True)
class ImagesArgs:
    """`registry_cloud`: provider of the region the registry stands in, which knows it and its replicas."""

    cell: CellContext
    network: Network
    registry_id: pulumi.Input[str]
    registry_cloud: tencentcloud.Provider


class Images(pulumi.ComponentResource):
    """The VPC's own way to the registry, or to its replica in the cell's region. ready: what pods wait for."""

    ready: pulumi.Resource

    def __init__(self, name: str, args: ImagesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:region:Images", name, None, opts)
        cell = args.cell
        self.ready = tcr.VpcAttachment(
            cell.name("registry"),
            instance_id=args.registry_id,
            vpc_id=args.network.vpc_id,
            subnet_id=args.network.subnet_ids["operations"][cell.zones[0]],
            # Names a replica; unset means the registry itself.
            region_name=cell.region.value if cell.region is not cell.stack.registry.region else None,
            # Images are named by the public host, which leads to the address inside the VPC then.
            enable_public_domain_dns=True,
            opts=pulumi.ResourceOptions(parent=self, provider=args.registry_cloud),
        )
        self.register_outputs({})
