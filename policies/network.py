"""Rules for regions, providers and security groups. Numbers: docs/policies.md."""

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import Any

from policies.edge import BALANCER, GROUP_RULES
from policies.rules import Resource, ResourceRule, Rule, StackRule, by_type, items, made_of

MAINLAND = frozenset(
    {"ap-beijing", "ap-shanghai", "ap-guangzhou", "ap-chengdu", "ap-chongqing", "ap-nanjing", "ap-shenzhen-fsi"}
    | {"ap-beijing-fsi", "ap-shanghai-fsi"}
)
"""Tencent Cloud's mainland regions."""
WANTED_REGIONS = 3
WEB = frozenset({80, 443})
VPC = "tencentcloud:Vpc/instance:Instance"


def region_is_mainland(resource: Resource) -> Iterator[str]:
    """Rule 10, first half: data stays in the mainland."""
    region = resource.provider_props.get("region")
    if region is None:
        yield f"provider {resource.provider} names no region: ap-guangzhou would be used in silence. Give it one"
    elif region not in MAINLAND:
        yield (
            f"provider {resource.provider} is in {region}: data stays in the mainland "
            f"({', '.join(sorted(MAINLAND))}). Change sanmen:regions"
        )


def prod_has_three_regions(resources: Sequence[Resource]) -> Iterator[tuple[str, str]]:
    """Rule 10, second half."""
    networks = by_type(resources, VPC)
    if not networks or networks[0].stack != "prod":
        return
    regions = sorted({str(each.provider_props["region"]) for each in networks})
    if len(regions) < WANTED_REGIONS:
        yield networks[0].urn, f"prod is in {', '.join(regions)}: three regions are wanted. Change sanmen:regions"


def provider_is_explicit(resource: Resource) -> Iterator[str]:
    """Rule 41."""
    if resource.provider.startswith("default"):
        yield (
            "it uses the default provider, whose region depends on who runs the program: "
            "give it a provider (opts or its component's)"
        )


def world_reaches_web_only(resource: Resource) -> Iterator[str]:
    """Rule 12, first half. Checkov CKV_TC_8 and CKV_TC_9 ask it of 22 and 3389."""
    for index, rule in enumerate(items(resource.props, "ingresses")):
        if str(rule["action"]).upper() != "ACCEPT" or not _from_anywhere(rule):
            continue
        port = str(rule.get("port"))
        if not re.fullmatch(r"\d+(,\d+)*", port) or not {int(word) for word in port.split(",")} <= WEB:
            yield (
                f"ingresses[{index}].port {port} is open to the whole internet: 443, and 80 that redirects, may be. "
                "Name the sources in infra/region/firewall.py"
            )


def world_reaches_balancers_only(resources: Sequence[Resource]) -> Iterator[tuple[str, str]]:
    """Rule 12, second half."""
    groups = {urn for each in by_type(resources, BALANCER) for urn in made_of(each, "securityGroups")}
    for rules in by_type(resources, GROUP_RULES):
        if made_of(rules, "securityGroupId") & groups:
            continue
        for index, rule in enumerate(items(rules.props, "ingresses")):
            if str(rule["action"]).upper() == "ACCEPT" and _from_anywhere(rule):
                yield (
                    rules.urn,
                    f"ingresses[{index}] is open to the whole internet: only the load balancer's group may be. "
                    "Name the sources in infra/region/firewall.py",
                )


def _from_anywhere(rule: Any) -> bool:
    """True for more than half of the IPv4 or IPv6 internet; two halves are as open as the whole."""
    for name in ("cidrBlock", "ipv6CidrBlock"):
        text = rule.get(name)
        if text and ip_network(text, strict=False).prefixlen <= 1:
            return True
    return False


def rules() -> list[Rule]:
    """This file's rules."""
    return [
        ResourceRule(
            name="region-is-mainland",
            description="No resource outside the mainland.",
            types=("tencentcloud:",),
            check=region_is_mainland,
        ),
        StackRule(
            name="prod-has-three-regions",
            description="prod stands in three distinct regions.",
            check=prod_has_three_regions,
        ),
        ResourceRule(
            name="provider-is-explicit",
            description="No default providers.",
            types=("tencentcloud:", "kubernetes:"),
            check=provider_is_explicit,
        ),
        ResourceRule(
            name="world-reaches-web-only",
            description="The internet reaches ports 443 and 80 only.",
            types=(GROUP_RULES,),
            check=world_reaches_web_only,
        ),
        StackRule(
            name="world-reaches-balancers-only",
            description="The internet reaches load balancers only.",
            check=world_reaches_balancers_only,
        ),
    ]
