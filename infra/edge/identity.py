"""The CAM role of the gateway's machines: it may read the gateway's secrets and nothing else."""

import json
from dataclasses import dataclass

import pulumi
from tencentcloud_iac_pulumi import cam

from infra.context import tags
from infra.settings.kinds import resource_name
from infra.settings.stack import Stack


@dataclass(frozen=True, kw_only=True)
class IdentityArgs:
    """`stack`: whose machines take the role."""

    stack: Stack


class Identity(pulumi.ComponentResource):
    """role_name: what machines are given; known once the policy is attached."""

    role_name: pulumi.Output[str]

    def __init__(self, name: str, args: IdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:edge:Identity", name, None, opts)
        stack, unique = args.stack, pulumi.ResourceOptions(parent=self, delete_before_replace=True)
        role = cam.Role(
            f"{stack.env}-gateway",
            name=f"{stack.env}-gateway",
            description="machines of the gateway",
            document=_trust(),
            console_login=False,
            session_duration=7200,
            tags=tags(stack),
            opts=unique,
        )
        policy = cam.Policy(
            f"{stack.env}-gateway-secrets",
            name=f"{stack.env}-gateway-secrets",
            description="read the gateway's secrets",
            document=_secrets(stack),
            opts=unique,
        )
        attachment = cam.RolePolicyAttachment(
            f"{stack.env}-gateway-secrets",
            role_id=role.id,
            policy_id=policy.id,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.role_name = pulumi.Output.all(role.name, attachment.id).apply(lambda known: str(known[0]))
        self.register_outputs({"role_name": self.role_name})


def _trust() -> str:
    """Machines may take the role."""
    return _document(
        [{"action": "name/sts:AssumeRole", "effect": "allow", "principal": {"service": ["cvm.qcloud.com"]}}]
    )


def _secrets(stack: Stack) -> str:
    """The secret of each region of this environment, by name."""
    names = [(region.value, resource_name(stack.env, region, "gateway")) for region in stack.regions]
    return _document(
        [
            {
                "action": ["ssm:GetSecretValue", "ssm:DescribeSecret"],
                "effect": "allow",
                "resource": [f"qcs::ssm:{region}:uin/:secret/creatorUin/*/{name}" for region, name in names],
            }
        ]
    )


def _document(statements: list[dict[str, object]]) -> str:
    return json.dumps({"version": "2.0", "statement": statements}, sort_keys=True)
