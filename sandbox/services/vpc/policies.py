"""Rules of security groups. Source: docs/sources.md, network; SDK docstring of ModifySecurityGroupPolicies."""

import re
from typing import Any

from tencentcloud.vpc.v20170312 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.services.params import check_one_of, given, in_region, need, stamp
from sandbox.services.vpc import hosts
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
    protocol = str(asked.get("Protocol", "ALL")).upper()
    check_one_of("Protocol", protocol, ("TCP", "UDP", "ICMP", "ICMPV6", "GRE", "ALL"))
    if asked.get("CidrBlock"):
        block = asked["CidrBlock"]
        network("CidrBlock", block if "/" in block else f"{block}/32")
    if asked.get("SecurityGroupId") and in_region(ctx, "security_group", asked["SecurityGroupId"]) is None:
        message = f"The security group `{asked['SecurityGroupId']}` does not exist."
        raise ApiError("InvalidSecurityGroupID.NotFound", message)
    return {
        "Protocol": protocol,
        "Port": _port(protocol, str(asked.get("Port", "ALL"))),
        "ServiceTemplate": {"ServiceId": "", "ServiceGroupId": ""},
        "CidrBlock": asked.get("CidrBlock", "" if peers else "0.0.0.0/0"),
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


def _save(ctx: Context, group: Doc, rules: dict[str, list[Doc]]) -> None:
    for direction in DIRECTIONS:
        _check_count(rules[direction])
    group["_policies"] = {"Version": str(int(group["_policies"]["Version"]) + 1), **rules}
    group["UpdateTime"] = stamp(ctx)
    ctx.store.put("security_group", group["SecurityGroupId"], group)


def _check_version(group: Doc, wanted: str) -> None:
    """The version the caller saw, or the one it is about to make (as the official provider sends), or none."""
    now = int(group["_policies"]["Version"])
    if wanted and wanted not in (str(now), str(now + 1)):
        message = f"The rules of `{group['SecurityGroupId']}` are at version {now}, not {wanted}: read them again."
        raise ApiError("UnsupportedOperation.VersionMismatch", message)


def replace_all(ctx: Context, group_id: str, asked: dict[str, Any]) -> None:
    """Put new rules in place of a group's old ones; a direction that is left out stays. Version "0" clears all."""
    with ctx.store.lock:
        group = need(ctx, "security_group", group_id)
        version = str(asked.get("Version", ""))
        rules: dict[str, list[Doc]] = {name: group["_policies"][name] for name in DIRECTIONS}
        if version == "0" and not any(asked.get(name) for name in DIRECTIONS):
            rules = {name: [] for name in DIRECTIONS}
        else:
            _check_version(group, "" if version == "0" else version)
            for name in DIRECTIONS:
                if name in asked:
                    rules[name] = [_checked(ctx, rule) for rule in asked[name]]
        _save(ctx, group, rules)
    hosts.apply_group(ctx.store, group_id)


@action
def modify_security_group_policies(ctx: Context, request: models.ModifySecurityGroupPoliciesRequest) -> None:
    """Replace a group's rules."""
    asked = given(request)
    replace_all(ctx, asked["SecurityGroupId"], asked["SecurityGroupPolicySet"])


@action
def create_security_group_policies(ctx: Context, request: models.CreateSecurityGroupPoliciesRequest) -> None:
    """Add rules in one direction: before the one with the first rule's PolicyIndex, else in front."""
    asked = given(request)
    wanted = asked["SecurityGroupPolicySet"]
    if sum(1 for name in DIRECTIONS if wanted.get(name)) != 1:
        raise ApiError("InvalidParameter.Coexist", "Give either Ingress or Egress rules, and at least one.")
    with ctx.store.lock:
        group = need(ctx, "security_group", asked["SecurityGroupId"])
        _check_version(group, str(wanted.get("Version", "")))
        rules: dict[str, list[Doc]] = {name: group["_policies"][name] for name in DIRECTIONS}
        for name in DIRECTIONS:
            if wanted.get(name):
                index = min(int(wanted[name][0].get("PolicyIndex", 0)), len(rules[name]))
                added = [_checked(ctx, rule) for rule in wanted[name]]
                rules[name] = rules[name][:index] + added + rules[name][index:]
        _save(ctx, group, rules)
    hosts.apply_group(ctx.store, asked["SecurityGroupId"])


@action
def delete_security_group_policies(ctx: Context, request: models.DeleteSecurityGroupPoliciesRequest) -> None:
    """Remove rules by PolicyIndex, or by their content."""
    asked = given(request)
    wanted = asked["SecurityGroupPolicySet"]
    with ctx.store.lock:
        group = need(ctx, "security_group", asked["SecurityGroupId"])
        _check_version(group, str(wanted.get("Version", "")))
        rules: dict[str, list[Doc]] = {name: group["_policies"][name] for name in DIRECTIONS}
        for name in DIRECTIONS:
            gone = {_index(ctx, rules[name], rule) for rule in wanted.get(name, [])}
            rules[name] = [rule for index, rule in enumerate(rules[name]) if index not in gone]
        _save(ctx, group, rules)
    hosts.apply_group(ctx.store, asked["SecurityGroupId"])


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
    group = need(ctx, "security_group", given(request)["SecurityGroupId"])
    kept = group["_policies"]
    shown = {name: [{"PolicyIndex": index, **rule} for index, rule in enumerate(kept[name])] for name in DIRECTIONS}
    return {"SecurityGroupPolicySet": {"Version": kept["Version"], **shown}}
