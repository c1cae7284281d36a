"""Programs are made by Go, once, and an interrupted build is no program."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import layout
from sandbox.toolchain import go, go_build
from sandbox.toolchain.programs import Need, Program
from sandbox.toolchain.steps import Steps, ToolchainError

SOURCE = """package main

var Version string

func main() { print(Version) }
"""
BUILD = """
import signal, sys
from pathlib import Path
from sandbox.toolchain import go_build
from sandbox.toolchain.programs import Need, Program
from sandbox.toolchain.steps import Steps
program = Program(name="small", title="Small", version="1", package=".", needed_by=Need.TESTS, expected="", build_gib=1,
    recipe=Path(sys.argv[1]))
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    print("built", go_build.ensure([program], Steps())["small"].read_text())
except KeyboardInterrupt:
    print("interrupted", go_build.here(program))
"""
SLOW_GO = """#!{python}
import os, pathlib, signal, sys
if sys.argv[1] == "env":
    sys.exit(print("go1.99.0"))
made = pathlib.Path(os.environ["GOCACHE"], "made")
target = pathlib.Path(sys.argv[sys.argv.index("-o") + 1])
if made.exists():
    target.write_text("from what was made before")
    sys.exit()
made.parent.mkdir()
made.touch()
target.write_text("half of it")
signal.signal(signal.SIGINT, lambda *_: sys.exit("cleaned up"))
pathlib.Path(os.environ["READY"]).write_text("")
signal.pause()
"""
"""Its first build lasts until it is interrupted; the next goes on from what that one made."""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A small one."""
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    (recipe / "go.mod").write_text("module example.test/small\n\ngo 1.26\n")
    (recipe / "main.go").write_text(SOURCE)
    return Program(
        name="small",
        title="Small program",
        version="1.2.3",
        package=".",
        needed_by=Need.TESTS,
        expected="seconds",
        build_gib=1,
        recipe=recipe,
        stamp="main.Version",
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is built lies here."""
    monkeypatch.setattr(layout, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(go, "BUILD", tmp_path / "cache" / "go-build")
    return tmp_path / "cache"


def test_a_program_is_built_once_with_its_version_in_it_and_no_build_folder_stays(
    program: Program, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = go_build.ensure([program], Steps())[program.name]
    assert subprocess.run([path], capture_output=True, text=True, check=True).stderr == "1.2.3"
    assert "Small program 1.2.3: building it once (seconds)" in capsys.readouterr().out
    assert path.is_relative_to(cache)
    assert not go.BUILD.exists()
    monkeypatch.setenv("PATH", "")  # no Go any more
    assert go_build.ensure([program], Steps()) == {program.name: path}


def test_one_executable_is_several_programs_by_the_names_it_is_called_by(program: Program, cache: Path) -> None:
    source = SOURCE.replace("print(Version)", "print(os.Args[0], Version, Major)").replace(
        "main\n", 'main\nimport "os"\n', 1
    )
    (program.recipe / "main.go").write_text(source + "\nvar Major string\n")
    program = replace(program, called=("one", "two"), values={"main.Major": "7"})
    path = go_build.ensure([program], Steps())[program.name]
    for name in program.called:
        said = subprocess.run([path.with_name(name)], capture_output=True, text=True, check=True).stderr
        assert said == f"{path.with_name(name)}1.2.37"


def test_a_changed_recipe_makes_a_new_program(program: Program, cache: Path) -> None:
    before = go_build.target(program)
    (program.recipe / "main.go").write_text(SOURCE.replace("print", "println"))
    assert go_build.target(program) != before


def test_what_go_complains_about_is_told_and_nothing_counts_as_built(program: Program, cache: Path) -> None:
    (program.recipe / "main.go").write_text(SOURCE.replace("Version)", "Verson)"))
    with pytest.raises(ToolchainError, match="undefined: Verson"):
        go_build.ensure([program], Steps())
    assert go_build.here(program) is None


def test_an_interrupted_build_goes_on_where_it_was(program: Program, tmp_path: Path) -> None:
    command = tmp_path / "bin" / "go"
    command.parent.mkdir()
    command.write_text(SLOW_GO.format(python=sys.executable))
    command.chmod(0o755)
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    env = {**os.environ, "SANMEN_CACHE": str(tmp_path / "cache"), "PATH": str(command.parent), "READY": str(ready)}

    def build() -> "subprocess.Popen[str]":
        argv = [sys.executable, "-c", BUILD, str(program.recipe)]
        return subprocess.Popen(argv, cwd=layout.CHECKOUT, env=env, stdout=subprocess.PIPE, text=True)

    with build() as first:
        ready.read_text()  # ends when the build has begun
        first.send_signal(signal.SIGINT)
        assert "interrupted None" in first.communicate()[0]
    with build() as second:
        assert "built from what was made before" in second.communicate()[0]
