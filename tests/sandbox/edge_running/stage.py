"""What a program of the edge makes through the API alone: a name, a certificate, a load balancer and its failover."""

from pathlib import Path

from sandbox.services.vpc import addresses, hosts
from sandbox.substrate import authority
from sandbox.substrate.names import name_server
from sandbox.substrate.network import clients, namespaces, topology
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


def ground() -> None:
    """What all of it stands on: internet, regions, authority, name server, clients."""
    topology.start()
    processes.start()
    authority.ensure()
    name_server.start()
    clients.start()


def publish(edge: World, vpc_id: str) -> dict[str, str]:
    """An HTTPS load balancer behind DOMAIN, still without targets. Returns what RegisterTargets names it by."""
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
    failover(edge, name)
    return {"LoadBalancerId": lb, "ListenerId": listener, "LocationId": location}


def target_detail(edge: World, lb: str) -> str:
    """What the health check says of the one target: Alive, Dead and so on."""
    found = edge.call("clb", "DescribeTargetHealth", LoadBalancerIds=[lb])["LoadBalancers"][0]
    return str(found["Listeners"][0]["Rules"][0]["Targets"][0]["HealthStatusDetail"])


def failover(edge: World, balancer_name: str) -> None:
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


def serve(edge: World, vpc_id: str, subnet: str) -> str:
    """An instance that answers on 8080, as the CVM service would have made it."""
    address = str(addresses.take_private(edge.api.store, subnet, "machine"))
    id = edge.machine(vpc_id, subnet, address)
    place = hosts.Connection(
        name=id,
        kind="CVM",
        owner=id,
        region=REGION,
        vpc_id=vpc_id,
        subnet_id=subnet,
        private=address,
        trusts_balancers=True,
    )
    hosts.connect(edge.api.store, place)
    run_server(id)
    return id


def run_server(host: str) -> None:
    """Have a host answer on 8080."""
    processes.ensure(
        Process(name=f"answer-{host}", argv=("python3", "-c", ANSWER), host=host, ready=("127.0.0.1", 8080))
    )


def fetch(url: str, answer: Path, *options: str, region: str = REGION) -> int:
    """curl's status, as a client near the region."""
    return clients.run(["curl", "-sS", "-m", "10", "-o", str(answer), *options, url], region)


def reachable(answer: Path) -> bool:
    """Whether DOMAIN answers a client near the region."""
    return namespaces.exists(clients.host(REGION)) and fetch(f"https://{DOMAIN}/", answer, "--fail") == 0
