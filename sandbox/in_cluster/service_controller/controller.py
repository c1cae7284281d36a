"""One round of the controller: read cluster and cloud, bring every load balancer to what its Service wants.

A round starts from nothing that an earlier one remembered. What fails for one Service leaves the others alone.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from lightkube.resources.core_v1 import Pod, Service

from sandbox.in_cluster import objects
from sandbox.in_cluster.objects import Key
from sandbox.in_cluster.service_controller import backends, service_config, wishes
from sandbox.in_cluster.service_controller.balancers import Balancer, Marks
from sandbox.in_cluster.service_controller.cloud import Cloud, CloudError
from sandbox.in_cluster.service_controller.cluster import FINALIZER, GATE, Cluster
from sandbox.in_cluster.service_controller.listeners import Listeners, Place
from sandbox.in_cluster.service_controller.service_config import ServiceConfig
from sandbox.in_cluster.service_controller.targets import Targets
from sandbox.in_cluster.service_controller.wishes import Refused

log = logging.getLogger("service-controller")


@dataclass
class Round:
    """How a round went. `failed`: something could not be asked or done. `waiting`: pods whose gate is still shut."""

    failed: bool = False
    waiting: bool = False
    places: dict[Key, tuple[str, list[Place]]] = field(default_factory=dict[Key, tuple[str, list[Place]]])
    """Service -> its load balancer and the places where its pods are bound."""


@dataclass(frozen=True)
class Controller:
    """The controller of one cluster."""

    cluster: Cluster
    cloud: Cloud
    marks: Marks

    def round(self) -> Round:
        """Bring everything to what is wanted. Raises CloudError or ApiError if nothing can be known."""
        services = self.cluster.services()
        bound = [service for service in services if wishes.balancer_of(service)]
        kept = [service for service in services if FINALIZER in objects.finalizers(service)]
        used = self.marks.used()
        done = Round()
        if not (bound or kept or used):
            return done
        pods = self.cluster.pods()
        found = self.marks.describe({*used, *(wishes.balancer_of(service) or "" for service in bound)} - {""})
        for id, users in _by_balancer(bound):
            self._serve(id, users, found.get(id), pods, done)
        wanted = {wishes.balancer_of(service) for service in bound}
        left = [self._leave(id, id in found) for id in used if id not in wanted]
        free = all(left)
        done.failed |= not free
        for service in kept:
            # What it leaves behind has been cleared away, by its mark on the load balancer.
            if free and wishes.balancer_of(service) is None:
                self.cluster.let_go(service)
        self._open_gates(bound, pods, done)
        return done

    def _serve(self, id: str, users: list[Service], balancer: Balancer | None, pods: list[Pod], done: Round) -> None:
        first, *others = users
        for other in others:
            message = f"load balancer {id} is used by Service {objects.key(first)}; two cannot share one"
            self.cluster.tell(other, "Warning", "LoadBalancerInUse", message)
        try:
            wanted = wishes.listeners(first, self._references(first))
            checked = self.marks.check(balancer, id)
            places = self._bring(first, checked, wanted, pods)
        except Refused as refused:
            self.cluster.tell(first, "Warning", refused.reason, str(refused))
        except CloudError as error:
            done.failed = True
            self.cluster.tell(first, "Warning", "EnsureLoadBalancerFailed", str(error))
        else:
            done.places[objects.key(first)] = id, places
            self.cluster.tell(first, "Normal", "EnsuredLoadBalancer", f"load balancer {id} serves the Service")

    def _references(self, service: Service) -> wishes.References:
        namespace = objects.key(service).namespace

        def config(name: str) -> ServiceConfig | None:
            manifest = self.cluster.config(Key(namespace, name))
            return None if manifest is None else service_config.read(manifest)

        return wishes.References(secret=lambda name: self.cluster.secret(Key(namespace, name)), config=config)

    def _bring(
        self, service: Service, balancer: Balancer, wanted: tuple[wishes.ListenerWish, ...], pods: list[Pod]
    ) -> list[Place]:
        self.cluster.adopt(service, balancer.id)
        # Marked first: what is made after it is found again, whatever happens in between.
        self.marks.put(balancer)
        places = Listeners(self.cloud, balancer.id).bring(wanted)
        if wishes.is_on(service, wishes.PASS_TO_TARGET) and not balancer.passes_to_targets:
            asked = {"LoadBalancerId": balancer.id, "LoadBalancerPassToTarget": True}
            self.cloud.change("ModifyLoadBalancerAttributes", asked)
        targets = Targets(self.cloud, balancer.id)
        own = backends.pods_of(service, pods)
        for place, bound in targets.bound(places).items():
            targets.bring(place, bound, backends.wanted(service, own, place.target_port, bound))
        self.cluster.set_ingress(service, _ingress(balancer))
        return places

    def _leave(self, id: str, exists: bool) -> bool:
        """Clear what the cluster has on a load balancer that no Service wants any more. Returns whether it is done."""
        try:
            if exists:
                Listeners(self.cloud, id).remove()
                self.marks.take_off(id)
                log.info("%s: left", id)
        except CloudError as error:
            log.warning("%s: cannot be left yet: %s", id, error)
            return False
        return True

    def _open_gates(self, bound: Iterable[Service], pods: list[Pod], done: Round) -> None:
        """Say of each bound pod that its load balancers send it requests, once they do; it is never taken back."""
        shut = [pod for pod in pods if _waits(pod)]
        if not shut:
            return
        health = self._health(done)
        for pod in shut:
            users = [service for service in bound if backends.pods_of(service, [pod])]
            if all(_serves(pod, done.places.get(objects.key(service)), health) for service in users):
                self.cluster.set_ready(pod, "Healthy" if users else "NoService")
                log.info("%s: its readiness gate is open", objects.key(pod))
            else:
                done.waiting = True

    def _health(self, done: Round) -> dict[Place, set[backends.Backend]]:
        found: dict[Place, set[backends.Backend]] = {}
        for id, places in done.places.values():
            try:
                found |= Targets(self.cloud, id).healthy(places)
            except CloudError as error:
                done.failed = True
                log.warning("%s: its health is not known: %s", id, error)
        return found


def _by_balancer(bound: Iterable[Service]) -> list[tuple[str, list[Service]]]:
    """Load balancer -> the Services that want it, the oldest first."""

    def order(service: Service) -> tuple[str, str, Key]:
        return wishes.balancer_of(service) or "", str(objects.meta(service).creationTimestamp), objects.key(service)

    ordered = sorted(bound, key=order)
    return [(id, list(users)) for id, users in groupby(ordered, key=lambda each: wishes.balancer_of(each) or "")]


def _ingress(balancer: Balancer) -> list[dict[str, str]]:
    if balancer.domain:
        return [{"hostname": balancer.domain}]
    return [{"ip": address} for address in balancer.addresses]


def _waits(pod: Pod) -> bool:
    gates = objects.spec(pod).readinessGates or ()
    return (
        any(gate.conditionType == GATE for gate in gates)
        and not objects.condition(pod, GATE)
        and not objects.leaving(pod)
        and objects.running(pod)
    )


def _serves(pod: Pod, use: tuple[str, list[Place]] | None, health: Mapping[Place, set[backends.Backend]]) -> bool:
    """Whether all places of a Service have the pod as a healthy target."""
    if use is None:
        return False
    _, places = use
    return all(backends.backend_of(pod, place.target_port) in health.get(place, set()) for place in places)
