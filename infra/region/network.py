"""A cell's network: VPC, subnets per zone and use, routes, fixed egress addresses, security groups, flow log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi
from tencentcloud_iac_pulumi import eip, nat, route, subnet, vpc

from infra.addresses import ZoneRanges, zone_ranges
from infra.context import CellContext
from infra.settings.kinds import zone_number
from infra.sizing import EIP_MBPS

USES = ("compute", "data", "operations", "pods")
ROUTED_OUT = ("compute", "pods")
"""Uses whose subnets reach the internet, through the NAT gateway alone."""


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """`cell`: whose network it is."""

    cell: CellContext


class Network(pulumi.ComponentResource):
    """VPC of a cell.

    vpc_id; subnet_ids: use -> zone -> id; egress_addresses: word -> public address; ranges: zone -> its ranges.
    """

    vpc_id: pulumi.Output[str]
    subnet_ids: Mapping[str, Mapping[str, pulumi.Output[str]]]
    egress_addresses: Mapping[str, pulumi.Output[str]]
    ranges: Mapping[str, ZoneRanges]
    ways_out: tuple[pulumi.Resource, ...]
    """What must exist before anything inside can reach the internet."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:region:Network", name, None, opts)
        self._cell = cell = args.cell
        self._child = pulumi.ResourceOptions(parent=self)
        settings = cell.stack.regions[cell.region]
        self.ranges = {zone: zone_ranges(settings.cidr, zone) for zone in cell.zones}
        self._vpc = vpc.Instance(
            cell.name("vpc"), name=cell.name("vpc"), cidr_block=str(settings.cidr), tags=cell.tags, opts=self._child
        )
        self.vpc_id = self._vpc.id
        out, kept = self._table("egress"), self._table("isolated")
        self.subnet_ids = {
            use: {
                zone: self._subnet(use, zone, getattr(self.ranges[zone], use), out if use in ROUTED_OUT else kept).id
                for zone in cell.zones
            }
            for use in USES
        }
        addresses = {word: self._address(word) for word in settings.egress}
        self.egress_addresses = {word: address.public_ip for word, address in addresses.items()}
        gateway = nat.Gateway(
            cell.name("nat"),
            name=cell.name("nat"),
            vpc_id=self.vpc_id,
            nat_product_version=1,
            max_concurrent=cell.size.nat_connections,
            bandwidth=cell.size.nat_mbps,
            assigned_eip_sets=[address.public_ip for address in addresses.values()],
            tags=cell.tags,
            opts=pulumi.ResourceOptions(parent=self, replace_on_changes=["zone"]),
        )
        # The route is a resource of its own: a NAT gateway brings none.
        default = route.TableEntry(
            cell.name("egress-default"),
            route_table_id=out.id,
            destination_cidr_block="0.0.0.0/0",
            next_type="NAT",
            next_hub=gateway.id,
            description="out through fixed addresses",
            opts=self._child,
        )
        self.ways_out = (gateway, default)
        self.register_outputs(
            {"vpc_id": self.vpc_id, "subnet_ids": self.subnet_ids, "egress_addresses": self.egress_addresses}
        )

    def _table(self, role: str) -> route.Table:
        cell = self._cell
        return route.Table(
            cell.name(f"routes-{role}"),
            name=cell.name(f"routes-{role}"),
            vpc_id=self.vpc_id,
            tags=cell.tags,
            opts=self._child,
        )

    def _subnet(self, use: str, zone: str, cidr: IPv4Network, table: route.Table) -> subnet.Instance:
        name = self._cell.name(f"{use}-{zone_number(zone)}")
        return subnet.Instance(
            name,
            name=name,
            vpc_id=self.vpc_id,
            availability_zone=zone,
            cidr_block=str(cidr),
            is_multicast=False,
            route_table_id=table.id,
            tags=self._cell.tags,
            opts=self._child,
        )

    def _address(self, word: str) -> eip.Instance:
        name = self._cell.name(f"egress-{word}")
        return eip.Instance(
            name,
            name=name,
            type="EIP",
            internet_charge_type="TRAFFIC_POSTPAID_BY_HOUR",
            internet_max_bandwidth_out=min(EIP_MBPS, self._cell.size.nat_mbps),
            tags=self._cell.tags,
            # Upstreams have these addresses on their lists: losing one is an outage.
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=self._cell.stack.protection.deletion,
                replace_on_changes=["bandwidthPackageId", "antiDdosPackageId", "egress"],
            ),
        )

    def cidrs(self, uses: Sequence[str]) -> list[str]:
        """The ranges of some uses over all zones."""
        return [str(getattr(self.ranges[zone], use)) for use in uses for zone in self.ranges]

    def zone_subnets(self, use: str) -> list[pulumi.Output[str]]:
        """Subnet ids of a use, in the order of the zones."""
        return list(self.subnet_ids[use].values())
