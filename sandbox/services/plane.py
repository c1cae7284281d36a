"""The one door from services to the substrate.

`current()` is the real data plane. Control-plane tests put one there with `use()` that only records.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sandbox.substrate import authority
from sandbox.substrate.clusters import control_plane
from sandbox.substrate.names import lookups, name_server
from sandbox.substrate.network import topology
from sandbox.substrate.servers import balancers, caches, machines, metrics, registries
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

Spec = Router | Subnet | Nat | Host | Balancer | Cache | Machine | Metrics | Registry | Cluster

_DOINGS: Mapping[type[Spec], tuple[Callable[[Any], object], Callable[[str], None]]] = {
    Router: (topology.ensure_router, topology.remove_router),
    Subnet: (topology.ensure_subnet, topology.remove_subnet),
    Nat: (topology.ensure_nat, topology.remove_nat),
    Host: (topology.ensure_host, topology.remove_host),
    Balancer: (balancers.ensure, balancers.remove),
    Cache: (caches.ensure, caches.remove),
    Machine: (machines.ensure, machines.remove),
    Metrics: (metrics.ensure, metrics.remove),
    Registry: (registries.ensure, registries.remove),
    Cluster: (control_plane.ensure, control_plane.remove),
}
"""What makes or changes, and what removes, a thing of each kind."""


class Plane:
    """What services ask of the substrate. Methods block until done and raise SubstrateError with a plain message."""

    def ensure(self, spec: Spec) -> None:
        """Bring what the spec names to what it says; asked again, nothing changes."""
        _DOINGS[type(spec)][0](spec)

    def remove(self, kind: type[Spec], name: str) -> None:
        """Take away what `ensure` made. Gone already: nothing."""
        _DOINGS[kind][1](name)

    def set_firewall(self, host: str, rules: Firewall | None) -> None:
        """Replace a host's rules; open connections that were admitted stay. None: no rules."""
        topology.set_firewall(host, rules)

    def balancer_health(self, name: str) -> Mapping[str, Mapping[str, bool]]:
        """Route name -> target name -> healthy. Routes without a check are absent."""
        return balancers.health(name)

    def machines_running(self) -> Mapping[str, bool]:
        """Machine name -> whether it runs. A machine that was never ensured is absent."""
        return {name: state == "running" for name, state in machines.states().items()}

    def cluster_credentials(self, cluster: str, user: str, groups: Sequence[str]) -> tuple[str, str, str]:
        """(CA, certificate, key), each PEM, by which a user with these groups reaches the API server of a cluster."""
        return control_plane.credentials(cluster, user, groups)

    def apply_zones(self, zones: Sequence[Zone]) -> None:
        """The whole set of zones that the name server answers for from now on."""
        name_server.apply(zones)

    def failover_states(self) -> Mapping[str, Mapping[str, bool]]:
        """Full name of a failover -> target -> whether it lives."""
        return name_server.states()

    def query_text(self, name: str) -> Sequence[str]:
        """The TXT values that the name server answers for a full name; none if there is no such record."""
        return lookups.texts(name)

    def issue_certificate(self, domains: Sequence[str], days: int) -> tuple[str, str]:
        """(chain PEM, key PEM) from the sandbox's authority."""
        return authority.issue(domains, days)


_planes = [Plane()]


def current() -> Plane:
    """The plane that services talk to now."""
    return _planes[-1]


@contextmanager
def use(plane: Plane) -> Generator[None]:
    """Put another plane in place for a while (tests of the control plane)."""
    _planes.append(plane)
    try:
        yield
    finally:
        _planes.remove(plane)
