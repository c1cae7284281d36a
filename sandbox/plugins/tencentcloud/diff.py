"""What would change: old state against new inputs, by the schema, as the official provider plans it.

Unset, null, false, 0, "" and empty collections are one value, as in the provider's own comparison. Computed arguments
that the program leaves out never differ. Sets have no order.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.plugins.protocol.ignored import is_ignored
from sandbox.plugins.protocol.values import UNKNOWN, Values, has_unknown, is_list, is_mapping
from sandbox.plugins.tencentcloud.handler import HANDLERS, Handler
from sandbox.plugins.tencentcloud.schema import Field, Fields


@dataclass(frozen=True)
class Change:
    """One difference. `kind`: add, delete or update; `replace`: only a new resource can have it."""

    path: str
    kind: str
    replace: bool

    @property
    def top(self) -> str:
        """The top-level property it is in."""
        return re.split(r"[.\[]", self.path, maxsplit=1)[0]


def diff(token: str, fields: Fields, state: Values, news: Values, ignore: Iterable[str] = ()) -> list[Change]:
    """The differences, in the schema's order.

    state: the resource's old outputs, secrets unwrapped. news: checked inputs, secrets unwrapped, UNKNOWN allowed.
    ignore: property paths the program wants left alone; `*` stands for any key or index.
    """
    handler = HANDLERS.get(token)
    changes: list[Change] = []
    for name, spec in fields.items():
        old, new = state.get(name), news.get(name)
        if _suppressed(handler, name, old, new):
            continue
        changes += _compare(spec, old, new, name, spec.force_new)
    ignored = list(ignore)
    return [change for change in changes if not is_ignored(change.path, ignored)]


def unset(value: Any) -> bool:
    """True for what the provider cannot tell from an argument that is not given."""
    if value is None or isinstance(value, bool | int | float):
        return not value
    return value is not UNKNOWN and len(value) == 0


def same(spec: Field, old: Any, new: Any) -> bool:
    """True if a value read from the cloud is what the argument asks for."""
    return not _compare(spec, old, new, "", False)


def _suppressed(handler: Handler | None, name: str, old: Any, new: Any) -> bool:
    known = not (unset(old) or unset(new) or has_unknown(new))
    return handler is not None and known and handler.equal(name, old, new)


def _compare(spec: Field, old: Any, new: Any, path: str, replace: bool) -> list[Change]:
    blank = unset(new) and not isinstance(new, bool | int | float)
    if (blank and spec.computed) or (unset(old) and unset(new)):
        return []
    if old is None and new is not UNKNOWN and spec.default is not None and new == spec.default:
        return []  # a state from before the property existed
    if blank:
        return [Change(path, "delete", replace)]
    if new is UNKNOWN or (unset(old) and not isinstance(old, bool | int | float)):
        return [Change(path, "add" if unset(old) else "update", replace)]
    if spec.type == "object" and spec.fields is not None and is_mapping(old) and is_mapping(new):
        return _compare_block(spec.fields, old, new, path, replace)
    if spec.type == "list" and is_list(old) and is_list(new):
        return _compare_list(spec, old, new, path, replace)
    if spec.type == "set" and is_list(old) and is_list(new):
        return _compare_set(spec, old, new, path, replace)
    if spec.type == "map" and is_mapping(old) and is_mapping(new):
        return _compare_map(old, new, path, replace)
    return [] if _scalar_text(old) == _scalar_text(new) else [Change(path, "update", replace)]


def _scalar_text(value: Any) -> Any:
    """Values as one type, so that a state written as 80 and inputs of "80" agree."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else value


def _compare_block(fields: Fields, old: Any, new: Any, path: str, replace: bool) -> list[Change]:
    changes: list[Change] = []
    for name, spec in fields.items():
        at = f"{path}.{name}" if path else name
        changes += _compare(spec, old.get(name), new.get(name), at, replace or spec.force_new)
    return changes


def _item(spec: Field) -> Field:
    return Field(type="object" if spec.fields is not None else spec.elem or "string", fields=spec.fields)


def _compare_list(spec: Field, old: Sequence[Any], new: Sequence[Any], path: str, replace: bool) -> list[Change]:
    changes: list[Change] = []
    item = _item(spec)
    for index in range(max(len(old), len(new))):
        at = f"{path}[{index}]"
        if index >= len(old):
            changes.append(Change(at, "add", replace))
        elif index >= len(new):
            changes.append(Change(at, "delete", replace))
        else:
            changes += _compare(item, old[index], new[index], at, replace)
    return changes


def _compare_set(spec: Field, old: Sequence[Any], new: Sequence[Any], path: str, replace: bool) -> list[Change]:
    """Members without a partner on the other side. An unknown member makes the whole set unknown."""
    if has_unknown(new):
        return [Change(path, "update", replace)]
    item = _item(spec)
    left = list(range(len(old)))
    added: list[int] = []
    for index, member in enumerate(new):
        partner = next((other for other in left if not _compare(item, old[other], member, "", False)), None)
        if partner is None:
            added.append(index)
        else:
            left.remove(partner)
    changed = [Change(f"{path}[{index}]", "update", replace) for index in added if index in left]
    changed += [Change(f"{path}[{index}]", "add", replace) for index in added if index not in left]
    return changed + [Change(f"{path}[{index}]", "delete", replace) for index in left if index not in added]


def _compare_map(old: Any, new: Any, path: str, replace: bool) -> list[Change]:
    changes: list[Change] = []
    for key in sorted({*old, *new}):
        at = f"{path}.{key}" if re.fullmatch(r"[A-Za-z_]\w*", key) else f'{path}["{key}"]'
        if key not in old:
            changes.append(Change(at, "add", replace))
        elif key not in new:
            changes.append(Change(at, "delete", replace))
        elif new[key] is UNKNOWN or _scalar_text(old[key]) != _scalar_text(new[key]):
            changes.append(Change(at, "update", replace))
    return changes
