"""What must hold between settings. Each check yields (path, message) for all that is wrong, never just the first."""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

from infra.settings.cell import Balancer, Cell, Cvm, Tke
from infra.settings.edge import Edge
from infra.settings.kinds import CATALOGUE, Compute, Region
from infra.settings.site import Gateway, Licence, Load, Registry, Upstream

Finding = tuple[str, str]
"""(path below `sanmen:`, what is wrong)."""

PLAN_RANGE = IPv4Network("10.0.0.0/8")


def zones(regions: Mapping[Region, Cell]) -> Iterator[Finding]:
    """Each zone is one on sale in its region, named once."""
    for region, cell in regions.items():
        allowed = [f"{region.value}-{number}" for number in CATALOGUE[region].zones]
        for zone in cell.zones:
            if zone not in allowed:
                yield f"regions.{region.value}.zones", f"no zone {zone!r} on sale: one of {', '.join(allowed)}"
        if repeated := sorted({zone for zone in cell.zones if cell.zones.count(zone) > 1}):
            yield f"regions.{region.value}.zones", f"each zone once (repeated: {', '.join(repeated)})"
        if repeated := sorted({word for word in cell.egress if cell.egress.count(word) > 1}):
            yield f"regions.{region.value}.egress", f"each word once (repeated: {', '.join(repeated)})"


def ranges(regions: Mapping[Region, Cell]) -> Iterator[Finding]:
    """Every range lies in the plan, has a usable size and overlaps no other."""
    for region, cell in regions.items():
        path = f"regions.{region.value}.cidr"
        if not 16 <= cell.cidr.prefixlen <= 18:
            yield path, f"{cell.cidr} has prefix {cell.cidr.prefixlen}: 16 to 18 wanted, so that pods have addresses"
        if not cell.cidr.subnet_of(PLAN_RANGE):
            yield path, f"{cell.cidr} lies outside {PLAN_RANGE}"
    used = [(f"regions.{region.value}.cidr", cell.cidr) for region, cell in regions.items()]
    for (_, one), (path, other) in combinations(used, 2):
        if one.overlaps(other):
            yield path, f"{other} overlaps {one} of another region"
    for region, cell in regions.items():
        path = f"regions.{region.value}.service_cidr"
        if (cell.compute is Compute.TKE) != (cell.service_cidr is not None):
            yield path, "needed with compute tke, and with no other"
        elif cell.service_cidr is not None:
            if not 17 <= cell.service_cidr.prefixlen <= 24:
                yield path, f"{cell.service_cidr} has prefix {cell.service_cidr.prefixlen}: 17 to 24 wanted"
            for _, network in used:
                if cell.service_cidr.overlaps(network):
                    yield path, f"{cell.service_cidr} overlaps {network} of a VPC"


def shares(regions: Mapping[Region, Cell]) -> Iterator[Finding]:
    """The shares of all regions make 100 %."""
    if (total := sum(cell.share_percent for cell in regions.values())) != 100:
        given = ", ".join(f"{region.value} {cell.share_percent}" for region, cell in regions.items())
        yield "regions", f"share_percent of all regions makes {total}, 100 wanted ({given})"


def flavours(regions: Mapping[Region, Cell], cvm: Cvm | None, tke: Tke | None) -> Iterator[Finding]:
    """A flavour that a region uses has its settings."""
    for flavour, settings in ((Compute.CVM, cvm), (Compute.TKE, tke)):
        users = [region.value for region, cell in regions.items() if cell.compute is flavour]
        if users and settings is None:
            yield flavour.value, f"missing, though {', '.join(users)} asks for compute {flavour.value}"


def images(regions: Mapping[Region, Cell], cvm: Cvm | None) -> Iterator[Finding]:
    """Every region of machines has its machine image."""
    for region, cell in regions.items():
        if cvm is not None and cell.compute is Compute.CVM and region not in cvm.image_ids:
            yield "cvm.image_ids", f"no image for {region.value}"


def honest_licence(env: str, licence: Licence) -> Iterator[Finding]:
    """Made-up licence data never leaves the machine."""
    if licence.made_up and env != "local":
        yield "licence.made_up", f"made-up licence data is allowed in local alone, not in {env}"


def lines(regions: Mapping[Region, Cell], edge: Edge) -> Iterator[Finding]:
    """Every region has lines of its own, and lines name regions that exist."""
    known = set(regions)
    for region in sorted(known - edge.failover.lines.keys()):
        yield "edge.failover.lines", f"no line leads to {region.value}"
    for region in sorted(edge.failover.lines.keys() - known):
        yield "edge.failover.lines", f"{region.value} is no region of this stack"


def streams(load: Load, gateway: Gateway, balancer: Balancer, upstreams: Mapping[str, Upstream]) -> Iterator[Finding]:
    """No time-out on the path is shorter than what must pass."""
    for name, upstream in upstreams.items():
        for key in ("first_byte_timeout_s", "read_timeout_s"):
            if (given := getattr(upstream, key)) > load.longest_stream_s:
                yield f"upstreams.{name}.{key}", f"{given:g} is above load.longest_stream_s {load.longest_stream_s}"
    if load.longest_stream_s > gateway.drain_s:
        yield (
            "gateway.drain_s",
            f"{gateway.drain_s} is below load.longest_stream_s {load.longest_stream_s}: a drain would cut answers",
        )
    if gateway.drain_notice_s < (notice := balancer.check_interval_s * balancer.unhealthy_after):
        yield (
            "gateway.drain_notice_s",
            f"{gateway.drain_notice_s} is below the {notice} s in which the load balancer notices "
            "(balancer.check_interval_s x unhealthy_after)",
        )


def registry_reach(regions: Mapping[Region, Cell], registry: Registry) -> Iterator[Finding]:
    """The registry stands in a region of the stack (no other has a provider), and every cluster can pull from it."""
    if registry.region not in regions:
        yield "registry.region", f"{registry.region.value} is no region of this stack"
    clusters = [region for region, cell in regions.items() if cell.compute is Compute.TKE]
    away = [region.value for region in clusters if region is not registry.region]
    if away and registry.tier != "premium":
        yield (
            "registry.tier",
            f"{registry.tier} has no replica in {', '.join(away)}, where clusters pull images: premium wanted, "
            "or clusters in the registry's region alone",
        )


CHECKS: tuple[tuple[Callable[..., Iterator[Finding]], tuple[str, ...]], ...] = (
    (zones, ("regions",)),
    (ranges, ("regions",)),
    (shares, ("regions",)),
    (flavours, ("regions", "cvm", "tke")),
    (images, ("regions", "cvm")),
    (honest_licence, ("env", "licence")),
    (lines, ("regions", "edge")),
    (streams, ("load", "gateway", "balancer", "upstreams")),
    (registry_reach, ("regions", "registry")),
)
"""Check, and the sections it looks at: it runs when all of these are valid."""

PARTIAL = (zones, ranges)
"""Checks that say something useful about the valid regions while another region is not."""


def findings(valid: Mapping[str, Any], broken: frozenset[str]) -> Iterator[Finding]:
    """All that is wrong between valid sections. `broken`: sections with a mistake of their own."""
    for check, sections in CHECKS:
        if check in PARTIAL or not broken.intersection(sections):
            yield from check(*(valid[section] for section in sections))
