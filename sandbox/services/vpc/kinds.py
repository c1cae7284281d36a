"""The documents of the VPC service. Other services read networks, addresses and groups through these."""

from sandbox.api.kinds import Kind, TagNames

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
EIP_TASK = Kind(name="eip_task", key="TaskId", noun="task")
FLOW_LOG = Kind(name="flow_log", key="FlowLogId", noun="flow log", tags=TagNames(service="vpc", prefix="fl"))
HOST = Kind(name="network_host", key="name", noun="host")
"""What stands on a network, as hosts.Connection describes it."""
