"""Domains and records, and what the name server is given."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from sandbox.layout import REGIONS
from sandbox.plugins.tencentcloud.errors import CloudError
from sandbox.substrate.specs import Record
from tests.sandbox.world import World, world

ZONE = "sanmen.test"
DOMAIN, RECORD = "tencentcloud:Dnspod/domainInstance:DomainInstance", "tencentcloud:Dnspod/record:Record"


@pytest.fixture
def edge(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as made:
        made.call("dnspod", "CreateDomain", Domain=ZONE)
        yield made


def add(edge: World, **asked: Any) -> int:
    request = {"Domain": ZONE, "RecordType": "A", "RecordLine": "默认", "Value": "198.18.16.9", "SubDomain": "api"}
    return edge.call("dnspod", "CreateRecord", **(request | asked))["RecordId"]


def code_of(edge: World, **asked: Any) -> str:
    with pytest.raises(TencentCloudSDKException) as refused:
        add(edge, **asked)
    return str(refused.value.get_code())


def served(edge: World) -> list[Record]:
    (zone,) = (zone for zone in edge.plane.zones if zone.domain == ZONE)
    return list(zone.records)


def test_a_line_answers_the_clients_of_its_region_and_the_mainland_line_those_of_the_others(edge: World) -> None:
    add(edge, Value="198.18.16.9")
    add(edge, RecordLine="华北", Value="198.18.16.10")
    add(edge, RecordLine="境内", Value="198.18.16.11")
    add(edge, RecordLine="电信", Value="198.18.16.12")
    by_value = {record.value: record.lines for record in served(edge)}
    assert by_value["198.18.16.9"] == ()
    assert by_value["198.18.16.10"] == (REGIONS["ap-beijing"].clients, REGIONS["ap-beijing"].public)
    mainland = {line for record in served(edge) if record.value == "198.18.16.11" for line in record.lines}
    assert mainland == {n for r in ("ap-shanghai", "ap-guangzhou") for n in (REGIONS[r].clients, REGIONS[r].public)}
    assert "198.18.16.12" not in by_value


def test_duplicates_conflicts_and_wrong_values_are_refused(edge: World) -> None:
    add(edge)
    assert code_of(edge) == "InvalidParameter.DomainRecordExist"
    assert code_of(edge, RecordType="CNAME", Value="x.example.test.") == "InvalidParameter.CustomMessage"
    assert code_of(edge, Value="300.1.1.1") == "InvalidParameter.RecordValueInvalid"
    assert code_of(edge, RecordLine="Default", SubDomain="b") == "InvalidParameter.RecordLineInvalid"
    assert code_of(edge, Domain="other.test") == "InvalidParameterValue.DomainNotExists"
    assert [record.name for record in served(edge)] == ["api"]


def test_the_plan_bounds_ttl_and_lines(edge: World) -> None:
    add(edge, TTL=1)
    edge.api.store.put("dnspod.plan", "account", {"Grade": "DP_FREE"})
    edge.call("dnspod", "CreateDomain", Domain="free.test")
    assert code_of(edge, Domain="free.test", TTL=60) == "LimitExceeded.RecordTtlLimit"
    assert code_of(edge, Domain="free.test", RecordLine="华北") == "InvalidParameter.RecordLineInvalid"


def test_what_the_name_server_refuses_is_not_kept(edge: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from sandbox.substrate.errors import SubstrateError

    def refuse(zones: object) -> None:
        raise SubstrateError("gdnsd says no")

    monkeypatch.setattr(edge.plane, "apply_zones", refuse)
    with pytest.raises(TencentCloudSDKException, match="gdnsd says no"):
        add(edge)
    with pytest.raises(TencentCloudSDKException, match="NoDataOfRecord"):
        edge.call("dnspod", "DescribeRecordList", Domain=ZONE, Subdomain="api")


def test_a_disabled_domain_is_not_answered_for(edge: World) -> None:
    edge.call("dnspod", "ModifyDomainStatus", Domain=ZONE, Status="disable")
    assert edge.plane.zones == ()


def test_zone_and_record_go_up_without_differences_and_keep_the_written_dot(edge: World) -> None:
    zone, zone_out = edge.up(DOMAIN, domain="two.test", status="enable", remark="note")
    asked = {"domain": "two.test", "subDomain": "www", "recordType": "CNAME", "recordLine": "默认", "ttl": 60}
    id, outputs = edge.up(RECORD, **asked, value="a.example.test")
    assert id.startswith("two.test#")
    changed = edge.change(RECORD, id, outputs, **asked, value="b.example.test.", remark="r")
    assert changed["value"] == "b.example.test."
    edge.down(RECORD, id, changed)
    with pytest.raises(CloudError, match="RecordIdInvalid"):
        edge.down(RECORD, id, changed)
    edge.down(DOMAIN, zone, zone_out)
    assert [z.domain for z in edge.plane.zones] == [ZONE]
