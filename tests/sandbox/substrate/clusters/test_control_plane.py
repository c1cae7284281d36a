"""A real control plane: kubectl reaches it, its parts come back, secrets are encrypted, nothing of it stays."""

import base64
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import layout
from sandbox.substrate.clusters import api, control_plane, way_in
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import namespaces, topology
from sandbox.substrate.specs import Cluster
from sandbox.substrate.supervision import processes
from tests.sandbox.substrate.clusters import stage
from tests.sandbox.substrate.clusters.stage import Operator
from tests.sandbox.substrate.reach import until

PASSWORD = "no-one-may-read-this"
KEY = base64.b64encode(b"k" * 32).decode()
OTHER_KEY = base64.b64encode(b"o" * 32).decode()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with stage.network():
        cluster = stage.spec("cls-plane")
        control_plane.ensure(cluster)
        yield cluster
        control_plane.remove(cluster.name)
        topology.remove_host(cluster.host)


@pytest.fixture(scope="module")
def operator(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    return Operator(cluster.name, tmp_path_factory.mktemp("operator") / "config")


def pids(cluster: Cluster) -> dict[str, int | None]:
    names = {control_plane.process_name(cluster.name, part): part for part in control_plane.PARTS}
    return {names[status.name]: status.pid for status in processes.statuses() if status.name in names}


def test_kubectl_reaches_it_from_the_machine(operator: Operator) -> None:
    assert operator.kubectl("version", "-o", "json").count("v1.34.4") == 2
    assert operator.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}") == "admin"


def test_its_controllers_work(operator: Operator) -> None:
    operator.kubectl("create", "deployment", "web", "--image=web", "--replicas=2")
    until(lambda: operator.kubectl("get", "pods", "-l", "app=web", "-o", "name").count("pod/web-") == 2)
    phases = ["get", "pods", "-l", "app=web", "-o", "jsonpath={..reason}"]
    until(lambda: operator.kubectl(*phases) == "Unschedulable Unschedulable")  # by the scheduler: there is no node
    operator.kubectl("delete", "deployment", "web", "--wait=false")


def test_a_user_without_rights_has_none_and_one_with_rights_only_those(
    cluster: Cluster, operator: Operator, tmp_path: Path
) -> None:
    operator.kubectl("create", "clusterrolebinding", "readers", "--clusterrole=view", "--group=readers")
    nobody = Operator(cluster.name, tmp_path / "nobody", user="nobody", groups=())
    reader = Operator(cluster.name, tmp_path / "reader", user="reader", groups=("readers",))
    assert "nobody" in nobody.tried("get", "pods").stderr
    reader.kubectl("get", "pods")
    assert "forbidden" in reader.tried("delete", "namespace", "default").stderr
    assert control_plane.credentials(cluster.name, "reader", ["readers"]) == control_plane.credentials(
        cluster.name, "reader", ["readers"]
    )


def test_nothing_restarts_without_need(cluster: Cluster) -> None:
    before = pids(cluster)
    control_plane.ensure(cluster)
    assert pids(cluster) == before
    assert len([pid for pid in before.values() if pid]) == len(control_plane.PARTS)


def test_a_further_name_needs_no_restart(cluster: Cluster) -> None:
    before = pids(cluster)
    control_plane.ensure(replace(cluster, names=("10.9.0.99", "cls.example.test")))
    assert pids(cluster) == before
    context = ssl.create_default_context(cadata=control_plane.credentials(cluster.name, "x", ())[0])

    def named() -> bool:
        with socket.create_connection((str(cluster.address), api.PORT), timeout=5) as plain:
            try:
                context.wrap_socket(plain, server_hostname="cls.example.test").close()
            except ssl.SSLCertVerificationError:
                return False
        return True

    until(lambda: namespaces.inside(cluster.host, named))


@pytest.mark.parametrize("part", control_plane.PARTS)
def test_a_part_that_is_killed_comes_back_and_all_is_there(cluster: Cluster, operator: Operator, part: str) -> None:
    operator.kubectl("create", "configmap", f"before-{part}")
    pid = pids(cluster)[part]
    assert pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: pids(cluster).get(part) not in (None, pid), 20)
    until(lambda: api.ready(cluster.name), 30)
    until(lambda: operator.tried("get", "configmap", f"before-{part}").returncode == 0, 30)


def test_secrets_are_encrypted_from_when_they_are_to_be_and_in_clear_again(
    cluster: Cluster, operator: Operator
) -> None:
    operator.kubectl("create", "secret", "generic", "one", f"--from-literal=password={PASSWORD}")

    def stored() -> bytes:
        return stage.kept(cluster, "/registry/secrets/default/one")

    assert PASSWORD.encode() in stored()
    for key in (KEY, OTHER_KEY):
        control_plane.ensure(replace(cluster, encryption_key=key))
        assert PASSWORD.encode() not in stored()
        assert stored().startswith(b"k8s:enc:secretbox:v1:")
        told = operator.kubectl("get", "secret", "one", "-o", "jsonpath={.data.password}")
        assert base64.b64decode(told).decode() == PASSWORD
    config = (control_plane.directory(cluster.name) / "encryption.json").read_text()
    assert OTHER_KEY in config
    assert KEY not in config, "a key that nothing is written with any more is kept"
    control_plane.ensure(cluster)
    assert PASSWORD.encode() in stored()


def test_a_bad_key_is_refused_and_not_told(cluster: Cluster) -> None:
    with pytest.raises(SubstrateError, match="base64 of 32 bytes") as refused:
        control_plane.ensure(replace(cluster, encryption_key="c2hvcnQ="))
    assert "c2hvcnQ" not in str(refused.value)


def test_an_audit_log_says_who_did_what_and_no_secrets_content(cluster: Cluster, operator: Operator) -> None:
    control_plane.ensure(replace(cluster, audit_log=True))
    operator.kubectl("create", "secret", "generic", "audited", f"--from-literal=password={PASSWORD}")
    log = control_plane.directory(cluster.name) / "audit" / "audit.log"
    until(lambda: '"name":"audited"' in log.read_text())
    assert PASSWORD not in log.read_text()
    assert base64.b64encode(PASSWORD.encode()).decode() not in log.read_text()


def test_removed_it_leaves_no_process_no_directory_and_no_record(cluster: Cluster) -> None:
    second = replace(stage.spec("cls-gone"), address=cluster.address)
    before = set(pids(cluster).values())
    control_plane.remove(cluster.name)
    topology.remove_host(cluster.host)
    control_plane.ensure(second)
    running = {status.pid for status in processes.statuses() if status.name.startswith("cls-gone")}
    assert len(running) == len(control_plane.PARTS)
    assert not running & before
    control_plane.remove(second.name)
    topology.remove_host(second.host)
    assert not list(layout.STATE.rglob("*cls-*"))
    left = [status.name for status in processes.statuses()]
    assert not [name for name in left if name.startswith("cls-") or name == way_in.NAME]
    with pytest.raises(SubstrateError, match="no cluster"):
        control_plane.credentials(second.name, "admin", ())
