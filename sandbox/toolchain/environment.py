"""Python environments from lock files. Every wheel is kept in the cache, so the second time needs no network."""

import hashlib
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from sandbox import layout
from sandbox.toolchain.steps import Steps, ToolchainError

LOCK = layout.CHECKOUT / "requirements.lock"
CLIENTS_LOCK = layout.CHECKOUT / "tests" / "clients.lock"
"""Clients that nobody here wrote, for the tests: Tencent's command line and SDK, the LLM vendors' SDKs."""


def ensure(steps: Steps) -> Path:
    """The project's own environment, `.venv`, with the project installed editable. Returns its interpreter."""
    home = layout.CHECKOUT / ".venv"
    python = make(steps, home, LOCK, "Python packages")
    if not list(home.glob("lib/python3*/site-packages/sanmen-*.dist-info")):
        words = ["install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "-e", str(layout.CHECKOUT)]
        _pip(python, *words)
    return python


def ensure_clients(steps: Steps) -> Path:
    """The tests' clients, apart from the project: `.venv-clients`. Returns its interpreter."""
    return make(steps, layout.CHECKOUT / ".venv-clients", CLIENTS_LOCK, "Official clients for the tests")


def make(steps: Steps, home: Path, lock: Path, text: str) -> Path:
    """An environment at `home` that holds what `lock` says, hashes checked. Does nothing when it already does."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    python, mark = home / "bin" / "python", home / "lock"
    if mark.exists() and mark.read_text() == digest and python.exists():
        return python
    wheels = layout.CACHE / "wheels" / f"{digest}-{sys.version_info.major}.{sys.version_info.minor}"
    with steps.step(f"{text}: installing", "about 1 min, 15 s from the cache"):
        try:
            venv.create(home, with_pip=True, clear=True)
        except subprocess.CalledProcessError:
            raise ToolchainError("python3 has no venv module here: 'apt-get install python3-venv'") from None
        if not wheels.exists():
            _fetch(python, lock, wheels)
        # Not compiled: most of what the cloud's SDKs bring is never imported, the rest is compiled when it is.
        words = ("--quiet", "--no-index", "--no-deps", "--no-compile")
        _pip(python, "install", *words, *(str(path) for path in sorted(wheels.glob("*.whl"))))
        mark.write_text(digest)
    return python


def _fetch(python: Path, lock: Path, wheels: Path) -> None:
    """Fill `wheels`. In a folder of its own first: pip's download is not safe to share, a finished folder is."""
    wheels.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".wheels-", dir=wheels.parent) as folder:
        partial = Path(folder, "wheels")
        fetch = ("wheel", "--quiet", "--require-hashes", "--no-deps", "--wheel-dir", str(partial))
        _pip(python, *fetch, "-r", str(lock))
        if not wheels.exists():
            partial.rename(wheels)


def _pip(python: Path, *words: str) -> None:
    argv = [str(python), "-m", "pip", "--disable-pip-version-check", *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n      ".join((done.stderr or done.stdout).strip().splitlines()[-6:])
        raise ToolchainError(f"pip {words[0]} failed:\n      {last}")
