"""What the VPC service does to the plane: outside the store's lock, taken back where it fails, brought back."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from sandbox.api.actions import Context
from sandbox.services.plane import Spec
from sandbox.services.vpc import hosts, standing
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.specs import Host, Nat, Router, Subnet
from tests.sandbox.world import REGION, World, world

FAILS = pytest.raises(TencentCloudSDKException, match="no room")


@pytest.fixture
def net(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as running:
        yield running


def _refusing(kind: type[Spec], name: str) -> None:
    raise SubstrateError(f"{name}: no room")


def _no_room_for(net: World, *kinds: type[Spec]) -> None:
    net.plane.refuses = lambda spec: "no room" if isinstance(spec, kinds) else None


def test_the_api_answers_while_a_router_is_made(net: World, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, ensure = Event(), Event(), net.plane.ensure

    def slowly(spec: Spec) -> None:
        if isinstance(spec, Router):
            begun.set()
            assert go_on.wait(30)
        ensure(spec)

    monkeypatch.setattr(net.plane, "ensure", slowly)
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(net.vpc)
        assert begun.wait(30)
        net.group()  # takes the store's lock
        shown = net.call("vpc", "DescribeVpcs")["VpcSet"]
        go_on.set()
        assert [each["VpcId"] for each in shown] == [made.result()]


def test_a_vpc_whose_router_cannot_be_made_is_not_there(net: World) -> None:
    _no_room_for(net, Router)
    with FAILS:
        net.vpc()
    assert net.call("vpc", "DescribeVpcs")["VpcSet"] == []
    assert net.call("vpc", "DescribeRouteTables")["RouteTableSet"] == []


def test_a_subnet_that_cannot_be_made_is_not_there(net: World) -> None:
    vpc_id = net.vpc()
    _no_room_for(net, Subnet)
    with FAILS:
        net.subnet(vpc_id)
    assert net.call("vpc", "DescribeSubnets")["SubnetSet"] == []
    assert net.call("vpc", "DescribeRouteTables")["RouteTableSet"][0]["AssociationSet"] == []
    net.call("vpc", "DeleteVpc", VpcId=vpc_id)


def test_what_cannot_be_removed_is_still_there(net: World, monkeypatch: pytest.MonkeyPatch) -> None:
    vpc_id, subnet_id = net.network()
    before = net.call("vpc", "DescribeSubnets")["SubnetSet"]
    with monkeypatch.context() as patch:
        patch.setattr(net.plane, "remove", _refusing)
        with FAILS:
            net.call("vpc", "DeleteSubnet", SubnetId=subnet_id)
    assert net.call("vpc", "DescribeSubnets")["SubnetSet"] == before
    net.call("vpc", "DeleteSubnet", SubnetId=subnet_id)
    with monkeypatch.context() as patch:
        patch.setattr(net.plane, "remove", _refusing)
        with FAILS:
            net.call("vpc", "DeleteVpc", VpcId=vpc_id)
    net.call("vpc", "DeleteVpc", VpcId=vpc_id)


def _gateway(net: World, vpc_id: str) -> tuple[str, str]:
    """(gateway, an address that is free)."""
    bound, free = (net.up("tencentcloud:Eip/instance:Instance")[1]["publicIp"] for _ in range(2))
    nat_id, _ = net.up("tencentcloud:Nat/gateway:Gateway", vpcId=vpc_id, name="n", assignedEipSets=[bound])
    return nat_id, free


def _out(net: World, vpc_id: str, subnet_id: str, nat_id: str) -> str:
    """Route a subnet out through a gateway; the route table."""
    params = {"VpcId": vpc_id, "RouteTableName": "out"}
    table_id = net.call("vpc", "CreateRouteTable", **params)["RouteTable"]["RouteTableId"]
    net.call("vpc", "ReplaceRouteTableAssociation", RouteTableId=table_id, SubnetId=subnet_id)
    route = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayType": "NAT", "GatewayId": nat_id}
    net.call("vpc", "CreateRoutes", RouteTableId=table_id, Routes=[route])
    return table_id


def test_a_change_that_cannot_be_made_leaves_documents_as_they_were(net: World) -> None:
    vpc_id, subnet_id = net.network()
    nat_id, free = _gateway(net, vpc_id)
    table_id = _out(net, vpc_id, subnet_id, nat_id)

    def state() -> list[Any]:
        routes = net.call("vpc", "DescribeRouteTables")["RouteTableSet"]
        nats = net.call("vpc", "DescribeNatGateways")["NatGatewaySet"]
        addresses = net.call("vpc", "DescribeAddresses")["AddressSet"]
        return [routes, nats, addresses, net.call("vpc", "DescribeSubnets")["SubnetSet"]]

    before = state()
    main = next(each["RouteTableId"] for each in before[0] if each["Main"])
    _no_room_for(net, Subnet, Nat)
    for action, params in (
        ("ReplaceRouteTableAssociation", {"RouteTableId": main, "SubnetId": subnet_id}),
        ("DisableRoutes", {"RouteTableId": table_id, "RouteIds": [before[0][1]["RouteSet"][0]["RouteId"]]}),
        ("AssociateNatGatewayAddress", {"NatGatewayId": nat_id, "PublicIpAddresses": [free]}),
    ):
        with FAILS:
            net.call("vpc", action, **params)
        after = state()
        assert after == before


def test_after_a_restart_of_the_machine_all_stands_again(net: World) -> None:
    vpc_id, subnet_id = net.network()
    nat_id, _ = _gateway(net, vpc_id)
    _out(net, vpc_id, subnet_id, nat_id)
    group = net.group([{"Action": "ACCEPT", "Protocol": "ALL", "Port": "ALL", "CidrBlock": "10.0.0.0/8"}])
    net.instance(vpc_id, subnet_id, group)
    legs = hosts.Connection(
        name="lb-1", kind="CLB", owner="lb-1", region=REGION, vpc_id=vpc_id, subnet_id="legs", private="100.64.0.9"
    )
    hosts.connect(net.api.store, legs)  # its own service brings it back, with the subnet that it makes
    held = (net.plane.routers, net.plane.subnets, net.plane.nats, net.plane.hosts, net.plane.firewalls)
    before = [{name: spec for name, spec in each.items() if name != "lb-1"} for each in held]
    assert all(before)
    for each in held:
        each.clear()
    standing.stand_again(Context(store=net.api.store))
    assert [dict(each) for each in held] == before


def test_no_host_stands_before_its_subnet(net: World, monkeypatch: pytest.MonkeyPatch) -> None:
    vpc_id, subnet_id = net.network()
    net.instance(vpc_id, subnet_id)
    seen: list[type[Spec]] = []
    ensure = net.plane.ensure

    def noted(spec: Spec) -> None:
        seen.append(type(spec))
        ensure(spec)

    monkeypatch.setattr(net.plane, "ensure", noted)
    standing.stand_again(Context(store=net.api.store))
    assert seen == [Router, Subnet, Host]
