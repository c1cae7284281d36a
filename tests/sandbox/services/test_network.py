"""VPCs, subnets, routes, security groups, NAT gateways and elastic addresses: the rules of the control plane."""

from collections.abc import Generator
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.vpc.v20170312 import models, vpc_client

from sandbox.services.plane import Spec
from sandbox.services.vpc import hosts
from sandbox.services.vpc.kinds import HOST
from sandbox.substrate.specs import Verdict
from tests.sandbox.world import World, world

TCP_443: dict[str, Any] = {"Action": "ACCEPT", "Protocol": "TCP", "Port": "443", "CidrBlock": "10.0.0.0/8"}


@pytest.fixture
def net(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as running:
        yield running


def refused(code: str) -> Any:
    return pytest.raises(TencentCloudSDKException, match=rf"code:{code}\b")


def test_the_official_vpc_client_makes_and_lists_a_vpc(net: World) -> None:
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=net.api.address))
    credential = Credential(net.api.key.secret_id, net.api.key.secret_key)
    client = vpc_client.VpcClient(credential, "ap-beijing", profile)
    request = models.CreateVpcRequest()
    request.VpcName, request.CidrBlock = "core", "10.20.0.0/16"
    made = client.CreateVpc(request).Vpc
    listed = client.DescribeVpcs(models.DescribeVpcsRequest()).VpcSet
    assert [each.VpcId for each in listed] == [made.VpcId]
    assert listed[0].DnsServerSet == ["183.60.82.98", "183.60.83.19"]


def test_a_vpc_is_a_router_with_a_default_route_table(net: World) -> None:
    vpc_id = net.vpc()
    assert net.plane.routers[vpc_id].region == "ap-beijing"
    tables = net.call("vpc", "DescribeRouteTables")["RouteTableSet"]
    assert [(table["VpcId"], table["Main"]) for table in tables] == [(vpc_id, True)]


@pytest.mark.parametrize(
    ("cidr", "code"),
    [
        ("10.20.0.1/16", "InvalidParameterValue.Malformed"),
        ("10.20.0.0", "InvalidParameterValue.Malformed"),
        ("8.0.0.0/16", "InvalidParameterValue.Range"),
        ("10.0.0.0/29", "InvalidParameterValue.Range"),
    ],
)
def test_a_vpc_range_must_be_canonical_and_private(net: World, cidr: str, code: str) -> None:
    with refused(code):
        net.vpc(cidr)


def test_the_twenty_first_vpc_of_a_region_is_refused(net: World) -> None:
    for index in range(20):
        net.vpc(f"10.{index}.0.0/16")
    with refused("LimitExceeded"):
        net.vpc("10.100.0.0/16")


@pytest.mark.parametrize(
    ("cidr", "zone", "code"),
    [
        ("10.21.0.0/24", "ap-beijing-3", "InvalidParameterValue.SubnetRange"),
        ("10.20.1.128/25", "ap-beijing-3", "InvalidParameterValue.SubnetConflict"),
        ("10.20.2.1/24", "ap-beijing-3", "InvalidParameterValue.Malformed"),
        ("10.20.2.0/24", "ap-shanghai-2", "InvalidParameterValue.UnavailableZone"),
        ("10.20.2.0/24", "ap-beijing-1", "InvalidParameterValue.UnavailableZone"),
    ],
)
def test_a_subnet_must_fit_its_vpc_its_neighbours_and_the_region(net: World, cidr: str, zone: str, code: str) -> None:
    vpc_id = net.vpc()
    net.subnet(vpc_id)
    with refused(code):
        net.subnet(vpc_id, cidr, zone)


def test_deletion_goes_from_the_inside_out(net: World) -> None:
    vpc_id = net.vpc()
    subnet_id = net.subnet(vpc_id)
    instance_id = net.instance(vpc_id, subnet_id)
    with refused("ResourceInUse"):
        net.call("vpc", "DeleteVpc", VpcId=vpc_id)
    with refused("ResourceInUse"):
        net.call("vpc", "DeleteSubnet", SubnetId=subnet_id)
    net.call("cvm", "TerminateInstances", InstanceIds=[instance_id])
    net.until(lambda: net.instance_state(instance_id) is None, "the instance is gone")
    net.call("vpc", "DeleteSubnet", SubnetId=subnet_id)
    net.call("vpc", "DeleteVpc", VpcId=vpc_id)
    assert [net.plane.routers, net.plane.subnets, net.plane.hosts, net.plane.machines] == [{}, {}, {}, {}]


def test_a_resource_of_another_region_does_not_exist_here(net: World) -> None:
    vpc_id = net.vpc()
    with pytest.raises(TencentCloudSDKException, match="ResourceNotFound"):
        net.api.call("vpc", "DeleteVpc", {"VpcId": vpc_id}, region="ap-shanghai")


def test_a_missing_parameter_is_named(net: World) -> None:
    with refused("MissingParameter") as found:
        net.call("vpc", "CreateSubnet", VpcId=net.vpc(), SubnetName="s", Zone="ap-beijing-3")
    assert "CidrBlock" in str(found.value)


def _nat(net: World, vpc_id: str) -> str:
    eip = net.call("vpc", "AllocateAddresses")["AddressSet"][0]

    def shown() -> dict[str, Any]:
        return net.call("vpc", "DescribeAddresses", AddressIds=[eip])["AddressSet"][0]

    net.until(lambda: shown()["AddressStatus"] == "UNBIND", "the address is made")
    params = {"VpcId": vpc_id, "NatGatewayName": "n", "PublicIpAddresses": [shown()["AddressIp"]]}
    made = net.call("vpc", "CreateNatGateway", **params)["NatGatewaySet"][0]
    assert made["State"] == "PENDING"
    nat_id = made["NatGatewayId"]

    def state() -> str:
        return net.call("vpc", "DescribeNatGateways", NatGatewayIds=[nat_id])["NatGatewaySet"][0]["State"]

    net.until(lambda: state() == "AVAILABLE", "the gateway is available")
    assert shown()["AddressStatus"] == "BIND"
    return nat_id


def test_a_default_route_to_a_nat_gateway_routes_the_tables_subnets_out(net: World) -> None:
    vpc_id = net.vpc()
    inside, outside = net.subnet(vpc_id), net.subnet(vpc_id, "10.20.2.0/24")
    nat_id = _nat(net, vpc_id)
    params = {"VpcId": vpc_id, "RouteTableName": "out"}
    table_id = net.call("vpc", "CreateRouteTable", **params)["RouteTable"]["RouteTableId"]
    net.call("vpc", "ReplaceRouteTableAssociation", RouteTableId=table_id, SubnetId=outside)
    route = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayType": "NAT", "GatewayId": nat_id}
    made = net.call("vpc", "CreateRoutes", RouteTableId=table_id, Routes=[route])["RouteTableSet"][0]["RouteSet"]
    assert net.plane.subnets[outside].routed_out
    assert not net.plane.subnets[inside].routed_out
    with refused("UnsupportedOperation.NatGatewayHaveRoute"):
        net.call("vpc", "DeleteNatGateway", NatGatewayId=nat_id)
    net.call("vpc", "DisableRoutes", RouteTableId=table_id, RouteIds=[made[0]["RouteId"]])
    assert not net.plane.subnets[outside].routed_out


def test_the_twenty_first_elastic_address_is_refused(net: World) -> None:
    net.call("vpc", "AllocateAddresses", AddressCount=20)
    with refused("LimitExceeded.AddressQuotaLimitExceeded"):
        net.call("vpc", "AllocateAddresses")


def test_a_host_without_groups_lets_nobody_in_and_everything_out(net: World) -> None:
    vpc_id = net.vpc()
    instance_id = net.instance(vpc_id, net.subnet(vpc_id))
    firewall = net.plane.firewalls[instance_id]
    assert firewall.ingress == ()
    assert [rule.verdict for rule in firewall.egress] == [Verdict.ACCEPT]


def test_a_group_without_rules_denies_both_ways(net: World) -> None:
    vpc_id = net.vpc()
    firewall = net.plane.firewalls[net.instance(vpc_id, net.subnet(vpc_id), net.group())]
    assert (firewall.ingress, firewall.egress) == ((), ())


def test_a_changed_rule_reaches_every_host_of_the_group(net: World) -> None:
    vpc_id = net.vpc()
    group_id = net.group([TCP_443])
    host = net.instance(vpc_id, net.subnet(vpc_id), group_id)
    assert net.plane.firewalls[host].ingress[0].ports == ((443, 443),)
    net.rules(group_id, [{**TCP_443, "Port": "80,8000-8010", "Action": "drop"}])
    rule = net.plane.firewalls[host].ingress[0]
    assert (rule.verdict, rule.ports) == (Verdict.DROP, ((80, 80), (8000, 8010)))


def test_a_rule_that_names_a_group_follows_its_members(net: World) -> None:
    vpc_id = net.vpc()
    subnet_id = net.subnet(vpc_id)
    friends = net.group()
    door = net.group([{"Action": "ACCEPT", "Protocol": "ALL", "Port": "ALL", "SecurityGroupId": friends}])
    host = net.instance(vpc_id, subnet_id, door)
    assert net.plane.firewalls[host].ingress == ()
    friend = net.instance(vpc_id, subnet_id, friends)
    assert net.plane.firewalls[host].ingress[0].peers == (IPv4Network("10.20.1.5/32"),)
    net.call("cvm", "TerminateInstances", InstanceIds=[friend])
    net.until(lambda: net.plane.firewalls[host].ingress == (), "the rule has no peer any more")
    with refused("ResourceInUse"):
        net.call("vpc", "DeleteSecurityGroup", SecurityGroupId=friends)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({**TCP_443, "Port": "70000"}, "InvalidParameterValue.Range"),
        ({**TCP_443, "Port": "web"}, "InvalidParameterValue.Malformed"),
        ({**TCP_443, "Protocol": "ICMP"}, "InvalidParameterValue"),
        ({**TCP_443, "Action": "ALLOW"}, "InvalidParameterValue"),
        ({**TCP_443, "SecurityGroupId": "sg-00000000"}, "InvalidParameter.Coexist"),
        ({**TCP_443, "CidrBlock": "10.0.0.1/8"}, "InvalidParameterValue.Malformed"),
        ({"Action": "ACCEPT", "Protocol": "ALL", "Port": "ALL"}, "MissingParameter"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(net: World, rule: dict[str, Any], code: str) -> None:
    with refused(code):
        net.group([rule])


def test_a_group_takes_a_hundred_rules_per_direction(net: World) -> None:
    group_id = net.group([TCP_443] * 100)
    with refused("LimitExceeded.SecurityGroupPolicySet"):
        net.rules(group_id, [TCP_443] * 101)


def _version(net: World, group_id: str) -> str:
    return net.call("vpc", "DescribeSecurityGroupPolicies", SecurityGroupId=group_id)["SecurityGroupPolicySet"][
        "Version"
    ]


@pytest.mark.parametrize(
    ("action", "accepted"),
    [
        ("ModifySecurityGroupPolicies", "3"),  # the version that the new rules will be
        ("CreateSecurityGroupPolicies", "2"),  # the version that the caller has seen
        ("DeleteSecurityGroupPolicies", "2"),
    ],
)
def test_one_version_of_a_groups_rules_can_be_changed(net: World, action: str, accepted: str) -> None:
    group_id = net.group([TCP_443])
    net.rules(group_id, [TCP_443])
    assert _version(net, group_id) == "2"
    for version in {"1", "2", "3", "4"} - {accepted}:
        with refused("UnsupportedOperation.VersionMismatch"):
            wanted = {"Version": version, "Ingress": [TCP_443]}
            net.call("vpc", action, SecurityGroupId=group_id, SecurityGroupPolicySet=wanted)
    wanted = {"Version": accepted, "Ingress": [TCP_443]}
    net.call("vpc", action, SecurityGroupId=group_id, SecurityGroupPolicySet=wanted)
    assert _version(net, group_id) == "3"


def test_version_0_clears_all_rules_whatever_comes_with_it(net: World) -> None:
    group_id = net.group([TCP_443])
    wanted = {"Version": "0", "Ingress": [TCP_443]}
    net.call("vpc", "ModifySecurityGroupPolicies", SecurityGroupId=group_id, SecurityGroupPolicySet=wanted)
    kept = net.call("vpc", "DescribeSecurityGroupPolicies", SecurityGroupId=group_id)["SecurityGroupPolicySet"]
    assert (kept["Ingress"], kept["Egress"]) == ([], [])


def test_an_instance_with_an_elastic_address_has_a_public_leg(net: World) -> None:
    vpc_id = net.vpc()
    host = net.instance(vpc_id, net.subnet(vpc_id))
    eip = net.call("vpc", "AllocateAddresses")["AddressSet"][0]
    shown = lambda: net.call("vpc", "DescribeAddresses", AddressIds=[eip])["AddressSet"][0]  # noqa: E731
    net.until(lambda: shown()["AddressStatus"] == "UNBIND", "the address is made")
    net.call("vpc", "AssociateAddress", AddressId=eip, InstanceId=host)
    net.until(lambda: shown()["AddressStatus"] == "BIND", "the address is bound")
    assert str(net.plane.hosts[host].public) == shown()["AddressIp"]
    net.call("vpc", "DisassociateAddress", AddressId=eip)
    net.until(lambda: shown()["AddressStatus"] == "UNBIND", "the address is free")
    assert net.plane.hosts[host].public is None


def test_an_instance_admits_the_balancers_of_its_vpc_that_pass_to_targets(net: World) -> None:
    vpc_id, subnet_id = net.network()
    machine = net.instance(vpc_id, subnet_id, net.group())
    balancer = hosts.Connection(name="lb-1", kind="CLB", owner="lb-1", region="ap-beijing", vpc_id=vpc_id)
    balancer = replace(balancer, private="100.64.0.10", passes_to_targets=True)
    for changed, trusted in (
        (balancer, (IPv4Network("100.64.0.10/32"),)),
        (replace(balancer, passes_to_targets=False), ()),
        (replace(balancer, name="lb-2", vpc_id="vpc-00000000"), ()),
    ):
        hosts.connect(net.api.store, changed)
        assert net.plane.firewalls[machine].trusted == trusted


def test_hosts_of_one_owner_that_trust_their_peers_reach_each_other_whatever_their_group_says(net: World) -> None:
    vpc_id, subnet_id = net.network()
    node = hosts.Connection(
        name="n-0",
        kind="Redis",
        owner="crs-1",
        region="ap-beijing",
        vpc_id=vpc_id,
        subnet_id=subnet_id,
        private="10.20.0.10",
        groups=(net.group(),),
        trusts_peers=True,
    )
    hosts.connect(net.api.store, node)
    hosts.connect(net.api.store, replace(node, name="n-1", private="10.20.0.11"))
    gateway = IPv4Network("10.20.0.1/32")
    both = (IPv4Network("10.20.0.10/32"), IPv4Network("10.20.0.11/32"), gateway)
    for name in ("n-0", "n-1"):
        firewall = net.plane.firewalls[name]
        assert (firewall.trusted, firewall.egress[0].peers) == (both, both)


def test_a_host_is_on_record_only_while_it_stands(net: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a load balancer that tells all hosts of its VPC of a change would meet one that is not there."""
    machine = hosts.Connection(
        name="ins-1", kind="CVM", owner="ins-1", region="ap-beijing", vpc_id=net.vpc(), private="10.20.0.10"
    )
    balancer = replace(machine, name="lb-1", kind="CLB", owner="lb-1", private="100.64.0.10")

    ensure, remove = net.plane.ensure, net.plane.remove

    def ensure_meanwhile(spec: Spec) -> None:
        if spec.name == machine.name:  # just before it is made
            hosts.connect(net.api.store, balancer)
        ensure(spec)

    def remove_meanwhile(kind: type[Spec], name: str) -> None:
        assert HOST.anywhere(net.api.store, name) is None  # so nobody looks for it afterwards
        remove(kind, name)

    monkeypatch.setattr(net.plane, "ensure", ensure_meanwhile)
    monkeypatch.setattr(net.plane, "remove", remove_meanwhile)
    hosts.connect(net.api.store, machine)
    hosts.disconnect(net.api.store, machine.name)
    hosts.connect(net.api.store, balancer)
