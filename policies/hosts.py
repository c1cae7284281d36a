"""Rules for machines: no public address, no secret in user data. Numbers: docs/policies.md, "Network and hosts"."""

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterator

from policies.rules import Resource, ResourceRule, Rule, given

MACHINE = "tencentcloud:Instance/instance:Instance"
LAUNCH_CONFIGURATION = "tencentcloud:As/scalingConfig:ScalingConfig"
LAUNCH_TEMPLATE = "tencentcloud:Cvm/launchTemplate:LaunchTemplate"
SCALING_GROUP = "tencentcloud:As/scalingGroup:ScalingGroup"

SECRETS = {
    "a PEM private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a Tencent Cloud secret id": re.compile(r"\bAKID[A-Za-z0-9]{13,}\b"),
    "an API key": re.compile(r"\bsk-[A-Za-z0-9_-]{16,}"),
    "a token": re.compile(r"\b(?:eyJ[\w-]{10,}\.[\w-]{10,}\.|gh[pousr]_\w{20,}|glpat-[\w-]{20,})"),
    "a password": re.compile(
        r"(?i)\b(?:password|passwd|secret_?key|api_?key|credential)\\?[\"']?\s*[:=]\s*\\?[\"']?[^\s\\\"',}]{6,}"
    ),
}
WORD = re.compile(r"[A-Za-z0-9+/=_-]{32,}")
ENTROPY_BITS = 4.5
"""Per character; random base64 has about 5 to 6, hexadecimal 4, names and URLs below."""


def machine_is_private(resource: Resource) -> Iterator[str]:
    """Rule 13, first half. Checkov CKV_TC_2."""
    for name in ("allocatePublicIp", "publicIpAssigned", "internetMaxBandwidthOut"):
        value = resource.props.get(name)
        if value:
            yield (
                f"{name} is {value}: machines have no public address, they go out through NAT. "
                "Take it out of infra/region/compute_cvm.py"
            )


def machine_is_in_its_own_network(resource: Resource) -> Iterator[str]:
    """Rule 13, second half. Checkov CKV_TC_3 and CKV_TC_12."""
    wanted = {
        MACHINE: (("vpcId",), ("subnetId",), ("orderlySecurityGroups", "securityGroups")),
        SCALING_GROUP: (("vpcId",), ("subnetIds",)),
        LAUNCH_CONFIGURATION: (("securityGroupIds",),),
        LAUNCH_TEMPLATE: (("virtualPrivateCloud",), ("securityGroupIds",)),
    }[resource.type]
    for names in wanted:
        if not any(given(resource.props, name) for name in names):
            yield f"{names[0]} is not set: the account's default would be used, which others change. Set it"


def user_data_holds_no_secret(resource: Resource) -> Iterator[str]:
    """Rule 14. Checkov CKV_TC_11. The finding never quotes what it found."""
    for name in ("userData", "userDataRaw"):
        text = resource.props.get(name)
        if not text:
            continue
        for line_number, line in enumerate(_decoded(text).splitlines(), start=1):
            found = next((what for what, pattern in SECRETS.items() if pattern.search(line)), None)
            if found is None and any(_entropy(word) >= ENTROPY_BITS for word in WORD.findall(line)):
                found = "a random word, as keys are"
            if found is not None:
                yield (
                    f"{name}, line {line_number} (decoded) holds {found}: every process on the machine can read it. "
                    "Put it into the region's SSM secret"
                )


def _decoded(text: str) -> str:
    """User data is base64 in most types; what is not is taken as it stands."""
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", errors="replace")
    except binascii.Error:
        return text


def _entropy(word: str) -> float:
    """Shannon's, in bits per character."""
    return -sum(count / len(word) * math.log2(count / len(word)) for count in Counter(word).values())


def rules() -> list[Rule]:
    """This file's rules."""
    return [
        ResourceRule(
            name="machine-is-private",
            description="No machine has a public address.",
            types=(MACHINE, LAUNCH_CONFIGURATION),
            check=machine_is_private,
        ),
        ResourceRule(
            name="machine-is-in-its-own-network",
            description="No machine uses the default VPC, subnet or security group.",
            types=(MACHINE, SCALING_GROUP, LAUNCH_CONFIGURATION, LAUNCH_TEMPLATE),
            check=machine_is_in_its_own_network,
        ),
        ResourceRule(
            name="user-data-holds-no-secret",
            description="No key, password or token in user data.",
            types=(MACHINE, LAUNCH_CONFIGURATION, LAUNCH_TEMPLATE),
            check=user_data_holds_no_secret,
        ),
    ]
