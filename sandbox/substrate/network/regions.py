"""What befalls whole regions: cut off from the internet, standing still, or all processes dying at once."""

from sandbox import layout
from sandbox.substrate import ledger
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import firewall, namespaces
from sandbox.substrate.supervision import cgroups


def _plan(region: str) -> layout.RegionPlan:
    plan = layout.REGIONS.get(region)
    if plan is None:
        raise SubstrateError(f"region {region!r} is unknown; there are {', '.join(layout.REGIONS)}")
    if not namespaces.exists(plan.short):
        raise SubstrateError(f"the sandbox is not up: {region} does not stand")
    return plan


def partition(region: str) -> None:
    """Cut a region off: nothing crosses its edge, and nobody is told. Inside, all goes on."""
    _edge(region, partitioned=True)


def heal(region: str) -> None:
    """Undo `partition`."""
    _edge(region, partitioned=False)


def _edge(region: str, *, partitioned: bool) -> None:
    plan = _plan(region)
    with ledger.lock():
        namespaces.nft(plan.short, firewall.edge(plan.public, plan.uplink, partitioned=partitioned))


def freeze(region: str) -> None:
    """Make all processes of a region stand still; their kernel still takes connections, which then hang."""
    _group(region)
    cgroups.freeze(_plan(region).short, frozen=True)


def thaw(region: str) -> None:
    """Undo `freeze`."""
    _group(region)
    cgroups.freeze(_plan(region).short, frozen=False)


def kill(region: str) -> None:
    """Kill all processes of a region at once. The supervisor starts servers again; machines stay ended."""
    _group(region)
    cgroups.kill(_plan(region).short)


def _group(region: str) -> None:
    if cgroups.unified() is None:
        raise SubstrateError(f"{region} cannot be stopped as one: this machine has no unified cgroup hierarchy")
