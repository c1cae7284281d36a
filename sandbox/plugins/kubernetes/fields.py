"""Which fields objects of the known kinds have, so that a mistyped one fails the preview.

`fields.json`, made by `generate.py` from the `pulumi_kubernetes` package: `roots` maps type tokens to types, `types`
maps a type to its fields. A type is `string`, `int`, `bool`, `number`, `any`, the name of a type, `[T` for a list
of T or `{T` for a map of T; a leading `!` means required.
"""

import difflib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from sandbox.plugins.protocol.values import UNKNOWN, Secret, is_list, is_mapping

FIELDS_FILE = Path(__file__).with_name("fields.json")
Types = dict[str, dict[str, str]]


@cache
def tables() -> tuple[dict[str, str], Types]:
    """The roots and the types."""
    tables = json.loads(FIELDS_FILE.read_text(encoding="utf-8"))
    return cast("tuple[dict[str, str], Types]", (tables["roots"], tables["types"]))


def faults(token: str, values: dict[str, Any]) -> dict[str, str]:
    """Field path -> what is wrong. Kinds that are not known pass, and so does UNKNOWN wherever it stands."""
    roots, types = tables()
    found: dict[str, str] = {}
    if token in roots:
        _object(types, roots[token], values, "", found)
    return found


def _object(types: Types, name: str, values: Mapping[str, Any], path: str, found: dict[str, str]) -> None:
    fields = types[name]
    for key, value in values.items():
        if key in fields:
            _value(types, fields[key].lstrip("!"), value, path + key, found)
        elif not key.startswith("__"):
            near = difflib.get_close_matches(str(key), list(fields), n=1)
            found[path + key] = f"{name.rpartition('.')[2]} has no field {key!r}" + (
                f"; did you mean {near[0]!r}?" if near else ""
            )
    for key, kind in fields.items():
        if kind.startswith("!") and values.get(key) is None:
            found[path + key] = f"{name.rpartition('.')[2]} needs {key!r}"


def _value(types: Types, kind: str, value: Any, path: str, found: dict[str, str]) -> None:
    while isinstance(value, Secret):
        value = value.value
    if value is UNKNOWN or value is None or kind == "any":
        return
    if kind.startswith("["):
        if is_list(value):
            for index, item in enumerate(value):
                _value(types, kind[1:], item, f"{path}[{index}]", found)
        else:
            found[path] = "expected a list"
    elif kind.startswith("{"):
        if is_mapping(value):
            for key, item in value.items():
                _value(types, kind[1:], item, f'{path}["{key}"]', found)
        else:
            found[path] = "expected a map"
    elif "." in kind:
        if is_mapping(value):
            _object(types, kind, value, path + ".", found)
        else:
            found[path] = "expected an object"
    elif not _is(kind, value):
        found[path] = f"expected {'an' if kind == 'int' else 'a'} {kind}"


def _is(kind: str, value: Any) -> bool:
    if kind == "bool" or isinstance(value, bool):
        return kind == "bool" and isinstance(value, bool)
    if kind == "int":
        return isinstance(value, int)
    return isinstance(value, int | float) if kind == "number" else isinstance(value, str)
