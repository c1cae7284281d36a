"""What the SDK's models say about their fields, read from the docstrings of their properties.

Requests are held against them, and answers get from them what a service has nothing to say about: the cloud sends every
field, and clients in typed languages read most of them without a check.
"""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tencentcloud.common.abstract_model import AbstractModel

_SCALARS: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
_RTYPE = re.compile(r":rtype:\s*(list of )?(?::class:`)?([\w.]+)")


@dataclass(frozen=True)
class Shape:
    """A field: a scalar `kind` (object: anything), or a nested `model`; `listed`: a list of it.

    `nullable`: the SDK says that an answer may hold null here.
    """

    kind: type
    model: type[AbstractModel] | None
    listed: bool
    nullable: bool = False

    def blank(self) -> Any:
        """What stands in an answer when there is nothing to say: a scalar's zero, no entries, or null."""
        if self.nullable or (self.model is not None and not self.listed):
            return None
        return [] if self.listed else self.kind() if self.kind is not object else None


def _shape(owner: type[AbstractModel], docstring: str) -> Shape:
    found = _RTYPE.search(docstring)
    nullable = "null" in docstring
    if found is None:
        return Shape(object, None, False, nullable)
    listed, name = found.group(1) is not None, found.group(2).rpartition(".")[2]
    if name in _SCALARS:
        return Shape(_SCALARS[name], None, listed, nullable)
    nested = getattr(inspect.getmodule(owner), name, None)
    if isinstance(nested, type) and issubclass(nested, AbstractModel):
        return Shape(dict, nested, listed, nullable)
    return Shape(object, None, listed, nullable)


@cache
def shapes_of(model: type[AbstractModel]) -> Mapping[str, Shape]:
    """Field -> shape, in the API's spelling."""
    return {
        name: _shape(model, inspect.getdoc(member) or "")
        for name, member in vars(model).items()
        if isinstance(member, property) and name != "headers"
    }


def completed(answer: Mapping[str, Any], model: type[AbstractModel]) -> dict[str, Any]:
    """The answer with every field of its model, at every depth; what it has already stays as it is."""
    whole = dict(answer)
    for name, shape in shapes_of(model).items():
        value = whole.get(name)
        if value is None:
            if name != "RequestId":
                whole[name] = shape.blank()
        elif shape.model is not None:
            whole[name] = _completed_values(value, shape.model)
    return whole


def _completed_values(value: Any, model: type[AbstractModel]) -> Any:
    if isinstance(value, Mapping):
        return completed(value, model)  # pyright: ignore[reportUnknownArgumentType]  # JSON of any shape
    if isinstance(value, list):
        return [_completed_values(each, model) for each in value]  # pyright: ignore[reportUnknownVariableType]  # JSON
    return value


def answer_of(request: type[AbstractModel]) -> type[AbstractModel] | None:
    """The model of the answer to a request; None for the few actions that the SDK does not know."""
    name = f"{request.__name__.removesuffix('Request')}Response"
    return getattr(inspect.getmodule(request), name, None)
