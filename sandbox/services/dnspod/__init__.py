"""DNSPod (dnspod 2021-03-23): domains and records. The sandbox's name server answers what is here.

Source: docs/sources.md, DNS.
"""

from sandbox.services.dnspod import domains, kinds, plans, records

__all__ = ["domains", "kinds", "plans", "records"]
