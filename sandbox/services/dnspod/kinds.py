"""The documents of DNSPod, and what they mean for the name server.

Domains are shaped as models.DomainInfo, records as models.RecordListItem with their domain in `_domain`. A plan
{"Id": "account", "Grade"} is the one that new domains get (default DP_EXPERT).
"""

from collections.abc import Iterable
from dataclasses import replace

from sandbox.api.actions import Context
from sandbox.api.errors import ApiError
from sandbox.api.kinds import Kind
from sandbox.api.store import Doc, Docs, Store
from sandbox.services import zones
from sandbox.substrate.specs import Record, Zone

DOMAIN = Kind(name="dnspod.domain", key="Domain", noun="domain", missing="InvalidParameterValue.DomainNotExists")
RECORD = Kind(name="dnspod.record", key="RecordId", noun="record", missing="InvalidParameter.RecordIdInvalid")
PLAN = Kind(name="dnspod.plan", key="Id", noun="plan")

_BY_LINE = ("A", "CNAME")
"""Types that the name server can answer by line; of others the default line's records are served."""
_SERVED = (*_BY_LINE, "AAAA", "MX", "NS", "TXT", "SRV", "CAA")


def domain_of(ctx: Context, name: str | None, id: int | None = None) -> Doc:
    """The account's domain, by id if one is given. Raises ApiError InvalidParameterValue.DomainNotExists."""
    if not id:
        return DOMAIN.need(ctx, str(name).lower())
    for doc in DOMAIN.list(ctx):
        if doc["DomainId"] == id:
            return doc
    raise DOMAIN.absent(ctx, str(id))


def record_of(ctx: Context, doc: Doc, id: int) -> Doc:
    """A domain's record. Raises ApiError InvalidParameter.RecordIdInvalid."""
    record = RECORD.find(ctx, str(id))
    if record is None or record["_domain"] != doc["Domain"]:
        raise ApiError(RECORD.missing, f"The record {id} is not in domain `{doc['Domain']}`.")
    return record


def records_in(store: Store, domain: str) -> Docs:
    """A domain's records."""
    return [record for record in RECORD.all(store) if record["_domain"] == domain]


@zones.publishes_zones
def served(store: Store) -> Iterable[Zone]:
    """The domains that are not paused."""
    for domain in DOMAIN.all(store):
        if domain["Status"] == "enable":
            yield Zone(domain=domain["Domain"], records=tuple(_records(store, domain["Domain"])))


def _records(store: Store, domain: str) -> Iterable[Record]:
    docs = [doc for doc in records_in(store, domain) if doc["Status"] == "ENABLE" and doc["Type"] in _SERVED]
    for name in dict.fromkeys(doc["Name"] for doc in docs):
        own = [doc for doc in docs if doc["Name"] == name]
        yield from (_record(doc) for doc in own if doc["Line"] == zones.DEFAULT_LINE and not doc["DefaultNS"])
        by_line = [doc for doc in own if doc["Type"] in _BY_LINE]
        for line, region in zones.REGION_LINES.items():
            nearest = [doc for doc in by_line if doc["Line"] == line] or [
                doc for doc in by_line if doc["Line"] == zones.MAINLAND_LINE
            ]
            yield from (replace(_record(doc), lines=zones.ranges(region)) for doc in nearest)


def _record(doc: Doc) -> Record:
    value = f"{doc['MX']} {doc['Value']}" if doc["Type"] == "MX" else doc["Value"]
    return Record(name=doc["Name"], type=doc["Type"], value=value, ttl_s=doc["TTL"], weight=doc["Weight"])
