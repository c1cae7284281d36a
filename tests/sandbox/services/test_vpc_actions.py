"""Actions of the VPC service that people call by hand, and how it answers what the official provider asks."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.sandbox.world import World, world

SSH: dict[str, Any] = {"Action": "ACCEPT", "Protocol": "TCP", "Port": "22", "CidrBlock": "10.0.0.0/8"}
WEB = {**SSH, "Port": "80"}


@pytest.fixture
def net(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    ("action", "params", "answer"),
    [
        ("DescribeNatGateways", {"NatGatewayIds": ["nat-00000000"]}, "NatGatewaySet"),
        ("DescribeAddresses", {"AddressIds": ["eip-00000000"]}, "AddressSet"),
        (
            "DescribeAddresses",
            {"AddressIds": ["eip-00000000"], "Filters": [{"Name": "business-type", "Values": ["CDC"]}]},
            "AddressSet",
        ),
        (
            "DescribeBandwidthPackages",
            {"Filters": [{"Name": "resource.resource-id", "Values": ["eip-00000000"]}]},
            "BandwidthPackageSet",
        ),
        ("DescribeFlowLogs", {"FlowLogId": "fl-00000000", "VpcId": "vpc-00000000"}, "FlowLog"),
        (
            "DescribeVpcs",
            {"Filters": [{"Name": "vpc-id", "Values": ["vpc-0"]}], "Offset": "0", "Limit": "100"},
            "VpcSet",
        ),
    ],
)
def test_what_is_gone_is_an_empty_set(net: World, action: str, params: dict[str, Any], answer: str) -> None:
    assert net.call("vpc", action, **params)[answer] == []


@pytest.mark.parametrize(
    ("action", "params"),
    [
        ("DescribeSecurityGroups", {"SecurityGroupIds": ["sg-00000000"]}),
        ("DescribeSecurityGroupPolicies", {"SecurityGroupId": "sg-00000000"}),
        ("DeleteVpc", {"VpcId": "vpc-00000000"}),
        ("DeleteSubnet", {"SubnetId": "subnet-00000000"}),
        ("DeleteRouteTable", {"RouteTableId": "rtb-00000000"}),
        ("DeleteRoutes", {"RouteTableId": "rtb-00000000", "Routes": [{"RouteId": 1}]}),
    ],
)
def test_gone_has_the_code_that_the_provider_tests_for(net: World, action: str, params: dict[str, Any]) -> None:
    with pytest.raises(TencentCloudSDKException) as found:
        net.call("vpc", action, **params)
    assert found.value.get_code() == "ResourceNotFound"


@pytest.mark.parametrize("action", ["DescribeVpcs", "DescribeSubnets", "DescribeRouteTables", "DescribeSecurityGroups"])
def test_pages_of_a_hundred_are_the_largest_and_their_numbers_may_be_text(net: World, action: str) -> None:
    net.call("vpc", action, Offset="0", Limit="100")
    with pytest.raises(TencentCloudSDKException, match=r"InvalidParameterValue\.Range"):
        net.call("vpc", action, Offset="0", Limit="101")


def _rules(net: World, group_id: str) -> list[tuple[int, str]]:
    kept = net.call("vpc", "DescribeSecurityGroupPolicies", SecurityGroupId=group_id)["SecurityGroupPolicySet"]
    return [(rule["PolicyIndex"], rule["Port"]) for rule in kept["Ingress"]]


@pytest.mark.parametrize(
    ("action", "ingress", "left"),
    [
        ("CreateSecurityGroupPolicies", [{**SSH, "PolicyIndex": 0}], ["22", "80", "443"]),
        ("CreateSecurityGroupPolicies", [SSH], ["80", "443", "22"]),
        ("DeleteSecurityGroupPolicies", [{"PolicyIndex": 0}], ["443"]),
        ("DeleteSecurityGroupPolicies", [WEB], ["443"]),
        ("ModifySecurityGroupPolicies", [SSH], ["22"]),
    ],
)
def test_rules_by_hand(net: World, action: str, ingress: list[dict[str, Any]], left: list[str]) -> None:
    group_id = net.group([WEB, {**SSH, "Port": "443"}])
    net.call("vpc", action, SecurityGroupId=group_id, SecurityGroupPolicySet={"Ingress": ingress})
    assert _rules(net, group_id) == list(enumerate(left))


def test_a_rule_that_names_a_group_has_every_field_that_says_so(net: World) -> None:
    """The official provider shows the group only where the answer has `Ipv6CidrBlock`, though it is empty."""
    friends = net.group()
    group_id = net.group([{"Action": "ACCEPT", "Protocol": "ALL", "Port": "ALL", "SecurityGroupId": friends}])
    kept = net.call("vpc", "DescribeSecurityGroupPolicies", SecurityGroupId=group_id)["SecurityGroupPolicySet"]
    rule = kept["Ingress"][0]
    assert (rule["SecurityGroupId"], rule["CidrBlock"], rule["Ipv6CidrBlock"]) == (friends, "", "")


def test_new_routes_are_answered_alone(net: World) -> None:
    table_id = net.call("vpc", "CreateRouteTable", VpcId=net.vpc(), RouteTableName="t")["RouteTable"]["RouteTableId"]
    made: list[list[str]] = []
    for destination in ("192.0.2.0/24", "198.51.100.0/24"):
        route = {"DestinationCidrBlock": destination, "GatewayType": "NORMAL_CVM", "GatewayId": "10.20.0.9"}
        answer = net.call("vpc", "CreateRoutes", RouteTableId=table_id, Routes=[route])
        made.append([each["DestinationCidrBlock"] for each in answer["RouteTableSet"][0]["RouteSet"]])
    assert made == [["192.0.2.0/24"], ["198.51.100.0/24"]]


def test_a_gateways_change_of_addresses_is_a_task_by_the_requests_id(net: World) -> None:
    first, second = (net.up("tencentcloud:Eip/instance:Instance")[1]["publicIp"] for _ in range(2))
    nat_id, _ = net.up("tencentcloud:Nat/gateway:Gateway", vpcId=net.vpc(), name="n", assignedEipSets=[first])
    for action in ("AssociateNatGatewayAddress", "DisassociateNatGatewayAddress"):
        task = net.call("vpc", action, NatGatewayId=nat_id, PublicIpAddresses=[second])["RequestId"]
        assert net.call("vpc", "DescribeVpcTaskResult", TaskId=task)["Status"] == "SUCCESS"
    with pytest.raises(TencentCloudSDKException, match="ResourceNotFound"):
        net.call("vpc", "DescribeVpcTaskResult", TaskId="none")


@pytest.mark.parametrize("charge", ["BANDWIDTH_PREPAID_BY_MONTH", "BANDWIDTH_PACKAGE"])
def test_addresses_that_the_sandbox_does_not_sell_are_refused(net: World, charge: str) -> None:
    with pytest.raises(TencentCloudSDKException, match="UnsupportedOperation"):
        net.call("vpc", "AllocateAddresses", InternetChargeType=charge)


def test_the_charge_of_an_address_is_changed_with_its_bandwidth(net: World) -> None:
    id, _ = net.up("tencentcloud:Eip/instance:Instance")
    charge = {"InternetChargeType": "BANDWIDTH_POSTPAID_BY_HOUR", "InternetMaxBandwidthOut": 7}
    net.call("vpc", "ModifyAddressInternetChargeType", AddressId=id, **charge)
    shown = net.call("vpc", "DescribeAddresses", AddressIds=[id])["AddressSet"][0]
    assert (shown["InternetChargeType"], shown["Bandwidth"]) == ("BANDWIDTH_POSTPAID_BY_HOUR", 7)
