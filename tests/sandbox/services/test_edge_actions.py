"""Actions of DNS, traffic and regions that no stack calls: users of tccli and data sources do."""

from collections.abc import Generator
from typing import Any

import pytest

from tests.sandbox.world import World, world

ZONE = "sanmen.test"


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    """A domain with a record, and an instance whose default line has a watched pool."""
    with world(tmp_path_factory.mktemp("edge")) as made:
        made.call("dnspod", "CreateDomain", Domain=ZONE)
        made.call(
            "dnspod", "CreateRecord", Domain=ZONE, SubDomain="a", RecordType="A", RecordLine="默认", Value="198.18.16.9"
        )
        made.call(
            "igtm",
            "CreateInstance",
            Domain=f"api.{ZONE}",
            AccessType="custom",
            GlobalTtl=60,
            PackageType="Standard",
            InstanceName="i",
            AccessDomain=ZONE,
            AccessSubDomain="gtm",
            ResourceId="ins-sanmenigtm",
        )
        watch = made.call(
            "igtm",
            "CreateMonitor",
            MonitorName="m",
            CheckProtocol="TCP",
            CheckInterval=60,
            Timeout=2,
            FailTimes=0,
            FailRate=50,
            DetectorStyle="AUTO",
            DetectorGroupIds=[1],
        )["MonitorId"]
        address = {"Addr": "a.example.test", "IsEnable": "ENABLED", "Weight": 0}
        pool = made.call(
            "igtm", "CreateAddressPool", PoolName="p", TrafficStrategy="all", MonitorId=watch, AddressSet=[address]
        )["AddressPoolId"]
        level = {"AddressPools": [{"PoolId": pool}]}
        made.call(
            "igtm",
            "CreateStrategy",
            InstanceId=instance(made),
            StrategyName="s",
            Source=[{"DnsLineId": 1}],
            MainAddressPoolSet=[level],
            FallbackAddressPoolSet=[level],
        )
        yield made


def instance(edge: World) -> str:
    return str(edge.call("igtm", "DescribeInstanceList")["InstanceSet"][0]["InstanceId"])


def at(answer: dict[str, Any], path: str) -> Any:
    """The value at `List.0.Field`."""
    found: Any = answer
    for key in path.split("."):
        found = found[int(key)] if key.isdigit() else found[key]
    return found


NAMED = [{"Name": "InstanceName", "Value": ["i"]}]
ROWS: list[tuple[str, str, dict[str, Any], str, object]] = [
    ("dnspod", "DescribeDomainList", {"Keyword": "sanmen"}, "DomainList.0.Status", "ENABLE"),
    ("dnspod", "DescribeDomainList", {}, "DomainList.0.CNAMESpeedup", "DISABLE"),
    ("dnspod", "DescribeDomainList", {"Keyword": "other"}, "DomainCountInfo.DomainTotal", 0),
    ("dnspod", "DescribeRecordList", {"Domain": ZONE, "RecordType": "A"}, "RecordList.0.Status", "ENABLE"),
    ("dnspod", "DescribeRecordList", {"Domain": ZONE, "Keyword": "198.18"}, "RecordCountInfo.ListCount", 1),
    ("dnspod", "DescribeRecordLineList", {"Domain": ZONE, "DomainGrade": "DP_Free"}, "LineList.0.LineId", "0"),
    ("dnspod", "DescribePackageDetail", {}, "Info.0.DomainGrade", "DP_FREE"),
    ("igtm", "DescribeInstanceList", {"Filters": NAMED}, "InstanceSet.0.AccessType", "CUSTOM"),
    ("igtm", "DescribeInstanceList", {"Filters": NAMED}, "InstanceSet.0.PackageType", "STANDARD"),
    ("igtm", "DescribeAddressPoolList", {}, "AddressPoolSet.0.TrafficStrategy", "ALL"),
    ("igtm", "DescribeAddressPoolList", {}, "AddressPoolSet.0.InstanceInfo.0.InstanceName", "i"),
    ("igtm", "DescribeMonitors", {"Filters": [{"Name": "MonitorName", "Value": ["m"]}]}, "TotalCount", 1),
    ("igtm", "DescribeDetectors", {}, "DetectorGroupSet.0.GroupType", "INTERNAL"),
    ("igtm", "DescribeInstancePackageList", {"IsUsed": 1}, "InstanceSet.0.InstanceName", "i"),
    ("igtm", "DescribeDnsLineList", {}, "DnsLineSet.0.LineName", "默认"),
    ("region", "DescribeProducts", {"Limit": 2}, "Products.1.Name", "cam"),
    ("region", "DescribeRegions", {"Product": "cvm"}, "RegionSet.0.RegionName", "华北地区(北京)"),
    ("region", "DescribeZones", {"Product": "cvm"}, "ZoneSet.1.ZoneName", "北京三区"),
    ("region", "DescribeZones", {"Product": "cvm"}, "ZoneSet.1.ZoneId", "800003"),
]


@pytest.mark.parametrize(("service", "action", "params", "path", "value"), ROWS)
def test_an_action_answers_as_documented(
    edge: World, service: str, action: str, params: dict[str, Any], path: str, value: object
) -> None:
    assert at(edge.call(service, action, **params), path) == value


def test_a_record_that_is_disabled_is_not_answered_for(edge: World) -> None:
    asked = {"Domain": ZONE, "SubDomain": "off", "RecordType": "TXT", "RecordLine": "默认", "Value": "x"}
    record = edge.call("dnspod", "CreateRecord", **asked)["RecordId"]
    edge.call("dnspod", "ModifyRecordStatus", Domain=ZONE, RecordId=record, Status="DISABLE")
    assert [record.name for zone in edge.plane.zones for record in zone.records] == ["a"]


def test_the_strategies_of_an_instance_say_which_level_answers(edge: World) -> None:
    (listed,) = edge.call("igtm", "DescribeStrategyList", InstanceId=instance(edge))["StrategySet"]
    assert (listed["Name"], listed["ActivePoolType"], listed["ActivateLevel"]) == ("s", "MAIN", 1)
