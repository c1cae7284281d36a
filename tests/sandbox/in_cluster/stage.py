"""A load balancer of the sandbox's API, and Services and pods that a test holds in its hand."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from lightkube.resources.core_v1 import Pod, Service

from sandbox.in_cluster import objects
from sandbox.in_cluster.objects import Key
from sandbox.in_cluster.service_controller import wishes
from sandbox.in_cluster.service_controller.balancers import Marks
from sandbox.in_cluster.service_controller.cloud import Cloud
from sandbox.in_cluster.service_controller.cluster import FINALIZER, GATE
from sandbox.in_cluster.service_controller.controller import Controller
from tests.sandbox.certificates import self_signed
from tests.sandbox.world import REGION, World

CLUSTER = "cls-abcdefgh"
HOST, OTHER_HOST = "api.sanmen.test", "www.sanmen.test"
LABELS = {"app": "gateway"}


class HeldCluster:
    """What a test says is in the cluster, and what the controller wrote there."""

    def __init__(self) -> None:
        self.held: dict[Key, Service] = {}
        self.running: dict[Key, Pod] = {}
        self.secrets: dict[Key, Mapping[str, bytes]] = {}
        self.configs: dict[Key, Mapping[str, Any]] = {}
        self.ingress: dict[Key, list[dict[str, str]]] = {}
        self.events: list[tuple[str, str, str]] = []

    def services(self) -> list[Service]:
        return list(self.held.values())

    def pods(self) -> list[Pod]:
        return list(self.running.values())

    def secret(self, key: Key) -> Mapping[str, bytes] | None:
        return self.secrets.get(key)

    def config(self, key: Key) -> Mapping[str, Any] | None:
        return self.configs.get(key)

    def adopt(self, service: Service, balancer_id: str) -> None:
        objects.meta(service).finalizers = [FINALIZER]

    def let_go(self, service: Service) -> None:
        objects.meta(service).finalizers = None
        if objects.leaving(service):
            del self.held[objects.key(service)]

    def set_ingress(self, service: Service, ingress: list[dict[str, str]]) -> None:
        self.ingress[objects.key(service)] = ingress

    def set_ready(self, pod: Pod, reason: str) -> None:
        key = objects.key(pod)
        self.running[key] = make_pod(key.name, str(objects.address(pod)), gated=True, opened=True)

    def tell(self, service: Service, kind: str, reason: str, message: str) -> None:
        self.events.append((kind, reason, message))

    @property
    def warnings(self) -> dict[str, str]:
        """Reason -> message."""
        return {reason: message for kind, reason, message in self.events if kind == "Warning"}


def make_pod(
    name: str,
    address: str,
    *,
    ready: bool = True,
    leaving: bool = False,
    gated: bool = False,
    opened: bool = False,
) -> Pod:
    """A pod of the Service. ready: its containers are. opened: so is its readiness gate."""
    conditions = [{"type": "ContainersReady", "status": "True" if ready else "False"}]
    conditions += [{"type": GATE, "status": "True"}] if opened else []
    return msgspec.convert(
        {
            "metadata": {
                "name": name,
                "namespace": "sanmen",
                "labels": LABELS,
                **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if leaving else {}),
            },
            "spec": {
                "containers": [{"name": "gateway", "ports": [{"name": "http", "containerPort": 8080}]}],
                "readinessGates": [{"conditionType": GATE}] if gated else [],
            },
            "status": {"phase": "Running", "podIP": address, "conditions": conditions},
        },
        Pod,
    )


class Stage:
    """The controller of one cluster over the sandbox's API."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cluster = HeldCluster()
        self.vpc, _ = world.network()
        self.balancer = self.make_balancer(self.vpc)
        credentials = world.api.directory / "credentials.json"
        key = world.api.key
        credentials.write_text(json.dumps({"secret_id": key.secret_id, "secret_key": key.secret_key}))
        cloud = Cloud(world.api.address, credentials, REGION)
        self.controller = Controller(self.cluster, cloud, Marks(cloud, CLUSTER, self.vpc))

    def make_balancer(self, vpc: str) -> str:
        """A public load balancer's id."""
        asked = {"LoadBalancerType": "OPEN", "VpcId": vpc, "MasterZoneId": f"{REGION}-3"}
        return self.world.clb("CreateLoadBalancer", **asked)["LoadBalancerIds"][0]

    def certificate(self, secret: str, host: str) -> str:
        """A certificate of the cloud, named by a Secret; its id."""
        chain, key = self_signed(host, 30)
        asked = {"CertificatePublicKey": chain, "CertificatePrivateKey": key, "CertificateType": "SVR"}
        id = self.world.call("ssl", "UploadCertificate", **asked)["CertificateId"]
        self.cluster.secrets[Key("sanmen", secret)] = {"qcloud_cert_id": id.encode()}
        return id

    def service(self, *hosts: str, name: str = "gateway", balancer: str = "", **annotations: str) -> Service:
        """An HTTPS Service for hosts, each with a certificate of its own."""
        tls: dict[str, dict[str, str]] = {}
        for host in hosts or (HOST,):
            tls[host] = {"tls": host}
            if Key("sanmen", host) not in self.cluster.secrets:
                self.certificate(host, host)
        said = {
            wishes.BALANCER: balancer or self.balancer,
            wishes.DIRECT: "true",
            wishes.GRACEFUL: "true",
            wishes.PROTOCOLS: json.dumps({"443": {"protocol": ["HTTPS"], "hosts": tls}}),
        }
        made = msgspec.convert(
            {
                "metadata": {
                    "name": name,
                    "namespace": "sanmen",
                    "uid": name,
                    "creationTimestamp": f"2026-01-01T00:00:0{len(self.cluster.held)}Z",
                    "annotations": said | annotations,
                },
                "spec": {
                    "type": "LoadBalancer",
                    "selector": LABELS,
                    "ports": [{"name": "https", "port": 443, "targetPort": "http", "protocol": "TCP"}],
                },
            },
            Service,
        )
        self.cluster.held[Key("sanmen", name)] = made
        return made

    def configure(self, **rule: Any) -> dict[str, str]:
        """A TkeServiceConfig with one rule for HOST; the annotation that names it."""
        domains = [{"domain": HOST, "http2": True, "rules": [{"url": "/", **rule}]}]
        listener = {"protocol": "HTTPS", "port": 443, "keepaliveEnable": 1, "domains": domains}
        self.cluster.configs[Key("sanmen", "listener")] = {"spec": {"loadBalancer": {"l7Listeners": [listener]}}}
        return {wishes.CONFIG: "listener"}

    def pods(self, *pods: Pod) -> None:
        """The pods that there are from now on."""
        self.cluster.running = {objects.key(pod): pod for pod in pods}

    def listeners(self) -> list[dict[str, Any]]:
        """What the cloud has on the load balancer."""
        return self.world.call("clb", "DescribeListeners", LoadBalancerId=self.balancer)["Listeners"]

    def weights(self, host: str = HOST) -> dict[str, int]:
        """address:port -> weight, of a host's rule."""
        answer = self.world.call("clb", "DescribeTargets", LoadBalancerId=self.balancer)
        rules = [rule for listener in answer["Listeners"] for rule in listener["Rules"] if rule["Domain"] == host]
        return {
            f"{target['PrivateIpAddresses'][0]}:{target['Port']}": target["Weight"]
            for rule in rules
            for target in rule["Targets"]
        }

    def tags(self) -> dict[str, str]:
        """The load balancer's."""
        (doc,) = self.world.call("clb", "DescribeLoadBalancers", LoadBalancerIds=[self.balancer])["LoadBalancerSet"]
        return {tag["TagKey"]: tag["TagValue"] for tag in doc["Tags"]}
