"""Reading Kubernetes objects: names, labels, selectors, and what a pod is ready for.

lightkube's models have every field optional; here is what the API server guarantees.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Any, Protocol

from lightkube.models.core_v1 import PodSpec, PodStatus
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Pod, Service


@dataclass(frozen=True, order=True)
class Key:
    """Which object of a kind."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Object(Protocol):
    """Any object of the API."""

    @property
    def metadata(self) -> ObjectMeta | None: ...


def meta(item: Object) -> ObjectMeta:
    """An object's metadata; those of the API server always have some."""
    return item.metadata or ObjectMeta()


def key(item: Object) -> Key:
    """An object's namespace and name."""
    own = meta(item)
    return Key(own.namespace or "", own.name or "")


def _texts(owner: Any, field: str) -> Mapping[str, str]:
    """A field that lightkube types as a bare dictionary, as the API has it."""
    return getattr(owner, field, None) or {}


def labels(item: Object) -> Mapping[str, str]:
    """An object's labels."""
    return _texts(meta(item), "labels")


def annotations(item: Object) -> Mapping[str, str]:
    """An object's annotations."""
    return _texts(meta(item), "annotations")


def finalizers(item: Object) -> Sequence[str]:
    """What an object must wait for before it is gone."""
    return meta(item).finalizers or ()


def selector(service: Service) -> Mapping[str, str]:
    """The labels of the pods of a Service; empty: it has none."""
    return _texts(service.spec, "selector")


def leaving(item: Object) -> bool:
    """Whether the object is being deleted."""
    return meta(item).deletionTimestamp is not None


def spec(pod: Pod) -> PodSpec:
    """What a pod shall be."""
    return pod.spec or PodSpec(containers=[])


def status(pod: Pod) -> PodStatus:
    """What a pod is."""
    return pod.status or PodStatus()


def running(pod: Pod) -> bool:
    """Whether a pod may still do something: one that ended keeps its object and its address for a while."""
    return status(pod).phase not in ("Succeeded", "Failed")


def address(pod: Pod) -> IPv4Address | None:
    """A pod's own address; None while it has none, when it ended, and for a pod that has its node's."""
    if spec(pod).hostNetwork or not running(pod):
        return None
    try:
        return IPv4Address(status(pod).podIP or "")
    except AddressValueError:
        return None


def condition(pod: Pod, name: str) -> bool:
    """Whether a condition of a pod is true."""
    return any(each.type == name and each.status == "True" for each in status(pod).conditions or ())


def port_number(pod: Pod, name: str, protocol: str) -> int | None:
    """The number of a port that a pod's containers name."""
    for container in spec(pod).containers:
        for port in container.ports or ():
            if port.name == name and (port.protocol or "TCP") == protocol:
                return port.containerPort
    return None
