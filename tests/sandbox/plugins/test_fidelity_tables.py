"""docs/fidelity speaks of every resource type, of actions that there are, and of fields that their answers have."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tencentcloud.common.abstract_model import AbstractModel

from sandbox.api.actions import ACTIONS
from sandbox.api.shapes import shapes_of
from sandbox.plugins.tencentcloud import resources
from sandbox.plugins.tencentcloud.cloud import API_VERSIONS
from sandbox.plugins.tencentcloud.handler import HANDLERS
from tests.infra.engine import STACKS
from tests.sandbox.plugins.fidelity import Row, tables

PREVIEWED = "tke.md"
"""What the sandbox does not make."""
OUTSIDE_THE_SDK = {"AddCustomizedConfig", "DeleteCustomizedConfig", "ModifyCustomizedConfig"}
"""Actions of CLB that the SDK has no models for."""
UNSERVED = {
    ("tcr", "CreateReplicationInstance"): "replicas of a registry come with clusters in other regions",
    ("tcr", "RenewInstance"): "prepaid registries",
}
"""What the provider calls for what no stack has, and why the sandbox does not answer it."""
GOLDEN = Path(__file__).parents[2] / "infra" / "golden"
PACKAGES = {"as": "autoscaling"}


def _models(row: Row) -> Iterator[type[AbstractModel]]:
    """The answer's model in each version of the API that has the action: the provider may call an older one."""
    package = f"tencentcloud.{PACKAGES.get(row.service, row.service)}"
    versions = (API_VERSIONS[row.service], *(("2022-05-01",) if row.service == "tke" else ()))
    for version in versions:
        models = importlib.import_module(f"{package}.v{version.replace('-', '')}.models")
        if hasattr(models, f"{row.action}Response"):
            yield getattr(models, f"{row.action}Response")


def _has(model: type[AbstractModel], path: str) -> bool:
    first, _, rest = path.partition(".")
    shape = shapes_of(model).get(first)
    if shape is None and first != "RequestId":
        return False
    return not rest or (shape is not None and shape.model is not None and _has(shape.model, rest))


ROWS = [
    pytest.param(
        table.file, row, id=f"{token.rpartition(':')[0].removeprefix('tencentcloud:')}-{row.step}-{row.action}"
    )
    for token, table in tables().items()
    for row in table.rows
]


def test_every_type_of_every_stack_and_every_handler_has_its_table() -> None:
    resources.load()
    used = {
        token
        for stack in STACKS
        for token in json.loads((GOLDEN / f"{stack}.json").read_text())["counts"]
        if token.startswith("tencentcloud:")
    }
    assert used
    assert (used | HANDLERS.keys()) - tables().keys() == set()


@pytest.mark.parametrize(("file", "row"), ROWS)
def test_a_row_names_an_action_and_fields_that_there_are(file: str, row: Row) -> None:
    if row.action not in OUTSIDE_THE_SDK:
        models = list(_models(row))
        assert models, f"the SDK has no {row.service} {row.action}"
        missing = [path for path in row.fields if not any(_has(model, path) for model in models)]
        assert missing == []
    served = any((service, name) == (row.service, row.action) for service, _, name in ACTIONS)
    if file != PREVIEWED and (row.service, row.action) not in UNSERVED:
        assert served, f"the sandbox does not answer {row.service} {row.action}"
