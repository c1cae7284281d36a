"""Rules for Kubernetes workloads: Pod Security "restricted", CIS, NSA hardening. Numbers: docs/policies.md."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policies.rules import Resource, ResourceRule, Rule, block, items

PODS = ("kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet", "kubernetes:apps/v1:DaemonSet")
AUTOSCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
OLD_AUTOSCALERS = ("kubernetes:autoscaling/v1:HorizontalPodAutoscaler", "kubernetes:autoscaling/v2beta2:")
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"

MIN_REPLICAS = {"prod": 3}
MIN_REPLICAS_ELSEWHERE = 2
LEAST_MAXIMUM = 10
SCALE_DOWN_WINDOW_S = 300
MAX_AWAY_PERCENT = 25
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
SPREAD_OVER = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")


def pod_has_no_privileges(resource: Resource) -> Iterator[str]:
    """Rule 27. CIS Kubernetes 5.2.2 to 5.2.12, Checkov CKV_K8S_16, 20, 22, 23, 28, 37, 31."""
    pod = resource.props["spec"]["template"]["spec"]
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield f"{name} is true: a pod shares nothing with its node. Remove it"
    for volume in items(pod, "volumes"):
        if volume.get("hostPath"):
            yield f"volume {volume.get('name')} is a host path: a pod shares nothing with its node. Remove it"
    common = block(pod, "securityContext")
    for container in _containers(pod):
        own = block(container, "securityContext")
        for path, wanted in (
            ("runAsNonRoot", True),
            ("allowPrivilegeEscalation", False),
            ("readOnlyRootFilesystem", True),
        ):
            value: Any = own.get(path, common.get(path))
            if value is not wanted:
                yield _wanted(container, f"securityContext.{path}", value, wanted)
        if own.get("privileged"):
            yield _wanted(container, "securityContext.privileged", True, False)
        capabilities = block(own, "capabilities")
        if "ALL" not in list(items(capabilities, "drop")) or capabilities.get("add"):
            yield _wanted(container, "securityContext.capabilities", "not all dropped", {"drop": ["ALL"]})
        profile = block(own, "seccompProfile") or block(common, "seccompProfile")
        if profile.get("type") != "RuntimeDefault":
            yield _wanted(container, "securityContext.seccompProfile.type", profile.get("type"), "RuntimeDefault")


def pod_states_its_needs(resource: Resource) -> Iterator[str]:
    """Rule 29, first half. Checkov CKV_K8S_10 to 13."""
    for container in _containers(resource.props["spec"]["template"]["spec"]):
        resources = block(container, "resources")
        requests, limits = block(resources, "requests"), block(resources, "limits")
        for kind, values in (("requests", requests), ("limits", limits)):
            for what in ("cpu", "memory"):
                if values.get(what) is None:
                    yield _wanted(container, f"resources.{kind}.{what}", None, "a quantity")
        if requests.get("memory") != limits.get("memory"):
            yield _wanted(
                container, "resources.requests.memory", requests.get("memory"), f"its limit, {limits.get('memory')}"
            )


def pod_tells_its_state(resource: Resource) -> Iterator[str]:
    """Rule 29, second half: starting, ready and living are three questions. Checkov CKV_K8S_8 and 9."""
    for container in resource.props["spec"]["template"]["spec"]["containers"]:
        probes = {name: container.get(name) for name in PROBES}
        for name, probe in probes.items():
            if not probe:
                yield _wanted(container, name, None, "a probe")
        texts = [json.dumps(_plain(probe), sort_keys=True) for probe in probes.values() if probe]
        if len(set(texts)) < len(texts):
            yield _wanted(container, "probes", "the same", "three that differ: an overload must not look like a death")


def autoscaler_has_room(resource: Resource) -> Iterator[str]:
    """Rule 30."""
    spec, least = resource.props["spec"], MIN_REPLICAS.get(resource.stack, MIN_REPLICAS_ELSEWHERE)
    if (spec.get("minReplicas") or 1) < least:
        yield f"spec.minReplicas is {spec.get('minReplicas')}: at least {least}. Change sanmen:load or sanmen:regions"
    if spec["maxReplicas"] < LEAST_MAXIMUM:
        yield f"spec.maxReplicas is {spec['maxReplicas']}: at least {LEAST_MAXIMUM}. Change sanmen:autoscaling.maximum"


def autoscaler_is_patient(resource: Resource) -> Iterator[str]:
    """Rule 30: a shrinking deployment cuts streams."""
    behavior = block(resource.props["spec"], "behavior")
    window: Any = block(behavior, "scaleDown").get("stabilizationWindowSeconds")
    if window is None or window < SCALE_DOWN_WINDOW_S:
        yield (
            f"spec.behavior.scaleDown.stabilizationWindowSeconds is {window}: at least {SCALE_DOWN_WINDOW_S}. "
            "Change sanmen:autoscaling.scale_down_window_s"
        )


def autoscaler_is_current(resource: Resource) -> Iterator[str]:
    """Rule 30: only autoscaling/v2 knows behavior and metrics of one's own."""
    yield f"{resource.type} is an old version: use autoscaling/v2"


def budget_is_small(resource: Resource) -> Iterator[str]:
    """Rule 31, first half."""
    spec = resource.props["spec"]
    away = spec.get("maxUnavailable")
    if isinstance(away, str) and away.endswith("%") and int(away[:-1]) <= MAX_AWAY_PERCENT:
        return
    if away == 1:
        return
    given = away if away is not None else f"unset (minAvailable {spec.get('minAvailable')})"
    yield f"spec.maxUnavailable is {given}: at most {MAX_AWAY_PERCENT}% may be away at once, or 1"


def pods_are_spread(resource: Resource) -> Iterator[str]:
    """Rule 31, second half."""
    constraints = items(resource.props["spec"]["template"]["spec"], "topologySpreadConstraints")
    keys = {constraint["topologyKey"] for constraint in constraints}
    for key in SPREAD_OVER:
        if key not in keys:
            yield f"spec.template.spec.topologySpreadConstraints does not name {key}: one failure would take all pods"


def _containers(pod: Mapping[str, Any]) -> Sequence[Any]:
    return [*items(pod, "initContainers"), *pod["containers"]]


def _wanted(container: Mapping[str, Any], path: str, value: Any, wanted: Any) -> str:
    return f"container {container.get('name')}: {path} is {value}, wanted {wanted}. Change infra/workload/pod.py"


def _plain(value: Any) -> Any:
    """Without the engine's proxies."""
    if isinstance(value, Mapping):
        return {str(key): _plain(value[key]) for key in value}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def rules() -> list[Rule]:
    """This file's rules."""
    return [
        ResourceRule(
            name="pod-has-no-privileges",
            description="Non-root, no escalation, no capability, default seccomp, read-only root, nothing of the node.",
            types=PODS,
            check=pod_has_no_privileges,
        ),
        ResourceRule(
            name="pod-states-its-needs",
            description="CPU and memory are requested and limited, memory the same.",
            types=PODS,
            check=pod_states_its_needs,
        ),
        ResourceRule(
            name="pod-tells-its-state",
            description="Startup, readiness and liveness probes, all different.",
            types=PODS,
            check=pod_tells_its_state,
        ),
        ResourceRule(
            name="autoscaler-has-room",
            description="At least 2 replicas, 3 in prod, and room for 10.",
            types=(AUTOSCALER,),
            check=autoscaler_has_room,
        ),
        ResourceRule(
            name="autoscaler-is-patient",
            description="Scaling down waits for 300 s.",
            types=(AUTOSCALER,),
            check=autoscaler_is_patient,
        ),
        ResourceRule(
            name="autoscaler-is-current",
            description="Autoscalers are autoscaling/v2.",
            types=OLD_AUTOSCALERS,
            check=autoscaler_is_current,
        ),
        ResourceRule(
            name="budget-is-small",
            description="At most a quarter of the pods may be away.",
            types=(BUDGET,),
            check=budget_is_small,
        ),
        ResourceRule(
            name="pods-are-spread",
            description="Pods are spread over zones and hosts.",
            types=PODS[:2],
            check=pods_are_spread,
        ),
    ]
