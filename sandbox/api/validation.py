"""Checks a request's JSON against the SDK's request model, and makes the model of it."""

from collections.abc import Mapping
from typing import Any, TypeVar

from tencentcloud.common.abstract_model import AbstractModel

from sandbox.api.errors import ApiError
from sandbox.api.shapes import Shape, shapes_of

M = TypeVar("M", bound=AbstractModel)


def _refuse_type(path: str) -> ApiError:
    return ApiError("InvalidParameter", f"The value type of parameter `{path}` is not valid.")


def _check_one(value: Any, shape: Shape, path: str) -> None:
    if shape.model is not None:
        if not isinstance(value, dict):
            raise _refuse_type(path)
        _check(value, shape.model, f"{path}.")  # pyright: ignore[reportUnknownArgumentType]  # JSON of any shape
    elif shape.kind is float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise _refuse_type(path)
    elif shape.kind is int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _refuse_type(path)
    elif not isinstance(value, shape.kind):
        raise _refuse_type(path)


def _check(given: Mapping[str, Any], model: type[AbstractModel], prefix: str) -> None:
    shapes = shapes_of(model)
    for name, value in given.items():
        path = f"{prefix}{name}"
        shape = shapes.get(name)
        if shape is None:
            raise ApiError("UnknownParameter", f"The parameter `{path}` is not recognized.")
        if value is None:
            continue
        if not shape.listed:
            _check_one(value, shape, path)
            continue
        if not isinstance(value, list):
            raise _refuse_type(path)
        each: Any
        for position, each in enumerate(value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            _check_one(each, shape, f"{path}.{position}")


def build(given: Any, model: type[M]) -> M:
    """The request as its model. Raises ApiError UnknownParameter or InvalidParameter naming the parameter."""
    if not isinstance(given, dict):
        raise ApiError("InvalidRequest", "The body of the request must be a JSON object.")
    params: dict[str, Any] = given  # pyright: ignore[reportUnknownVariableType]  # JSON of any shape
    _check(params, model, "")
    request = model()
    request._deserialize(params)  # pyright: ignore[reportPrivateUsage]  # the SDK's only way to fill a model
    return request
