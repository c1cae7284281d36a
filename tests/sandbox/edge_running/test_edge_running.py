"""A name, a certificate, a load balancer, its targets and Prometheus, all real, made through the API alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.services.vpc import hosts
from sandbox.substrate.commands import run
from sandbox.substrate.network import namespaces
from sandbox.substrate.supervision import processes
from tests.sandbox.edge_running.stage import DOMAIN, fetch, publish, serve, target_detail
from tests.sandbox.world import REGION, World


@pytest.mark.timeout(240)
def test_from_name_to_target_and_back(edge: World, tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    vpc_id, subnet = edge.network()
    place = publish(edge, vpc_id)
    lb = place["LoadBalancerId"]

    assert fetch(f"https://{DOMAIN}/", answer, "-w", "%{http_code}", "--fail") == 22
    machine = serve(edge, vpc_id, subnet)
    edge.clb("RegisterTargets", **place, Targets=[{"InstanceId": machine, "Port": 8080}])

    edge.api.until(lambda: target_detail(edge, lb) == "Alive", "the target is healthy")
    assert fetch(f"https://{DOMAIN}/", answer, "--fail", "--http2") == 0
    assert answer.read_text().startswith("198.19.16.")
    assert fetch(f"https://{DOMAIN}/", answer, "--tls-max", "1.2") == 35
    processes.stop_process(f"answer-{machine}")
    edge.api.until(lambda: target_detail(edge, lb) == "Dead", "the target is found dead")


def test_prometheus_scrapes_the_machines_it_finds(edge: World) -> None:
    vpc_id, subnet = edge.network("10.30.0.0/16")
    group = edge.call("vpc", "CreateSecurityGroup", GroupName="g", GroupDescription="g")["SecurityGroup"]
    policies = {"Ingress": [{"Protocol": "TCP", "Port": "8080", "CidrBlock": "10.30.0.0/16", "Action": "ACCEPT"}]}
    id = group["SecurityGroupId"]
    edge.call("vpc", "CreateSecurityGroupPolicies", SecurityGroupId=id, SecurityGroupPolicySet=policies)
    prom = edge.call(
        "monitor",
        "CreatePrometheusMultiTenantInstancePostPayMode",
        InstanceName="p",
        VpcId=vpc_id,
        SubnetId=subnet,
        DataRetentionTime=15,
        Zone=f"{REGION}-3",
    )["InstanceId"]

    def doc() -> dict[str, Any]:
        return edge.call("monitor", "DescribePrometheusInstances", InstanceIds=[prom])["InstanceSet"][0]

    edge.api.until(lambda: doc()["InstanceStatus"] == 2, "Prometheus runs")
    agent = edge.call("monitor", "CreatePrometheusAgent", InstanceId=prom, Name="a")["AgentId"]
    search = {"region": REGION, "ports": [8080], "filters": [{"name": "instance-name", "values": ["gateway"]}]}
    job = json.dumps(
        {"job_name": "gateway", "scrape_interval": "1s", "scrape_timeout": "1s", "cvm_sd_configs": [search]}
    )
    edge.call("monitor", "CreatePrometheusScrapeJob", InstanceId=prom, AgentId=agent, Config=job)
    machine = serve(edge, vpc_id, subnet)
    hosts.regroup(edge.api.store, machine, (id,))
    url = f'{doc()["ApiRootPath"]}/api/v1/query?query=up{{job="gateway"}}'

    def up() -> bool:
        inside = ["ip", "netns", "exec", namespaces.path(prom).name]
        found = json.loads(run([*inside, "curl", "-gsS", url]))["data"]["result"]
        return bool(found) and found[0]["value"][1] == "1"

    edge.api.until(up, "the machine is scraped")
