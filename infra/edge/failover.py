"""Nearness and failover by IGTM: a client is sent to the living region that serves its DNS line.

A region's strategy tries its own pool, then the others'; when none lives, all are answered, for a probe that is wrong
about everything is likelier than three dead regions. Nothing here is on the request path, and answers outlive the API.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from tencentcloud_iac_pulumi import igtm

from infra.edge.dns import FAILOVER_LABEL, Records, Zone
from infra.region.ingress import READINESS_PATH
from infra.settings.kinds import CATALOGUE, Region
from infra.settings.stack import Stack

DEFAULT_LINE_ID = 1
"""默认: every client whose line has no strategy of its own."""
MAIN_LEVELS = 4
"""Main pool levels of a strategy, at most. Source: docs/sources.md, DNS."""


@dataclass(frozen=True, kw_only=True)
class FailoverArgs:
    """`balancers`: region -> its load balancer's domain; none: the instance alone is made, which tells line ids.

    `after`: what leads to the name answered here, or at least its zone.
    """

    stack: Stack
    after: Records | Zone
    balancers: Mapping[Region, pulumi.Output[str]]


class Failover(pulumi.ComponentResource):
    """IGTM instance with a pool per region, one of all regions, and a strategy per region's lines."""

    def __init__(self, name: str, args: FailoverArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:edge:Failover", name, None, opts)
        self._stack, self._balancers = args.stack, args.balancers
        self._once = pulumi.ResourceOptions(parent=self, delete_before_replace=True)  # names are unique
        instance = self._instance(args)
        if self._balancers:
            self._strategies(instance)
        self.register_outputs({})

    def _strategies(self, instance: igtm.Instance) -> None:
        monitor = self._monitor()
        pools = {
            region: self._pool(CATALOGUE[region].short, {region: balancer}, monitor.monitor_id)
            for region, balancer in self._balancers.items()
        }
        # Unwatched on purpose: it is what is answered when every watched pool is down.
        everywhere = self._pool("everywhere", self._balancers, None)
        for region in pools:
            self._strategy(
                CATALOGUE[region].short,
                instance.id,
                self._stack.edge.failover.lines[region],
                [{pools[other]: 1} for other in self._nearest(region)],
                everywhere,
            )
        by_share = {pool: self._share(region) for region, pool in pools.items()}
        self._strategy("default", instance.id, {"默认": DEFAULT_LINE_ID}, [by_share], everywhere)

    def _share(self, region: Region) -> int:
        """A weight: 1 to 100."""
        return self._stack.regions[region].share_percent

    def _nearest(self, region: Region) -> Sequence[Region]:
        """The region itself, then the others by how much they carry; a strategy has four levels."""
        others = sorted(
            (other for other in self._balancers if other is not region),
            key=lambda other: (-self._share(other), other.value),
        )
        return [region, *others][:MAIN_LEVELS]

    def _monitor(self) -> igtm.Monitor:
        settings = self._stack.edge.failover
        return igtm.Monitor(
            f"{self._stack.env}-readiness",
            monitor_name=f"{self._stack.env}-readiness",
            check_protocol="HTTPS",
            tcp_port=443,
            host=self._stack.host,
            path=READINESS_PATH,
            enable_sni="ENABLED",
            enable_redirect="DISABLED",
            return_code_threshold=400,
            check_interval=settings.check_interval_s,
            timeout=settings.check_timeout_s,
            fail_times=settings.retries,
            fail_rate=50,
            continue_period=1,
            detector_style="INTERNAL",
            detector_group_ids=list(settings.detector_groups),
            opts=self._once,
        )

    def _pool(
        self, role: str, members: Mapping[Region, pulumi.Output[str]], monitor_id: pulumi.Output[int] | None
    ) -> igtm.AddressPool:
        return igtm.AddressPool(
            f"{self._stack.env}-pool-{role}",
            pool_name=f"{self._stack.env}-{role}",
            traffic_strategy="WEIGHT",
            monitor_id=monitor_id,
            address_sets=[
                # A pool's and its address' weight are multiplied: a region's own pool takes its share in the level.
                igtm.AddressPoolAddressSetArgs(
                    addr=balancer, is_enable="ENABLED", weight=self._share(region) if len(members) > 1 else 1
                )
                for region, balancer in members.items()
            ],
            opts=self._once,
        )

    def _instance(self, args: FailoverArgs) -> igtm.Instance:
        stack, settings = args.stack, args.stack.edge.failover
        return igtm.Instance(
            f"{stack.env}-failover",
            instance_name=f"{stack.env}-failover",
            domain=stack.host,
            access_type="CUSTOM",
            access_domain=stack.domain,
            access_sub_domain=FAILOVER_LABEL,
            global_ttl=stack.edge.dns.ttl_s,
            package_type=settings.package_type,
            resource_id=settings.package_id,
            remark=f"{stack.env}, owner {stack.tags.owner}",
            # The API cannot delete one: a destroy would fail for ever. It stays with its package.
            opts=pulumi.ResourceOptions(
                parent=self,
                retain_on_delete=True,
                protect=stack.protection.deletion,
                depends_on=[args.after],
            ),
        )

    def _strategy(
        self,
        role: str,
        instance_id: pulumi.Input[str],
        lines: Mapping[str, int],
        levels: Sequence[Mapping[igtm.AddressPool, int]],
        last: igtm.AddressPool,
    ) -> None:
        """`levels`: pool -> its weight in the level, best level first. `last`: what answers when none lives."""
        igtm.Strategy(
            f"{self._stack.env}-strategy-{role}",
            strategy_name=f"{self._stack.env}-{role}",
            instance_id=instance_id,
            sources=[igtm.StrategySourceArgs(dns_line_id=line, name=name) for name, line in sorted(lines.items())],
            main_address_pool_sets=[
                igtm.StrategyMainAddressPoolSetArgs(
                    address_pools=[
                        igtm.StrategyMainAddressPoolSetAddressPoolArgs(pool_id=pool.pool_id, weight=weight)
                        for pool, weight in level.items()
                    ],
                    min_survive_num=1,
                    traffic_strategy="WEIGHT",
                )
                for level in levels
            ],
            fallback_address_pool_sets=[
                igtm.StrategyFallbackAddressPoolSetArgs(
                    address_pools=[igtm.StrategyFallbackAddressPoolSetAddressPoolArgs(pool_id=last.pool_id, weight=1)],
                    min_survive_num=1,
                    traffic_strategy="WEIGHT",
                )
            ],
            switch_pool_type="AUTO",
            keep_domain_records="DISABLED",
            opts=self._once,
        )
