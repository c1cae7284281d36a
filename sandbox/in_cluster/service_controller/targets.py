"""Brings the targets of a place to the pods of a Service, and tells which of them are healthy."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.in_cluster.service_controller.backends import Backend
from sandbox.in_cluster.service_controller.cloud import PAGE, Cloud
from sandbox.in_cluster.service_controller.listeners import Place

log = logging.getLogger("service-controller")

HEALTHY = ("Alive", "Close")
"""A target passes its check, or there is none."""
BY_ADDRESS = "ENI"
"""How pods are bound. What others bound by an instance's id is not the controller's."""
Doc = dict[str, Any]


class Targets:
    """The targets of one load balancer."""

    def __init__(self, cloud: Cloud, balancer_id: str) -> None:
        self._cloud = cloud
        self._id = balancer_id

    def bound(self, places: Iterable[Place]) -> dict[Place, dict[Backend, int]]:
        """Place -> backend -> weight, as the cloud has it."""
        wanted = list(places)
        ids = sorted({place.listener_id for place in wanted})
        if not ids:
            return {}
        answer = self._cloud.read("clb", "DescribeTargets", {"LoadBalancerId": self._id, "ListenerIds": ids})
        found = {
            (listener["ListenerId"], rule.get("LocationId")): rule.get("Targets") or ()
            for listener in answer["Listeners"]
            for rule in listener.get("Rules") or [listener]
        }
        return {
            place: {
                _backend(each): int(each["Weight"])
                for each in found.get((place.listener_id, place.location_id), ())
                if each["Type"] == BY_ADDRESS
            }
            for place in wanted
        }

    def bring(self, place: Place, bound: Mapping[Backend, int], wanted: Mapping[Backend, int]) -> None:
        """Bind what is new, weigh what changed, then let go of what is gone. Raises CloudError."""
        new = {backend: weight for backend, weight in wanted.items() if backend not in bound}
        other = {backend: weight for backend, weight in wanted.items() if bound.get(backend, weight) != weight}
        gone = [backend for backend in bound if backend not in wanted]
        # Draining first: what ends must get no new request while others are still being bound.
        for weight in sorted(set(other.values())):
            same = [backend for backend, own in other.items() if own == weight]
            self._change("ModifyTargetWeight", place, [_target(backend) for backend in same], Weight=weight)
        self._change("RegisterTargets", place, [_target(backend) | {"Weight": new[backend]} for backend in new])
        self._change("DeregisterTargets", place, [_target(backend) for backend in gone])

    def _change(self, action: str, place: Place, targets: list[Doc], **more: Any) -> None:
        for start in range(0, len(targets), PAGE):
            part = targets[start : start + PAGE]
            text = ", ".join(f"{target['EniIp']}:{target['Port']}" for target in part)
            log.info("%s: %s %s%s", self._id, action, text, f" weight {more['Weight']}" if more else "")
            self._cloud.change(action, {"LoadBalancerId": self._id, **place.named, "Targets": part, **more})

    def healthy(self, places: Iterable[Place]) -> dict[Place, set[Backend]]:
        """Place -> the backends that pass their check, or have none."""
        wanted = list(places)
        answer = self._cloud.read("clb", "DescribeTargetHealth", {"LoadBalancerIds": [self._id]})
        found: dict[tuple[str, str | None], set[Backend]] = {}
        for balancer in answer["LoadBalancers"]:
            for listener in balancer["Listeners"]:
                for rule in listener["Rules"]:
                    where = listener["ListenerId"], rule.get("LocationId") or None
                    found[where] = {
                        (target["IP"], int(target["Port"]))
                        for target in rule.get("Targets") or ()
                        if target["HealthStatusDetail"] in HEALTHY
                    }
        return {place: found.get((place.listener_id, place.location_id), set()) for place in wanted}


def _target(backend: Backend) -> Doc:
    address, port = backend
    return {"EniIp": address, "Port": port}


def _backend(target: Doc) -> Backend:
    return str(target["PrivateIpAddresses"][0]), int(target["Port"])
