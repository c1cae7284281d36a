"""The gateway's Kubernetes objects: namespace, settings, secrets, deployment and what keeps it up and alone."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes import apps, autoscaling, core, meta, policy

from gateway.config import REDIS_PASSWORD_FILE
from infra.context import CellContext
from infra.edge.registry import PullAccount
from infra.region.network import Network
from infra.workload.isolation import Isolation, IsolationArgs
from infra.workload.names import APP, LABELS, NAMESPACE
from infra.workload.pod import REDIS_EXPORTER_FILE, pod


@dataclass(frozen=True, kw_only=True)
class GatewayArgs:
    """`settings`: gateway.json. `secret_files`: file name -> content, secret. `redis`: host:port for its exporter.

    `registry`: host name of the images; `puller`: who pulls them. `network`: whose ranges the pods may reach and be
    reached from. `after`: what the objects need and outlive nothing of. A component's own dependencies order its
    objects at creation, not at removal: so each object has them.
    """

    cell: CellContext
    network: Network
    after: Sequence[pulumi.Resource]
    settings: pulumi.Input[str]
    secret_files: pulumi.Output[dict[str, str]]
    registry: pulumi.Input[str]
    puller: PullAccount
    redis: pulumi.Input[str]


class Gateway(pulumi.ComponentResource):
    """Deployment of the gateway. namespace: its name."""

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: GatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:workload:Gateway", name, None, opts)
        self._cell, self._child = args.cell, pulumi.ResourceOptions(parent=self, depends_on=list(args.after))
        namespace = core.v1.Namespace(
            self._cell.name("namespace"),
            metadata=meta.v1.ObjectMetaArgs(
                name=NAMESPACE,
                labels={**LABELS, "pod-security.kubernetes.io/enforce": "restricted"},
            ),
            opts=pulumi.ResourceOptions.merge(
                self._child, pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(delete=self._farewell()))
            ),
        )
        self.namespace = namespace.metadata.name.apply(str)
        isolation = Isolation(
            self._cell.name("isolation"),
            IsolationArgs(cell=args.cell, network=args.network, namespace=self.namespace, after=args.after),
            pulumi.ResourceOptions(parent=self),
        )
        self._secret = pulumi.ResourceOptions.merge(
            self._child, pulumi.ResourceOptions(additional_secret_outputs=["stringData", "data"])
        )
        account = core.v1.ServiceAccount(
            self._cell.name("account"),
            metadata=self._meta(APP),
            automount_service_account_token=False,  # the gateway never talks to the API server
            image_pull_secrets=[core.v1.LocalObjectReferenceArgs(name=self._pull_secret(args).metadata.name)],
            opts=self._child,
        )
        settings, secrets = self._settings(args), self._secrets(args)
        self._deployment(account.metadata.name, settings.metadata.name, secrets.metadata.name, args, isolation)
        self._bounds()
        self.register_outputs({"namespace": self.namespace})

    def _farewell(self) -> str:
        """How long pods may take to go: their open streams finish."""
        gateway = self._cell.stack.gateway
        return f"{gateway.drain_notice_s + gateway.drain_s + 120}s"

    def _meta(self, name: pulumi.Input[str], annotations: Mapping[str, str] | None = None) -> Any:
        return meta.v1.ObjectMetaArgs(
            name=name, namespace=self.namespace, labels=LABELS, annotations=dict(annotations or {})
        )

    def _settings(self, args: GatewayArgs) -> core.v1.ConfigMap:
        """The name carries the content's hash: new settings are a new object, and so a rollout."""
        settings = pulumi.Output.from_input(args.settings)
        return core.v1.ConfigMap(
            self._cell.name("settings"),
            metadata=self._meta(settings.apply(lambda text: f"{APP}-{hashlib.sha256(text.encode()).hexdigest()[:10]}")),
            immutable=True,
            data={"gateway.json": settings},
            opts=self._child,
        )

    def _secrets(self, args: GatewayArgs) -> core.v1.Secret:
        """A fixed name: pods see changed files while they run, as machines do."""
        return core.v1.Secret(
            self._cell.name("secrets"),
            metadata=self._meta(f"{APP}-secrets"),
            type="Opaque",
            string_data=pulumi.Output.all(args.secret_files, args.redis).apply(
                lambda known: _files(known[0], known[1])
            ),
            opts=self._secret,
        )

    def _pull_secret(self, args: GatewayArgs) -> core.v1.Secret:
        """What nodes log in to the registry with."""
        puller = args.puller
        return core.v1.Secret(
            self._cell.name("registry-login"),
            metadata=self._meta("registry-login"),
            type="kubernetes.io/dockerconfigjson",
            string_data={
                ".dockerconfigjson": pulumi.Output.secret(
                    pulumi.Output.all(args.registry, puller.user, puller.password).apply(lambda known: _login(*known))
                )
            },
            opts=self._secret,
        )

    def _deployment(
        self,
        account: pulumi.Input[str],
        settings: pulumi.Input[str],
        secrets: pulumi.Input[str],
        args: GatewayArgs,
        isolation: Isolation,
    ) -> None:
        apps.v1.Deployment(
            self._cell.name("deployment"),
            metadata=self._meta(APP),
            spec=apps.v1.DeploymentSpecArgs(
                # No replica count: the autoscaler owns it.
                selector=meta.v1.LabelSelectorArgs(match_labels=LABELS),
                min_ready_seconds=10,
                progress_deadline_seconds=600,
                revision_history_limit=5,
                strategy=apps.v1.DeploymentStrategyArgs(
                    type="RollingUpdate",
                    rolling_update=apps.v1.RollingUpdateDeploymentArgs(max_surge="25%", max_unavailable=0),
                ),
                template=core.v1.PodTemplateSpecArgs(
                    metadata=meta.v1.ObjectMetaArgs(labels=LABELS),
                    spec=pod(self._cell, account=account, settings=settings, secrets=secrets, redis=args.redis),
                ),
            ),
            # The policies outlive the pods: without them open streams would be cut, or everything let in.
            opts=pulumi.ResourceOptions.merge(
                self._child,
                pulumi.ResourceOptions(
                    depends_on=isolation.policies, custom_timeouts=pulumi.CustomTimeouts(delete=self._farewell())
                ),
            ),
        )

    def _bounds(self) -> None:
        """How many, and how many may be away at once."""
        bounds = self._cell.stack.autoscaling
        autoscaling.v2.HorizontalPodAutoscaler(
            self._cell.name("autoscaler"),
            metadata=self._meta(APP),
            spec=autoscaling.v2.HorizontalPodAutoscalerSpecArgs(
                scale_target_ref=autoscaling.v2.CrossVersionObjectReferenceArgs(
                    api_version="apps/v1", kind="Deployment", name=APP
                ),
                min_replicas=self._cell.size.gateways,
                max_replicas=bounds.maximum,
                metrics=[
                    autoscaling.v2.MetricSpecArgs(
                        type="Resource",
                        resource=autoscaling.v2.ResourceMetricSourceArgs(
                            name="cpu",
                            target=autoscaling.v2.MetricTargetArgs(
                                type="Utilization", average_utilization=bounds.cpu_percent
                            ),
                        ),
                    )
                ],
                behavior=autoscaling.v2.HorizontalPodAutoscalerBehaviorArgs(
                    scale_down=autoscaling.v2.HPAScalingRulesArgs(
                        stabilization_window_seconds=bounds.scale_down_window_s,
                        policies=[autoscaling.v2.HPAScalingPolicyArgs(type="Pods", value=1, period_seconds=60)],
                    )
                ),
            ),
            opts=self._child,
        )
        policy.v1.PodDisruptionBudget(
            self._cell.name("disruption"),
            metadata=self._meta(APP),
            spec=policy.v1.PodDisruptionBudgetSpecArgs(
                max_unavailable="25%", selector=meta.v1.LabelSelectorArgs(match_labels=LABELS)
            ),
            opts=self._child,
        )


def _login(registry: str, user: str, password: str) -> str:
    """The document that kubelet reads, as `docker login` writes it."""
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    return json.dumps({"auths": {registry: {"username": user, "password": password, "auth": auth}}})


def _files(files: Mapping[str, str], redis: str) -> dict[str, str]:
    """The gateway's secret files and the one of the Redis exporter."""
    return {**files, REDIS_EXPORTER_FILE: json.dumps({f"redis://{redis}": files[REDIS_PASSWORD_FILE]})}
