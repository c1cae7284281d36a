"""A plane that only remembers, for tests of the control plane. It starts nothing and needs no rights."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.services.plane import Plane, Spec
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.specs import (
    Balancer,
    Cache,
    Cluster,
    Firewall,
    Host,
    Machine,
    Metrics,
    Nat,
    Registry,
    Router,
    Subnet,
    Zone,
)
from tests.sandbox.certificates import self_signed


def _accepts(spec: Spec) -> str | None:
    return None


class Recording(Plane):
    """What it holds is what was ensured and not removed, by name.

    Set `health`, `running`, `ready` or `living` to play what a data plane would report, and `refuses` to say of a spec
    why it cannot be made. Its certificates are real, and nobody's authority signed them.
    """

    def __init__(self) -> None:
        self.routers: dict[str, Router] = {}
        self.subnets: dict[str, Subnet] = {}
        self.nats: dict[str, Nat] = {}
        self.hosts: dict[str, Host] = {}
        self.balancers: dict[str, Balancer] = {}
        self.caches: dict[str, Cache] = {}
        self.machines: dict[str, Machine] = {}
        self.metrics: dict[str, Metrics] = {}
        self.registries: dict[str, Registry] = {}
        self.clusters: dict[str, Cluster] = {}
        self._kinds: Mapping[type, dict[str, Any]] = {
            Router: self.routers,
            Subnet: self.subnets,
            Nat: self.nats,
            Host: self.hosts,
            Balancer: self.balancers,
            Cache: self.caches,
            Machine: self.machines,
            Metrics: self.metrics,
            Registry: self.registries,
            Cluster: self.clusters,
        }
        self.firewalls: dict[str, Firewall] = {}
        self.zones: tuple[Zone, ...] = ()
        self.health: dict[str, dict[str, dict[str, bool]]] = {}
        self.running: dict[str, bool] = {}
        self.living: dict[str, dict[str, bool]] = {}
        self.refuses: Callable[[Spec], str | None] = _accepts

    def ensure(self, spec: Spec) -> None:
        reason = self.refuses(spec)
        if reason is not None:
            raise SubstrateError(reason)
        self._kinds[type(spec)][spec.name] = spec
        if isinstance(spec, Host) and spec.firewall is not None:
            self.firewalls[spec.name] = spec.firewall
        if isinstance(spec, Machine):
            self.running[spec.name] = True

    def remove(self, kind: type[Spec], name: str) -> None:
        self._kinds[kind].pop(name, None)
        if kind is Host:
            self.firewalls.pop(name, None)
        if kind is Machine:
            self.running.pop(name, None)

    def set_firewall(self, host: str, rules: Firewall | None) -> None:
        if host not in self.hosts:
            raise SubstrateError(f"there is no host {host!r}")
        if rules is None:
            self.firewalls.pop(host, None)
        else:
            self.firewalls[host] = rules

    def balancer_health(self, name: str) -> Mapping[str, Mapping[str, bool]]:
        return self.health.get(name, {})

    def machines_running(self) -> Mapping[str, bool]:
        return dict(self.running)

    def cluster_credentials(self, cluster: str, user: str, groups: Sequence[str]) -> tuple[str, str, str]:
        if cluster not in self.clusters:
            raise SubstrateError(f"there is no cluster {cluster!r}")
        certificate, key = self_signed(user, 3650)
        return certificate, certificate, key

    def apply_zones(self, zones: Sequence[Zone]) -> None:
        self.zones = tuple(zones)

    def failover_states(self) -> Mapping[str, Mapping[str, bool]]:
        return self.living

    def query_text(self, name: str) -> Sequence[str]:
        return [
            record.value
            for zone in self.zones
            for record in zone.records
            if record.type == "TXT" and f"{record.name}.{zone.domain}".removeprefix("@.") == name
        ]

    def issue_certificate(self, domains: Sequence[str], days: int) -> tuple[str, str]:
        return self_signed(domains[0], days)
