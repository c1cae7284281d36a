"""`PLUGIN=`: the official plugin where a person has it, and one clear error where it cannot be used.

What stands in for the official one is a script that writes down how it was started, and then is the project's own.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox import layout
from sandbox.commands import plugin
from sandbox.commands.ownership import CommandError
from sandbox.commands.preview import NO_KEY, preview
from sandbox.toolchain import local_bin

RECORDS = f"""#!{sys.executable}
import json, os, sys
with open(os.path.realpath(__file__) + ".record", "a") as record:
    told = {{name: value for name, value in os.environ.items() if name.startswith("TENCENTCLOUD_")}}
    print(json.dumps({{"argv": sys.argv[1:], "variables": told}}), file=record)
os.execv(sys.executable, [sys.executable, "-m", "sandbox.plugins.tencentcloud", *sys.argv[1:]])
"""
ANOTHER_VERSION = f"""#!{sys.executable}
from pulumi.runtime.proto import plugin_pb2
from sandbox.plugins.protocol.server import serve
from sandbox.plugins.tencentcloud.provider import Provider
class Older(Provider):
    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version="0.2.2")
serve(Older)
"""
CRASHES = """#!/bin/sh
echo 'fatal: no such instruction' >&2
exit 3
"""
Write = Callable[[Path, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Puts a plugin into a folder of tmp_path."""

    def write(folder: Path, text: str) -> Path:
        path = tmp_path / folder / plugin.NAME
        path.parent.mkdir(parents=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """What is said of a choice that cannot be used."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PULUMI_HOME", raising=False)

    def refusal(given: str) -> str:
        with pytest.raises(CommandError) as refused:
            plugin.home(given)
        return str(refused.value)

    return refusal


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(f"{path}.record").read_text().splitlines()]


def test_the_engine_starts_the_plugin_that_was_named(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    official = write(Path("elsewhere"), RECORDS)
    assert preview("local", [], str(official)) == 0
    assert re.search(r"\+ \d+ to create", capfd.readouterr().out)
    asked, *started = records(official)
    assert asked["argv"], "it is asked for its version, as the engine would start it"
    assert started, "the engine has not started it"
    for start in started:
        assert re.fullmatch(r"127\.0\.0\.1:\d+", start["argv"][-1])
        assert start["variables"]["TENCENTCLOUD_SECRET_KEY"] == NO_KEY
        assert "TENCENTCLOUD_DOMAIN" not in start["variables"]


@pytest.mark.parametrize("variable", ["PULUMI_HOME", "HOME"])
def test_official_is_the_one_in_the_users_plugin_folder(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PULUMI_HOME", raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "mine"))
    below = Path() if variable == "PULUMI_HOME" else Path(".pulumi")
    official = write("mine" / below / "plugins" / plugin.FOLDER, RECORDS)
    home, who = plugin.home(plugin.OFFICIAL)
    assert who == f"official {plugin.VERSION}, {official}"
    assert (home / "plugins" / plugin.FOLDER / plugin.NAME).resolve() == official
    others = {path.name for path in (local_bin.PULUMI_HOME / "plugins").iterdir() if path.is_dir()}
    assert {path.name for path in (home / "plugins").iterdir()} == others


def test_after_the_shell_file_official_is_still_the_users_own(
    refusal: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(local_bin.PULUMI_HOME))
    said = refusal(plugin.OFFICIAL)
    assert f"there is no {plugin.FOLDER} in $PULUMI_HOME/plugins or {tmp_path}/home/.pulumi/plugins" in said
    assert "pulumi plugin install resource tencentcloud 0.2.3" in said


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (ANOTHER_VERSION, "is version 0.2.2; 0.2.3 is needed"),
        (CRASHES, "is no plugin that works"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_named_with_what_is_wrong(
    write: Write, refusal: Callable[[str], str], text: str, wrong: str
) -> None:
    path = write(Path("elsewhere"), text)
    said = refusal(str(path))
    assert said.startswith(f"PLUGIN={path}: ")
    assert wrong in said
    assert plugin.ALLOWED in said


def test_a_file_that_is_not_there_or_cannot_be_run_is_named(write: Write, refusal: Callable[[str], str]) -> None:
    assert "there is no file /nowhere/plugin; allowed are" in refusal("/nowhere/plugin")
    path = write(Path("elsewhere"), RECORDS)
    path.chmod(0o644)
    assert f"{path} cannot be started: Permission denied; allowed are" in refusal(str(path.parent))


def test_the_sandboxs_own_plugin_is_not_taken_for_the_official_one(refusal: Callable[[str], str]) -> None:
    own = local_bin.PULUMI_HOME / "plugins" / plugin.FOLDER
    assert "this is the sandbox's own plugin" in refusal(str(own))


def test_the_session_uses_what_the_last_up_was_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "IN_USE", tmp_path / "official-plugin")
    plugin.use(plugin.HOME)
    assert plugin.home_in_use() == layout.LOCAL / "official"
    plugin.use(local_bin.PULUMI_HOME)
    assert plugin.home_in_use() == local_bin.PULUMI_HOME
