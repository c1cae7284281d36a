"""What is built for whom."""

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from sandbox import layout
from sandbox.toolchain import programs, stack_files
from sandbox.toolchain.programs import ENGINE, GO_CLIENT, KUBERNETES_PLUGIN, PROGRAMS


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Writes a stack file: stack("name", text)."""
    monkeypatch.setattr(stack_files, "FOLDER", tmp_path)

    def write(name: str, text: str) -> None:
        (tmp_path / f"Pulumi.{name}.yaml").write_text(text)

    return write


def test_a_stack_of_machines_alone_asks_for_no_kubernetes_program(stack: Callable[[str, str], None]) -> None:
    stack("machines", "config:\n  sanmen:regions:\n    ap-beijing:\n      compute: cvm # not compute: tke\n")
    assert programs.needed("run", ["machines"]) == [ENGINE]


@pytest.mark.parametrize(
    "region",
    ["ap-beijing:\n      compute: tke # by the hundred", "ap-beijing: {compute: tke}", 'x: {"compute": "tke"}'],
)
def test_a_region_on_tke_asks_for_the_kubernetes_plugin_however_it_is_written(
    stack: Callable[[str, str], None], region: str
) -> None:
    stack("clusters", f"config:\n  sanmen:regions:\n    {region}\n")
    assert programs.needed("preview", ["clusters"]) == [ENGINE, KUBERNETES_PLUGIN]


def test_what_is_read_of_the_stack_files_is_what_they_say() -> None:
    for name in stack_files.names():
        settings = yaml.safe_load((layout.CHECKOUT / "stacks" / f"Pulumi.{name}.yaml").read_text())["config"]
        computes = {region["compute"] for region in settings["sanmen:regions"].values()}
        assert stack_files.on_tke(name) == ("tke" in computes), name


def test_the_tests_need_every_program_and_a_run_of_local_the_engine_alone() -> None:
    assert programs.needed("test", stack_files.names()) == list(PROGRAMS)
    assert programs.needed("run", ["local"]) == [ENGINE]
    assert GO_CLIENT not in programs.needed("preview", stack_files.names())


def test_the_plugin_has_the_version_of_the_package_that_asks_for_it() -> None:
    assert metadata.version("pulumi-kubernetes") == KUBERNETES_PLUGIN.version


def test_the_recipes_require_what_the_table_names() -> None:
    asked = {
        line.split()[0]: line.split()[1]
        for line in (programs.RECIPE / "go.mod").read_text().splitlines()
        if line.startswith("\tgithub.com/pulumi/pulumi/")
    }
    assert asked[f"{programs.PULUMI}/pkg/v3"] == f"v{ENGINE.version}"
    assert asked[f"{programs.PULUMI}/sdk/v3"] == f"v{ENGINE.version}"
