"""Prometheus instances: what they are given to scrape and to evaluate."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from sandbox.plugins.tencentcloud.errors import CloudError
from sandbox.plugins.tencentcloud.handler import HANDLERS
from sandbox.services.plane import Spec
from sandbox.substrate.specs import Metrics
from tests.sandbox.world import REGION, World, world

TMP, AGENT = "tencentcloud:Monitor/tmpInstance:TmpInstance", "tencentcloud:Monitor/tmpCvmAgent:TmpCvmAgent"
JOB, RECORDING = (
    "tencentcloud:Monitor/tmpScrapeJob:TmpScrapeJob",
    "tencentcloud:Monitor/tmpRecordingRule:TmpRecordingRule",
)
ALERT = "tencentcloud:Monitor/tmpAlertRule:TmpAlertRule"
GROUP = "name: sanmen\nrules:\n  - record: job:up:sum\n    expr: sum by (job) (up)\n"


@pytest.fixture
def edge(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as made:
        yield made


def prometheus(edge: World, vpc_id: str, subnet: str) -> tuple[str, dict[str, Any]]:
    return edge.up(
        TMP,
        instanceName="p",
        vpcId=vpc_id,
        subnetId=subnet,
        zone=f"{REGION}-3",
        dataRetentionTime=15,
        tags={"env": "local"},
    )


def job(name: str = "gateway") -> str:
    search = {"region": REGION, "ports": [9145], "filters": [{"name": "instance-name", "values": ["gateway"]}]}
    keep = {"source_labels": ["__meta_cvm_instance_state"], "regex": "RUNNING", "action": "keep"}
    return json.dumps({"job_name": name, "cvm_sd_configs": [search], "relabel_configs": [keep]})


def found_targets(metrics: Metrics) -> list[str]:
    groups: Any = metrics.scrapes[0].get("static_configs", [])
    return [target for group in groups for target in group["targets"]]


def test_an_instance_stands_in_its_subnet_and_goes_with_all_that_is_its(edge: World) -> None:
    vpc_id, subnet = edge.network()
    id, outputs = prometheus(edge, vpc_id, subnet)
    assert outputs["ipv4Address"] == str(edge.plane.hosts[id].private)
    assert edge.plane.metrics[id].retention_days == 15
    edge.up(AGENT, instanceId=id, name="a")
    edge.down(TMP, id, outputs)
    assert HANDLERS[TMP].read(edge.cloud, id, {}) is None
    assert (edge.plane.metrics, edge.plane.hosts) == ({}, {})
    assert edge.api.store.list("monitor.agent") == []


def test_machines_are_found_by_name_and_found_anew_when_they_come(edge: World) -> None:
    vpc_id, subnet = edge.network()
    id, _ = prometheus(edge, vpc_id, subnet)
    _, agent = edge.up(AGENT, instanceId=id, name="a")
    edge.machine(vpc_id, subnet, "10.20.0.9")
    edge.machine(vpc_id, subnet, "10.20.0.10", name="other")
    edge.up(JOB, instanceId=id, agentId=agent["agentId"], config=job())
    assert found_targets(edge.plane.metrics[id]) == ["10.20.0.9:9145"]
    labels: Any = edge.plane.metrics[id].scrapes[0]["static_configs"]
    assert labels[0]["labels"]["__meta_cvm_instance_state"] == "RUNNING"
    edge.machine(vpc_id, subnet, "10.20.0.11")
    edge.api.until(lambda: len(found_targets(edge.plane.metrics[id])) == 2, "the new machine is found")


def test_rules_and_alerts_are_evaluated_and_off_means_off(edge: World) -> None:
    vpc_id, subnet = edge.network()
    id, _ = prometheus(edge, vpc_id, subnet)
    recording, recording_out = edge.up(RECORDING, instanceId=id, name="sanmen", group=GROUP, ruleState=2)
    asked: dict[str, Any] = {
        "instanceId": id,
        "ruleName": "down",
        "expr": "up == 0",
        "duration": "1m",
        "receivers": ["notice-1"],
        "labels": [{"key": "severity", "value": "page"}],
    }
    alert, outputs = edge.up(ALERT, **asked, ruleState=2)
    assert [group["name"] for group in edge.plane.metrics[id].rules] == [f"{recording.split('#')[1]}-sanmen", "alerts"]
    outputs = edge.change(ALERT, alert, outputs, **asked, ruleState=3)
    assert len(edge.plane.metrics[id].rules) == 1
    without = {name: value for name, value in asked.items() if name != "labels"}
    outputs = edge.change(ALERT, alert, outputs, **without, ruleState=2)
    assert outputs["labels"] == []
    alerts: Any = edge.plane.metrics[id].rules[-1]["rules"]
    assert [rule["labels"] for rule in alerts] == [{}]
    edge.down(ALERT, alert, outputs)
    edge.down(RECORDING, recording, recording_out)
    assert edge.plane.metrics[id].rules == ()


def test_what_prometheus_does_not_accept_is_refused_and_not_kept(edge: World) -> None:
    vpc_id, subnet = edge.network()
    id, _ = prometheus(edge, vpc_id, subnet)
    _, agent = edge.up(AGENT, instanceId=id, name="a")
    with pytest.raises(CloudError, match="`job_name`"):
        edge.up(JOB, instanceId=id, agentId=agent["agentId"], config="- a\n- b\n")

    def refuses(spec: Spec) -> str | None:
        return "promtool: parse error" if isinstance(spec, Metrics) and spec.rules else None

    edge.plane.refuses = refuses
    with pytest.raises(CloudError, match="promtool: parse error"):
        edge.up(RECORDING, instanceId=id, name="bad", group=GROUP.replace("sum by", "sum buy"))
    assert edge.call("monitor", "DescribeRecordingRules", InstanceId=id)["TotalCount"] == 0


def test_a_retention_that_is_not_sold_is_refused(edge: World) -> None:
    vpc_id, subnet = edge.network()
    with pytest.raises(CloudError, match="allowed: 15, 30"):
        edge.up(TMP, instanceName="p", vpcId=vpc_id, subnetId=subnet, zone=f"{REGION}-3", dataRetentionTime=16)
