"""The account's own registry: images of gateway and exporters, pulled by digest."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from tencentcloud_iac_pulumi import tcr

from infra.context import keeps_data, tags
from infra.settings.kinds import Compute, Region
from infra.settings.stack import Stack

NAMESPACE = "sanmen"
REPOSITORIES = {
    "gateway": "the gateway",
    "nginx-prometheus-exporter": "metrics of nginx",
    "redis-exporter": "metrics of Redis",
}
PULL = "tcr:PullRepository"
PULL_DAYS = 3650
"""How long the clusters' password lasts: one that ends by itself stops new pods, without a warning."""


@dataclass(frozen=True, kw_only=True)
class RegistryArgs:
    """`stack`: whose images it holds."""

    stack: Stack


@dataclass(frozen=True, kw_only=True)
class PullAccount:
    """What clusters log in with: it may pull from the namespace and nothing else. `password` is secret."""

    user: pulumi.Output[str]
    password: pulumi.Output[str]


class Registry(pulumi.ComponentResource):
    """TCR instance with a private namespace, replicated to where clusters pull.

    registry_id; domain: host name of images, in every region; puller: None where no region runs a cluster.
    """

    registry_id: pulumi.Output[str]
    domain: pulumi.Output[str]
    puller: PullAccount | None

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:edge:Registry", name, None, opts)
        stack, child = args.stack, pulumi.ResourceOptions(parent=self)
        clusters = [region for region, cell in stack.regions.items() if cell.compute is Compute.TKE]
        instance = self._instance(stack, [region for region in clusters if region is not stack.registry.region])
        namespace = tcr.Namespace(
            f"{stack.env}-registry-{NAMESPACE}",
            instance_id=instance.id,
            name=NAMESPACE,
            is_public=False,
            # Scanned at every push, and the account is told. No pull is refused: a flaw that becomes known of an image
            # that serves would else stop every new pod of it. What must not run is refused earlier (docs/cloud.md).
            is_auto_scan=True,
            is_prevent_vul=False,
            opts=child,
        )
        for repository, what in REPOSITORIES.items():
            tcr.Repository(
                f"{stack.env}-registry-{repository}",
                instance_id=instance.id,
                namespace_name=namespace.name,
                name=repository,
                brief_desc=what,
                opts=child,
            )
        self.registry_id, self.domain = instance.id, instance.public_domain
        self.puller = self._puller(stack, instance.id, namespace.name) if clusters else None
        self.register_outputs({"registry_id": self.registry_id, "domain": self.domain})

    def _instance(self, stack: Stack, replicas: Sequence[Region]) -> tcr.Instance:
        """A region that scales out while another is lost pulls from its own replica."""
        return tcr.Instance(
            f"{stack.env}-registry",
            name=stack.registry.name,
            instance_type=stack.registry.tier,
            registry_charge_type=1,
            # For whoever builds images: clusters come in through their VPC.
            open_public_operation=True,
            security_policies=[
                tcr.InstanceSecurityPolicyArgs(cidr_block=str(network), description="pushes images")
                for network in stack.registry.push_from
            ],
            replications=[tcr.InstanceReplicationArgs(region_name=region.value, syn_tag=True) for region in replicas]
            or None,
            delete_bucket=not stack.protection.retain_data,
            tags=tags(stack),
            opts=keeps_data(stack, self),
        )

    def _puller(self, stack: Stack, registry_id: pulumi.Input[str], namespace: pulumi.Input[str]) -> PullAccount:
        account = tcr.ServiceAccount(
            f"{stack.env}-registry-pull",
            registry_id=registry_id,
            name=f"{stack.env}-pull",
            description="clusters that run the gateway",
            permissions=[tcr.ServiceAccountPermissionArgs(resource=namespace, actions=[PULL])],
            duration=PULL_DAYS,
            tags=tags(stack),
            opts=pulumi.ResourceOptions(
                parent=self,
                # Told once, at creation, and not marked secret by the provider.
                additional_secret_outputs=["password"],
                delete_before_replace=True,
                replace_on_changes=["registryId", "name"],
            ),
        )
        return PullAccount(
            user=account.name.apply(lambda name: f"tcr${name}"),  # the cloud puts that before every such name
            password=account.password,
        )
