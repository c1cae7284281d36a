"""The whole program of `local` on the control plane: up, refresh without a difference, destroy; and the calls it makes
are those that docs/fidelity says the official provider makes."""

import json
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

from sandbox.plugins.tencentcloud import resources
from sandbox.plugins.tencentcloud.cloud import Credentials
from sandbox.plugins.tencentcloud.endpoint import Endpoint
from tests.sandbox.local_cloud import local_cloud
from tests.sandbox.plugins.fidelity import tables
from tests.sandbox.plugins.program_on_cloud import Program

UNDELETABLE = ("tencentcloud:Igtm/instance:Instance",)
"""The cloud's support ends those."""
LATER = ("tencentcloud:Kms/key:Key",)
"""They go days after they were deleted."""
GOLDEN = Path(__file__).parents[2] / "infra" / "golden"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Generator[Program]:
    """`local`, made in full over a plane that records."""
    resources.load()
    directory: Path = tmp_path_factory.mktemp("cloud")
    with local_cloud(directory) as running:
        program = Program(
            endpoint=Endpoint(protocol="http", domain=f"tencentcloudapi.localhost:{running.server.port}"),
            credentials=Credentials(secret_id=running.key.secret_id, secret_key=running.key.secret_key),
        )
        program.up("local")
        yield program


def test_a_refresh_after_it_was_made_finds_no_difference(stack: Program) -> None:
    wanted = json.loads((GOLDEN / "local.json").read_text())["counts"]
    made = Counter(each.resource.token for each in stack.made)
    assert made == {token: count for token, count in wanted.items() if token.startswith("tencentcloud:")}
    assert stack.refresh() == {}


def test_it_makes_the_calls_of_the_official_provider_and_no_others(stack: Program) -> None:
    stack.refresh()
    official = tables()
    unknown = {
        f"{token} {step} {service}:{action}"
        for token, step, service, action in stack.calls
        if f"{service}:{action}" not in official[token].actions(step)
    }
    assert unknown == set()


def test_destroy_leaves_nothing_that_can_be_deleted(stack: Program) -> None:
    stack.destroy(UNDELETABLE)
    left = [made for made in stack.made if made.resource.token not in (*UNDELETABLE, *LATER) and stack.is_there(made)]
    assert [made.name for made in left] == []
