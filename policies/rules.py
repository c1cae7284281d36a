"""What a rule is. Rules are plain functions over properties, so that tests need no engine."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Props = Mapping[str, Any]
"""A resource's properties by their schema names. Reading one that is unknown at preview raises UnknownValueError."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource as rules see it. `provider`: the provider resource's name, `region`: its region, if it has one."""

    type: str
    name: str
    props: Props
    urn: str = ""
    stack: str = ""
    provider: str = ""
    provider_props: Props = field(default_factory=dict[str, Any])
    needs: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """Property -> URNs of the resources whose outputs it is made of; known even when the value is not."""


@dataclass(frozen=True, kw_only=True)
class ResourceRule:
    """Looks at one resource of one of `types` (a name or a prefix ending in `:`); yields findings."""

    name: str
    description: str
    types: tuple[str, ...]
    check: Callable[[Resource], Iterator[str]]

    def concerns(self, type: str) -> bool:
        """True if the rule looks at resources of this type."""
        return any(type == wanted or (wanted.endswith(":") and type.startswith(wanted)) for wanted in self.types)


@dataclass(frozen=True, kw_only=True)
class StackRule:
    """Looks at a relation between resources; yields (URN, finding)."""

    name: str
    description: str
    check: Callable[[Sequence[Resource]], Iterator[tuple[str, str]]]


Rule = ResourceRule | StackRule


def given(props: Props, name: str) -> bool:
    """True if the property is there, even if its value is unknown: asks for the name alone."""
    return name in set(iter(props))


def block(props: Props, name: str) -> Props:
    """A nested object; empty when it is not given."""
    found: Any = props.get(name)
    return found if found is not None else {}


def items(props: Props, name: str) -> Sequence[Any]:
    """A list; empty when it is not given."""
    found: Any = props.get(name)
    return found if found is not None else ()


def by_type(resources: Sequence[Resource], type: str) -> list[Resource]:
    """Those of one type."""
    return [resource for resource in resources if resource.type == type]


def made_of(resource: Resource, name: str) -> frozenset[str]:
    """URNs of the resources a property is made of."""
    return frozenset(resource.needs.get(name, ()))
