"""The end: destroy, down, and down after everything was killed. Nothing is left."""

import os
import signal
import subprocess
from pathlib import Path

from sandbox import layout
from sandbox.substrate import teardown
from sandbox.substrate.supervision import processes
from tests.end_to_end.conftest import Command, Sandbox, bring_up, run

OURS = ("sandbox.api", "sandbox.upstream", "sandbox.plugins", "pulumi --non-interactive")
"""What a command line of ours has in it, if it runs from this checkout."""


def beside_us(process: Path) -> bool:
    """Whether a process is of this machine, not of a sandbox inside a namespace of its own."""
    return (process / "ns" / "pid").readlink() == Path("/proc/self/ns/pid").readlink()


def left_on_the_machine() -> list[str]:
    """What a person would find with ps, ip, mount and ls."""
    found: list[str] = []
    namespaces = run("ip", "netns", "list").stdout.splitlines()
    found += [line for line in namespaces if line.startswith(layout.NETNS_PREFIX)]
    found += [line for line in run("ip", "route").stdout.splitlines() if "198.1" in line]
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if str(layout.STATE) in line]
    found += [str(path) for path in (layout.STATE, *(layout.LOCAL / n for n in layout.SESSION_FILES)) if path.exists()]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if not beside_us(process):
                continue
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            here = str(layout.CHECKOUT) in words or (process / "cwd").readlink().is_relative_to(layout.CHECKOUT)
        except OSError:
            continue
        if str(layout.STATE) in words or (here and any(ours in words for ours in OURS)):
            found.append(words)
    return found


def test_destroy_then_down_leaves_nothing(sandbox: Sandbox, pulumi: Command) -> None:
    destroyed = pulumi("destroy", "--yes", "--stack", "local")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    down = run("make", "down")
    assert down.returncode == 0, down.stdout + down.stderr
    assert left_on_the_machine() == []
    assert teardown.leftovers() == []
    again = run("make", "down")
    assert again.returncode == 0
    assert "There is no sandbox on this machine." in again.stdout


def test_down_after_everything_was_killed_leaves_nothing() -> None:
    bring_up()
    killed = 0
    mark = f"{processes.MARK}={layout.STATE}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int(process.name) == os.getpid() or not beside_us(process):
                continue
            variables = (process / "environ").read_bytes()
            words = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if b"s6-" in words or str(layout.STATE).encode() in words or mark in variables:
            try:
                os.kill(int(process.name), signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                continue
    assert killed > 10
    down = subprocess.run(["make", "down"], cwd=layout.CHECKOUT, capture_output=True, text=True, timeout=120)
    assert down.returncode == 0, down.stdout + down.stderr
    assert left_on_the_machine() == []
    assert teardown.leftovers() == []
