"""What every part of a stack needs to know: settings, sizes, tags, providers and how resources are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pulumi
from tencentcloud_iac_pulumi import Provider

from infra.settings.kinds import Region, resource_name
from infra.settings.stack import Stack
from infra.sizing import CellSize

KEYS = {"secret_id", "secret_key", "security_token"}
GLOBAL_REGION = Region.GUANGZHOU
"""Where global services (DNS, certificates, CAM, IGTM) are called: they ignore the region, the provider needs one."""


@dataclass(frozen=True, kw_only=True)
class CellContext:
    """A region's cell: its name parts, settings, size and tags."""

    stack: Stack
    region: Region
    size: CellSize

    def name(self, role: str) -> str:
        """`prod-bj-ingress`."""
        return resource_name(self.stack.env, self.region, role)

    @property
    def tags(self) -> dict[str, str]:
        """Tags of everything in the cell."""
        return tags(self.stack)

    @property
    def zones(self) -> Sequence[str]:
        """The cell's zones, primary first."""
        return self.stack.regions[self.region].zones


def tags(stack: Stack) -> dict[str, str]:
    """env, owner, cost-centre and data-class: on all that can have them. The provider has no default tags."""
    given = stack.tags
    return {
        "env": stack.env,
        "owner": given.owner,
        "cost-centre": given.cost_centre,
        "data-class": given.data_class,
    }


def keeps_data(
    stack: Stack, parent: pulumi.Resource, *, replace: Sequence[str] = (), ignore: Sequence[str] = ()
) -> pulumi.ResourceOptions:
    """Options of a resource that holds data: protected and retained as the settings say.

    `replace`: properties that only a new one can have. `ignore`: those that the cloud changes by itself.
    """
    return pulumi.ResourceOptions(
        parent=parent,
        protect=stack.protection.deletion,
        retain_on_delete=stack.protection.retain_data,
        replace_on_changes=list(replace),
        ignore_changes=list(ignore),
    )


def provider(name: str, region: Region) -> Provider:
    """An explicit provider that carries its region and nothing else.

    Endpoint and keys come from the environment of the plugin. The SDK would copy keys from the environment into the
    provider's inputs, and so into the state: that is undone here.
    """
    return Provider(name, region=region.value, opts=pulumi.ResourceOptions(transformations=[_without_keys]))


def _without_keys(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    inputs = cast("dict[str, Any]", args.props)
    return pulumi.ResourceTransformationResult(
        props={key: value for key, value in inputs.items() if key not in KEYS},  # pyright: ignore[reportArgumentType] a mapping at run time
        opts=args.opts,
    )


def providers(stack: Stack) -> tuple[Provider, Mapping[Region, Provider]]:
    """The global provider and one per region. There is no default provider: the stack files disable it."""
    everywhere = provider(f"{stack.env}-global", GLOBAL_REGION)
    return everywhere, {
        region: provider(resource_name(stack.env, region, "provider"), region) for region in stack.regions
    }
