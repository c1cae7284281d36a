"""Preview-time checks of a resource's arguments against the schema, as the official bridge does them."""

import hashlib
from typing import Any

from sandbox.plugins.protocol.values import UNKNOWN, Secret, Values, has_secret, has_unknown, is_list, is_mapping, plain
from sandbox.plugins.tencentcloud.errors import snake_case
from sandbox.plugins.tencentcloud.handler import HANDLERS
from sandbox.plugins.tencentcloud.schema import Field, Fields, schema

AUTO_NAMED = "name"
"""Only a string argument called exactly so is named automatically: in 23 of the types here."""
NAMED_BY_THE_CLOUD = frozenset(
    {"tencentcloud:Clb/logSet:LogSet", "tencentcloud:Monitor/tmpTkeRecordRuleYaml:TmpTkeRecordRuleYaml"}
)
"""Types whose `name` is an output only. Source: docs/sources.md, provider ("Auto-naming")."""
SUFFIX_DIGITS = 7
"""Hexadecimal digits of `<logical name>-<7 hex>`."""
MAX_NAME = 255


class Failures(dict[str, str]):
    """Property path -> what is wrong with it; the first reason stays."""

    def add(self, path: str, reason: str) -> None:
        """Note what is wrong with a property."""
        self.setdefault(path, reason)


def check(token: str, fields: Fields, news: Values, failures: Failures) -> Values:
    """The complete inputs: values in the schema's types, defaults filled in, sensitive ones secret.

    Faults go to `failures`, all of them. An UNKNOWN passes wherever it stands; a secret stays one.
    """
    news = {name: value for name, value in news.items() if value is not None}
    inputs = _block(fields, news, "", failures)
    if not failures:
        _relations(fields, inputs, failures)
    handler = HANDLERS.get(token)
    if handler is not None and not failures:
        known = {name: plain(value) for name, value in inputs.items() if not has_unknown(value)}
        for name, reason in handler.check(known).items():
            failures.add(name, reason)
    return inputs


def auto_name(token: str, logical: str, news: Values, olds: Values, seed: bytes, proposed: str | None) -> Values:
    """`news` with a name, if the type has an argument `name` and none is given: the old one, else `<logical>-<7 hex>`.

    proposed: what the engine's own naming settings ask for; an empty one means no automatic name.
    """
    named = AUTO_NAMED in schema()[token] and token not in NAMED_BY_THE_CLOUD
    if not named or news.get(AUTO_NAMED) is not None or proposed == "":
        return news
    if proposed:
        return {**news, AUTO_NAMED: proposed}
    old = plain(olds.get(AUTO_NAMED))
    if isinstance(old, str) and old:
        return {**news, AUTO_NAMED: old}
    suffix = hashlib.sha256(seed + logical.encode()).hexdigest()[:SUFFIX_DIGITS]
    return {**news, AUTO_NAMED: f"{logical[: MAX_NAME - SUFFIX_DIGITS - 1]}-{suffix}"}


def is_auto_named(logical: str, name: Any) -> bool:
    """True if `name` is what `auto_name` makes for this logical name."""
    if not isinstance(name, str):
        return False
    head, _, tail = name.rpartition("-")
    return head == logical and len(tail) == SUFFIX_DIGITS and all(digit in "0123456789abcdef" for digit in tail)


def _block(fields: Fields, values: Values, path: str, failures: Failures) -> Values:
    """One level of arguments: unknown ones, missing ones, defaults, then each value."""
    for name in values:
        if name not in fields and not name.startswith("__"):
            failures.add(path + name, _unknown_argument(name, fields))
    checked: Values = {}
    for name, spec in fields.items():
        value = values.get(name)
        if value is None:
            if spec.required:
                failures.add(path + name, f'the argument "{snake_case(name)}" is required, but no definition was found')
            elif spec.default is not None:
                checked[name] = spec.default
            continue
        value = _value(spec, value, path + name, failures)
        checked[name] = Secret(value) if spec.sensitive and not isinstance(value, Secret) else value
    return checked


def _unknown_argument(name: str, fields: Fields) -> str:
    import difflib

    near = difflib.get_close_matches(name, fields, n=1)
    hint = f"; did you mean {snake_case(near[0])!r}?" if near else ""
    return f"unknown argument {snake_case(name)!r}{hint}"


def _value(spec: Field, value: Any, path: str, failures: Failures) -> Any:
    """A value in its schema type."""
    if value is UNKNOWN or value is None:
        return value
    if isinstance(value, Secret):
        return Secret(_value(spec, value.value, path, failures))
    if spec.type in ("list", "set"):
        return _items(spec, value, path, failures)
    if spec.type == "object":
        if spec.fields is None:
            return _scalar(spec.elem or "string", value, path, failures)
        if is_mapping(value):
            return _block(spec.fields, dict(value), path + ".", failures)
        failures.add(path, f"expected an object, got {_kind(value)}")
        return value
    if spec.type == "map":
        if not is_mapping(value):
            failures.add(path, f"expected a map, got {_kind(value)}")
            return value
        return {key: _nested_scalar("string", item, f'{path}["{key}"]', failures) for key, item in value.items()}
    return _scalar(spec.type, value, path, failures)


def _items(spec: Field, value: Any, path: str, failures: Failures) -> Any:
    if not is_list(value):
        failures.add(path, f"expected a list, got {_kind(value)}")
        return value
    if spec.min_items and len(value) < spec.min_items:
        failures.add(path, f"at least {spec.min_items} item(s) required, got {len(value)}")
    if spec.max_items and len(value) > spec.max_items:
        failures.add(path, f"no more than {spec.max_items} item(s) allowed, got {len(value)}")
    items: list[Any] = []
    for index, item in enumerate(value):
        at = f"{path}[{index}]"
        if spec.fields is None:
            items.append(_nested_scalar(spec.elem or "string", item, at, failures))
        else:
            items.append(_value(Field(type="object", fields=spec.fields), item, at, failures))
    return items


def _nested_scalar(kind: str, value: Any, path: str, failures: Failures) -> Any:
    if value is None:
        failures.add(path, "a null is not allowed here")
    return _value(Field(type=kind), value, path, failures)


def _scalar(kind: str, value: Any, path: str, failures: Failures) -> Any:
    """A primitive in its type; like the bridge, other spellings of the same value pass ("80" for 80, 80 for "80")."""
    found = _convert(kind, value)
    if found is None:
        failures.add(path, f"expected {_ARTICLE[kind]}, got {_kind(value)}")
        return value
    return found


_ARTICLE = {"string": "a string", "int": "an integer", "float": "a number", "bool": "a boolean"}


def _convert(kind: str, value: Any) -> Any:
    """The value as `kind`, or None when it is not one."""
    if isinstance(value, bool):
        return {"bool": value, "string": "true" if value else "false"}.get(kind)
    if isinstance(value, int | float):
        whole = isinstance(value, int)
        return {"int": value if whole else None, "float": value, "string": str(value)}.get(kind)
    if not isinstance(value, str):
        return None
    if kind == "string":
        return value
    if kind == "bool":
        return {"true": True, "false": False}.get(value)
    try:
        return int(value) if kind == "int" else float(value)
    except ValueError:
        return None


def _kind(value: Any) -> str:
    """What a value is, in a message; never the value itself, which may be a secret."""
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int):
        return "an integer"
    if isinstance(value, float):
        return "a number with a fraction"
    if isinstance(value, str):
        return "a string"
    return "a list" if is_list(value) else "an object"


def _relations(fields: Fields, inputs: Values, failures: Failures) -> None:
    """conflictsWith, requiredWith and exactlyOneOf of the top level. Defaults count as unset, UNKNOWN as set."""
    given = {name for name, value in inputs.items() if not _is_default(fields[name], value)}
    for name in sorted(fields):
        spec = fields[name]
        if name in given:
            for other in spec.conflicts_with:
                if other in given and other != name:
                    failures.add(name, f'"{snake_case(name)}": conflicts with {snake_case(other)}')
            for other in spec.required_with:
                if other not in given:
                    failures.add(name, f'"{snake_case(name)}": also needs {snake_case(other)}')
        if spec.exactly_one_of:
            group = sorted({name, *spec.exactly_one_of})
            count = len(given.intersection(group))
            if count != 1:
                wanted = ", ".join(snake_case(member) for member in group)
                failures.add(name, f"exactly one of {wanted} is needed, {count} are given")


def _is_default(spec: Field, value: Any) -> bool:
    known = not has_unknown(value)
    return known and not has_secret(value) and spec.default is not None and plain(value) == spec.default
