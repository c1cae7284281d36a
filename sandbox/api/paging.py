"""Offsets, limits and filters of Describe calls."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Protocol, TypeVar

from sandbox.api.errors import ApiError

T = TypeVar("T")
Doc = Mapping[str, Any]


class FilterModel(Protocol):
    """The SDK's Filter models. Those with other names than `Name` and `Values` have no helper here."""

    Name: Any
    Values: Any


def _number(name: str, given: object, default: int) -> int:
    if given is None or given == "":
        return default
    try:
        # DescribeVpcs and its neighbours take offset and limit as text.
        return int(str(given))
    except ValueError:
        raise ApiError("InvalidParameterValue", f"The value `{given}` of parameter `{name}` is not a number.") from None


def page(
    items: Sequence[T], offset: int | str | None, limit: int | str | None, default: int = 20, maximum: int = 100
) -> list[T]:
    """The slice that Offset and Limit ask for. Raises InvalidParameterValue below 0, or above `maximum`."""
    start, count = _number("Offset", offset, 0), _number("Limit", limit, default)
    if start < 0:
        raise ApiError("InvalidParameterValue", f"The value `{start}` of parameter `Offset` must be 0 or more.")
    if not 0 <= count <= maximum:
        message = f"The value `{count}` of parameter `Limit` must be between 0 and {maximum}."
        raise ApiError("InvalidParameterValue.Range", message)
    return list(items[start : start + count])


def _values(doc: Any, path: Sequence[str]) -> Iterable[Any]:
    if isinstance(doc, list):
        each: Any
        for each in doc:  # pyright: ignore[reportUnknownVariableType]  # JSON of any shape
            yield from _values(each, path)
    elif not path:
        yield doc
    elif isinstance(doc, Mapping):
        found: Doc = doc  # pyright: ignore[reportUnknownVariableType]  # JSON of any shape
        yield from _values(found.get(path[0]), path[1:])


def _fits(actual: Any, wanted: str) -> bool:
    if isinstance(actual, bool):
        return str(actual).lower() == wanted.lower()
    return fnmatchcase(str(actual), wanted) if "*" in wanted else str(actual) == wanted


def matches(doc: Doc, filters: Iterable[FilterModel] | None, fields: Mapping[str, str | Callable[[Doc], Any]]) -> bool:
    """Whether a document passes all filters (each: one of its values fits; `*` stands for any text).

    fields: filter name -> the document's key (`A.B` reaches into dicts and lists), or a function of the document.
    `tag:<key>` and `tag-key` work on `TagSet` or `Tags` without being named. Raises InvalidParameterValue for a
    filter that is not in `fields`.
    """
    for each in filters or ():
        name, wanted = str(each.Name), [str(value) for value in each.Values or ()]
        if name.startswith("tag:"):
            actual: Any = [value for key, value in _tags(doc) if key == name[4:]]
        elif name == "tag-key":
            actual = [key for key, _ in _tags(doc)]
        elif name in fields:
            field = fields[name]
            actual = list(_values(doc, field.split("."))) if isinstance(field, str) else field(doc)
        else:
            raise ApiError("InvalidParameterValue", f"The filter `{name}` is not supported.")
        if not any(_fits(value, each) for value in _values(actual, ()) for each in wanted):
            return False
    return True


def _tags(doc: Doc) -> list[tuple[str, str]]:
    tags: list[Doc] = doc.get("TagSet") or doc.get("Tags") or []
    return [(str(tag.get("Key", tag.get("TagKey"))), str(tag.get("Value", tag.get("TagValue")))) for tag in tags]
