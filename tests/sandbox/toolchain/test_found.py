"""Which program of the machine is taken, and which is not."""

import sys
from pathlib import Path

import pytest

from sandbox import layout
from sandbox.toolchain import found, go_build
from sandbox.toolchain.programs import ENGINE, KUBERNETES_PLUGIN
from sandbox.toolchain.steps import Steps

PLUGIN = """#!{python}
import sys
sys.path.insert(0, "{checkout}")
import grpc
from concurrent import futures
from sandbox.plugins.protocol.stubs import plugin_pb2, provider_pb2_grpc

class Provider(provider_pb2_grpc.ResourceProviderServicer):
    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version="{version}")

server = grpc.server(futures.ThreadPoolExecutor(1))
provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
"""


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def engine(folder: Path, version: str) -> Path:
    return executable(folder / "pulumi", f"#!/bin/sh\necho {version}\n")


def plugin(folder: Path, version: str) -> Path:
    text = PLUGIN.format(python=sys.executable, checkout=layout.CHECKOUT, version=version)
    return executable(folder / KUBERNETES_PLUGIN.name, text)


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without either program."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.delenv("PULUMI_HOME", raising=False)


def found_plugin() -> Path | None:
    return found.plugin(KUBERNETES_PLUGIN.name, KUBERNETES_PLUGIN.version)


def test_a_recent_engine_on_path_is_taken_and_nothing_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, recent = engine(tmp_path / "old", "v3.100.0"), engine(tmp_path / "recent", "v3.300.1")
    monkeypatch.setenv("PATH", f"{old.parent}:{recent.parent}")
    assert go_build.ensure([ENGINE], Steps()) == {ENGINE.name: recent}


def test_an_old_engine_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(engine(tmp_path / "old", "v3.100.0").parent))
    assert found.as_recent(ENGINE.name, ENGINE.version) is None


@pytest.mark.parametrize("home", ["home/.pulumi", "elsewhere"])
def test_a_released_plugin_in_the_users_plugin_folder_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / home))
    folder = tmp_path / home / "plugins" / f"resource-kubernetes-v{KUBERNETES_PLUGIN.version}"
    path = executable(folder / KUBERNETES_PLUGIN.name, "")
    assert found_plugin() == path
    folder.with_name(f"{folder.name}.partial").touch()
    assert found_plugin() is None, "the engine has not finished that folder"


def test_a_plugin_of_another_version_in_the_users_plugin_folder_is_not_taken(tmp_path: Path) -> None:
    executable(tmp_path / "home/.pulumi/plugins/resource-kubernetes-v4.24.0" / KUBERNETES_PLUGIN.name, "")
    assert found_plugin() is None


def test_our_own_link_is_not_taken_in_a_shell_that_sourced_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "LOCAL", tmp_path / ".sanmen")
    for home in ("pulumi", "official"):
        folder = tmp_path / ".sanmen" / home / "plugins" / f"resource-kubernetes-v{KUBERNETES_PLUGIN.version}"
        executable(folder / KUBERNETES_PLUGIN.name, "")
        monkeypatch.setenv("PULUMI_HOME", str(tmp_path / ".sanmen" / home))
        assert found_plugin() is None


def test_a_plugin_on_path_is_taken_if_it_says_the_right_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong, right = plugin(tmp_path / "a", "4.24.0"), plugin(tmp_path / "b", f"v{KUBERNETES_PLUGIN.version}")
    mute = executable(tmp_path / "c" / KUBERNETES_PLUGIN.name, "#!/bin/sh\nexit 3\n")
    monkeypatch.setenv("PATH", f"{wrong.parent}:{mute.parent}")
    assert found_plugin() is None
    monkeypatch.setenv("PATH", f"{wrong.parent}:{mute.parent}:{right.parent}")
    assert found_plugin() == right
