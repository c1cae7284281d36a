"""A name, a certificate, a load balancer, its targets and Prometheus, all real, made through the API alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.services.vpc import addresses, hosts
from sandbox.substrate.commands import run
from sandbox.substrate.network import clients, namespaces
from sandbox.substrate.specs import Process
from sandbox.substrate.supervision import processes
from tests.sandbox.world import REGION, World

DOMAIN = "api.sanmen.test"
ANSWER = """
import http.server
class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"up 1\\n" if self.path == "/metrics" else self.headers.get("x-forwarded-for", "").encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Hello).serve_forever()
"""


def serve(edge: World, vpc_id: str, subnet: str) -> str:
    """An instance that answers on 8080, as the CVM service would have made it."""
    address = str(addresses.take_private(edge.api.store, subnet, "machine"))
    id = edge.machine(vpc_id, subnet, address)
    place = hosts.Connection(
        name=id, kind="CVM", owner=id, region=REGION, vpc_id=vpc_id, subnet_id=subnet, private=address
    )
    hosts.connect(edge.api.store, place)
    processes.ensure(
        Process(name=f"answer-{id}", argv=("python3", "-c", ANSWER), host=id, ready=(address, 8080)),
    )
    return id


def fetch(url: str, answer: Path, *options: str, region: str = REGION) -> int:
    """curl's status, as a client near the region."""
    return clients.run(["curl", "-sS", "-m", "10", "-o", str(answer), *options, url], region)


@pytest.mark.timeout(240)
def test_from_name_to_target_and_back(edge: World, tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    vpc_id, subnet = edge.network()
    edge.call("dnspod", "CreateDomain", Domain="sanmen.test")
    cert = edge.call("ssl", "ApplyCertificate", DvAuthMethod="DNS_AUTO", DomainName=DOMAIN)["CertificateId"]
    edge.api.until(
        lambda: edge.call("ssl", "DescribeCertificate", CertificateId=cert)["Status"] == 1, "the certificate is issued"
    )
    asked = {"LoadBalancerType": "OPEN", "LoadBalancerName": "lb", "VpcId": vpc_id, "LoadBalancerPassToTarget": True}
    lb = edge.clb("CreateLoadBalancer", **asked)["LoadBalancerIds"][0]
    name = edge.call("clb", "DescribeLoadBalancers", LoadBalancerIds=[lb])["LoadBalancerSet"][0]["LoadBalancerDomain"]
    listener = edge.clb(
        "CreateListener",
        LoadBalancerId=lb,
        Ports=[443],
        Protocol="HTTPS",
        Certificate={"SSLMode": "UNIDIRECTIONAL", "CertId": cert},
    )["ListenerIds"][0]
    check = {"HealthSwitch": 1, "TimeOut": 2, "IntervalTime": 3, "HealthNum": 2, "UnHealthNum": 2}
    rule = {"Domain": DOMAIN, "Url": "/", "Http2": True, "HealthCheck": check | {"HttpCheckMethod": "GET"}}
    location = edge.clb("CreateRule", LoadBalancerId=lb, ListenerId=listener, Rules=[rule])["LocationIds"][0]
    config = "ssl_protocols TLSv1.3;\nproxy_read_timeout 600s;"
    made = edge.clb("AddCustomizedConfig", ConfigName="c", ConfigType="SERVER", ConfigContent=config)
    bind = {"LoadBalancerId": lb, "ListenerId": listener, "Domain": DOMAIN}
    edge.clb("AssociateCustomizedConfig", UconfigId=made["ConfigId"], BindList=[bind])
    _failover(edge, name)

    assert fetch(f"https://{DOMAIN}/", answer, "-w", "%{http_code}", "--fail") == 22
    machine = serve(edge, vpc_id, subnet)
    place = {"LoadBalancerId": lb, "ListenerId": listener, "LocationId": location}
    edge.clb("RegisterTargets", **place, Targets=[{"InstanceId": machine, "Port": 8080}])

    def detail() -> str:
        found = edge.call("clb", "DescribeTargetHealth", LoadBalancerIds=[lb])["LoadBalancers"][0]
        return str(found["Listeners"][0]["Rules"][0]["Targets"][0]["HealthStatusDetail"])

    edge.api.until(lambda: detail() == "Alive", "the target is healthy")
    assert fetch(f"https://{DOMAIN}/", answer, "--fail", "--http2") == 0
    assert answer.read_text().startswith("198.19.16.")
    assert fetch(f"https://{DOMAIN}/", answer, "--tls-max", "1.2") == 35
    processes.stop_process(f"answer-{machine}")
    edge.api.until(lambda: detail() == "Dead", "the target is found dead")


def _failover(edge: World, balancer_name: str) -> None:
    """api -> gtm -> the load balancer, as the program has it."""
    cname = {"Domain": "sanmen.test", "RecordType": "CNAME", "RecordLine": "默认"}
    edge.call("dnspod", "CreateRecord", **cname, SubDomain="api", Value="gtm.sanmen.test")
    watch = edge.call(
        "igtm",
        "CreateMonitor",
        MonitorName="m",
        CheckProtocol="TCP",
        TcpPort=443,
        CheckInterval=15,
        Timeout=2,
        FailTimes=1,
        FailRate=50,
        DetectorStyle="INTERNAL",
        DetectorGroupIds=[1],
    )["MonitorId"]
    addr = [{"Addr": balancer_name, "IsEnable": "ENABLED", "Weight": 1}]
    pool = edge.call(
        "igtm", "CreateAddressPool", PoolName="p", TrafficStrategy="WEIGHT", AddressSet=addr, MonitorId=watch
    )["AddressPoolId"]
    access = {"AccessType": "CUSTOM", "AccessDomain": "sanmen.test", "AccessSubDomain": "gtm"}
    package = {"PackageType": "STANDARD", "ResourceId": "ins-sanmenigtm"}
    instance = edge.call("igtm", "CreateInstance", Domain=DOMAIN, GlobalTtl=60, InstanceName="i", **access, **package)
    level = [{"AddressPools": [{"PoolId": pool, "Weight": 1}], "MinSurviveNum": 1, "TrafficStrategy": "WEIGHT"}]
    edge.call(
        "igtm",
        "CreateStrategy",
        InstanceId=instance["InstanceId"],
        StrategyName="s",
        Source=[{"DnsLineId": 1}],
        MainAddressPoolSet=level,
        FallbackAddressPoolSet=level,
    )


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
