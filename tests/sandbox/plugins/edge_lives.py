"""The lives of all resource types of DNSPod, IGTM, TMP and CLS: made, changed, read, deleted.

`recorded/edge.json` holds what the official plugin 0.2.3, unchanged, asked of the sandbox at each step of them. It is
never edited by hand.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

RECORDED = Path(__file__).parent / "recorded" / "edge.json"
Props = dict[str, Any]
Lived = tuple[str, Props, Callable[[], None]]
"""Id, outputs, and what deletes it."""


class Lives(Protocol):
    """Makes one of a type, changes it if there is a second wish, and reads it."""

    def __call__(self, kind: str, first: Props, second: Props | None = None) -> Lived: ...


def live(life: Lives, vpc_id: str, subnet: str) -> None:
    """All of them, each deleted before what it stands on."""
    zone = life("Dnspod/domainInstance:DomainInstance", *_changed(_ZONE, status="disable", remark=""))
    record = life("Dnspod/record:Record", *_changed(_RECORD, value="c.example.test.", remark="r"))
    _traffic(life)
    _metrics(life, {"vpcId": vpc_id, "subnetId": subnet})
    _logs(life)
    for _, _, delete in (record, zone):
        delete()


_TAGS = {"env": "local"}
_ZONE: Props = {"domain": "sanmen.test", "status": "enable", "remark": "one"}
_RECORD: Props = {
    "domain": "sanmen.test",
    "subDomain": "a",
    "recordType": "CNAME",
    "recordLine": "默认",
    "value": "b.example.test",
    "ttl": 60,
    "status": "ENABLE",
}
_INSTANCE: Props = {
    "domain": "api.sanmen.test",
    "accessType": "CUSTOM",
    "accessDomain": "sanmen.test",
    "accessSubDomain": "gtm",
    "globalTtl": 60,
    "packageType": "STANDARD",
    "instanceName": "one",
    "resourceId": "ins-sanmenigtm",
}
_MONITOR: Props = {
    "monitorName": "m",
    "checkProtocol": "HTTPS",
    "checkInterval": 15,
    "timeout": 2,
    "failTimes": 1,
    "failRate": 50,
    "detectorStyle": "INTERNAL",
    "detectorGroupIds": [1],
    "host": "api.sanmen.test",
    "path": "/readyz",
    "returnCodeThreshold": 400,
}


def _changed(first: Props, **second: Any) -> tuple[Props, Props]:
    return first, {**first, **second}


def _traffic(life: Lives) -> None:
    instance, _, _ = life("Igtm/instance:Instance", *_changed(_INSTANCE, globalTtl=90, instanceName="two"))
    watch = life("Igtm/monitor:Monitor", *_changed(_MONITOR, failTimes=0))
    address = {"addr": "a.example.test", "isEnable": "ENABLED", "weight": 10}
    main: Props = {"poolName": "p", "trafficStrategy": "WEIGHT", "addressSets": [address], "monitorId": int(watch[0])}
    pool = life("Igtm/addressPool:AddressPool", *_changed(main, poolName="q"))
    bare = {"addr": "a.example.test", "isEnable": "ENABLED"}
    last = life("Igtm/addressPool:AddressPool", {"poolName": "all", "trafficStrategy": "ALL", "addressSets": [bare]})
    level = {"addressPools": [{"poolId": int(pool[0]), "weight": 1}], "minSurviveNum": 1, "trafficStrategy": "WEIGHT"}
    wish: Props = {
        "instanceId": instance,
        "strategyName": "s",
        "sources": [{"dnsLineId": 1, "name": "默认"}],
        "mainAddressPoolSets": [level],
        "fallbackAddressPoolSets": [{"addressPools": [{"poolId": int(last[0]), "weight": 1}]}],
        "switchPoolType": "AUTO",
        "keepDomainRecords": "DISABLED",
    }
    strategy = life("Igtm/strategy:Strategy", *_changed(wish, strategyName="t"))
    for _, _, delete in (strategy, last, pool, watch):
        delete()


def _metrics(life: Lives, place: Props) -> None:
    wish = {"instanceName": "p", **place, "zone": "ap-beijing-3", "dataRetentionTime": 15, "tags": _TAGS}
    owner = life("Monitor/tmpInstance:TmpInstance", *_changed(wish, dataRetentionTime=30, tags={"a": "b"}))
    own: Props = {"instanceId": owner[0]}
    agent = life("Monitor/tmpCvmAgent:TmpCvmAgent", {**own, "name": "a"})
    scrape = {**own, "agentId": agent[1]["agentId"], "config": "job_name: one\n"}
    job = life("Monitor/tmpScrapeJob:TmpScrapeJob", *_changed(scrape, config="job_name: two\n"))
    group = "name: g\nrules:\n  - record: job:up:sum\n    expr: sum by (job) (up)\n"
    wish = {**own, "name": "g", "group": group, "ruleState": 2}
    recording = life(
        "Monitor/tmpRecordingRule:TmpRecordingRule", *_changed(wish, group=group.replace("sum by", "max by"))
    )
    wish = {**own, "ruleName": "down", "expr": "up == 0", "duration": "1m", "ruleState": 2, "receivers": ["n"]}
    wish |= {"labels": [{"key": "severity", "value": "page"}], "annotations": [{"key": "summary", "value": "s"}]}
    alert = life("Monitor/tmpAlertRule:TmpAlertRule", *_changed(wish, ruleState=3, labels=[]))
    for _, _, delete in (alert, recording, job, agent, owner):
        delete()


def _logs(life: Lives) -> None:
    logset = life("Cls/logset:Logset", *_changed({"logsetName": "l", "tags": _TAGS}, logsetName="m", tags={"a": "b"}))
    wish: Props = {"logsetId": logset[0], "topicName": "t", "storageType": "hot", "period": 30, "partitionCount": 1}
    wish |= {"autoSplit": True, "maxSplitPartitions": 50, "tags": _TAGS}
    topic = life("Cls/topic:Topic", *_changed(wish, period=60, describes="d", tags={"a": "b"}))
    text = {"fullText": {"caseSensitive": False, "containZH": True, "tokenizer": "@&?|#()='\",;:<>[]{}/ \n\t\r\\"}}
    keys = {"keyValue": {"caseSensitive": True, "keyValues": [{"key": "age", "value": {"type": "long"}}]}}
    more = {**text, **keys, "dynamicIndex": {"status": True}}
    index = life("Cls/index:Index", *_changed({"topicId": topic[0], "status": True, "rule": text}, rule=more))
    for _, _, delete in (index, topic, logset):
        delete()


def plain(calls: list[list[Any]]) -> list[list[Any]]:
    """The same for every run: ids by their kind, tags in one order, and looks at one state once."""
    found: list[list[Any]] = []
    for action, params in calls:
        text = json.dumps(params, sort_keys=True, ensure_ascii=False)
        text = re.sub(r"\b(prom|agent|job|rrule|arule|gtm|vpc|subnet)-[a-z0-9]{8}\b", r"\1-id", text)
        asked = json.loads(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "uuid", text))
        if [action, asked] not in found[-1:]:
            found.append([action, asked])
    return found
