"""One sandbox for all end-to-end tests: brought up by `make up` as a person would, taken down at the end."""

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox import layout

Command = Callable[..., subprocess.CompletedProcess[str]]
UP_TIMEOUT_S = 1500
TIMEOUT_S = 280
END_TIMEOUT_S = 60


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """The running sandbox: what `make up` printed and took, the shell file's variables, the stack's outputs."""

    printed: str
    seconds: float
    variables: Mapping[str, str]
    outputs: Mapping[str, Any]

    @property
    def endpoint(self) -> str:
        """`https://api.sanmen.test`."""
        return str(self.outputs["endpoint"])

    @property
    def key(self) -> str:
        """The demo tenant's key."""
        return (layout.LOCAL / "demo-key").read_text().strip()


def run(
    *argv: str | Path, variables: Mapping[str, str] | None = None, timeout: int = TIMEOUT_S
) -> "subprocess.CompletedProcess[str]":
    """A command as a person types it, with the checkout's Python first on PATH.

    If the test ends before it does, it is asked to end too, with all it started: it would hold the machine's lock.
    """
    path = f"{layout.CHECKOUT}/.venv/bin:{layout.LOCAL}/bin:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, **(variables or {})}
    words = [str(word) for word in argv]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        words, cwd=layout.CHECKOUT, env=env, stdout=pipe, stderr=pipe, text=True, process_group=0
    )
    try:
        out, err = process.communicate(timeout=timeout)
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(END_TIMEOUT_S)
        raise
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def sourced() -> dict[str, str]:
    """The variables a shell has after `. .sanmen/env`."""
    told = run("bash", "-c", f". {shlex.quote(str(layout.LOCAL / 'env'))}; env -0")
    return dict(item.split("=", 1) for item in told.stdout.split("\0") if "=" in item)


def bring_up() -> Sandbox:
    """`make up` to its end."""
    began = time.monotonic()
    up = run("make", "up", timeout=UP_TIMEOUT_S)
    assert up.returncode == 0, up.stdout + up.stderr
    variables = sourced()
    outputs = run("pulumi", "stack", "output", "--json", "--stack", "local", variables=variables)
    return Sandbox(
        printed=up.stdout, seconds=time.monotonic() - began, variables=variables, outputs=json.loads(outputs.stdout)
    )


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    assert run("make", "down").returncode == 0
    try:
        yield bring_up()
    finally:
        down = run("make", "down")
        assert down.returncode == 0, down.stdout + down.stderr


@pytest.fixture
def pulumi(sandbox: Sandbox) -> Command:
    """Plain pulumi after `. .sanmen/env`."""
    return lambda *words: run("pulumi", "--non-interactive", *words, variables=sandbox.variables)


@pytest.fixture
def client(sandbox: Sandbox) -> Command:
    """A command as a client out on the internet: `client("curl", url, region="ap-beijing")`."""

    def command(*argv: str | Path, region: str | None = None) -> subprocess.CompletedProcess[str]:
        near = ["--from", region] if region else []
        return run("python", "-m", "sandbox", "exec", *near, "--", *argv)

    return command
