"""The documents of the VPC service. Other services read networks, addresses and groups through these."""

from sandbox.api.kinds import Kind, TagNames
from sandbox.api.store import Docs, Store

VPC = Kind(name="vpc", key="VpcId", noun="VPC", tags=TagNames(service="vpc", prefix="vpc"))
SUBNET = Kind(name="subnet", key="SubnetId", noun="subnet", tags=TagNames(service="vpc", prefix="subnet"))
ROUTE_TABLE = Kind(
    name="route_table", key="RouteTableId", noun="route table", tags=TagNames(service="vpc", prefix="rtb")
)
SECURITY_GROUP = Kind(
    name="security_group", key="SecurityGroupId", noun="security group", tags=TagNames(service="cvm", prefix="sg")
)
NAT = Kind(name="nat", key="NatGatewayId", noun="NAT gateway", tags=TagNames(service="vpc", prefix="nat"))
EIP = Kind(
    name="eip",
    key="AddressId",
    noun="elastic address",
    missing="InvalidAddressId.NotFound",
    tags=TagNames(service="vpc", prefix="eip"),
)
TASK = Kind(name="eip_task", key="TaskId", noun="task")
"""What a change of an address became: {TaskId: a number, or the id of the request, Result}."""
FLOW_LOG = Kind(name="flow_log", key="FlowLogId", noun="flow log", tags=TagNames(service="vpc", prefix="fl"))
HOST = Kind(name="network_host", key="name", noun="host")
"""What stands on a network, as hosts.Connection describes it."""


def of_vpc(store: Store, kind: Kind, vpc_id: str) -> Docs:
    """The documents of a kind that are in a VPC, in all regions: a VPC's id says which."""
    return [doc for doc in kind.all(store) if doc.get("VpcId") == vpc_id]
