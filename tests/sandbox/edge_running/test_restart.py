"""After a restart of the machine all that the documents say is there again, and a request is answered."""

from pathlib import Path
from typing import Any

import pytest

from sandbox import layout
from sandbox.services.plane import Plane
from sandbox.substrate import teardown
from sandbox.substrate.commands import run
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import namespaces
from sandbox.substrate.servers import machines
from tests.sandbox.edge_running import stage
from tests.sandbox.local_cloud import local_cloud
from tests.sandbox.substrate import tiny_image
from tests.sandbox.substrate.reach import connects, until
from tests.sandbox.world import REGION, World

PASSWORD = "a-password-1"


def redis_in(edge: World, vpc_id: str, subnet: str) -> str:
    """A Redis for all of the VPC; its id."""
    rule = {"Action": "ACCEPT", "Protocol": "TCP", "Port": "6379", "CidrBlock": "10.20.0.0/16"}
    asked = {
        "TypeId": 17,
        "MemSize": 256,
        "GoodsNum": 1,
        "Period": 1,
        "BillingMode": 0,
        "ZoneName": f"{REGION}-3",
        "VpcId": vpc_id,
        "SubnetId": subnet,
        "SecurityGroupIdList": [edge.group([rule])],
        "Password": PASSWORD,
    }
    id = edge.call("redis", "CreateInstances", **asked)["InstanceIds"][0]
    edge.until(lambda: redis(edge, id)["Status"] == 2, "Redis is online")
    return id


def redis(edge: World, id: str) -> dict[str, Any]:
    return edge.call("redis", "DescribeInstances", InstanceId=id)["InstanceSet"][0]


def way_out(edge: World, vpc_id: str) -> None:
    """A NAT gateway, and a route to it for all subnets."""
    eip = edge.call("vpc", "AllocateAddresses")["AddressSet"][0]

    def address() -> dict[str, Any]:
        return edge.call("vpc", "DescribeAddresses", AddressIds=[eip])["AddressSet"][0]

    edge.until(lambda: address()["AddressStatus"] == "UNBIND", "the address is made")
    asked = {"VpcId": vpc_id, "NatGatewayName": "n", "PublicIpAddresses": [address()["AddressIp"]]}
    nat = edge.call("vpc", "CreateNatGateway", **asked)["NatGatewaySet"][0]["NatGatewayId"]

    def available() -> bool:
        shown = edge.call("vpc", "DescribeNatGateways", NatGatewayIds=[nat])
        return shown["NatGatewaySet"][0]["State"] == "AVAILABLE"

    edge.until(available, "the gateway is available")
    table = edge.call("vpc", "DescribeRouteTables")["RouteTableSet"][0]["RouteTableId"]
    route = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayType": "NAT", "GatewayId": nat}
    edge.call("vpc", "CreateRoutes", RouteTableId=table, Routes=[route])


def ask(machine: str, address: str, *command: str) -> str:
    """Redis's answer to a machine."""
    argv = ["timeout", "5", "redis-cli", "-h", address, "-a", PASSWORD, "--no-auth-warning", *command]
    try:
        return namespaces.inside(machine, lambda: run(argv)).strip()
    except SubstrateError:  # nobody answers
        return ""


def boots(machine: str) -> int:
    """How often a machine has booted from its disk."""
    status, said = machines.execute(machine, ["/bin/cat", "/boots"])
    return said.count("booted") if status == 0 else 0


@pytest.mark.timeout(300)
def test_what_stood_before_a_restart_of_the_machine_stands_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "CACHE", tmp_path / "cache")
    tiny_image.make(layout.CACHE, "img-sanmengw")
    stage.ground()
    with local_cloud(tmp_path, substrate=Plane()) as running:
        edge = World(running)
        vpc_id, subnet = edge.network()
        way_out(edge, vpc_id)
        cache = redis_in(edge, vpc_id, subnet)
        machine = edge.instance(vpc_id, subnet)
        stage.run_server(machine)
        place = stage.publish(edge, vpc_id)
        edge.clb("RegisterTargets", **place, Targets=[{"InstanceId": machine, "Port": 8080}])
        edge.until(lambda: stage.target_detail(edge, place["LoadBalancerId"]) == "Alive", "the target is healthy")
        assert ask(machine, redis(edge, cache)["WanIp"], "set", "tenant", "7") == "OK"
        assert boots(machine) == 1

    teardown.everything(keep_state=True)
    assert stage.reachable(tmp_path / "answer") is False

    stage.ground()
    with local_cloud(tmp_path, substrate=Plane()) as running:
        edge = World(running)
        until(lambda: boots(machine) == 2, 60)
        assert edge.instance_state(machine) == "RUNNING"
        assert connects(machine, str(layout.NAME_SERVER), 53)
        edge.until(lambda: ask(machine, redis(edge, cache)["WanIp"], "get", "tenant") == "7", "Redis has its data")
        stage.run_server(machine)
        edge.until(lambda: stage.reachable(tmp_path / "answer"), "a request is answered")
