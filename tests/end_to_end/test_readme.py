"""Every command of the README is run by a test: here, or by the one named beside it."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from sandbox import layout
from sandbox.toolchain import stack_files
from tests.end_to_end.conftest import Sandbox, run
from tests.infra import engine as program

README = Path(layout.CHECKOUT, "README.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
ELSEWHERE = {
    "make up": "the fixture of every end-to-end test",
    "make up PLUGIN=official": "tests/sandbox/commands/test_plugin.py",
    "make down": "test_removal.py",
    "make test": "this run",
    ". .sanmen/env": "the shell of every command here",
}
PREVIEWS = [line for line in COMMANDS if line.startswith("make preview")]
SHELL = [line for line in COMMANDS if line not in ELSEWHERE and line not in PREVIEWS]


def test_the_readme_has_its_two_commands() -> None:
    assert {"make up", "make test"} <= set(COMMANDS)


@pytest.mark.parametrize("command", SHELL)
def test_a_command_of_the_readme_works(sandbox: Sandbox, command: str) -> None:
    done = run("bash", "-euc", f". .sanmen/env; {command}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


def test_the_readme_previews_every_stack_but_the_one_it_brings_up() -> None:
    assert {line.partition("STACK=")[2] for line in PREVIEWS} == set(stack_files.names()) - {"local"}


@pytest.mark.parametrize("stack", stack_files.names())
def test_a_stack_is_previewed_without_credentials_or_network(stack: str) -> None:
    """In a namespace that has a loopback interface and nothing else; it shows all that the program registers."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("TENCENTCLOUD_", "PULUMI_"))}
    command = f"ip link set lo up && exec make preview STACK={stack}"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", command], cwd=layout.CHECKOUT, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = re.search(r"\+ (\d+) to create", done.stdout)
    assert shown, done.stdout
    registered = program.run(stack, preview=True, secrets=False).made
    assert int(shown[1]) == len(registered) + 1, "the stack itself is one more"
    changed = run("git", "status", "--porcelain", "stacks")
    assert changed.stdout == "", "a preview changed a stack file"
