"""The one door from services to the substrate.

`current()` is the real data plane. Control-plane tests put a `Recording` there with `use()`; it starts nothing, needs
no rights, and says nothing about whether the data plane works.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Network
from typing import Protocol

from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.specs import (
    Balancer,
    Cache,
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


class Plane(Protocol):
    """What services ask of the substrate. `ensure_*` repeats safely; `remove_*` accepts what is already gone.

    All methods block until done and raise SubstrateError with a plain message.
    """

    def ensure_router(self, router: Router) -> None: ...
    def remove_router(self, name: str) -> None: ...
    def ensure_subnet(self, subnet: Subnet) -> None: ...
    def remove_subnet(self, name: str) -> None: ...
    def ensure_nat(self, nat: Nat) -> None: ...
    def remove_nat(self, name: str) -> None: ...
    def ensure_host(self, host: Host) -> None: ...
    def remove_host(self, name: str) -> None: ...
    def set_firewall(self, host: str, firewall: Firewall | None) -> None: ...

    def ensure_balancer(self, balancer: Balancer) -> None: ...
    def remove_balancer(self, name: str) -> None: ...
    def balancer_health(self, name: str) -> Mapping[str, Mapping[str, bool]]:
        """Route name -> target name -> healthy. Routes without a check are absent."""
        ...

    def ensure_cache(self, cache: Cache) -> None: ...
    def remove_cache(self, name: str) -> None: ...
    def cache_primary(self, name: str) -> str | None:
        """The host that holds the moving address now; None while there is none."""
        ...

    def ensure_machine(self, machine: Machine) -> None: ...
    def remove_machine(self, name: str) -> None: ...
    def machines_running(self) -> Mapping[str, bool]:
        """Machine name -> whether it runs. A machine that was never ensured is absent."""
        ...

    def apply_zones(self, zones: Sequence[Zone]) -> None:
        """The whole set of zones that the name server answers for from now on."""
        ...

    def failover_states(self) -> Mapping[str, Mapping[str, bool]]:
        """Full name of a failover -> target -> whether it lives."""
        ...

    def query_text(self, name: str) -> Sequence[str]:
        """The TXT values that the name server answers for a full name; none if there is no such record."""
        ...

    def issue_certificate(self, domains: Sequence[str], days: int) -> tuple[str, str]:
        """(chain PEM, key PEM) from the sandbox's authority."""
        ...

    def ensure_metrics(self, metrics: Metrics) -> None: ...
    def remove_metrics(self, name: str) -> None: ...
    def ensure_registry(self, registry: Registry) -> None: ...
    def remove_registry(self, name: str) -> None: ...


class Recording:
    """A plane that only remembers, for tests of the control plane. What it holds is what was ensured and not removed.

    Set `health`, `primaries` or `running` to play what a data plane would report.
    """

    def __init__(self) -> None:
        self.routers: dict[str, Router] = {}
        self.subnets: dict[str, Subnet] = {}
        self.nats: dict[str, Nat] = {}
        self.hosts: dict[str, Host] = {}
        self.firewalls: dict[str, Firewall] = {}
        self.balancers: dict[str, Balancer] = {}
        self.health: dict[str, dict[str, dict[str, bool]]] = {}
        self.caches: dict[str, Cache] = {}
        self.primaries: dict[str, str] = {}
        self.machines: dict[str, Machine] = {}
        self.running: dict[str, bool] = {}
        self.living: dict[str, dict[str, bool]] = {}
        self.zones: tuple[Zone, ...] = ()
        self.metrics: dict[str, Metrics] = {}
        self.registries: dict[str, Registry] = {}

    def ensure_router(self, router: Router) -> None:
        self.routers[router.name] = router

    def remove_router(self, name: str) -> None:
        self.routers.pop(name, None)

    def ensure_subnet(self, subnet: Subnet) -> None:
        self.subnets[subnet.name] = subnet

    def remove_subnet(self, name: str) -> None:
        self.subnets.pop(name, None)

    def ensure_nat(self, nat: Nat) -> None:
        self.nats[nat.name] = nat

    def remove_nat(self, name: str) -> None:
        self.nats.pop(name, None)

    def ensure_host(self, host: Host) -> None:
        self.hosts[host.name] = host
        if host.firewall is not None:
            self.firewalls[host.name] = host.firewall

    def remove_host(self, name: str) -> None:
        self.hosts.pop(name, None)
        self.firewalls.pop(name, None)

    def set_firewall(self, host: str, firewall: Firewall | None) -> None:
        if host not in self.hosts:
            raise SubstrateError(f"there is no host {host!r}")
        if firewall is None:
            self.firewalls.pop(host, None)
        else:
            self.firewalls[host] = firewall

    def ensure_balancer(self, balancer: Balancer) -> None:
        self.balancers[balancer.name] = balancer

    def remove_balancer(self, name: str) -> None:
        self.balancers.pop(name, None)

    def balancer_health(self, name: str) -> Mapping[str, Mapping[str, bool]]:
        return self.health.get(name, {})

    def ensure_cache(self, cache: Cache) -> None:
        self.caches[cache.name] = cache
        self.primaries.setdefault(cache.name, cache.hosts[0])

    def remove_cache(self, name: str) -> None:
        self.caches.pop(name, None)
        self.primaries.pop(name, None)

    def cache_primary(self, name: str) -> str | None:
        return self.primaries.get(name)

    def ensure_machine(self, machine: Machine) -> None:
        self.machines[machine.name] = machine
        self.running[machine.name] = True

    def remove_machine(self, name: str) -> None:
        self.machines.pop(name, None)
        self.running.pop(name, None)

    def machines_running(self) -> Mapping[str, bool]:
        return dict(self.running)

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
        raise NotImplementedError("a recording plane issues no certificates: use sandbox.substrate.authority")

    def ensure_metrics(self, metrics: Metrics) -> None:
        self.metrics[metrics.name] = metrics

    def remove_metrics(self, name: str) -> None:
        self.metrics.pop(name, None)

    def ensure_registry(self, registry: Registry) -> None:
        self.registries[registry.name] = registry

    def remove_registry(self, name: str) -> None:
        self.registries.pop(name, None)


class Substrate:
    """The real data plane: namespaces, supervised processes, containers of this machine.

    Modules are imported when first used: reading the API's rules needs none of them.
    """

    def ensure_router(self, router: Router) -> None:
        from sandbox.substrate.network import topology

        topology.ensure_router(router)

    def remove_router(self, name: str) -> None:
        from sandbox.substrate.network import topology

        topology.remove_router(name)

    def ensure_subnet(self, subnet: Subnet) -> None:
        from sandbox.substrate.network import topology

        topology.ensure_subnet(subnet)

    def remove_subnet(self, name: str) -> None:
        from sandbox.substrate.network import topology

        topology.remove_subnet(name)

    def ensure_nat(self, nat: Nat) -> None:
        from sandbox.substrate.network import topology

        topology.ensure_nat(nat)

    def remove_nat(self, name: str) -> None:
        from sandbox.substrate.network import topology

        topology.remove_nat(name)

    def ensure_host(self, host: Host) -> None:
        from sandbox.substrate.network import topology

        topology.ensure_host(host)

    def remove_host(self, name: str) -> None:
        from sandbox.substrate.network import topology

        topology.remove_host(name)

    def set_firewall(self, host: str, firewall: Firewall | None) -> None:
        from sandbox.substrate.network import topology

        topology.set_firewall(host, firewall)

    def ensure_balancer(self, balancer: Balancer) -> None:
        from sandbox.substrate.servers import balancers

        balancers.ensure(balancer)

    def remove_balancer(self, name: str) -> None:
        from sandbox.substrate.servers import balancers

        balancers.remove(name)

    def balancer_health(self, name: str) -> Mapping[str, Mapping[str, bool]]:
        from sandbox.substrate.servers import balancers

        return balancers.health(name)

    def ensure_cache(self, cache: Cache) -> None:
        from sandbox.substrate.servers import caches

        caches.ensure(cache)

    def remove_cache(self, name: str) -> None:
        from sandbox.substrate.servers import caches

        caches.remove(name)

    def cache_primary(self, name: str) -> str | None:
        from sandbox.substrate.servers import caches

        return caches.primary(name)

    def ensure_machine(self, machine: Machine) -> None:
        from sandbox.substrate.servers import machines

        machines.ensure(machine)

    def remove_machine(self, name: str) -> None:
        from sandbox.substrate.servers import machines

        machines.remove(name)

    def machines_running(self) -> Mapping[str, bool]:
        from sandbox.substrate.servers import machines

        return {name: state == "running" for name, state in machines.states().items()}

    def apply_zones(self, zones: Sequence[Zone]) -> None:
        from sandbox.substrate.names import name_server

        name_server.apply(zones)

    def failover_states(self) -> Mapping[str, Mapping[str, bool]]:
        from sandbox.substrate.names import name_server

        return name_server.states()

    def query_text(self, name: str) -> Sequence[str]:
        from sandbox.substrate.names import lookups

        return lookups.texts(name)

    def issue_certificate(self, domains: Sequence[str], days: int) -> tuple[str, str]:
        from sandbox.substrate import authority

        return authority.issue(domains, days)

    def ensure_metrics(self, metrics: Metrics) -> None:
        from sandbox.substrate.servers import metrics as servers

        servers.ensure(metrics)

    def remove_metrics(self, name: str) -> None:
        from sandbox.substrate.servers import metrics as servers

        servers.remove(name)

    def ensure_registry(self, registry: Registry) -> None:
        from sandbox.substrate.servers import registries

        registries.ensure(registry)

    def remove_registry(self, name: str) -> None:
        from sandbox.substrate.servers import registries

        registries.remove(name)


_planes: list[Plane] = [Substrate()]


def current() -> Plane:
    """The plane that services talk to now."""
    return _planes[-1]


@contextmanager
def use(plane: Plane) -> Generator[Plane]:
    """Put another plane in place for a while (tests of the control plane)."""
    _planes.append(plane)
    try:
        yield plane
    finally:
        _planes.remove(plane)


EVERYWHERE = IPv4Network("0.0.0.0/0")
"""Any address, as a firewall peer."""
