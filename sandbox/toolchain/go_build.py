"""Makes the programs of the table, once. What is on the machine already in the right version is taken instead."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sandbox import layout
from sandbox.toolchain import go
from sandbox.toolchain.go import Go
from sandbox.toolchain.programs import Program
from sandbox.toolchain.steps import Steps


def target(program: Program) -> Path:
    """Where our own build of it is, or will be. A changed recipe or version makes a new one."""
    return layout.CACHE / program.name / f"{program.version}-{_checksum(program)}" / program.name


def here(program: Program) -> Path | None:
    """The program, if it need not be built."""
    found = program.find(program.name, program.version)
    if found:
        return found
    built = target(program)
    return built if built.exists() else None


def ensure(wanted: Sequence[Program], steps: Steps) -> dict[str, Path]:
    """Name -> path of each. Builds those that are missing; an interrupted build goes on where it was."""
    paths = {program.name: path for program in wanted if (path := here(program))}
    missing = [program for program in wanted if program.name not in paths]
    if not missing:
        return paths
    command = go.ensure(steps)
    for program in missing:
        paths[program.name] = _build(program, command, steps)
    # Kept until here, so that each program finds what the one before it has compiled.
    with steps.step("Removing what only the builds needed"):
        shutil.rmtree(go.BUILD, ignore_errors=True)
    return paths


def _build(program: Program, command: Go, steps: Steps) -> Path:
    built = target(program)
    built.parent.mkdir(parents=True, exist_ok=True)
    partial = built.with_suffix(".partial")
    text = f"{program.title} {program.version}: building it once"
    with steps.step(text, program.expected) as progress, tempfile.TemporaryDirectory() as folder:
        values = {program.stamp: program.version} if program.stamp else {}
        words = [f"-X {variable}={value}" for variable, value in {**values, **program.values}.items()]
        flags: dict[str, str | Path] = {"ldflags": " ".join(["-s -w", *words])}
        if program.overlay:
            flags["overlay"] = _overlay(program, command, Path(folder))
        command.build(program.package, program.recipe, flags=flags, target=partial, progress=progress)
    for name in program.called:
        built.with_name(name).unlink(missing_ok=True)
        built.with_name(name).symlink_to(built.name)
    partial.rename(built)
    return built


def _overlay(program: Program, command: Go, folder: Path) -> Path:
    """The file that tells Go where the files are that the recipe's package is to have beside its own."""
    replaced = {
        str(program.recipe / name): str(command.folder_of(module, program.recipe) / file)
        for name, (module, file) in program.overlay.items()
    }
    path = folder / "overlay.json"
    path.write_text(json.dumps({"Replace": replaced}))
    return path


def _checksum(program: Program) -> str:
    """Of everything the build depends on."""
    files = sorted(path for path in program.recipe.rglob("*") if path.is_file())
    parts = [repr(program.stamp), program.package]
    parts += [f"{variable}={value}" for variable, value in program.values.items()] + list(program.called)
    digest = hashlib.sha256("\0".join(parts).encode())
    for path in files:
        digest.update(b"\0" + str(path.relative_to(program.recipe)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
