"""A private network with a control plane in it, and kubectl as an operator on the machine uses it."""

import base64
import json
import subprocess
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, cast

from sandbox.substrate.clusters import binaries, control_plane, kubeconfig, way_in
from sandbox.substrate.network import namespaces, topology
from sandbox.substrate.specs import Cluster, Host, Router, Subnet
from sandbox.substrate.supervision import processes

ROUTER = "clusters-vpc"
SUBNET = "clusters-net"
ADDRESS = IPv4Address("10.9.0.10")


@contextmanager
def network() -> Generator[None]:
    """A router with one subnet."""
    topology.start()
    processes.start()
    topology.ensure_router(Router(name=ROUTER, region="ap-beijing"))
    topology.ensure_subnet(Subnet(name=SUBNET, router=ROUTER, cidr=IPv4Network("10.9.0.0/24")))
    yield
    topology.remove_router(ROUTER)


def spec(name: str) -> Cluster:
    """A cluster on a host that stands."""
    topology.ensure_host(Host(name=f"{name}-cp", subnet=SUBNET, private=ADDRESS))
    return Cluster(name=name, host=f"{name}-cp", address=ADDRESS, services=IPv4Network("172.16.0.0/20"))


class Operator:
    """Whoever has a kubeconfig."""

    def __init__(
        self, cluster: str, path: Path, *, user: str = "admin", groups: tuple[str, ...] = ("system:masters",)
    ) -> None:
        ca, certificate, key = control_plane.credentials(cluster, user, groups)
        server = f"https://{ADDRESS}:6443"
        access = kubeconfig.Access(server=server, ca=ca, certificate=certificate, key=key, proxy=way_in.url(ROUTER))
        path.write_text(kubeconfig.text(access, cluster=cluster, user=user))
        self._words = [binaries.path("kubectl"), f"--kubeconfig={path}", "--cache-dir", str(path.parent / "cache")]

    def tried(self, *words: str, given: str | None = None) -> "subprocess.CompletedProcess[str]":
        """Run kubectl."""
        argv = [*self._words, *words]
        return subprocess.run(argv, input=given, capture_output=True, text=True, timeout=30, check=False)

    def kubectl(self, *words: str, given: str | None = None) -> str:
        """What kubectl prints; it must succeed."""
        done = self.tried(*words, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def kept(cluster: Cluster, key: str) -> bytes:
    """What etcd has under a key, asked by its own HTTP gateway."""
    asked = json.dumps({"key": base64.b64encode(key.encode()).decode()}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{control_plane.ETCD_PORT}/v3/kv/range", asked)

    def ask() -> dict[str, Any]:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return cast(dict[str, Any], json.load(answer))

    (found,) = namespaces.inside(cluster.host, ask)["kvs"]
    return base64.b64decode(found["value"])
