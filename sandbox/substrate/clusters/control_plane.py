"""A cluster's control plane: etcd, API server, controller manager and scheduler, processes on the cluster's host.

What it keeps is in STATE/clusters/<name>: `pki/`, `etcd/`, `audit/`, the API server's configurations. All but the API
server listen on the host's loopback alone. There is one of each, so none of them elects a leader.
"""

import json
import shutil
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox import layout
from sandbox.substrate import files, ledger
from sandbox.substrate.clusters import api, binaries, encryption, kubeconfig, pki, way_in
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.locks import holding
from sandbox.substrate.network import namespaces
from sandbox.substrate.specs import Cluster, Process
from sandbox.substrate.supervision import processes
from sandbox.substrate.waiting import until

PARTS = ("etcd", "apiserver", "controllers", "scheduler")
"""In the order in which they start."""
READY_TIMEOUT_S = 90.0
"""It takes 3 s on a machine that has nothing else to do."""
ETCD_PORT = 2379
_ETCD_PEER_PORT = 2380
_PORTS = {"etcd": ETCD_PORT, "controllers": 10257, "scheduler": 10259}
"""On loopback. The API server is asked itself."""
_AUDIT_LEVELS = [
    # Events and what the parts of a cluster ask all day long would fill the log.
    {"level": "None", "resources": [{"group": "", "resources": ["events"]}, {"group": "events.k8s.io"}]},
    {"level": "None", "verbs": ["get", "list", "watch"], "userGroups": ["system:nodes"]},
    {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version"]},
    # Never with what is in them.
    {
        "level": "Metadata",
        "resources": [{"group": "", "resources": ["secrets", "configmaps", "serviceaccounts/token"]}],
    },
    {"level": "Metadata", "resources": [{"group": "authentication.k8s.io", "resources": ["tokenreviews"]}]},
    {"level": "Request", "verbs": ["create", "update", "patch", "delete"]},
    {"level": "Metadata"},
]


def ensure(cluster: Cluster) -> None:
    """Run a control plane as its spec says, and return when its API server is ready and may be reached by the way in.

    Its host stands already.

    Raises SubstrateError with what the part that does not start said last.
    """
    with holding("cluster", cluster.name):
        ledger.put(api.KIND, cluster.name, {"host": cluster.host, "address": str(cluster.address)})
        pki.ensure(cluster.name)
        _run(cluster.name, _etcd(cluster))
        _run(cluster.name, _api_server(cluster))
        encryption.complete(cluster.name)
        _run(cluster.name, _controllers(cluster))
        _run(cluster.name, _scheduler(cluster))
    way_in.ensure()


def remove(name: str) -> None:
    """End a control plane and forget all that it kept. Gone already: nothing."""
    with holding("cluster", name):
        for part in reversed(PARTS):
            processes.stop_process(process_name(name, part))
        shutil.rmtree(directory(name), ignore_errors=True)
        ledger.drop(api.KIND, name)
        if not ledger.every(api.KIND):
            processes.stop_process(way_in.NAME)


def credentials(cluster: str, user: str, groups: Sequence[str]) -> tuple[str, str, str]:
    """(CA, certificate, key), each PEM, of a user with these groups; the same ones when asked again.

    Raises SubstrateError if there is no such cluster.
    """
    return (pki.ca(cluster), *pki.issued(cluster, user, groups).texts())


def states() -> Mapping[str, Mapping[str, bool]]:
    """Cluster -> part (one of PARTS) -> whether it is up."""
    up = {status.name for status in processes.statuses() if status.up}
    return {name: {part: process_name(name, part) in up for part in PARTS} for name in ledger.every(api.KIND)}


def directory(name: str) -> Path:
    """All that a cluster keeps."""
    return layout.STATE / "clusters" / name


def process_name(cluster: str, part: str) -> str:
    """The process of a part."""
    return f"{cluster}-{part}"


def _run(cluster: str, process: Process) -> None:
    """Have a part run, and wait until it answers: on a busy machine longer than the supervisor waits."""
    part = process.name.removeprefix(f"{cluster}-")
    processes.ensure(process)
    answers = (lambda: api.ready(cluster)) if part == "apiserver" else (lambda: _listens(process.host, _PORTS[part]))
    try:
        until(answers, f"{process.name} answers", READY_TIMEOUT_S)
    except SubstrateError as error:
        said = "\n".join(processes.tail(process.name, 12)) or "(it printed nothing)"
        raise SubstrateError(f"{error}. Its last words:\n{said}") from error


def _listens(host: str | None, port: int) -> bool:
    def attempt() -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return namespaces.inside(host, attempt)


def _process(cluster: Cluster, part: str, program: str, flags: Mapping[str, object], env: Mapping[str, str]) -> Process:
    return Process(
        name=process_name(cluster.name, part),
        argv=(binaries.path(program), *(f"--{flag}={value}" for flag, value in flags.items())),
        host=cluster.host,
        env=env,
    )


def _etcd(cluster: Cluster) -> Process:
    """In clear, as only what runs on the cluster's host reaches it."""
    data = directory(cluster.name) / "etcd"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    client, peer = f"http://127.0.0.1:{ETCD_PORT}", f"http://127.0.0.1:{_ETCD_PEER_PORT}"
    flags = {
        "name": "etcd",
        "data-dir": data,
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"etcd={peer}",
        "log-level": "warn",
    }
    return _process(cluster, "etcd", "etcd", flags, {})


def _api_server(cluster: Cluster) -> Process:
    home = pki.directory(cluster.name)
    own = pki.api_server(cluster.name, cluster.services, (str(cluster.address), *cluster.names))
    to_kubelets = pki.issued(cluster.name, "kube-apiserver-kubelet-client", ("system:masters",))
    for_others = pki.issued(cluster.name, "front-proxy-client", by="front")
    flags: dict[str, object] = {
        "advertise-address": cluster.address,
        "secure-port": api.PORT,
        "etcd-servers": f"http://127.0.0.1:{ETCD_PORT}",
        "service-cluster-ip-range": cluster.services,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "client-ca-file": home / "ca.pem",
        "tls-cert-file": own.certificate,
        "tls-private-key-file": own.key,
        "tls-min-version": "VersionTLS12",
        "kubelet-client-certificate": to_kubelets.certificate,
        "kubelet-client-key": to_kubelets.key,
        "kubelet-preferred-address-types": "InternalIP",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": home / "accounts.pem",
        "service-account-signing-key-file": home / "accounts.key",
        "requestheader-client-ca-file": home / "front.pem",
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "proxy-client-cert-file": for_others.certificate,
        "proxy-client-key-file": for_others.key,
        # The host has no kube-proxy, so a service's address leads nowhere from here.
        "enable-aggregator-routing": "true",
        "encryption-provider-config": encryption.path(cluster.name),
        "profiling": "false",
    }
    if cluster.audit_log:
        flags |= _audit(cluster.name)
    # It reads its certificate anew when that changes, the encryption not: it is started anew with another variable.
    written_with = encryption.configure(cluster.name, cluster.encryption_key)
    return _process(cluster, "apiserver", "kube-apiserver", flags, {"SANMEN_ENCRYPTION": written_with})


def _audit(cluster: str) -> dict[str, object]:
    policy, logs = directory(cluster) / "audit.json", directory(cluster) / "audit"
    levels = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": _AUDIT_LEVELS,
    }
    files.write(policy, json.dumps(levels))
    logs.mkdir(mode=0o700, exist_ok=True)
    return {
        "audit-policy-file": policy,
        "audit-log-path": logs / "audit.log",
        "audit-log-maxsize": 10,
        "audit-log-maxbackup": 3,
    }


def _controllers(cluster: Cluster) -> Process:
    home = pki.directory(cluster.name)
    config = _config(cluster, "system:kube-controller-manager")
    flags: dict[str, object] = {
        **_common(config),
        "cluster-name": cluster.name,
        "cluster-signing-cert-file": home / "ca.pem",
        "cluster-signing-key-file": home / "ca.key",
        "root-ca-file": home / "ca.pem",
        "service-account-private-key-file": home / "accounts.key",
        "service-cluster-ip-range": cluster.services,
        "use-service-account-credentials": "true",
        **dict(sorted(cluster.controllers.items())),
    }
    return _process(cluster, "controllers", "kube-controller-manager", flags, {})


def _scheduler(cluster: Cluster) -> Process:
    return _process(cluster, "scheduler", "kube-scheduler", _common(_config(cluster, "system:kube-scheduler")), {})


def _common(config: Path) -> dict[str, object]:
    return {
        "kubeconfig": config,
        "authentication-kubeconfig": config,
        "authorization-kubeconfig": config,
        "bind-address": "127.0.0.1",
        "leader-elect": "false",
        "profiling": "false",
    }


def _config(cluster: Cluster, user: str) -> Path:
    """A kubeconfig on the cluster's own host."""
    ca, certificate, key = credentials(cluster.name, user, ())
    access = kubeconfig.Access(server=f"https://{cluster.address}:{api.PORT}", ca=ca, certificate=certificate, key=key)
    path = directory(cluster.name) / f"{user.removeprefix('system:')}.kubeconfig"
    files.write(path, kubeconfig.text(access, cluster=cluster.name, user=user))
    return path
