"""Global traffic: instances, pools, monitors, strategies, and the failover they mean."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from sandbox.layout import REGIONS
from sandbox.plugins.tencentcloud.errors import ProviderError
from sandbox.substrate.specs import Failover
from tests.sandbox.world import World, world

INSTANCE, POOL = "tencentcloud:Igtm/instance:Instance", "tencentcloud:Igtm/addressPool:AddressPool"
MONITOR, STRATEGY = "tencentcloud:Igtm/monitor:Monitor", "tencentcloud:Igtm/strategy:Strategy"
NORTH = 901
LINES = {1: "默认", NORTH: "华北"}


@pytest.fixture
def edge(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as made:
        made.call("dnspod", "CreateDomain", Domain="sanmen.test")
        yield made


def instance(edge: World, **more: Any) -> tuple[str, dict[str, Any]]:
    asked = {
        "instanceName": "failover",
        "domain": "api.sanmen.test",
        "accessType": "CUSTOM",
        "accessDomain": "sanmen.test",
        "accessSubDomain": "gtm",
        "globalTtl": 60,
        "packageType": "STANDARD",
        "resourceId": "ins-sanmenigtm",
    }
    return edge.up(INSTANCE, **(asked | more))


def monitor(edge: World) -> tuple[str, dict[str, Any]]:
    return edge.up(
        MONITOR,
        monitorName="readiness",
        checkProtocol="HTTPS",
        checkInterval=15,
        timeout=2,
        failTimes=1,
        failRate=50,
        detectorStyle="INTERNAL",
        detectorGroupIds=[1],
        path="/readyz",
        returnCodeThreshold=400,
    )


def pool(edge: World, name: str, monitor_id: int | None = None) -> tuple[str, dict[str, Any]]:
    watched = {} if monitor_id is None else {"monitorId": monitor_id}
    address = {"addr": f"{name}.example.test", "isEnable": "ENABLED", "weight": 10}
    return edge.up(POOL, poolName=name, trafficStrategy="WEIGHT", addressSets=[address], **watched)


def strategy(edge: World, instance_id: str, line: int, levels: list[str], last: str) -> tuple[str, dict[str, Any]]:
    def group(id: str) -> dict[str, Any]:
        pools = [{"poolId": int(id), "weight": 1}]
        return {"addressPools": pools, "minSurviveNum": 1, "trafficStrategy": "WEIGHT"}

    return edge.up(
        STRATEGY,
        instanceId=instance_id,
        strategyName=f"line{line}",
        sources=[{"dnsLineId": line, "name": LINES[line]}],
        mainAddressPoolSets=[group(id) for id in levels],
        fallbackAddressPoolSets=[group(last)],
        switchPoolType="AUTO",
        keepDomainRecords="DISABLED",
    )


def failover(edge: World) -> Failover:
    (zone,) = (zone for zone in edge.plane.zones if zone.domain == "sanmen.test")
    (found,) = zone.failovers
    return found


def test_strategies_become_a_failover_of_the_access_name_by_region(edge: World) -> None:
    id, _ = instance(edge)
    _, watch = monitor(edge)
    bj, _ = pool(edge, "bj", watch["monitorId"])
    sh, _ = pool(edge, "sh", watch["monitorId"])
    last, _ = pool(edge, "everywhere")
    strategy(edge, id, 1, [sh], last)
    strategy(edge, id, NORTH, [bj, sh], last)
    found = failover(edge)
    assert found.name == "gtm"
    assert found.default == (f"p{sh}", f"p{last}")
    assert found.order[REGIONS["ap-beijing"].clients] == (f"p{bj}", f"p{sh}", f"p{last}")
    assert REGIONS["ap-shanghai"].clients not in found.order
    assert found.ttl_s == 60
    assert found.probe is not None
    assert (found.probe.host, found.probe.fall, found.probe.failure_from_status) == ("api.sanmen.test", 2, 400)


def test_the_weights_of_a_levels_pools_show_no_difference(edge: World) -> None:
    id, _ = instance(edge)
    pools = [pool(edge, name)[0] for name in ("bj", "sh", "last")]
    weighted = [{"poolId": int(each), "weight": weight} for each, weight in zip(pools, (60, 40), strict=False)]
    level = {"minSurviveNum": 1, "trafficStrategy": "WEIGHT"}
    _, outputs = edge.up(
        STRATEGY,
        instanceId=id,
        strategyName="default",
        sources=[{"dnsLineId": 1, "name": LINES[1]}],
        mainAddressPoolSets=[level | {"addressPools": weighted}],
        fallbackAddressPoolSets=[level | {"addressPools": [{"poolId": int(pools[-1]), "weight": 1}]}],
        switchPoolType="AUTO",
        keepDomainRecords="DISABLED",
    )
    assert [each["weight"] for each in outputs["mainAddressPoolSets"][0]["addressPools"]] == [60, 40]


def test_the_state_of_addresses_is_what_the_prober_sees(edge: World) -> None:
    id, _ = instance(edge)
    _, watch = monitor(edge)
    bj, _ = pool(edge, "bj", watch["monitorId"])
    last, _ = pool(edge, "everywhere")
    _, made = strategy(edge, id, 1, [bj], last)

    def status(pool_id: str) -> str:
        found = edge.call("igtm", "DescribeAddressPoolDetail", PoolId=int(pool_id))
        return str(found["AddressSet"][0]["Status"])

    assert (status(bj), status(last)) == ("UNKNOWN", "UNMONITORED")
    edge.plane.living = {"gtm.sanmen.test": {"bj.example.test": False}}
    assert status(bj) == "DOWN"
    listed = edge.call("igtm", "DescribeStrategyList", InstanceId=id)["StrategySet"][0]
    assert (listed["StrategyId"], listed["ActivePoolType"]) == (made["strategyId"], "FALLBACK")


def test_an_instance_can_never_be_deleted(edge: World) -> None:
    id, outputs = instance(edge)
    with pytest.raises(ProviderError, match="not supported delete"):
        edge.down(INSTANCE, id, outputs)


def test_what_is_in_use_is_not_deleted_and_says_so(edge: World) -> None:
    id, _ = instance(edge)
    watch_id, watch = monitor(edge)
    bj, bj_out = pool(edge, "bj", watch["monitorId"])
    own, own_out = strategy(edge, id, 1, [bj], bj)
    with pytest.raises(ProviderError, match="used by strategy"):
        edge.down(POOL, bj, bj_out)
    with pytest.raises(ProviderError, match="used by address pool"):
        edge.down(MONITOR, watch_id, watch)
    edge.down(STRATEGY, own, own_out)
    edge.down(POOL, bj, bj_out)
    edge.down(MONITOR, watch_id, watch)
    assert all(zone.failovers == () for zone in edge.plane.zones)


def test_the_package_bounds_ttl_and_serves_one_instance(edge: World) -> None:
    with pytest.raises(ProviderError, match="60 to 604800"):
        instance(edge, globalTtl=30)
    instance(edge)
    with pytest.raises(TencentCloudSDKException, match="is used by"):
        edge.call(
            "igtm",
            "CreateInstance",
            Domain="b.sanmen.test",
            AccessType="SYSTEM",
            GlobalTtl=60,
            PackageType="STANDARD",
            InstanceName="b",
            AccessDomain="",
            AccessSubDomain="",
            ResourceId="ins-sanmenigtm",
        )


def test_private_addresses_and_unknown_lines_are_refused(edge: World) -> None:
    with pytest.raises(TencentCloudSDKException, match="private or reserved"):
        edge.call(
            "igtm",
            "CreateAddressPool",
            PoolName="p",
            TrafficStrategy="ALL",
            AddressSet=[{"Addr": "10.0.0.1", "IsEnable": "ENABLED"}],
        )
    lines = {line["LineName"]: line["DnsLineId"] for line in edge.call("igtm", "DescribeDnsLineList")["DnsLineSet"]}
    assert lines["默认"] == 1
    assert lines["华北"] == NORTH
