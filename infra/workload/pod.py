"""The gateway's pod: no root, no capability, read-only, secrets as files, room to finish open streams."""

import pulumi
from pulumi_kubernetes import core, meta

from gateway.config import SECRETS_DIRECTORY
from infra.context import CellContext
from infra.pod_sizing import EXPORTER_MIB, EXPORTER_MILLICORES, PodSize
from infra.region.firewall import GATEWAY_PORT, METRICS_PORTS

REDIS_EXPORTER_FILE = "redis-exporter.json"
"""Address -> password, the only form in which the exporter takes one from a file."""
USER = 10001
STATUS_PORT = 8081
"""nginx status for its exporter, on the loopback (gateway/config.py: Listen.status_port)."""
NOBODY_PRIVILEGED = core.v1.SecurityContextArgs(
    allow_privilege_escalation=False,
    read_only_root_filesystem=True,
    privileged=False,
    capabilities=core.v1.CapabilitiesArgs(drop=["ALL"]),
)
SCRATCH = {"run": "/run/sanmen/nginx", "tmp": "/tmp"}
"""Writable places, on the node's disk. A pod whose place outgrows its size is evicted: sizes have room for the load."""
RUN_MIB = 16
"""nginx's configuration and its pid."""
CORES = "SANMEN_CORES"
"""Tells the gateway how many cores it may use: nginx starts that many workers, not one for each core of the node."""


def pod(
    cell: CellContext,
    *,
    account: pulumi.Input[str],
    settings: pulumi.Input[str],
    secrets: pulumi.Input[str],
    redis: pulumi.Input[str],
) -> core.v1.PodSpecArgs:
    """The pod's specification. Names of its ServiceAccount, ConfigMap and Secret; `redis` as host:port."""
    labels = {"app.kubernetes.io/name": "gateway"}
    return core.v1.PodSpecArgs(
        service_account_name=account,
        automount_service_account_token=False,
        enable_service_links=False,
        host_network=False,
        # Time to be noticed, to finish the longest stream, and to stop.
        termination_grace_period_seconds=cell.stack.gateway.drain_notice_s + cell.stack.gateway.drain_s + 30,
        security_context=core.v1.PodSecurityContextArgs(
            run_as_non_root=True,
            run_as_user=USER,
            run_as_group=USER,
            fs_group=USER,
            seccomp_profile=core.v1.SeccompProfileArgs(type="RuntimeDefault"),
        ),
        topology_spread_constraints=[
            core.v1.TopologySpreadConstraintArgs(
                max_skew=1,
                topology_key=key,
                when_unsatisfiable=hard,
                label_selector=meta.v1.LabelSelectorArgs(match_labels=labels),
                # The nodes of a lost zone are tainted: they count as no place, so that the others take its pods.
                node_affinity_policy="Honor",
                node_taints_policy="Honor",
            )
            for key, hard in (
                ("topology.kubernetes.io/zone", "DoNotSchedule"),
                ("kubernetes.io/hostname", "ScheduleAnyway"),
            )
        ],
        containers=[_gateway(cell), _nginx_exporter(cell), _redis_exporter(cell, redis)],
        volumes=[
            core.v1.VolumeArgs(name="settings", config_map=core.v1.ConfigMapVolumeSourceArgs(name=settings)),
            core.v1.VolumeArgs(
                name="secrets",
                secret=core.v1.SecretVolumeSourceArgs(secret_name=secrets, default_mode=0o440),
            ),
            *(
                core.v1.VolumeArgs(name=name, empty_dir=core.v1.EmptyDirVolumeSourceArgs(size_limit=f"{mib}Mi"))
                for name, mib in (("run", RUN_MIB), ("tmp", _size(cell).spool_mib))
            ),
        ],
    )


def _gateway(cell: CellContext) -> core.v1.ContainerArgs:
    settings, size = cell.stack.tke, _size(cell)
    assert settings is not None
    memory = f"{size.memory_mib}Mi"
    return core.v1.ContainerArgs(
        name="gateway",
        image=settings.image,
        image_pull_policy="IfNotPresent",
        ports=[
            core.v1.ContainerPortArgs(name="http", container_port=GATEWAY_PORT),
            core.v1.ContainerPortArgs(name="metrics", container_port=METRICS_PORTS["gateway"]),
        ],
        security_context=NOBODY_PRIVILEGED,
        resources=core.v1.ResourceRequirementsArgs(
            requests={"cpu": f"{size.millicores}m", "memory": memory},
            limits={"cpu": f"{size.limit_millicores}m", "memory": memory},
        ),
        env=[
            core.v1.EnvVarArgs(
                name=CORES,
                value_from=core.v1.EnvVarSourceArgs(
                    # In whole cores, rounded up.
                    resource_field_ref=core.v1.ResourceFieldSelectorArgs(resource="limits.cpu", divisor="1")
                ),
            )
        ],
        # Starting: up to 60 s until it lives at all. Ready: out of the balancer within seconds, back as fast.
        # Living: only a gateway that answers nothing for a minute is restarted, for that cuts all its streams.
        startup_probe=_probe("/healthz", period_s=2, failures=30),
        readiness_probe=_probe("/readyz", period_s=5, failures=2),
        liveness_probe=_probe("/healthz", period_s=20, failures=3, timeout_s=5),
        # The endpoint leaves the balancer while the gateway still takes requests; then it drains by itself.
        lifecycle=core.v1.LifecycleArgs(
            pre_stop=core.v1.LifecycleHandlerArgs(
                sleep=core.v1.SleepActionArgs(seconds=cell.stack.gateway.drain_notice_s)
            )
        ),
        volume_mounts=[
            core.v1.VolumeMountArgs(name="settings", mount_path="/etc/sanmen", read_only=True),
            core.v1.VolumeMountArgs(name="secrets", mount_path=str(SECRETS_DIRECTORY), read_only=True),
            *(core.v1.VolumeMountArgs(name=name, mount_path=path) for name, path in SCRATCH.items()),
        ],
    )


def _size(cell: CellContext) -> PodSize:
    assert cell.size.pod is not None
    return cell.size.pod


def _probe(path: str, *, period_s: int, failures: int, timeout_s: int = 2) -> core.v1.ProbeArgs:
    return core.v1.ProbeArgs(
        http_get=core.v1.HTTPGetActionArgs(path=path, port="http"),
        period_seconds=period_s,
        timeout_seconds=timeout_s,
        failure_threshold=failures,
    )


def _nginx_exporter(cell: CellContext) -> core.v1.ContainerArgs:
    settings = cell.stack.tke
    assert settings is not None
    return _exporter(
        "nginx-exporter",
        settings.nginx_exporter_image,
        METRICS_PORTS["nginx"],
        [f"--nginx.scrape-uri=http://127.0.0.1:{STATUS_PORT}/stub_status"],
    )


def _redis_exporter(cell: CellContext, redis: pulumi.Input[str]) -> core.v1.ContainerArgs:
    settings = cell.stack.tke
    assert settings is not None
    container = _exporter(
        "redis-exporter",
        settings.redis_exporter_image,
        METRICS_PORTS["redis"],
        [
            pulumi.Output.concat("--redis.addr=redis://", redis),
            f"--redis.password-file={SECRETS_DIRECTORY}/{REDIS_EXPORTER_FILE}",
        ],
    )
    container.volume_mounts = [
        core.v1.VolumeMountArgs(name="secrets", mount_path=str(SECRETS_DIRECTORY), read_only=True)
    ]
    return container


def _exporter(name: str, image: str, port: int, arguments: list[pulumi.Input[str]]) -> core.v1.ContainerArgs:
    return core.v1.ContainerArgs(
        name=name,
        image=image,
        image_pull_policy="IfNotPresent",
        args=arguments,
        ports=[core.v1.ContainerPortArgs(name=name.partition("-")[0], container_port=port)],
        security_context=NOBODY_PRIVILEGED,
        resources=core.v1.ResourceRequirementsArgs(
            requests={"cpu": f"{EXPORTER_MILLICORES}m", "memory": f"{EXPORTER_MIB}Mi"},
            limits={"cpu": f"{EXPORTER_MILLICORES * 10}m", "memory": f"{EXPORTER_MIB}Mi"},
        ),
        startup_probe=core.v1.ProbeArgs(
            tcp_socket=core.v1.TCPSocketActionArgs(port=port), period_seconds=2, failure_threshold=30
        ),
        readiness_probe=core.v1.ProbeArgs(tcp_socket=core.v1.TCPSocketActionArgs(port=port), period_seconds=10),
        liveness_probe=core.v1.ProbeArgs(
            tcp_socket=core.v1.TCPSocketActionArgs(port=port), period_seconds=30, failure_threshold=5
        ),
    )
