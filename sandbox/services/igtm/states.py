"""Which addresses live, by what the name server's prober sees."""

from collections.abc import Iterable, Mapping

from sandbox.api.store import Doc
from sandbox.services import plane


def of_pool(pool: Doc) -> dict[str, str]:
    """Address -> OK, DOWN, UNKNOWN (monitored, but not yet part of a strategy) or UNMONITORED."""
    living: Mapping[str, Mapping[str, bool]] = plane.current().failover_states() if pool["MonitorId"] else {}
    return {
        address["Addr"]: _state(pool, living, address["Addr"].rstrip(".").lower()) for address in pool["AddressSet"]
    }


def _state(pool: Doc, living: Mapping[str, Mapping[str, bool]], target: str) -> str:
    if not pool["MonitorId"]:
        return "UNMONITORED"
    known = [targets[target] for targets in living.values() if target in targets]
    if not known:
        return "UNKNOWN"
    return "OK" if all(known) else "DOWN"


def summary(states: Iterable[str]) -> str:
    """A pool's state from its addresses': OK, WARN (some down), DOWN, UNKNOWN, UNMONITORED."""
    seen = set(states)
    if len(seen) == 1:
        return seen.pop()
    return "WARN" if "DOWN" in seen else "UNKNOWN"
