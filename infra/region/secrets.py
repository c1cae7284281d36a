"""A cell's secrets: a KMS key of its own, and one SSM secret that holds the gateway's secret files."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from tencentcloud_iac_pulumi import kms, ssm

from infra.context import CellContext, keeps_data
from infra.gateway_files import secret_files, secret_value

VERSION = "current"
"""The secret has one version that is written anew: readers need to know no other name."""


@dataclass(frozen=True, kw_only=True)
class SecretsArgs:
    """`secrets`: the program's secrets by name (infra/settings/secrets.py)."""

    cell: CellContext
    secrets: Mapping[str, pulumi.Output[str]]


class Secrets(pulumi.ComponentResource):
    """Secret store of a cell. key_id; secret_name; files: file name -> content, secret."""

    key_id: pulumi.Output[str]
    secret_name: pulumi.Output[str]
    files: pulumi.Output[dict[str, str]]

    def __init__(self, name: str, args: SecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:region:Secrets", name, None, opts)
        cell, protection = args.cell, args.cell.stack.protection
        key = kms.Key(
            cell.name("key"),
            alias=cell.name("key"),
            description="secrets of the gateway",
            is_enabled=True,  # unset: made and disabled at once
            key_rotation_enabled=True,
            pending_delete_window_in_days=protection.key_deletion_days,
            tags=cell.tags,
            opts=keeps_data(cell.stack, self, replace=("hsmClusterId",)),
        )
        self.key_id = key.id
        self.files = pulumi.Output.secret(pulumi.Output.all(**args.secrets).apply(secret_files))
        secret = ssm.Secret(
            cell.name("gateway"),
            secret_name=cell.name("gateway"),
            description="files of /run/sanmen/secrets",
            kms_key_id=key.id,
            is_enabled=True,
            recovery_window_in_days=protection.secret_recovery_days,
            tags=cell.tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                # The name is unique.
                delete_before_replace=True,
                replace_on_changes=["secretType", "additionalConfig"],
            ),
        )
        ssm.SecretVersion(
            cell.name("gateway-current"),
            secret_name=secret.secret_name,
            version_id=VERSION,
            secret_string=self.files.apply(secret_value),
            # The provider marks neither as secret.
            opts=pulumi.ResourceOptions(
                parent=self, additional_secret_outputs=["secretString", "secretBinary"], delete_before_replace=True
            ),
        )
        self.secret_name = secret.secret_name
        self.register_outputs({"key_id": self.key_id, "secret_name": self.secret_name})
