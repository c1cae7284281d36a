"""Wrong commands: one clear line each, and nothing is made."""

import re
import subprocess
import sys

import pytest

from sandbox import layout
from tests.end_to_end.conftest import run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("make preview STACK=nope", "there is no stack 'nope'; there are: dev, local, prod, staging"),
        ("make status", "there is no sandbox on this machine; 'make up' makes one"),
        ("python -m sandbox exec -- true", "the sandbox is not up"),
        ("python -m sandbox exec", "exec: no command given"),
        ("python -m sandbox exec --from ap-mars -- true", "choose from 'ap-beijing', 'ap-shanghai', 'ap-guangzhou'"),
    ],
)
def test_a_wrong_command_says_what_is_wrong_and_makes_nothing(nothing: None, words: str, said: str) -> None:
    done = run(*words.split())
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not layout.STATE.exists()


def test_down_works_on_a_machine_where_nothing_is_installed(nothing: None) -> None:
    """It is the first thing on a bare machine, and the last resort on a broken one."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "sandbox", "down"],
        cwd=layout.CHECKOUT,
        env={"PATH": "/nonexistent", "SANMEN_STATE": str(layout.STATE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "There is no sandbox on this machine.\n"


def test_the_benchmark_prints_what_it_measured_and_leaves_nothing(nothing: None) -> None:
    """Whether the goal is met is for a quiet machine to say."""
    done = run("python", "-m", "tests.bench.read_latency")
    assert len(re.findall(r"p50 +[\d.]+ ms +p99 +[\d.]+ ms +\d+ calls", done.stdout)) == 2, done.stdout + done.stderr
    assert "goal: p50 of at most" in done.stdout
    assert not layout.STATE.exists()
