"""What the controller reads from the cluster, and what it writes there."""

import base64
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, cast

from lightkube.core.exceptions import ApiError
from lightkube.core.resource import ApiInfo, ResourceDef
from lightkube.generic_resource import GenericNamespacedResource
from lightkube.models.core_v1 import EventSource, ObjectReference
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Event, Pod, PodStatus, Secret, Service, ServiceStatus

from sandbox.in_cluster import objects
from sandbox.in_cluster.api import Api
from sandbox.in_cluster.objects import Key
from sandbox.in_cluster.service_controller import service_config

log = logging.getLogger("service-controller")

FINALIZER = "service.k8s.tencent/resources"
"""Keeps a Service until its load balancer is free of it."""
USED = "service.kubernetes.io/loadbalance-id"
"""Read-only annotation of a Service: the load balancer that it uses."""
GATE = "cloud.tencent.com/load-balancer-backendgroup-ready"
"""The condition that a pod waits for: its load balancer sends it requests."""
NAME = "service-controller"
REPEAT_S = 60.0
"""How often an event that stays true is told again."""


class TkeServiceConfig(GenericNamespacedResource):
    """The custom resource, untyped: service_config.py reads it."""

    _api_info = ApiInfo(
        ResourceDef(service_config.GROUP, service_config.VERSION, service_config.KIND),
        service_config.PLURAL,
        ["get", "global_list", "global_watch", "list", "watch"],
    )


class Cluster(Protocol):
    """The cluster as the controller needs it. What is gone when it is written to is no error."""

    def services(self) -> list[Service]:
        """All Services."""
        ...

    def pods(self) -> list[Pod]:
        """All pods."""
        ...

    def secret(self, key: Key) -> Mapping[str, bytes] | None:
        """A Secret's data."""
        ...

    def config(self, key: Key) -> Mapping[str, Any] | None:
        """A TkeServiceConfig as it was written."""
        ...

    def adopt(self, service: Service, balancer_id: str) -> None:
        """Say on a Service which load balancer it uses, and keep it until that is free of it."""
        ...

    def let_go(self, service: Service) -> None:
        """Take that back."""
        ...

    def set_ingress(self, service: Service, ingress: list[dict[str, str]]) -> None:
        """Say on a Service by which names it is reached."""
        ...

    def set_ready(self, pod: Pod, reason: str) -> None:
        """The pod's readiness gate is open."""
        ...

    def tell(self, service: Service, kind: str, reason: str, message: str) -> None:
        """An event on a Service. kind: Normal or Warning."""
        ...


class LiveCluster:
    """The cluster behind an API server."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._told: dict[tuple[str, str], tuple[float, Event]] = {}

    def services(self) -> list[Service]:
        """All Services."""
        return self._api.list(Service)

    def pods(self) -> list[Pod]:
        """All pods."""
        return self._api.list(Pod)

    def secret(self, key: Key) -> Mapping[str, bytes] | None:
        """A Secret's data."""
        found = self._api.find(Secret, key)
        if found is None:
            return None
        data: dict[str, str] = cast(Any, found).data or {}
        return {name: base64.b64decode(value) for name, value in data.items()}

    def config(self, key: Key) -> Mapping[str, Any] | None:
        """A TkeServiceConfig as it was written."""
        return cast(Mapping[str, Any] | None, self._api.find(TkeServiceConfig, key))

    def adopt(self, service: Service, balancer_id: str) -> None:
        """Say on a Service which load balancer it uses, and keep it until that is free of it."""
        there = objects.finalizers(service)
        if FINALIZER not in there or objects.annotations(service).get(USED) != balancer_id:
            kept = [*(name for name in there if name != FINALIZER), FINALIZER]
            self._patch_meta(service, {"annotations": {USED: balancer_id}, "finalizers": kept})

    def let_go(self, service: Service) -> None:
        """Take that back."""
        kept = [name for name in objects.finalizers(service) if name != FINALIZER]
        self._patch_meta(service, {"annotations": {USED: None}, "finalizers": kept})

    def _patch_meta(self, service: Service, change: dict[str, Any]) -> None:
        # With the version that was read: another's finalizer must not get lost.
        version = objects.meta(service).resourceVersion
        self._api.patch(Service, objects.key(service), {"metadata": {**change, "resourceVersion": version}})

    def set_ingress(self, service: Service, ingress: list[dict[str, str]]) -> None:
        """Say on a Service by which names it is reached."""
        balancer = service.status.loadBalancer if service.status else None
        there = [_named(hostname=each.hostname, ip=each.ip) for each in (balancer.ingress if balancer else None) or ()]
        if there != ingress:
            self._api.patch(ServiceStatus, objects.key(service), {"status": {"loadBalancer": {"ingress": ingress}}})

    def set_ready(self, pod: Pod, reason: str) -> None:
        """The pod's readiness gate is open."""
        opened = {"type": GATE, "status": "True", "reason": reason, "lastTransitionTime": _stamp()}
        # The uid: a pod of that name may be another one by now.
        change = {"metadata": {"uid": objects.meta(pod).uid}, "status": {"conditions": [opened]}}
        self._api.patch(PodStatus, objects.key(pod), change, strategic=True)

    def tell(self, service: Service, kind: str, reason: str, message: str) -> None:
        """An event on a Service; one that is told again is counted, a minute apart."""
        place = objects.meta(service).uid or str(objects.key(service)), f"{reason}: {message}"
        before = self._told.get(place)
        if before and time.monotonic() - before[0] < REPEAT_S:
            return
        if before is None:
            level = logging.WARNING if kind == "Warning" else logging.INFO
            log.log(level, "%s: %s", objects.key(service), place[1])
        self._told = {each: told for each, told in self._told.items() if each[0] != place[0]}
        try:
            event = self._again(before[1]) if before else None
            self._told[place] = time.monotonic(), event or self._event(service, kind, reason, message)
        except ApiError as error:
            # An event is news, not work.
            log.warning("%s: the event could not be written: %s", objects.key(service), error)

    def _again(self, told: Event) -> Event | None:
        change = {"count": (told.count or 1) + 1, "lastTimestamp": _stamp()}
        return self._api.patch(Event, objects.key(told), change)

    def _event(self, service: Service, kind: str, reason: str, message: str) -> Event:
        key, now = objects.key(service), datetime.now(UTC)
        about = ObjectReference(
            apiVersion="v1", kind="Service", name=key.name, namespace=key.namespace, uid=objects.meta(service).uid
        )
        return self._api.create(
            Event(
                metadata=ObjectMeta(generateName=f"{key.name}.", namespace=key.namespace),
                involvedObject=about,
                type=kind,
                reason=reason,
                message=message[:1000],
                source=EventSource(component=NAME),
                count=1,
                firstTimestamp=now,
                lastTimestamp=now,
            )
        )


def _named(**names: str | None) -> dict[str, str]:
    return {kind: name for kind, name in names.items() if name}


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
