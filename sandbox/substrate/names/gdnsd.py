"""Zones as gdnsd 3.8 files. Pure: reads no file and starts nothing.

What depends on who asks, on weights or on health goes through gdnsd's geoip plugin, whose maps here hold client
ranges only (`nets`; no location database). Health comes from files that the prober writes (plugin extfile, direct
mode). gdnsd takes the range of an EDNS client subnet where a resolver sends one.
Limits of gdnsd that show: one zone cannot lie inside another, and a dynamic CNAME cannot point into its own zone.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from sandbox import layout
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.specs import Failover, Probe, Record, Zone

NS_ZONE = "sandbox-dns.test"
NS_NAME = f"ns1.{NS_ZONE}"
NS_TTL_S = 86400
NEGATIVE_TTL_S = 60
DYNAMIC_TYPES = ("A", "CNAME")
EVERYONE = "everyone"
UP_SHARE = "0.0001"
"""So small a living share of a pool still keeps it in: one target is enough."""

Value = str | int | Sequence["Value"] | Mapping[str, "Value"]


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Targets that the prober watches for one failover; `file` is where gdnsd reads their states."""

    name: str
    """Fully qualified name of the failover, without the last dot."""
    service: str
    file: Path
    targets: tuple[str, ...]
    probe: Probe


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """Configuration, zone files by file name, and what is to be watched."""

    config: str
    zones: Mapping[str, str]
    watches: tuple[Watch, ...]


@dataclass
class _Plugins:
    maps: dict[str, Value] = field(default_factory=dict[str, Value])
    resources: dict[str, Value] = field(default_factory=dict[str, Value])
    services: dict[str, Value] = field(default_factory=dict[str, Value])
    watches: list[Watch] = field(default_factory=list[Watch])


def render(zones: Sequence[Zone], serials: Mapping[str, int], directory: Path) -> Rendered:
    """All files for a set of zones. `serials`: domain -> SOA serial. `directory` holds state files and the socket.

    Raises SubstrateError naming the zone and record that gdnsd cannot serve.
    """
    everything = [Zone(domain=NS_ZONE, records=(_ns_address(),)), *zones]
    _refuse_nested(everything)
    plugins = _Plugins()
    texts = {zone.domain: _zone(zone, serials.get(zone.domain, 1), directory, plugins) for zone in everything}
    config: dict[str, Value] = {
        "options": {
            "listen": str(layout.NAME_SERVER),
            "min_ttl": 1,
            "run_dir": str(directory / "run"),
            "state_dir": str(directory / "state"),
            "udp_threads": 1,
            "tcp_threads": 1,
        },
        "service_types": plugins.services,
        "plugins": {"geoip": {"maps": plugins.maps, "resources": plugins.resources}} if plugins.resources else {},
    }
    lines = [f"{key} => {_write(value)}" for key, value in config.items()]
    return Rendered(config="\n".join(lines) + "\n", zones=texts, watches=tuple(plugins.watches))


def absolute(name: str, domain: str) -> str:
    """The full name of a record's relative name, without the last dot."""
    return domain if name in ("@", "") else f"{name}.{domain}"


def _ns_address() -> Record:
    return Record(name="ns1", type="A", value=str(layout.NAME_SERVER), ttl_s=NS_TTL_S)


def _refuse_nested(zones: Sequence[Zone]) -> None:
    domains = [zone.domain for zone in zones]
    for domain in domains:
        for other in domains:
            if domain.endswith(f".{other}"):
                raise SubstrateError(f"zone {domain} lies inside zone {other}: the name server takes one of them")
    if len(set(domains)) < len(domains):
        raise SubstrateError(f"a zone is given twice: {', '.join(sorted(domains))}")


def _zone(zone: Zone, serial: int, directory: Path, plugins: _Plugins) -> str:
    lines = [
        "$TTL 600",
        f"@ {NEGATIVE_TTL_S} SOA {NS_NAME}. hostmaster.{NS_ZONE}. {serial} 3600 600 86400 {NEGATIVE_TTL_S}",
        f"@ {NS_TTL_S} NS {NS_NAME}.",
    ]
    names = dict.fromkeys(record.name for record in zone.records)
    for name in names:
        records = [record for record in zone.records if record.name == name]
        lines += _name(zone.domain, name, records, plugins)
    for failover in zone.failovers:
        lines.append(_failover(zone.domain, failover, directory, plugins))
    return "\n".join(lines) + "\n"


def _name(domain: str, name: str, records: Sequence[Record], plugins: _Plugins) -> Iterable[str]:
    dynamic = {r.type for r in records if r.lines or r.weight is not None}
    refused = dynamic - set(DYNAMIC_TYPES)
    if refused:
        raise SubstrateError(
            f"{absolute(name, domain)}: lines and weights are for A and CNAME, not {', '.join(refused)}"
        )
    # Once one A or CNAME of a name is dynamic, gdnsd needs all of them to be.
    by_asker = [r for r in records if dynamic and r.type in DYNAMIC_TYPES]
    for record in records:
        if record not in by_asker:
            yield f"{name} {record.ttl_s} {record.type} {_data(record)}"
    if by_asker:
        yield _by_asker(domain, name, by_asker, plugins)


def _data(record: Record) -> str:
    value = record.value.strip()
    if record.type == "TXT":
        escaped = value.strip('"').replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if record.type in ("CNAME", "NS", "MX", "PTR", "SRV"):
        return value.rstrip(".") + "."
    return value


def _by_asker(domain: str, name: str, records: Sequence[Record], plugins: _Plugins) -> str:
    resource = _label("record", domain, name)
    by_lines: dict[tuple[IPv4Network, ...], list[Record]] = {}
    for record in records:
        by_lines.setdefault(record.lines, []).append(record)
    places: dict[str, Value] = {}
    nets: dict[str, Value] = {}
    for number, (lines, group) in enumerate(sorted(by_lines.items(), key=lambda item: bool(item[0]))):
        place = f"line{number}" if lines else EVERYONE
        places[place] = _answers(group)
        for line in lines:
            if str(line) in nets:
                raise SubstrateError(f"{absolute(name, domain)}: the range {line} belongs to two lines")
            nets[str(line)] = [place]
    if EVERYONE not in places:
        # Whoever is in no line gets no answer, as with the cloud's name servers.
        nets.setdefault("0.0.0.0/0", [])
    plugins.maps[resource] = {"datacenters": list(places), "nets": nets}
    plugins.resources[resource] = {"map": resource, "service_types": "up", "dcmap": places}
    kind = "DYNC" if any(record.type == "CNAME" for record in records) else "DYNA"
    ttl_s = min(record.ttl_s for record in records)
    return f"{name} {ttl_s}/{ttl_s} {kind} geoip!{resource}"


def _answers(records: Sequence[Record]) -> Value:
    types = {record.type for record in records}
    if len(types) > 1:
        raise SubstrateError(f"{records[0].name}: one line has either CNAME or A records, given both")
    weighted = any(record.weight is not None for record in records)
    values = [_target(record.value) for record in records]
    if types == {"A"} and not weighted:
        return values
    if len(records) == 1:
        return values[0]
    chosen: dict[str, Value] = {"plugin": "weighted"}
    for number, record in enumerate(records):
        if record.weight != 0:
            chosen[f"t{number}"] = [values[number], record.weight or 1]
    return chosen


def _failover(domain: str, failover: Failover, directory: Path, plugins: _Plugins) -> str:
    name = absolute(failover.name, domain)
    resource = _label("failover", domain, failover.name)
    unknown = {pool for order in (failover.default, *failover.order.values()) for pool in order} - set(failover.pools)
    if unknown or not failover.default:
        raise SubstrateError(f"{name}: pools are {sorted(failover.pools)}, the order names {sorted(unknown) or 'none'}")
    service = "up"
    if failover.probe:
        targets = tuple(dict.fromkeys(_target(target) for pool in failover.pools.values() for target in pool))
        service, file = resource, directory / "states" / resource
        plugins.services[service] = {"plugin": "extfile", "file": str(file), "direct": "true", "interval": 2}
        watch = Watch(name=name, service=service, file=file, targets=targets, probe=failover.probe)
        plugins.watches.append(watch)
    pools: dict[str, Value] = {}
    for pool, targets in failover.pools.items():
        if not targets:
            raise SubstrateError(f"{name}: pool {pool} has no target")
        pools[pool] = _pool(targets, service)
        pools[_last(pool)] = _pool(targets, "up")
    # A pool's `last` twin is never down: it ends every order, so that the last pool answers when none lives.
    nets: dict[str, Value] = {str(line): [*order, _last(order[-1])] for line, order in failover.order.items() if order}
    default = [*failover.default, _last(failover.default[-1])]
    plugins.maps[resource] = {"datacenters": [*default, *(p for p in pools if p not in default)], "nets": nets}
    plugins.resources[resource] = {"map": resource, "up_thresh": UP_SHARE, "dcmap": pools}
    addresses = all(_is_address(target) for pool in failover.pools.values() for target in pool)
    kind = "DYNA" if addresses else "DYNC"
    return f"{failover.name} {failover.ttl_s}/{failover.ttl_s} {kind} geoip!{resource}"


def _last(pool: str) -> str:
    return f"{pool}.last"


def _pool(targets: Sequence[str], service: str) -> Value:
    addresses = [_is_address(target) for target in targets]
    if all(addresses):
        plain = {f"t{number}": target for number, target in enumerate(targets)}
        return {"plugin": "multifo", "service_types": service, **plain}
    if any(addresses):
        raise SubstrateError(f"a pool holds either addresses or names, given {', '.join(targets)}")
    named: dict[str, Value] = {f"t{number}": [_target(target), 1] for number, target in enumerate(targets)}
    return {"plugin": "weighted", "service_types": service, **named}


def _is_address(target: str) -> bool:
    try:
        IPv4Address(target)
    except ValueError:
        return False
    return True


def _target(value: str) -> str:
    """An address as it is, a name with its last dot: so gdnsd names both in its state files."""
    return value if _is_address(value) else value.strip().rstrip(".").lower() + "."


def _label(kind: str, domain: str, name: str) -> str:
    return f"{kind}-{hashlib.sha256(absolute(name, domain).encode()).hexdigest()[:16]}"


def _write(value: Value) -> str:
    """A value in gdnsd's configuration language. Every text is quoted: then it has no special characters."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_quote(key)} => {_write(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, int):
        return str(value)
    return "[ " + ", ".join(_write(inner) for inner in value) + " ]"


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
