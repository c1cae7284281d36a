"""Which engine is taken."""

from pathlib import Path

import pytest

from sandbox.toolchain import engine_build
from sandbox.toolchain.steps import Steps


def engine(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    path = folder / "pulumi"
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


def test_a_recent_engine_on_path_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recent = engine(tmp_path / "recent", "v3.300.1")
    monkeypatch.setenv("PATH", str(recent.parent))
    assert engine_build.ensure(Steps()) == recent


def test_an_old_engine_on_path_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, recent = engine(tmp_path / "old", "v3.100.0"), engine(tmp_path / "recent", "v3.300.1")
    monkeypatch.setenv("PATH", f"{old.parent}:{recent.parent}")
    assert engine_build.on_path() == recent
    monkeypatch.setenv("PATH", str(old.parent))
    assert engine_build.on_path() is None


def test_a_changed_recipe_makes_a_new_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = engine_build.built()
    (tmp_path / "go.mod").write_text("module other\n")
    monkeypatch.setattr(engine_build, "RECIPE", tmp_path)
    assert engine_build.built() != before
