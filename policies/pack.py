"""The engine's side of rules: policies of a PolicyPack."""

from collections.abc import Callable
from typing import Any

import pulumi
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyResource,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from policies import edge, hosts, network, redis, workloads
from policies.rules import Resource, ResourceRule, Rule, StackRule

Report = Callable[..., None]


def rules(longest_stream_s: int | None) -> list[Rule]:
    """All rules."""
    return [*edge.rules(longest_stream_s), *network.rules(), *hosts.rules(), *redis.rules(), *workloads.rules()]


def policies() -> list[Policy]:
    """All rules as policies, every one mandatory."""
    return [_policy(rule) for rule in rules(None)]


def _policy(rule: Rule) -> Policy:
    if isinstance(rule, ResourceRule):
        return ResourceValidationPolicy(
            name=rule.name,
            description=rule.description,
            validate=lambda args, report: _validate_resource(rule, args, report),
            enforcement_level=EnforcementLevel.MANDATORY,
        )
    return StackValidationPolicy(
        name=rule.name,
        description=rule.description,
        validate=lambda args, report: _validate_stack(rule, args, report),
        enforcement_level=EnforcementLevel.MANDATORY,
    )


def _validate_resource(rule: ResourceRule, args: ResourceValidationArgs, report: Report) -> None:
    if not rule.concerns(args.resource_type):
        return
    check = rule.check
    if rule.name == "streams-are-not-cut":
        # The stack's settings are known only while the engine asks, not while the pack loads.
        check = edge.streams_are_not_cut(_longest_stream_s()).check
    for finding in check(_resource(args)):
        report(finding)


def _validate_stack(rule: StackRule, args: StackValidationArgs, report: Report) -> None:
    for urn, finding in rule.check([_stack_resource(resource) for resource in args.resources]):
        report(finding, urn)


def _longest_stream_s() -> int | None:
    load: Any = pulumi.Config("sanmen").get_object("load")
    longest: Any = load.get("longest_stream_s") if isinstance(load, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] JSON
    return longest if isinstance(longest, int) else None


def _resource(args: ResourceValidationArgs) -> Resource:
    provider = args.provider
    return Resource(
        type=args.resource_type,
        name=args.name,
        props=args.props,
        urn=args.urn,
        stack=_stack(args.urn),
        provider=provider.name if provider else "",
        provider_props=provider.props if provider else {},
    )


def _stack_resource(resource: PolicyResource) -> Resource:
    provider = resource.provider
    return Resource(
        type=resource.resource_type,
        name=resource.name,
        props=resource.props,
        urn=resource.urn,
        stack=_stack(resource.urn),
        provider=provider.name if provider else "",
        provider_props=provider.props if provider else {},
        needs={
            name: [needed.urn for needed in needs if needed is not None]  # pyright: ignore[reportUnnecessaryComparison]
            for name, needs in resource.property_dependencies.items()
        },
    )


def _stack(urn: str) -> str:
    """urn:pulumi:<stack>::…"""
    return urn.split("::", 1)[0].rpartition(":")[2]
