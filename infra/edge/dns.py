"""The domain's zone at DNSPod, and the records that lead to the regions."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from tencentcloud_iac_pulumi import dnspod

from infra.context import keeps_data
from infra.settings.kinds import CATALOGUE, Region
from infra.settings.stack import Stack

DEFAULT_LINE = "默认"
"""The line that every plan has and that must always answer."""
FAILOVER_LABEL = "gtm"
"""Below this name IGTM answers; the public name points to it."""


@dataclass(frozen=True, kw_only=True)
class ZoneArgs:
    """`stack`: whose domain it is."""

    stack: Stack


class Zone(pulumi.ComponentResource):
    """The zone. domain: known when it exists; resource: what records and certificates wait for."""

    domain: pulumi.Output[str]
    resource: pulumi.Resource

    def __init__(self, name: str, args: ZoneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:edge:Zone", name, None, opts)
        stack = args.stack
        zone = dnspod.DomainInstance(
            f"{stack.env}-zone",
            domain=stack.domain,
            status="enable",
            remark=f"{stack.env}, owner {stack.tags.owner}",
            # Deleting it deletes all its records.
            opts=keeps_data(stack, self, replace=("domain",)),
        )
        self.resource, self.domain = zone, zone.domain
        self.register_outputs({"domain": self.domain})


@dataclass(frozen=True, kw_only=True)
class RecordsArgs:
    """`balancers`: region -> its load balancer's domain."""

    stack: Stack
    zone: Zone
    balancers: Mapping[Region, pulumi.Output[str]]


class Records(pulumi.ComponentResource):
    """`<short>.api` leads to a region; `api` leads to the name that IGTM answers. All are CNAMEs."""

    def __init__(self, name: str, args: RecordsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:edge:Records", name, None, opts)
        self._args = args
        for region, balancer in args.balancers.items():
            self._cname(CATALOGUE[region].short, f"{CATALOGUE[region].short}.api", balancer)
        self._cname("api", "api", f"{FAILOVER_LABEL}.{args.stack.domain}")
        self.register_outputs({})

    def _cname(self, role: str, label: str, value: pulumi.Input[str]) -> None:
        stack = self._args.stack
        dnspod.Record(
            f"{stack.env}-record-{role}",
            domain=self._args.zone.domain,
            sub_domain=label,
            record_type="CNAME",
            record_line=DEFAULT_LINE,
            value=value,
            ttl=stack.edge.dns.ttl_s,
            status="ENABLE",
            # The same name twice is refused.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
