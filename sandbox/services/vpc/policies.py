"""Rules of security groups. Source: docs/sources.md, network; SDK docstring of ModifySecurityGroupPolicies."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tencentcloud.vpc.v20170312 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.services.params import check_one_of, given, stamp
from sandbox.services.vpc import hosts
from sandbox.services.vpc.kinds import SECURITY_GROUP
from sandbox.services.vpc.networks import network

RULES_PER_DIRECTION = 100
REFERRING_RULES = 10
"""Rules of one direction that name a security group. Source: catalogue section 9."""
DIRECTIONS = ("Ingress", "Egress")
_PORT = re.compile(r"\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*")
_PEERS = ("CidrBlock", "Ipv6CidrBlock", "SecurityGroupId", "AddressTemplate")


def _port(protocol: str, text: str) -> str:
    if text.upper() == "ALL":
        return "ALL"
    if protocol not in ("TCP", "UDP"):
        raise ApiError("InvalidParameterValue", f"`Port` must be ALL for the protocol {protocol}, given was `{text}`.")
    if not _PORT.fullmatch(text):
        message = (
            f"The value `{text}` of parameter `Port` is no port, list of ports or range such as 80, 80,443 or 1-9."
        )
        raise ApiError("InvalidParameterValue.Malformed", message)
    for first, last in hosts.ports(text):
        if not first <= last <= 65535:
            raise ApiError("InvalidParameterValue.Range", f"`Port` {text} must go upwards and end at 65535.")
    return text


def _checked(ctx: Context, asked: dict[str, Any]) -> Doc:
    """One rule as it is kept. Raises ApiError with what is wrong."""
    action_name = str(asked.get("Action", "")).upper()
    check_one_of("Action", action_name, ("ACCEPT", "DROP"))
    if asked.get("ServiceTemplate") or asked.get("AddressTemplate"):
        raise ApiError("UnsupportedOperation", "The sandbox has no address or service templates: write them out.")
    peers = [name for name in _PEERS if asked.get(name)]
    if len(peers) > 1:
        raise ApiError("InvalidParameter.Coexist", f"Only one of {', '.join(peers)} may be set in a rule.")
    if not peers:
        raise ApiError("MissingParameter", f"A rule needs one of {', '.join(_PEERS)}: whom it is about.")
    protocol = str(asked.get("Protocol", "ALL")).upper()
    check_one_of("Protocol", protocol, ("TCP", "UDP", "ICMP", "ICMPV6", "GRE", "ALL"))
    if asked.get("CidrBlock"):
        block = asked["CidrBlock"]
        network("CidrBlock", block if "/" in block else f"{block}/32")
    if asked.get("SecurityGroupId") and SECURITY_GROUP.find(ctx, asked["SecurityGroupId"]) is None:
        message = f"The security group `{asked['SecurityGroupId']}` does not exist."
        raise ApiError("InvalidSecurityGroupID.NotFound", message)
    return {
        "Protocol": protocol,
        "Port": _port(protocol, str(asked.get("Port", "ALL"))),
        "ServiceTemplate": {"ServiceId": "", "ServiceGroupId": ""},
        "CidrBlock": asked.get("CidrBlock", ""),
        "Ipv6CidrBlock": asked.get("Ipv6CidrBlock", ""),
        "SecurityGroupId": asked.get("SecurityGroupId", ""),
        "AddressTemplate": {"AddressId": "", "AddressGroupId": ""},
        "Action": action_name,
        "PolicyDescription": asked.get("PolicyDescription", ""),
        "ModifyTime": stamp(ctx),
    }


def _check_count(rules: list[Doc]) -> None:
    if len(rules) > RULES_PER_DIRECTION:
        message = f"A security group takes {RULES_PER_DIRECTION} rules per direction; these would be {len(rules)}."
        raise ApiError("LimitExceeded.SecurityGroupPolicySet", message)
    naming = sum(1 for rule in rules if rule["SecurityGroupId"])
    if naming > REFERRING_RULES:
        message = f"{REFERRING_RULES} rules of a direction may name a security group; these would be {naming}."
        raise ApiError("LimitExceeded.SecurityGroupPolicySet", message)


def _check_version(group: Doc, asked: Doc, expected: int) -> None:
    """A request may name a version, so that it changes what its caller has seen and nothing else."""
    wanted = str(asked.get("Version", ""))
    if wanted and wanted != str(expected):
        now = group["_policies"]["Version"]
        message = f"The rules of `{group['SecurityGroupId']}` are at version {now}; the request names {wanted}."
        raise ApiError("UnsupportedOperation.VersionMismatch", message)


@contextmanager
def _changed(ctx: Context, asked: Doc) -> Generator[tuple[Doc, dict[str, list[Doc]]]]:
    """A group and its rules to change: what is left of them is kept, and brought to all that carry the group."""
    with ctx.store.lock:
        group = SECURITY_GROUP.need(ctx, asked["SecurityGroupId"])
        rules: dict[str, list[Doc]] = {name: group["_policies"][name] for name in DIRECTIONS}
        yield group, rules
        for direction in DIRECTIONS:
            _check_count(rules[direction])
        group["_policies"] = {"Version": str(_version(group) + 1), **rules}
        group["UpdateTime"] = stamp(ctx)
        SECURITY_GROUP.save(ctx.store, group)
    hosts.apply_group(ctx.store, group["SecurityGroupId"])


def _version(group: Doc) -> int:
    return int(group["_policies"]["Version"])


@action
def modify_security_group_policies(ctx: Context, request: models.ModifySecurityGroupPoliciesRequest) -> None:
    """Put new rules in place of a group's old ones; a direction that is left out stays.

    Version "0" clears all rules and ignores the new ones. Another is that of the new rules: one more than the group's.
    """
    asked = given(request)
    wanted = asked["SecurityGroupPolicySet"]
    with _changed(ctx, asked) as (group, rules):
        if str(wanted.get("Version", "")) == "0":
            rules |= {name: [] for name in DIRECTIONS}
            return
        if not any(name in wanted for name in DIRECTIONS):
            raise ApiError("MissingParameter", "`SecurityGroupPolicySet` has neither `Ingress` nor `Egress`.")
        _check_version(group, wanted, _version(group) + 1)
        rules |= {name: [_checked(ctx, rule) for rule in wanted[name]] for name in DIRECTIONS if name in wanted}


@action
def create_security_group_policies(ctx: Context, request: models.CreateSecurityGroupPoliciesRequest) -> None:
    """Add rules in one direction: before the one with the first rule's PolicyIndex, else at the end."""
    asked = given(request)
    wanted = asked["SecurityGroupPolicySet"]
    named = [name for name in DIRECTIONS if wanted.get(name)]
    if len(named) != 1:
        raise ApiError("InvalidParameter.Coexist", "Give either Ingress or Egress rules, and at least one.")
    with _changed(ctx, asked) as (group, rules):
        _check_version(group, wanted, _version(group))
        kept = rules[named[0]]
        index = min(int(wanted[named[0]][0].get("PolicyIndex", len(kept))), len(kept))
        kept[index:index] = [_checked(ctx, rule) for rule in wanted[named[0]]]


@action
def delete_security_group_policies(ctx: Context, request: models.DeleteSecurityGroupPoliciesRequest) -> None:
    """Remove rules by PolicyIndex, or by their content."""
    asked = given(request)
    wanted = asked["SecurityGroupPolicySet"]
    with _changed(ctx, asked) as (group, rules):
        _check_version(group, wanted, _version(group))
        for name in DIRECTIONS:
            gone = {_index(ctx, rules[name], rule) for rule in wanted.get(name, [])}
            rules[name] = [rule for index, rule in enumerate(rules[name]) if index not in gone]


def _index(ctx: Context, rules: list[Doc], asked: dict[str, Any]) -> int:
    if "PolicyIndex" in asked:
        found = int(asked["PolicyIndex"])
        if found >= len(rules):
            raise ApiError("ResourceNotFound", f"There is no rule with PolicyIndex {found}.")
        return found
    like = _checked(ctx, asked)
    keys = ("Protocol", "Port", "CidrBlock", "Ipv6CidrBlock", "SecurityGroupId", "Action")
    for index, rule in enumerate(rules):
        if all(rule[key] == like[key] for key in keys):
            return index
    raise ApiError("ResourceNotFound", "There is no such rule in the security group.")


@action
def describe_security_group_policies(
    ctx: Context, request: models.DescribeSecurityGroupPoliciesRequest
) -> dict[str, Any]:
    """A group's rules in their order, each with its PolicyIndex."""
    group = SECURITY_GROUP.need(ctx, given(request)["SecurityGroupId"])
    kept = group["_policies"]
    shown = {name: [{"PolicyIndex": index, **rule} for index, rule in enumerate(kept[name])] for name in DIRECTIONS}
    return {"SecurityGroupPolicySet": {"Version": kept["Version"], **shown}}
