"""Two preparations of a machine never run at once."""

import os
import subprocess
import sys
from pathlib import Path

from sandbox import layout

PROGRAM = """
from sandbox.toolchain import turn
from sandbox.toolchain.steps import Steps
with turn.taken(Steps()):
    print("in", flush=True)
    input()
print("out", flush=True)
"""


def preparing(cache: Path) -> "subprocess.Popen[str]":
    env = {**os.environ, "SANMEN_CACHE": str(cache)}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=layout.CHECKOUT, env=env, stdin=pipe, stdout=pipe, text=True
    )


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def let_go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_a_second_preparation_waits_and_goes_on_when_the_first_ends_however_it_ends(tmp_path: Path) -> None:
    with preparing(tmp_path) as first:
        assert line(first) == "in"
        with preparing(tmp_path) as second:
            assert "another command is preparing this machine: waiting for it" in line(second)
            first.kill()
            assert line(second) == "in"
            let_go(second)
            assert line(second) == "out"
