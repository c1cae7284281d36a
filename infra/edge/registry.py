"""The account's own registry: images of gateway and exporters, pulled by digest."""

from dataclasses import dataclass

import pulumi
from tencentcloud_iac_pulumi import tcr

from infra.context import keeps_data, tags
from infra.settings.stack import Stack

NAMESPACE = "sanmen"
REPOSITORIES = {
    "gateway": "the gateway",
    "nginx-prometheus-exporter": "metrics of nginx",
    "redis-exporter": "metrics of Redis",
}


@dataclass(frozen=True, kw_only=True)
class RegistryArgs:
    """`stack`: whose images it holds."""

    stack: Stack


class Registry(pulumi.ComponentResource):
    """TCR instance with a private namespace. registry_id; domain: host name of images."""

    registry_id: pulumi.Output[str]
    domain: pulumi.Output[str]

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:edge:Registry", name, None, opts)
        stack, child = args.stack, pulumi.ResourceOptions(parent=self)
        instance = tcr.Instance(
            f"{stack.env}-registry",
            name=stack.registry.name,
            instance_type=stack.registry.tier,
            registry_charge_type=1,
            # Images are pushed from outside by whoever builds them, with a password of their own.
            open_public_operation=True,
            delete_bucket=not stack.protection.retain_data,
            tags=tags(stack),
            opts=keeps_data(stack, self),
        )
        namespace = tcr.Namespace(
            f"{stack.env}-registry-{NAMESPACE}",
            instance_id=instance.id,
            name=NAMESPACE,
            is_public=False,
            is_auto_scan=True,
            is_prevent_vul=True,
            severity="high",
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
        self.register_outputs({"registry_id": self.registry_id, "domain": self.domain})
