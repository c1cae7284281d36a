"""Which pods a Service binds, with which weight. Nothing here calls anything."""

from collections.abc import Iterable

from lightkube.resources.core_v1 import Pod, Service

from sandbox.in_cluster import objects
from sandbox.in_cluster.service_controller import wishes

WEIGHT = 10
DRAINED = 0
Backend = tuple[str, int]
"""(address, port)."""


def pods_of(service: Service, pods: Iterable[Pod]) -> list[Pod]:
    """The pods that a Service selects."""
    selector = objects.selector(service)
    namespace = objects.key(service).namespace
    return [
        pod
        for pod in pods
        if selector
        and objects.key(pod).namespace == namespace
        and all(objects.labels(pod).get(name) == value for name, value in selector.items())
    ]


def port_of(pod: Pod, target_port: int | str) -> int | None:
    """The number of a target port in a pod; None: the pod names no such port."""
    if isinstance(target_port, int):
        return target_port
    return int(target_port) if target_port.isdigit() else objects.port_number(pod, target_port, "TCP")


def wanted(
    service: Service, pods: Iterable[Pod], target_port: int | str, bound: Iterable[Backend]
) -> dict[Backend, int]:
    """Backend -> weight. `bound`: those that the load balancer has; what is there may drain, what is not never comes.

    A pod is bound once its containers are ready; what else it waits for is that it is bound. A pod that is being
    deleted keeps its place with weight 0 until it is gone where the Service shuts down gracefully, else it goes.
    """
    there, found = set(bound), dict[Backend, int]()
    for pod in pods:
        backend, weight = backend_of(pod, target_port), _weight(service, pod)
        # An address may have gone to another pod already: the one that serves counts.
        if backend is not None and weight is not None and (weight or backend in there):
            found[backend] = max(weight, found.get(backend, DRAINED))
    return found


def _weight(service: Service, pod: Pod) -> int | None:
    """None: not to be bound."""
    if objects.leaving(pod):
        graceful = wishes.is_on(service, wishes.GRACEFUL) or wishes.is_on(service, wishes.GRACEFUL_UNREADY)
        return DRAINED if graceful else None
    if objects.condition(pod, "ContainersReady"):
        return WEIGHT
    return DRAINED if wishes.is_on(service, wishes.GRACEFUL_UNREADY) else None


def backend_of(pod: Pod, target_port: int | str) -> Backend | None:
    """Where a pod is bound; None while it has no address, and if it names no such port."""
    address, port = objects.address(pod), port_of(pod, target_port)
    return (str(address), port) if address and port else None
