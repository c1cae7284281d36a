"""What the SDK's models say about their fields, read from the docstrings of their properties."""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from tencentcloud.common.abstract_model import AbstractModel

_SCALARS: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
_RTYPE = re.compile(r":rtype:\s*(list of )?(?::class:`)?([\w.]+)")


@dataclass(frozen=True)
class Shape:
    """A field: a scalar `kind` (object: anything), or a nested `model`; `listed`: a list of it."""

    kind: type
    model: type[AbstractModel] | None
    listed: bool


def _shape(owner: type[AbstractModel], docstring: str) -> Shape:
    found = _RTYPE.search(docstring)
    if found is None:
        return Shape(object, None, False)
    listed, name = found.group(1) is not None, found.group(2).rpartition(".")[2]
    if name in _SCALARS:
        return Shape(_SCALARS[name], None, listed)
    nested = getattr(inspect.getmodule(owner), name, None)
    if isinstance(nested, type) and issubclass(nested, AbstractModel):
        return Shape(dict, nested, listed)
    return Shape(object, None, listed)


@cache
def shapes_of(model: type[AbstractModel]) -> Mapping[str, Shape]:
    """Field -> shape, in the API's spelling."""
    return {
        name: _shape(model, inspect.getdoc(member) or "")
        for name, member in vars(model).items()
        if isinstance(member, property) and name != "headers"
    }
