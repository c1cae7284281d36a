"""What the sandbox's name server answers: the zones and failovers that services publish.

Services register what they publish; nothing here knows them. Every change publishes the whole set.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Network

from sandbox.api.actions import Context, Order, restores
from sandbox.api.errors import ApiError
from sandbox.api.kinds import Kind
from sandbox.api.locks import holding
from sandbox.api.store import Doc, Store
from sandbox.layout import REGIONS
from sandbox.services import plane
from sandbox.services.places import PLACES
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.specs import Failover, Record, Zone

DEFAULT_LINE = "默认"
MAINLAND_LINE = "境内"
REGION_LINES = {place.part: region for region, place in PLACES.items()}
"""Region groups that have clients in the sandbox, and whose."""
CLOUD_TTL_S = 60
"""Of the names that the cloud gives."""

PublishesZones = Callable[[Store], Iterable[Zone]]
PublishesFailovers = Callable[[Store], Iterable[tuple[str, Failover]]]
_zones: list[PublishesZones] = []
_failovers: list[PublishesFailovers] = []


def publishes_zones(run: PublishesZones) -> PublishesZones:
    """Register a function that gives zones with their records."""
    _zones.append(run)
    return run


def publishes_failovers(run: PublishesFailovers) -> PublishesFailovers:
    """Register a function that gives (full name, failover); each goes to the zone that its name is in."""
    _failovers.append(run)
    return run


def cloud_zone(domain: str, named: Iterable[tuple[str, str]]) -> Iterable[Zone]:
    """The zone of names that the cloud gives, from (full name, IPv4 address). None without names."""
    records = tuple(
        Record(name=name.removesuffix(f".{domain}"), type="A", value=address, ttl_s=CLOUD_TTL_S)
        for name, address in named
    )
    return (Zone(domain=domain, records=records),) if records else ()


def ranges(region: str) -> tuple[IPv4Network, ...]:
    """Where a region's clients and resolvers ask from: its client range, and what leaves its private networks."""
    plan = REGIONS[region]
    return plan.clients, plan.public


@contextmanager
def changing() -> Generator[None]:
    """Keep other changes of names away: what one adds and the name server refuses must not be in another's set."""
    with holding("zones", "all"):
        yield


def publish(store: Store) -> None:
    """Bring the name server to what the documents say. Raises SubstrateError naming what it cannot serve."""
    with changing():
        plane.current().apply_zones(compose(store))


def keep(ctx: Context, kind: Kind, doc: Doc, code: str) -> None:
    """Write a document that names depend on, and publish.

    What the name server refuses is taken back: ApiError with `code`.
    """
    id = str(doc[kind.key])
    with changing():
        before = kind.anywhere(ctx.store, id)
        kind.save(ctx.store, doc)
        try:
            publish(ctx.store)
        except SubstrateError as error:
            if before is None:
                kind.drop(ctx, id)
            else:
                kind.save(ctx.store, before)
            raise ApiError(code, f"The name server refuses it: {error}") from error


@restores(Order.NAMES)
def restore(ctx: Context) -> None:
    """Serve the names again."""
    publish(ctx.store)


def compose(store: Store) -> tuple[Zone, ...]:
    """All zones. A failover hides the records of its name."""
    found = {zone.domain: zone for run in _zones for zone in run(store)}
    for name, failover in [each for run in _failovers for each in run(store)]:
        domain = _home(found, name)
        zone = found.get(domain, Zone(domain=domain))
        own = "@" if name == domain else name.removesuffix(f".{domain}")
        kept = tuple(record for record in zone.records if record.name != own or record.type in ("NS", "TXT", "MX"))
        found[domain] = replace(zone, records=kept, failovers=(*zone.failovers, replace(failover, name=own)))
    return tuple(_flatten(zone) for zone in found.values())


def _home(zones: dict[str, Zone], name: str) -> str:
    """The zone a name belongs to; for one that is nobody's its parent domain."""
    inside = [domain for domain in zones if name == domain or name.endswith(f".{domain}")]
    return max(inside, key=len) if inside else name.partition(".")[2]


def _flatten(zone: Zone) -> Zone:
    """Let records by line or weight point out of the zone: the name server cannot answer them with a name inside it."""
    names = {record.name for record in zone.records if record.lines or record.weight is not None}
    return replace(
        zone,
        records=tuple(
            replace(record, value=_final(zone, record.value))
            if record.name in names and record.type == "CNAME"
            else record
            for record in zone.records
        ),
        failovers=tuple(_failover_out_of_zone(zone, failover) for failover in zone.failovers),
    )


def _failover_out_of_zone(zone: Zone, failover: Failover) -> Failover:
    pools = {name: tuple(_final(zone, target) for target in pool) for name, pool in failover.pools.items()}
    return replace(failover, pools=pools)


def _final(zone: Zone, target: str) -> str:
    """The name outside the zone at the end of plain CNAMEs inside it; the target itself if there is none."""
    plain: Sequence[Record] = [record for record in zone.records if record.type == "CNAME" and not record.lines]
    name = target.rstrip(".")
    for _ in range(8):
        inside = name.removesuffix(f".{zone.domain}")
        step = next((record for record in plain if inside != name and record.name == inside), None)
        if step is None:
            return name
        name = step.value.rstrip(".")
    return name
