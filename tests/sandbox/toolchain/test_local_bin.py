"""What the engine finds in `.sanmen/`."""

from pathlib import Path

import pytest

from sandbox.commands.ownership import CommandError
from sandbox.commands.preview import preview
from sandbox.toolchain import local_bin
from sandbox.toolchain.programs import ENGINE, KUBERNETES, KUBERNETES_PLUGIN


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not this checkout's own."""
    for name in ("BIN", "PULUMI_HOME", "PLUGIN"):
        monkeypatch.setattr(local_bin, name, tmp_path / "local" / name)


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    path = tmp_path / "pulumi"
    path.write_text("engine")
    return path


def test_a_plugin_is_linked_once_there_is_one_and_again_when_it_is_another(tmp_path: Path, engine: Path) -> None:
    local_bin.ensure({ENGINE.name: engine})
    assert not local_bin.PLUGIN.is_symlink()
    for version in ("old", "new"):
        (tmp_path / version).write_text(version)
        local_bin.ensure({ENGINE.name: engine, KUBERNETES_PLUGIN.name: tmp_path / version})
        assert local_bin.PLUGIN.read_text() == version
    local_bin.ensure({ENGINE.name: engine})
    assert local_bin.PLUGIN.read_text() == "new", "a run that needs no Kubernetes took it away"


def test_a_preview_that_lacks_the_plugin_says_how_to_get_it() -> None:
    with pytest.raises(CommandError, match="'make preview STACK=dev' makes it ready"):
        preview("dev", [])


def test_kubectl_is_there_once_kubernetes_is(tmp_path: Path, engine: Path) -> None:
    (tmp_path / "kubectl").write_text("kubectl")
    local_bin.ensure({ENGINE.name: engine, KUBERNETES.name: tmp_path / KUBERNETES.name})
    assert (local_bin.BIN / "kubectl").read_text() == "kubectl"
