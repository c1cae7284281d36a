"""The whole program: settings -> what is global and a cell per region -> outputs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from tencentcloud_iac_pulumi import Provider

from infra.context import CellContext, providers
from infra.edge.certificate import Certificate, CertificateArgs
from infra.edge.dns import Records, RecordsArgs, Zone, ZoneArgs
from infra.edge.failover import Failover, FailoverArgs
from infra.edge.identity import Identity, IdentityArgs
from infra.edge.registry import Registry, RegistryArgs
from infra.gateway_files import secret_files, secret_value
from infra.region.cell import RegionCell, RegionCellArgs
from infra.settings import secrets
from infra.settings.kinds import Region, resource_name
from infra.settings.samples import refuse_samples
from infra.settings.stack import Stack, load, secret_names
from infra.sizing import plan

BEGIN = "SANMEN_BEGIN"
"""Environment variable: `1` makes alone what people must act on before the rest (docs/cloud.md). No target or exclusion
of the engine can do that: it takes every provider with it, also a cluster's, whose cluster is not there."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What the stack exports: names that others rely on (docs, `make up`)."""

    endpoint: str
    regions: dict[str, Any]
    name_servers: list[str]


def run() -> None:
    """Validate everything, then make everything, then export. Raises SettingsError before any resource exists."""
    stack = load()
    made = build(stack)
    pulumi.export("endpoint", made.endpoint)
    pulumi.export("regions", made.regions)
    pulumi.export("name_servers", made.name_servers)


def build(stack: Stack) -> Outputs:
    """All resources of a stack, or its beginning. Sizes and secrets are checked before the first one."""
    sizes = plan(stack)
    if os.environ.get(BEGIN) == "1":
        refuse_samples(stack, only={"domain", "edge.failover.package_id", "registry.push_from"})
        everywhere, regional = providers(stack)
        zone, _ = _beginning(stack, everywhere, regional)
        _failover(stack, everywhere, zone, {})
        return Outputs(endpoint=f"https://{stack.host}", regions={}, name_servers=list(stack.edge.dns.name_servers))
    refuse_samples(stack)
    found = secrets.read(
        stack.env,
        secret_names(stack.upstreams, stack.edge.certificate.mode),
        lambda texts: secret_value(secret_files(texts)),
    )
    everywhere, regional = providers(stack)
    globally = pulumi.ResourceOptions(providers=[everywhere])
    zone, registry = _beginning(stack, everywhere, regional)
    certificate = Certificate(
        f"{stack.env}-tls",
        CertificateArgs(stack=stack, zone=zone.resource, key=found.get("certificate_key")),
        globally,
    )
    identity = Identity(f"{stack.env}-identity", IdentityArgs(stack=stack), globally)
    cells = {
        region: RegionCell(
            resource_name(stack.env, region, "cell"),
            RegionCellArgs(
                cell=CellContext(stack=stack, region=region, size=sizes[region]),
                cloud=regional[region],
                certificate_id=certificate.certificate_id,
                role_name=identity.role_name,
                registry=registry,
                registry_cloud=regional[stack.registry.region],
                secrets={name: value for name, value in found.items() if name != "certificate_key"},
            ),
            pulumi.ResourceOptions(providers=[regional[region]]),
        )
        for region in stack.regions
    }
    balancers = {region: cell.balancer_domain for region, cell in cells.items()}
    records = Records(f"{stack.env}-records", RecordsArgs(stack=stack, zone=zone, balancers=balancers), globally)
    _failover(stack, everywhere, records, balancers)
    return Outputs(
        endpoint=f"https://{stack.host}",
        regions={region.value: cell.summary for region, cell in cells.items()},
        name_servers=list(stack.edge.dns.name_servers),
    )


def _beginning(stack: Stack, everywhere: Provider, regional: Mapping[Region, Provider]) -> tuple[Zone, Registry]:
    """What people must do something with before the rest can be made: delegate the zone, fill the registry."""
    zone = Zone(f"{stack.env}-dns", ZoneArgs(stack=stack), pulumi.ResourceOptions(providers=[everywhere]))
    registry = Registry(
        f"{stack.env}-images",
        RegistryArgs(stack=stack),
        pulumi.ResourceOptions(providers=[regional[stack.registry.region]]),
    )
    return zone, registry


def _failover(
    stack: Stack, everywhere: Provider, after: Records | Zone, balancers: Mapping[Region, pulumi.Output[str]]
) -> None:
    """Nearness and failover; without balancers its instance alone, so that its line ids can be looked up."""
    Failover(
        f"{stack.env}-nearness",
        FailoverArgs(stack=stack, after=after, balancers=balancers),
        pulumi.ResourceOptions(providers=[everywhere]),
    )
