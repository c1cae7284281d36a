"""What VPC and Redis actions bring about on the data plane: packets that pass or do not, a key that is there."""

import subprocess
from typing import Any

import pytest

from sandbox import layout
from sandbox.services.vpc import addresses, hosts
from sandbox.substrate.network import topology
from sandbox.substrate.servers import caches
from tests.sandbox.local_cloud import LocalCloud
from tests.sandbox.substrate import reach

PASSWORD = "a-password-1"
CLIENT = "client"


class Vpc:
    """A VPC with two subnets and a bare host that asks, in the second of them."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.id = self.call("vpc", "CreateVpc", VpcName="v", CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        self.data, self.compute = self._subnet("10.20.1.0/24"), self._subnet("10.20.2.0/24")
        address = addresses.take_private(cloud.store, self.compute, CLIENT)
        client = hosts.Connection(
            name=CLIENT,
            kind="CVM",
            owner=CLIENT,
            region="ap-beijing",
            vpc_id=self.id,
            subnet_id=self.compute,
            private=str(address),
        )
        hosts.connect(cloud.store, client)

    def call(self, service: str, action: str, **params: Any) -> dict[str, Any]:
        return self.cloud.call(service, action, params)

    def _subnet(self, cidr: str) -> str:
        params = {"VpcId": self.id, "SubnetName": "s", "CidrBlock": cidr, "Zone": "ap-beijing-3"}
        return self.call("vpc", "CreateSubnet", **params)["Subnet"]["SubnetId"]

    def ask(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command on the asking host."""
        inside = ["ip", "netns", "exec", layout.namespace(CLIENT), *command]
        return subprocess.run(inside, capture_output=True, text=True, check=False, timeout=30)

    def admit(self, group_id: str, cidr: str) -> None:
        """Clients of Redis from a range, and nothing out."""
        ingress = {"Action": "ACCEPT", "Protocol": "TCP", "Port": "6379", "CidrBlock": cidr}
        egress = {"Action": "DROP", "Protocol": "ALL", "Port": "ALL", "CidrBlock": "0.0.0.0/0"}
        rules = {"Ingress": [ingress], "Egress": [egress]}
        self.call("vpc", "ModifySecurityGroupPolicies", SecurityGroupId=group_id, SecurityGroupPolicySet=rules)


@pytest.fixture
def vpc(cloud: LocalCloud) -> Vpc:
    return Vpc(cloud)


def test_redis_answers_those_its_security_group_admits_and_survives_its_primary(vpc: Vpc) -> None:
    made = vpc.call("vpc", "CreateSecurityGroup", GroupName="g", GroupDescription="d")
    group_id = made["SecurityGroup"]["SecurityGroupId"]
    vpc.admit(group_id, "10.20.2.0/24")
    params = {
        "TypeId": 17,
        "MemSize": 256,
        "GoodsNum": 1,
        "Period": 1,
        "BillingMode": 0,
        "ZoneName": "ap-beijing-3",
        "VpcId": vpc.id,
        "SubnetId": vpc.data,
        "SecurityGroupIdList": [group_id],
        "Password": PASSWORD,
    }
    instance_id = vpc.call("redis", "CreateInstances", **params)["InstanceIds"][0]

    def row() -> dict[str, Any]:
        return vpc.call("redis", "DescribeInstances", InstanceId=instance_id)["InstanceSet"][0]

    vpc.cloud.until(lambda: row()["Status"] == 2, "Redis is online", 120)

    def redis(*command: str) -> str:
        client = ("timeout", "2", "redis-cli", "-h", row()["WanIp"], "-a", PASSWORD, "--no-auth-warning")
        return vpc.ask(*client, *command).stdout.strip()

    assert redis("set", "tenant", "7") == "OK"
    vpc.admit(group_id, "10.20.3.0/24")
    assert redis("get", "tenant") == ""
    vpc.admit(group_id, "10.20.2.0/24")
    assert redis("wait", "1", "2000") == "1"
    topology.remove_host(caches.primary(instance_id))
    vpc.cloud.until(lambda: redis("get", "tenant") == "7", "the replica has taken over", 60)


def test_a_subnet_reaches_the_internet_only_by_a_route_to_a_nat_gateway(vpc: Vpc) -> None:
    eip = vpc.call("vpc", "AllocateAddresses")["AddressSet"][0]

    def address() -> dict[str, Any]:
        return vpc.call("vpc", "DescribeAddresses", AddressIds=[eip])["AddressSet"][0]

    vpc.cloud.until(lambda: address()["AddressStatus"] == "UNBIND", "the address is made")
    gateway = {"VpcId": vpc.id, "NatGatewayName": "n", "PublicIpAddresses": [address()["AddressIp"]]}
    nat_id = vpc.call("vpc", "CreateNatGateway", **gateway)["NatGatewaySet"][0]["NatGatewayId"]

    def available() -> bool:
        shown = vpc.call("vpc", "DescribeNatGateways", NatGatewayIds=[nat_id])
        return shown["NatGatewaySet"][0]["State"] == "AVAILABLE"

    vpc.cloud.until(available, "the gateway is available")

    host = str(layout.CORE_RANGE[1])
    with reach.listening(layout.INTERNET, host) as server:
        assert not reach.connects(CLIENT, host)
        table = vpc.call("vpc", "DescribeRouteTables")["RouteTableSet"][0]["RouteTableId"]
        route = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayType": "NAT", "GatewayId": nat_id}
        vpc.call("vpc", "CreateRoutes", RouteTableId=table, Routes=[route])
        assert reach.seen_as(CLIENT, server) == address()["AddressIp"]
