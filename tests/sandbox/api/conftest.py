"""A running API server with a few actions of its own, service `probe`."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.vpc.v20170312 import models

from sandbox.api import actions
from sandbox.api.actions import Context
from sandbox.api.errors import ApiError
from tests.sandbox.local_cloud import LocalCloud, local_cloud

VERSION = "2017-03-12"
PROBE = "probe"


def _echo(ctx: Context, request: models.CreateVpcRequest) -> dict[str, Any]:
    if request.VpcName == "taken":
        raise ApiError("LimitExceeded", "There are enough.")
    if request.VpcName == "broken":
        raise RuntimeError("a mistake of the service")
    doc: dict[str, Any] = {
        "VpcId": ctx.store.new_id("vpc-"),
        "VpcName": request.VpcName,
        "Region": ctx.region,
        "Unset": None,
    }
    ctx.store.put("probe", doc["VpcId"], doc, ctx.region)
    return {"Vpc": doc, "Tags": [tag.Key for tag in request.Tags or []]}


@pytest.fixture(scope="session", autouse=True)
def probe_actions() -> None:
    """Registered once, as services are."""
    actions.register(actions.Action(PROBE, VERSION, "Make", models.CreateVpcRequest, _echo))


@pytest.fixture
def cloud(tmp_path: Path) -> Generator[LocalCloud]:
    """The server of one test."""
    with local_cloud(tmp_path) as running:
        yield running
