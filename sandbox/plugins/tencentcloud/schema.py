"""The official provider's resource schema, as far as this program uses the provider.

`schema.json` describes the resource types of the official Pulumi provider `tencentcloud` 0.2.3, which bridges the
Terraform provider tencentcloudstack/tencentcloud 1.82.42; it was extracted from that tag's resource definitions.
Names are the Pulumi ones (camelCase). Per type: property -> field, where a field has

- `type`: string, int, float, bool, map (string to string), list, set, object (a block or value that Terraform holds as
  a list of at most one and Pulumi flattens);
- `elem`: of a list, set or object: a primitive type's name, or the fields of a nested block;
- `required`: must be given; `computed`: the cloud fills it when it is unset; both absent: optional, unset means unset;
- `forceNew`: a change replaces the resource; `default`: what check fills in when it is unset;
- `sensitive`: a secret; `deprecated`; `minItems`, `maxItems`;
- `conflictsWith`, `requiredWith`, `exactlyOneOf`: other top-level arguments, in the provider's snake_case.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.plugins.tencentcloud.errors import snake_case

VERSION = "0.2.3"
"""The provider version this plugin stands in for, which is what the SDK package asks the engine for."""

SCHEMA_FILE = Path(__file__).with_name("schema.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One argument or attribute; see the module's text. `elem` is a Field (values) or None, `fields` a nested block."""

    type: str
    required: bool = False
    computed: bool = False
    force_new: bool = False
    sensitive: bool = False
    default: Any = None
    min_items: int = 0
    max_items: int = 0
    elem: str | None = None
    fields: "dict[str, Field] | None" = None
    conflicts_with: tuple[str, ...] = ()
    required_with: tuple[str, ...] = ()
    exactly_one_of: tuple[str, ...] = ()


Fields = dict[str, Field]


@dataclass(frozen=True)
class Resources:
    """Type token -> fields, each built when it is first asked for."""

    raw: dict[str, dict[str, Any]]
    built: dict[str, Fields] = field(default_factory=dict[str, Fields])

    def __contains__(self, token: object) -> bool:
        return token in self.raw

    def __iter__(self) -> Any:
        return iter(self.raw)

    def __getitem__(self, token: str) -> Fields:
        """The fields of a type. Raises KeyError for a type the provider does not have."""
        if token not in self.built:
            self.built[token] = _fields(self.raw[token])
        return self.built[token]


@cache
def schema() -> Resources:
    """The whole schema."""
    return Resources(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


def planned(fields: Fields, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs, and of the state what the cloud filled in and an update keeps: what the provider plans and sends."""
    kept = {name: state[name] for name, spec in fields.items() if spec.computed and name in state}
    return {**kept, **inputs}


def _fields(raw: dict[str, Any]) -> Fields:
    """The fields of a block, relations translated from snake_case to this block's property names."""
    by_snake = {snake_case(name): name for name in raw}
    return {name: _field(spec, by_snake) for name, spec in raw.items()}


def _field(raw: dict[str, Any], by_snake: dict[str, str]) -> Field:
    def names(key: str) -> tuple[str, ...]:
        # A path into a block ("auto_scaling_config.0.password") names a sibling; a plural may differ by its "s".
        last = (str(path).rsplit(".", 1)[-1] for path in raw.get(key, ()))
        return tuple(found for name in last if (found := by_snake.get(name) or by_snake.get(name + "s")))

    elem: Any = raw.get("elem")
    return Field(
        type=raw["type"],
        required=raw.get("required", False),
        computed=raw.get("computed", False),
        force_new=raw.get("forceNew", False),
        sensitive=raw.get("sensitive", False),
        default=raw.get("default"),
        min_items=raw.get("minItems", 0),
        max_items=raw.get("maxItems", 0),
        elem=elem if isinstance(elem, str) else None,
        fields=_fields(elem) if isinstance(elem, dict) else None,  # pyright: ignore[reportUnknownArgumentType] JSON
        conflicts_with=names("conflictsWith"),
        required_with=names("requiredWith"),
        exactly_one_of=names("exactlyOneOf"),
    )
