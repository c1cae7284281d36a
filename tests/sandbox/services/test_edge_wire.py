"""What the handlers of DNS, traffic, Prometheus and logs send and read, held against docs/fidelity."""

import base64
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from sandbox.api.actions import Context
from sandbox.api.restoring import restore
from sandbox.plugins.tencentcloud.cloud import Cloud
from sandbox.plugins.tencentcloud.errors import CloudError, ProviderError
from sandbox.services.monitor import dataplane
from tests.sandbox.world import REGION, World, world

ZONE, RECORD = "tencentcloud:Dnspod/domainInstance:DomainInstance", "tencentcloud:Dnspod/record:Record"
POOL, WATCH = "tencentcloud:Igtm/addressPool:AddressPool", "tencentcloud:Igtm/monitor:Monitor"
INSTANCE, STRATEGY = "tencentcloud:Igtm/instance:Instance", "tencentcloud:Igtm/strategy:Strategy"
TMP, RECORDING = (
    "tencentcloud:Monitor/tmpInstance:TmpInstance",
    "tencentcloud:Monitor/tmpRecordingRule:TmpRecordingRule",
)
LOGSET, TOPIC, INDEX = "tencentcloud:Cls/logset:Logset", "tencentcloud:Cls/topic:Topic", "tencentcloud:Cls/index:Index"
GROUP = "name: sanmen\nrules:\n  - record: job:up:sum\n    expr: sum by (job) (up)\n"
CNAME = {
    "domain": "sanmen.test",
    "subDomain": "a",
    "recordType": "CNAME",
    "recordLine": "默认",
    "value": "b.example.test",
}

Sent = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def edge(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as made:
        yield made


@pytest.fixture
def sent(edge: World, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """(action, parameters) of the handlers' calls, on their way to the API."""
    calls: Sent = []
    send = Cloud.call

    def noted(
        self: Cloud, service: str, action: str, params: dict[str, Any] | None = None, **how: Any
    ) -> dict[str, Any]:
        calls.append((action, {key: value for key, value in (params or {}).items() if value is not None}))
        return send(self, service, action, params, **how)

    monkeypatch.setattr(Cloud, "call", noted)
    return calls


def last(sent: Sent, action: str) -> dict[str, Any]:
    return [params for name, params in sent if name == action][-1]


def watch(edge: World) -> tuple[str, dict[str, Any]]:
    asked = {"checkInterval": 60, "timeout": 2, "failTimes": 0, "failRate": 50, "detectorStyle": "AUTO"}
    return edge.up(WATCH, asked, monitorName="m", checkProtocol="HTTP", detectorGroupIds=[1])


def topic(edge: World, **more: Any) -> tuple[str, dict[str, Any]]:
    logset, _ = edge.up(LOGSET, logsetName="l", tags={"env": "local"})
    return edge.up(TOPIC, logsetId=logset, topicName="t", **more)


def test_a_zone_is_asked_for_with_group_and_mark_and_reads_small(edge: World, sent: Sent) -> None:
    id, outputs = edge.up(ZONE, domain="sanmen.test", status="disable")
    assert last(sent, "CreateDomain") == {"Domain": "sanmen.test", "GroupId": 0, "IsMark": ""}
    assert (outputs["status"], outputs["isMark"], outputs["slaveDns"], outputs["groupId"]) == ("disable", "no", "no", 0)
    assert edge.call("dnspod", "DescribeDomain", Domain=id)["DomainInfo"]["Status"] == "pause"
    assert edge.change(ZONE, id, outputs, domain="sanmen.test", status="enable")["status"] == "enable"


def test_a_record_that_is_gone_reads_as_gone_and_a_domain_that_is_gone_is_an_error(edge: World) -> None:
    zone, _ = edge.up(ZONE, domain="sanmen.test", status="enable")
    id, outputs = edge.up(RECORD, CNAME)
    assert (outputs["mx"], outputs["remark"], outputs["value"]) == (0, "", "b.example.test")
    assert "weight" not in outputs
    edge.down(RECORD, id, outputs)
    assert edge.read(RECORD, id, {}) is None
    edge.down(ZONE, zone, {})
    for token, gone in ((RECORD, id), (ZONE, zone)):
        with pytest.raises(CloudError, match="DomainNotExists"):
            edge.read(token, gone, {})


def test_a_pool_sends_weight_zero_and_the_ids_of_addresses_that_stay(edge: World, sent: Sent) -> None:
    stays, goes = ({"addr": f"{name}.example.test", "isEnable": "ENABLED"} for name in ("stays", "goes"))
    id, outputs = edge.up(POOL, poolName="p", trafficStrategy="ALL", addressSets=[stays, goes])
    assert [address["Weight"] for address in last(sent, "CreateAddressPool")["AddressSet"]] == [0, 0]
    known = {address["addr"]: address["addressId"] for address in outputs["addressSets"]}
    new = goes | {"addr": "new.example.test"}
    edge.change(POOL, id, outputs, poolName="p", trafficStrategy="ALL", addressSets=[stays, new])
    kept = {address["Addr"]: address.get("AddressId") for address in last(sent, "ModifyAddressPool")["AddressSet"]}
    assert kept == {"stays.example.test": known["stays.example.test"], "new.example.test": None}


def test_what_the_cloud_filled_in_goes_back_with_a_change(edge: World, sent: Sent) -> None:
    id, outputs = watch(edge)
    assert (outputs["pingNum"], outputs["enableSni"]) == (20, "DISABLED")
    asked = {name: outputs[name] for name in ("checkInterval", "timeout", "failRate", "detectorStyle")}
    asked |= {"monitorName": "m", "checkProtocol": "HTTP", "detectorGroupIds": [1], "failTimes": 1}
    edge.change(WATCH, id, outputs, asked)
    told = last(sent, "ModifyMonitor")
    assert (told["FailTimes"], told["PingNum"], told["TcpPort"], told["Path"]) == (1, 20, 80, "/")
    assert "Host" not in told


def test_traffic_that_is_gone_or_in_use_is_refused_with_codes_that_nobody_repeats(edge: World) -> None:
    id, _ = watch(edge)
    address = {"addr": "a.example.test", "isEnable": "ENABLED"}
    edge.up(POOL, poolName="p", trafficStrategy="ALL", addressSets=[address], monitorId=int(id))
    refused: list[CloudError] = []
    for ask in (
        lambda: edge.down(WATCH, id, {}),
        lambda: edge.read(WATCH, "1", {}),
        lambda: edge.read(POOL, "1", {}),
        lambda: edge.down(POOL, "1", {}),
        lambda: edge.read(STRATEGY, "gtm-1#1", {}),
        lambda: edge.read(INSTANCE, "gtm-1", {}),
        lambda: edge.up(POOL, poolName="p", trafficStrategy="ALL", addressSets=[address]),
        lambda: edge.up(POOL, poolName="q", trafficStrategy="WEIGHT", addressSets=[address]),
    ):
        with pytest.raises(CloudError) as error:
            ask()
        refused.append(error.value)
    assert [error.code for error in refused] == [
        "FailedOperation.DeleteMonitorFailed",
        "ResourceNotFound.SearchInfo",
        "ResourceNotFound.SearchInfo",
        "UnauthorizedOperation.PoolUnauthorized",
        "ResourceNotFound.SearchInfo",
        "ResourceNotFound.SearchInfo",
        "UnsupportedOperation.PoolNameDuplicate",
        "InvalidParameterValue.PoolAddrWeightEmpty",
    ]
    assert not any(error.always_retried for error in refused)


def prometheus(edge: World) -> tuple[str, dict[str, Any], dict[str, Any]]:
    vpc_id, subnet = edge.network()
    asked = {"instanceName": "p", "vpcId": vpc_id, "subnetId": subnet, "zone": f"{REGION}-3", "dataRetentionTime": 15}
    return *edge.up(TMP, asked, tags={"env": "local"}), asked


def test_a_recording_rule_is_base64_on_the_wire_but_for_its_update(edge: World, sent: Sent) -> None:
    owner, _, _ = prometheus(edge)
    asked = {"instanceId": owner, "name": "sanmen", "ruleState": 2}
    id, outputs = edge.up(RECORDING, asked, group=GROUP)
    assert base64.b64decode(last(sent, "CreateRecordingRule")["Group"]).decode() == outputs["group"] == GROUP
    other = GROUP.replace("sum by", "max by")
    changed = edge.change(RECORDING, id, outputs, asked, group=other)
    assert last(sent, "UpdateRecordingRule")["Group"] == changed["group"] == other
    place = {"InstanceId": owner, "RuleId": id.split("#")[1]}
    stored = edge.call("monitor", "DescribeRecordingRules", **place)["RecordingRuleSet"][0]["Group"]
    assert base64.b64decode(stored).decode() == other
    with pytest.raises(CloudError, match="not the base64 of a text"):
        edge.cloud.call("monitor", "CreateRecordingRule", {"InstanceId": owner, "Name": "plain", "Group": GROUP})
    edge.down(RECORDING, id, changed)
    assert edge.read(RECORDING, id, {}) is None


def test_a_prometheus_has_its_tags_by_the_tag_service_and_its_name_with_every_change(edge: World, sent: Sent) -> None:
    id, outputs, asked = prometheus(edge)
    created = last(sent, "CreatePrometheusMultiTenantInstancePostPayMode")
    assert set(created) == {"InstanceName", "VpcId", "SubnetId", "DataRetentionTime", "Zone"}
    changed = edge.change(TMP, id, outputs, asked, tags={"env": "dev"})
    assert changed["tags"] == {"env": "dev"}
    assert last(sent, "ModifyPrometheusInstanceAttributes") == {"InstanceId": id, "InstanceName": "p"}


def test_logs_are_asked_for_as_the_provider_asks(edge: World, sent: Sent) -> None:
    id, outputs = topic(edge)
    assert "Tags" not in last(sent, "CreateLogset")
    assert last(sent, "CreateTopic")["Describes"] == ""
    assert "extends" not in outputs
    keys = [{"key": "age", "value": {"type": "long"}}]
    index, read = edge.up(INDEX, topicId=id, rule={"keyValue": {"caseSensitive": False, "keyValues": keys}})
    asked = last(sent, "CreateIndex")
    assert "Status" not in asked
    whole = {"Type": "long", "Tokenizer": "", "SqlFlag": False, "ContainZH": False}
    assert asked["Rule"]["KeyValue"]["KeyValues"] == [{"Key": "age", "Value": whole}]
    assert (read["status"], read["includeInternalFields"], read["metadataFlag"]) == (True, False, 0)
    edge.down(INDEX, index, read)
    with pytest.raises(CloudError, match="IndexNotExist"):
        edge.read(INDEX, index, {})


def test_anonymous_access_needs_its_switch(edge: World) -> None:
    access = {"operations": ["trackLog"], "conditions": [{"attributes": "VpcID", "rule": 1, "conditionValue": "vpc-1"}]}
    _, outputs = topic(edge, isWebTracking=True, extends={"anonymousAccess": access})
    assert outputs["extends"] == {"anonymousAccess": access}
    with pytest.raises(ProviderError, match="set together"):
        edge.up(TOPIC, logsetId="l", topicName="u", isWebTracking=True)


def test_names_change_in_place(edge: World, sent: Sent) -> None:
    zone, outputs = edge.up(ZONE, domain="sanmen.test", status="enable", remark="one")
    assert edge.change(ZONE, zone, outputs, domain="sanmen.test", status="enable")["remark"] == ""
    id, outputs = edge.up(RECORD, CNAME, remark="r")
    changed = edge.change(RECORD, id, outputs, CNAME, value="c.example.test.", mx=0, ttl=60)
    assert (changed["value"], changed["ttl"], changed["remark"]) == ("c.example.test.", 60, "")
    assert not {"MX", "Weight"} & last(sent, "ModifyRecord").keys()


def test_traffic_changes_in_place(edge: World, sent: Sent) -> None:
    asked = {"domain": "api.sanmen.test", "accessType": "CUSTOM", "accessDomain": "sanmen.test", "globalTtl": 60}
    asked |= {"accessSubDomain": "gtm", "packageType": "STANDARD", "resourceId": "ins-sanmenigtm"}
    owner, outputs = edge.up(INSTANCE, asked, instanceName="one")
    assert edge.change(INSTANCE, owner, outputs, asked, instanceName="two", globalTtl=90)["globalTtl"] == 90
    assert set(last(sent, "ModifyInstanceConfig")["InstanceConfig"]).isdisjoint({"PackageType", "ResourceId", "Remark"})
    addresses = [{"addr": "a.example.test", "isEnable": "ENABLED"}]
    pool, _ = edge.up(POOL, poolName="p", trafficStrategy="ALL", addressSets=addresses)
    level = {"addressPools": [{"poolId": int(pool), "weight": 1}]}
    rule = {"instanceId": owner, "sources": [{"dnsLineId": 1, "name": "默认"}]}
    rule |= {"mainAddressPoolSets": [level], "fallbackAddressPoolSets": [level]}
    rule |= {"keepDomainRecords": "DISABLED", "switchPoolType": "AUTO"}
    id, outputs = edge.up(STRATEGY, rule, strategyName="one")
    assert edge.change(STRATEGY, id, outputs, rule, strategyName="two")["strategyName"] == "two"
    main = outputs["mainAddressPoolSets"][0]
    told = last(sent, "ModifyStrategy")["MainAddressPoolSet"][0]
    assert (told["MainAddressPoolId"], told["MinSurviveNum"]) == (main["mainAddressPoolId"], 1)
    edge.down(STRATEGY, id, {})
    assert all(not zone.failovers for zone in edge.plane.zones)


def test_scrape_jobs_change_in_place_and_read_as_gone(edge: World) -> None:
    owner, _, _ = prometheus(edge)
    _, agent = edge.up("tencentcloud:Monitor/tmpCvmAgent:TmpCvmAgent", instanceId=owner, name="a")
    place = {"instanceId": owner, "agentId": agent["agentId"]}
    job = "tencentcloud:Monitor/tmpScrapeJob:TmpScrapeJob"
    id, outputs = edge.up(job, place, config="job_name: one\n")
    outputs = edge.change(job, id, outputs, place, config="job_name: two\n")
    assert [scrape["job_name"] for scrape in edge.plane.metrics[owner].scrapes] == ["two"]
    edge.down(job, id, outputs)
    assert edge.read(job, id, {}) is None


def test_logs_change_in_place(edge: World, sent: Sent) -> None:
    id, outputs = topic(edge)
    place = {"logsetId": outputs["logsetId"], "topicName": "t"}
    changed = edge.change(TOPIC, id, outputs, place, period=90, tags={"a": "b"})
    assert last(sent, "ModifyTopic") == {"TopicId": id, "Period": 90}
    assert changed["tags"] == {"a": "b"}
    logset = place["logsetId"]
    before = edge.read(LOGSET, logset, {})
    assert before is not None
    assert edge.change(LOGSET, logset, before, logsetName="other", tags={"env": "local"})["topicCount"] == 1
    text = {"fullText": {"caseSensitive": False, "tokenizer": ",", "containZH": False}}
    index, outputs = edge.up(INDEX, topicId=id, rule=text)
    edge.change(INDEX, index, outputs, topicId=id, rule={"fullText": text["fullText"] | {"containZH": True}})
    assert last(sent, "ModifyIndex")["Status"] is True
    edge.down(TOPIC, id, {})
    edge.down(LOGSET, logset, {})
    for token, gone in ((TOPIC, id), (LOGSET, logset)):
        with pytest.raises(ProviderError, match="does not exist"):
            edge.read(token, gone, {})


def test_other_calls_are_answered_while_the_name_server_takes_its_time(
    edge: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.up(ZONE, domain="sanmen.test", status="enable")
    begun, go_on = threading.Event(), threading.Event()
    serve = edge.plane.apply_zones

    def slowly(zones: Any) -> None:
        begun.set()
        assert go_on.wait(30)
        serve(zones)

    monkeypatch.setattr(edge.plane, "apply_zones", slowly)
    adding = threading.Thread(target=edge.up, args=(RECORD, CNAME))
    adding.start()
    try:
        assert begun.wait(30)
        assert edge.call("dnspod", "DescribeDomain", Domain="sanmen.test")["DomainInfo"]["RecordCount"] == 2
        edge.network()
    finally:
        go_on.set()
        adding.join(30)
    assert [record.name for zone in edge.plane.zones for record in zone.records] == ["a"]


def test_names_and_prometheus_stand_again_after_a_restart_of_the_machine(
    edge: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.up(ZONE, domain="sanmen.test", status="enable")
    id, _, _ = prometheus(edge)
    before = edge.plane.zones, dict(edge.plane.hosts), dict(edge.plane.metrics)
    assert [zone.domain for zone in edge.plane.zones] == ["sanmen.test"]
    assert list(edge.plane.metrics) == [id]
    edge.plane.zones = ()
    edge.plane.hosts.clear()
    edge.plane.metrics.clear()
    monkeypatch.setattr(dataplane, "_applied", {})
    restore(Context(store=edge.api.store))
    assert (edge.plane.zones, edge.plane.hosts, edge.plane.metrics) == before
