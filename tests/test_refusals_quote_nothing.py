"""What a model of the project refuses is not in the message: it may be a secret in the wrong place."""

import importlib
import pkgutil
import traceback
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, ValidationError

import gateway
import infra.settings
import sandbox.upstream


def _models() -> Iterator[type[BaseModel]]:
    """Every model that a module of these packages defines."""
    for package in (gateway, infra.settings, sandbox.upstream):
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if found.name.rpartition(".")[2] == "__main__":
                continue
            for value in vars(importlib.import_module(found.name)).values():
                if isinstance(value, type) and issubclass(value, BaseModel) and value.__module__ == found.name:
                    yield value


@pytest.mark.parametrize("model", list(_models()), ids=lambda model: f"{model.__module__}.{model.__name__}")
def test_a_refusal_does_not_quote_what_was_given(model: type[BaseModel]) -> None:
    given = {name: {"sk-secret": "sk-secret"} for name in (*model.model_fields, "unknown")}
    with pytest.raises(ValidationError) as refused:
        model.model_validate(given)
    # A key is named where a mapping has a wrong one; a value never.
    assert "'sk-secret'" not in "".join(traceback.format_exception(refused.value))
