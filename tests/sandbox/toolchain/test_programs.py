"""What is built for whom."""

import re
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from sandbox import layout
from sandbox.toolchain import programs, stack_files
from sandbox.toolchain.programs import (
    ENGINE,
    ETCD,
    GO_CLIENT,
    KUBERNETES,
    KUBERNETES_PLUGIN,
    METRICS_SERVER,
    PROGRAMS,
    Program,
)


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


def test_only_a_sandbox_that_runs_clusters_asks_for_their_programs(stack: Callable[[str, str], None]) -> None:
    stack("clusters", "config:\n  sanmen:regions:\n    x: {compute: tke}\n")
    assert programs.needed("run", ["clusters"]) == [ENGINE, KUBERNETES_PLUGIN, KUBERNETES, ETCD, METRICS_SERVER]


def test_what_is_read_of_the_stack_files_is_what_they_say() -> None:
    for name in stack_files.names():
        settings = yaml.safe_load((layout.CHECKOUT / "stacks" / f"Pulumi.{name}.yaml").read_text())["config"]
        computes = {region["compute"] for region in settings["sanmen:regions"].values()}
        assert stack_files.on_tke(name) == ("tke" in computes), name


def test_the_tests_need_every_program() -> None:
    assert programs.needed("test", stack_files.names()) == list(PROGRAMS)
    assert GO_CLIENT not in programs.needed("preview", stack_files.names())


def test_the_plugin_has_the_version_of_the_package_that_asks_for_it() -> None:
    assert metadata.version("pulumi-kubernetes") == KUBERNETES_PLUGIN.version


def required(program: Program) -> dict[str, str]:
    """Module -> version, of a recipe."""
    lines = re.findall(r"^(?:require)?\s+(\S+) (v\S+)", (program.recipe / "go.mod").read_text(), re.MULTILINE)
    return dict(lines)


def test_the_engine_is_the_version_that_the_table_says() -> None:
    assert required(ENGINE)[f"{programs.PULUMI}/pkg/v3"] == f"v{ENGINE.version}"


def test_the_programs_of_clusters_are_the_versions_that_the_table_says() -> None:
    modules = {"k8s.io/kubernetes": KUBERNETES, "go.etcd.io/etcd/server/v3": ETCD}
    for module, program in {**modules, "sigs.k8s.io/metrics-server": METRICS_SERVER}.items():
        assert required(program)[module] == f"v{program.version}"
    replaced = re.findall(r"=> k8s\.io/\S+ v0\.(\S+)", (KUBERNETES.recipe / "go.mod").read_text())
    assert {f"1.{version}" for version in replaced} == {KUBERNETES.version}


def test_engine_and_plugin_share_all_but_what_cannot_be_shared() -> None:
    """A version that differs is compiled twice: give the plugin's recipe the engine's, then `go mod tidy`."""
    engine, plugin = required(ENGINE), required(KUBERNETES_PLUGIN)
    twice = {module for module in engine.keys() & plugin.keys() if engine[module] != plugin[module]}
    assert twice == {
        f"{programs.PULUMI}/pkg/v3",
        f"{programs.PULUMI}/sdk/v3",
        "github.com/Azure/go-ansiterm",
        "github.com/moby/term",
        "github.com/santhosh-tekuri/jsonschema/v5",
    }
