"""The policies that the account has from the start: the cloud's own."""

import json
from typing import Any

from sandbox.api.actions import Context, seed
from sandbox.services.cam.kinds import POLICIES

PRESET = 2
"""StrategyInfo.Type of a policy that the cloud made; 1: made by the account."""
_DATE = "2017-06-01 00:00:00"


def _policy(id: int, name: str, description: str, actions: list[str]) -> dict[str, Any]:
    statement = [{"effect": "allow", "action": actions, "resource": "*"}]
    return {
        "PolicyId": id,
        "PolicyName": name,
        "Description": description,
        "Type": PRESET,
        "AddTime": _DATE,
        "UpdateTime": _DATE,
        "PolicyDocument": json.dumps({"version": "2.0", "statement": statement}),
        "CreateMode": 2,
        "Tags": [],
    }


PRESETS = (
    _policy(1, "AdministratorAccess", "All actions on all resources", ["*"]),
    _policy(2, "ReadOnlyAccess", "Reading all resources", ["*:Describe*", "*:Get*", "*:List*"]),
    _policy(3, "QcloudSSMReadOnlyAccess", "Reading secrets", ["ssm:Get*", "ssm:List*", "ssm:Describe*"]),
    _policy(4, "QcloudSSMFullAccess", "All actions of SSM", ["ssm:*"]),
    _policy(5, "QcloudTCRReadOnlyAccess", "Reading registries", ["tcr:Describe*", "tcr:Pull*"]),
)
"""The ids are the sandbox's own, except the first."""


@seed
def preset_policies(ctx: Context) -> None:
    """Put them where CAM finds them."""
    for policy in PRESETS:
        POLICIES.create(ctx, policy)
