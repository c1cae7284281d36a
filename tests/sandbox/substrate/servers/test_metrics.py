"""A real Prometheus that scrapes itself."""

import json
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from sandbox import layout
from sandbox.substrate.commands import run
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import namespaces, topology
from sandbox.substrate.servers import metrics
from sandbox.substrate.specs import Host, Metrics, Router, Subnet
from sandbox.substrate.supervision import processes
from sandbox.substrate.waiting import until

SCRAPE = {"job_name": "itself", "scrape_interval": "1s", "static_configs": [{"targets": ["127.0.0.1:9090"]}]}
RULES = {"name": "alive", "rules": [{"alert": "Down", "expr": "up == 0", "for": "1m"}]}
SPEC = Metrics(name="tmp", host="prom-host", retention_days=3, scrapes=(SCRAPE,), rules=(RULES,))


@pytest.fixture(scope="module", autouse=True)
def cell() -> Iterator[None]:
    topology.start()
    processes.start()
    topology.ensure_router(Router(name="prom-vpc", region="ap-shanghai"))
    topology.ensure_subnet(Subnet(name="prom-net", router="prom-vpc", cidr=IPv4Network("10.7.0.0/24")))
    topology.ensure_host(Host(name="prom-host", subnet="prom-net", private=IPv4Address("10.7.0.10")))
    yield
    metrics.remove("tmp")
    topology.remove_host("prom-host")
    topology.remove_router("prom-vpc")


def get(path: str) -> Any:
    url = f"http://127.0.0.1:9090/api/v1/{path}"
    return json.loads(namespaces.inside("prom-host", lambda: run(["curl", "-fsSg", "--max-time", "5", url])))["data"]


def value(query: str) -> str | None:
    found = get(f"query?query={query}")["result"]
    return found[0]["value"][1] if found else None


def scrapes() -> int:
    return int(value("count_over_time(up[1h])") or 0)


def pid() -> int | None:
    return next(status.pid for status in processes.statuses() if status.name == "metrics-tmp")


def test_it_scrapes_and_has_its_rules_and_retention() -> None:
    metrics.ensure(SPEC)
    until(lambda: value("up") == "1", "it scraped itself")
    assert [group["name"] for group in get("rules")["groups"]] == ["alive"]
    assert get("status/flags")["storage.tsdb.retention.time"] == "3d"


def test_changes_are_taken_without_a_restart() -> None:
    metrics.ensure(SPEC)
    before = pid()
    other = RULES | {"name": "renamed"}
    metrics.ensure(replace(SPEC, rules=(other,)))
    assert [group["name"] for group in get("rules")["groups"]] == ["renamed"]
    assert pid() == before


@pytest.mark.parametrize(
    "bad",
    [
        replace(SPEC, rules=({"name": "broken", "rules": [{"alert": "X", "expr": "up =="}]},)),
        replace(SPEC, scrapes=({"job_name": "broken", "scrape_intervall": "1s"},)),
    ],
    ids=["rule", "scrape"],
)
def test_what_promtool_refuses_changes_nothing(bad: Metrics) -> None:
    metrics.ensure(SPEC)
    with pytest.raises(SubstrateError, match="promtool"):
        metrics.ensure(bad)
    assert [group["name"] for group in get("rules")["groups"]] == ["alive"]
    assert "broken" not in (layout.STATE / "metrics/tmp/prometheus.yml").read_text()


def test_what_it_measured_outlives_a_restart() -> None:
    metrics.ensure(SPEC)
    until(lambda: scrapes() > 2, "it scraped itself more than once")
    before = scrapes()
    metrics.ensure(replace(SPEC, retention_days=4))
    assert get("status/flags")["storage.tsdb.retention.time"] == "4d"
    assert scrapes() >= before
