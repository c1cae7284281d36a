"""DNSPod (dnspod 2021-03-23): domains and records. The sandbox's name server answers what is here.

Kinds: `dnspod.domain` (models.DomainInfo, by name), `dnspod.record` (models.RecordListItem with `_domain`, by id), and
`dnspod.plan`/`account` {"Grade"}: the plan new domains get (default DP_EXPERT).
Source: docs/sources.md, DNS.
"""

from sandbox.services.dnspod import domains, plans, records

__all__ = ["domains", "plans", "records"]
