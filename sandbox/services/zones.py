"""What the sandbox's name server answers: the account's DNSPod zones and IGTM failovers, and the names that the cloud
gives to load balancers and registries.

Every change publishes the whole set.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

from sandbox.api.store import Doc, Store
from sandbox.layout import REGIONS
from sandbox.services import plane
from sandbox.substrate.specs import Failover, Record, Zone

DEFAULT_LINE = "默认"
MAINLAND_LINE = "境内"
REGION_LINES = {"华北": "ap-beijing", "华东": "ap-shanghai", "华南": "ap-guangzhou"}
"""Region groups that have clients in the sandbox, and whose. Source: docs/sources.md, DNS."""
LOAD_BALANCER_ZONE = "tencentclb.com"
REGISTRY_ZONE = "tencentcloudcr.com"
CLOUD_TTL_S = 60
"""Of the names that the cloud gives."""
_BY_LINE = ("A", "CNAME")
"""Types that the name server can answer by line; of others the default line's records are served."""
_SERVED = (*_BY_LINE, "AAAA", "MX", "NS", "TXT", "SRV", "CAA")
_publishing = threading.Lock()


def ranges(region: str) -> tuple[IPv4Network, ...]:
    """Where a region's clients and resolvers ask from: its client range, and what leaves its private networks."""
    plan = REGIONS[region]
    return plan.clients, plan.public


def publish(store: Store) -> None:
    """Bring the name server to what the documents say. Raises SubstrateError naming what it cannot serve."""
    with _publishing:
        plane.current().apply_zones(compose(store))


def compose(store: Store) -> tuple[Zone, ...]:
    """All zones. A failover hides the records of its name."""
    from sandbox.services import igtm

    found = {
        domain["Domain"]: Zone(domain=domain["Domain"], records=tuple(_records(store, domain["Domain"])))
        for domain in store.list("dnspod.domain")
        if domain["Status"] == "ENABLE"
    }
    for name, failover in igtm.failovers(store):
        domain = _home(found, name)
        zone = found.get(domain, Zone(domain=domain))
        own = "@" if name == domain else name.removesuffix(f".{domain}")
        kept = tuple(record for record in zone.records if record.name != own or record.type in ("NS", "TXT", "MX"))
        found[domain] = replace(zone, records=kept, failovers=(*zone.failovers, replace(failover, name=own)))
    for zone, named in ((LOAD_BALANCER_ZONE, _balancers(store)), (REGISTRY_ZONE, _registries(store))):
        records = tuple(
            Record(name=name.removesuffix(f".{zone}"), type="A", value=address, ttl_s=CLOUD_TTL_S)
            for name, address in named
        )
        if records:
            found[zone] = Zone(domain=zone, records=records)
    return tuple(_flatten(zone) for zone in found.values())


def _home(zones: dict[str, Zone], name: str) -> str:
    """The zone a name belongs to; for one that is nobody's its parent domain."""
    inside = [domain for domain in zones if name == domain or name.endswith(f".{domain}")]
    return max(inside, key=len) if inside else name.partition(".")[2]


def _balancers(store: Store) -> Iterable[tuple[str, str]]:
    docs = store.list("clb.load_balancer")
    return ((doc["LoadBalancerDomain"], doc["_vip"]) for doc in docs if doc["LoadBalancerDomain"])


def _registries(store: Store) -> Iterable[tuple[str, str]]:
    return ((doc["PublicDomain"], doc["_public"]) for doc in store.list("tcr.registry") if doc.get("_public"))


def _records(store: Store, domain: str) -> Iterable[Record]:
    docs = [
        doc
        for doc in store.list("dnspod.record")
        if doc["_domain"] == domain and doc["Status"] == "ENABLE" and doc["Type"] in _SERVED
    ]
    for name in dict.fromkeys(doc["Name"] for doc in docs):
        own = [doc for doc in docs if doc["Name"] == name]
        yield from (_record(doc) for doc in own if doc["Line"] == DEFAULT_LINE and not doc.get("DefaultNS"))
        by_line = [doc for doc in own if doc["Type"] in _BY_LINE]
        for line, region in REGION_LINES.items():
            nearest = [doc for doc in by_line if doc["Line"] == line] or [
                doc for doc in by_line if doc["Line"] == MAINLAND_LINE
            ]
            yield from (replace(_record(doc), lines=ranges(region)) for doc in nearest)


def _record(doc: Doc) -> Record:
    value = f"{doc['MX']} {doc['Value']}" if doc["Type"] == "MX" else doc["Value"]
    weight: Any = doc.get("Weight")
    return Record(name=doc["Name"], type=doc["Type"], value=value, ttl_s=doc["TTL"], weight=weight)


def _flatten(zone: Zone) -> Zone:
    """Let records by line or weight point out of the zone: the name server cannot answer them with a name inside it."""
    names = {record.name for record in zone.records if record.lines or record.weight is not None}
    return replace(
        zone,
        records=tuple(
            _out_of_zone(zone, record) if record.name in names and record.type == "CNAME" else record
            for record in zone.records
        ),
        failovers=tuple(_failover_out_of_zone(zone, failover) for failover in zone.failovers),
    )


def _out_of_zone(zone: Zone, record: Record) -> Record:
    return replace(record, value=_final(zone, record.value))


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
