"""The program itself, in all four stacks, keeps the rules that look at one resource."""

from typing import Any

import pytest
from pulumi_policy.proxy import unknown_checking_proxy

from policies.pack import rules
from policies.rules import Resource, ResourceRule
from tests.infra.engine import STACKS, config, real, run

NEEDS_THE_ENGINE = {"region-is-mainland", "provider-is-explicit"}
"""Rules about providers: the recording stand-in hands over no provider."""


@pytest.mark.parametrize("stack", STACKS)
def test_every_resource_of_the_program_keeps_the_rules(stack: str) -> None:
    made = run(stack, preview=False, changed=real(stack)).made
    asked: set[str] = set()
    findings: list[str] = []
    for rule in rules(longest_stream_s=config(stack)["load"]["longest_stream_s"]):
        if not isinstance(rule, ResourceRule) or rule.name in NEEDS_THE_ENGINE:
            continue
        for each in made:
            if rule.concerns(each.type):
                asked.add(rule.name)
                found = Resource(type=each.type, name=each.name, props=proxy(each.inputs), stack=stack)
                findings += [f"{each.name}: {rule.name}: {finding}" for finding in rule.check(found)]
    assert findings == []
    assert {"user-data-holds-no-secret", "tls-is-modern", "redis-asks-password", "world-reaches-web-only"} <= asked


def proxy(inputs: dict[str, Any]) -> Any:
    """Values as the engine shows them to rules."""
    return unknown_checking_proxy(inputs)
