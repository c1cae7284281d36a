"""All settings of a stack, and how they are read: strictly, with every mistake in one answer."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import pulumi
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined

from infra.settings.cell import Balancer, Cell, Cvm, Redis, Tke
from infra.settings.checks import Finding, findings
from infra.settings.edge import Edge
from infra.settings.kinds import Domain, Label, Region, Settings
from infra.settings.site import (
    Autoscaling,
    Gateway,
    Licence,
    Load,
    Observability,
    Protection,
    Registry,
    Tags,
    Upstream,
)

NAMESPACE = "sanmen"
QUOTABLE = {"enum", "literal_error", "greater_than", "greater_than_equal", "less_than", "less_than_equal"}
"""Kinds of mistakes whose value is shown. Others may be about a secret in the wrong place."""


class Stack(Settings):
    """The settings of one stack; each field is a key `sanmen:<field>` of its file."""

    env: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{1,11}$", exclude=True)]
    """The stack's name; no key of the file."""
    domain: Domain
    """The domain; the gateway answers at https://api.<domain>."""
    licence: Licence
    """Who runs the site, under which ICP licence. Required, no default."""
    tags: Tags
    """What every taggable resource carries."""
    load: Load
    """The declared peak load; sizes follow from it."""
    regions: Annotated[dict[Region, Cell], Field(min_length=1)]
    """Region -> its cell."""
    upstreams: Annotated[dict[Label, Upstream], Field(min_length=1, max_length=32)]
    """Upstream name -> the LLM API. Required, no default: hosts and the right to use them are the operator's."""
    gateway: Gateway
    """Behaviour of the gateway."""
    autoscaling: Autoscaling
    """Bounds of the number of gateways per region."""
    cvm: Cvm | None = None
    """Machines, where a region's compute is cvm."""
    tke: Tke | None = None
    """Clusters, where a region's compute is tke."""
    redis: Redis
    """The cache that holds limits."""
    balancer: Balancer
    """The public load balancers."""
    edge: Edge
    """Certificate, DNS, failover."""
    registry: Registry
    """Where images live."""
    protection: Protection
    """What keeps data and addresses."""
    observability: Observability
    """Metrics, logs, alerts."""

    @property
    def host(self) -> str:
        """The gateway's public name."""
        return f"api.{self.domain}"


MISSING = "missing; it has no default"
UNKNOWN = "unknown setting"
OWN_WORDS = {
    "missing": MISSING,
    "extra_forbidden": UNKNOWN,
    "string_type": "text is wanted",
    "int_type": "a whole number is wanted",
    "float_type": "a number is wanted",
    "bool_type": "true or false is wanted",
    "tuple_type": "a list is wanted",
    "dict_type": "a mapping is wanted",
    "model_type": "a mapping is wanted",
}
"""Kind of mistake, as pydantic calls it, -> what is said of it."""


class SettingsError(pulumi.RunError):
    """One line per mistake; the engine shows it without a traceback."""


def secret_names(upstreams: Mapping[str, Any], certificate_mode: str | None) -> tuple[str, ...]:
    """The secrets a stack needs, in the order they are asked for. `upstream_<name>` has `_` for `-`."""
    names = ["redis_password", "tenants", *(f"upstream_{name.replace('-', '_')}" for name in sorted(upstreams))]
    return (*names, "certificate_key") if certificate_mode == "upload" else tuple(names)


def parse(env: str, given: Mapping[str, str]) -> Stack:
    """Config values as the engine hands them over (`<field>` -> text or JSON) -> settings.

    Raises SettingsError with a line `stacks/Pulumi.<env>.yaml: sanmen:<path>: <what is wrong>` per mistake.
    """
    valid: dict[str, Any] = {"env": env}
    wrong: list[Finding] = []
    for name, info in Stack.model_fields.items():
        if name == "env":
            continue
        annotation = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        if name not in given:
            if info.default is PydanticUndefined:
                wrong.append((name, MISSING))
                valid[name] = {} if name in {"regions", "upstreams"} else None
            else:
                valid[name] = info.default
            continue
        valid[name], mistakes = _section(name, annotation, given[name])
        wrong.extend(mistakes)
    upstreams: dict[str, Upstream] = valid["upstreams"] or {}
    known = {*Stack.model_fields, *secret_names(upstreams, "upload")} - {"env"}
    # An upstream with a mistake is absent above; the secret that belongs to it is none.
    wrong.extend((key, UNKNOWN) for key in given if key not in known and not key.startswith("upstream_"))
    broken = frozenset(path.split(".")[0] for path, _ in wrong)
    wrong.extend(findings(valid, broken))
    if wrong:
        raise SettingsError("\n".join(f"stacks/Pulumi.{env}.yaml: {NAMESPACE}:{path}: {text}" for path, text in wrong))
    return Stack.model_construct(**valid)


def _section(name: str, annotation: Any, text: str) -> tuple[Any, list[Finding]]:
    """One key's value, or what can be had of it, and its mistakes. Maps of models are judged entry by entry."""
    document: Any = text
    if name != "domain":
        try:
            document = json.loads(text)
        except ValueError:
            return _nothing(name), [(name, "a mapping is wanted")]
    entry: type[Settings] | None = {"regions": Cell, "upstreams": Upstream}.get(name)
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    try:
        return adapter.validate_json(json.dumps(document)), []
    except ValidationError as bad:
        mistakes = list(_explained(name, bad))
    if entry is None or not isinstance(document, dict):
        return _nothing(name), mistakes
    good: dict[Any, Any] = {}
    for key, value in document.items():  # pyright: ignore[reportUnknownVariableType] JSON has no types
        try:
            good |= adapter.validate_json(json.dumps({key: value}))
        except ValidationError:
            continue
    return good, mistakes


def _nothing(name: str) -> Any:
    return {} if name in {"regions", "upstreams"} else None


def _explained(name: str, bad: ValidationError) -> Iterator[Finding]:
    for error in bad.errors(include_url=False):
        path = ".".join(str(part) for part in (name, *error["loc"]) if part != "[key]")
        shown = error["type"] in QUOTABLE or isinstance(error["input"], int | float)  # a number is no secret
        given = f" (given {json.dumps(error['input'], ensure_ascii=False)})" if shown else ""
        yield path, OWN_WORDS.get(error["type"], error["msg"].removeprefix("Value error, ")) + given


def load() -> Stack:
    """The settings of the stack that the engine is working on. Raises SettingsError."""
    given: dict[str, str] = {}
    for key, value in pulumi.runtime.config.CONFIG.get().items():
        namespace, _, name = key.rpartition(":")
        if namespace == NAMESPACE:
            given[name] = value
    return parse(pulumi.get_stack(), given)
