"""What instances and their strategies mean for the name server."""

from collections.abc import Iterator
from ipaddress import IPv4Network

from sandbox.api.store import Doc, Store
from sandbox.services import zones
from sandbox.services.igtm.catalogue import DEFAULT_LINE_ID, line_ranges
from sandbox.services.igtm.kinds import INSTANCE, MONITOR, POOL, access_name, levels, strategies_of
from sandbox.substrate.specs import Failover, Probe


@zones.publishes_failovers
def failovers(store: Store) -> Iterator[tuple[str, Failover]]:
    """(full name, failover) of every instance that has a strategy for the default line."""
    for instance in INSTANCE.all(store):
        strategies = [doc for doc in strategies_of(store, instance["InstanceId"]) if doc["IsEnabled"] == "ENABLED"]
        default = _for_line(strategies, DEFAULT_LINE_ID)
        if default is not None:
            yield access_name(instance), _failover(store, instance, default, strategies)


def _for_line(strategies: list[Doc], line_id: int) -> Doc | None:
    return next((doc for doc in strategies if any(s["DnsLineId"] == line_id for s in doc["Source"])), None)


def _failover(store: Store, instance: Doc, default: Doc, strategies: list[Doc]) -> Failover:
    pools: dict[str, tuple[str, ...]] = {}
    monitors: list[int] = []

    def order(strategy: Doc) -> tuple[str, ...]:
        names: list[str] = []
        for level in levels(strategy):
            ids = [str(pool["PoolId"]) for pool in level["AddressPools"]]
            name = "p" + "-".join(ids)
            docs = [doc for id in ids if (doc := POOL.anywhere(store, id))]
            monitors.extend(doc["MonitorId"] for doc in docs if doc["MonitorId"])
            targets = tuple(
                a["Addr"].rstrip(".") for doc in docs for a in doc["AddressSet"] if a["IsEnable"] == "ENABLED"
            )
            if targets:
                pools[name] = targets
                names.append(name)
        return tuple(dict.fromkeys(names))

    by_range: dict[IPv4Network, tuple[str, ...]] = {}
    # A line for one region is nearer than one for all of them: it is laid over it.
    for strategy in sorted(strategies, key=lambda doc: -_breadth(doc)):
        for source in strategy["Source"]:
            for region in line_ranges(source["DnsLineId"]):
                by_range |= {network: order(strategy) for network in zones.ranges(region)}
    return Failover(
        name=instance["AccessSubDomain"],
        default=order(default),
        order={network: names for network, names in by_range.items() if names},
        pools=pools,
        probe=_probe(store, instance, monitors),
        ttl_s=instance["GlobalTtl"],
    )


def _breadth(strategy: Doc) -> int:
    return max(len(line_ranges(source["DnsLineId"])) for source in strategy["Source"])


def _probe(store: Store, instance: Doc, monitors: list[int]) -> Probe | None:
    """The name server watches an instance's targets in one way: that of its first monitor."""
    doc = MONITOR.anywhere(store, str(monitors[0])) if monitors else None
    if doc is None:
        return None
    protocol = {"HTTP": "http", "HTTPS": "https"}.get(doc["CheckProtocol"], "tcp")
    return Probe(
        protocol=protocol,
        port=doc["TcpPort"],
        path=doc["Path"],
        host=doc["Host"] or instance["Domain"],
        interval_s=doc["CheckInterval"],
        timeout_s=doc["Timeout"],
        fall=(doc["FailTimes"] + 1) * doc["ContinuePeriod"],
        failure_from_status=doc["ReturnCodeThreshold"],
    )
