"""The language host under the real engine: programs, their failures, and policy packs."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import layout
from sandbox.commands import session

PROGRAM = """
import pulumi
config = pulumi.Config()
mode = config.get("mode") or "plain"
if mode == "told":
    raise pulumi.RunError("stacks/Pulumi.x.yaml: tiny:mode: given 'told', allowed: plain")
if mode == "broken":
    def fail():
        raise ValueError("the reason")
    fail()
if mode == "endless":
    import pathlib, time
    pathlib.Path("started").touch()
    while True:
        time.sleep(0.1)
pulumi.export("stack", pulumi.get_stack())
pulumi.export("secret", config.get_secret("word"))
pulumi.ComponentResource("tiny:index:Thing", "thing")
"""
PACK = """
import pulumi
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def no_things(args, report):
    if args.resource_type == "tiny:index:Thing":
        report("a thing in stack " + pulumi.get_stack())

PolicyPack("tiny", [ResourceValidationPolicy("no-things", "No things.", no_things, EnforcementLevel.MANDATORY)])
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "infra").mkdir(parents=True)
    (root / ".venv").symlink_to(layout.CHECKOUT / ".venv")
    options = "runtime: {name: python, options: {virtualenv: .venv}}\n"
    (root / "Pulumi.yaml").write_text(f"name: tiny\nmain: infra\n{options}")
    (root / "infra" / "__main__.py").write_text(PROGRAM)
    pack = root / "pack"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text("version: 0.1.0\n" + options.replace(".venv", "../.venv"))
    (pack / "__main__.py").write_text(PACK)
    return root


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "state").mkdir()
    backend = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/state", "PULUMI_CONFIG_PASSPHRASE": "test"}
    return {**os.environ, **session.engine_variables(), **backend}


@pytest.fixture
def pulumi(project: Path, environment: dict[str, str]) -> Run:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        argv = ["pulumi", "--non-interactive", *words]
        return subprocess.run(argv, cwd=project, env=environment, capture_output=True, text=True, timeout=120)

    assert run("stack", "init", "x").returncode == 0
    return run


def test_a_program_is_previewed_and_applied(pulumi: Run) -> None:
    assert pulumi("config", "set", "--secret", "word", "hidden").returncode == 0
    preview = pulumi("preview", "--stack", "x")
    assert preview.returncode == 0, preview.stdout + preview.stderr
    assert "2 to create" in preview.stdout
    up = pulumi("up", "--yes", "--skip-preview", "--stack", "x")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "hidden" not in up.stdout
    shown = pulumi("stack", "output", "secret", "--show-secrets", "--stack", "x")
    assert shown.stdout.strip() == "hidden"


def test_a_run_error_is_one_message_without_a_traceback(pulumi: Run) -> None:
    pulumi("config", "set", "mode", "told")
    failed = pulumi("preview", "--stack", "x")
    assert failed.returncode != 0
    assert "given 'told', allowed: plain" in failed.stdout
    assert "Traceback" not in failed.stdout + failed.stderr
    assert "__main__.py" not in failed.stdout + failed.stderr


def test_any_other_error_shows_the_programs_own_frames_only(pulumi: Run) -> None:
    pulumi("config", "set", "mode", "broken")
    failed = pulumi("preview", "--stack", "x")
    assert failed.returncode != 0
    assert "ValueError: the reason" in failed.stdout
    assert "infra/__main__.py" in failed.stdout
    assert "runpy" not in failed.stdout
    assert "non-zero exit code" not in failed.stdout


def test_a_mandatory_policy_fails_the_preview_and_knows_the_stack(pulumi: Run) -> None:
    failed = pulumi("preview", "--stack", "x", "--policy-pack", "pack")
    assert failed.returncode != 0
    assert "[mandatory]  no-things" in failed.stdout
    assert "a thing in stack x" in failed.stdout


def test_a_missing_virtual_environment_is_named_with_its_remedy(pulumi: Run, project: Path) -> None:
    (project / ".venv").unlink()
    failed = pulumi("preview", "--stack", "x")
    assert failed.returncode != 0
    assert "runtime.options.virtualenv" in failed.stdout + failed.stderr
    assert "pulumi install" in failed.stdout + failed.stderr


def test_an_interrupt_ends_the_program_quietly(pulumi: Run, project: Path, environment: dict[str, str]) -> None:
    pulumi("config", "set", "mode", "endless")
    argv = ["pulumi", "--non-interactive", "preview", "--stack", "x"]
    engine = subprocess.Popen(
        argv, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        wait_for(project / "infra" / "started", engine)
        engine.send_signal(signal.SIGINT)
        output, _ = engine.communicate(timeout=60)
    finally:
        engine.kill()
    assert engine.returncode != 0
    assert "Traceback" not in output
    assert not still_running(project)


def wait_for(path: Path, engine: "subprocess.Popen[str]") -> None:
    """Until the program says that it runs; a loaded machine takes what it takes."""
    pause = __import__("threading").Event()
    while not path.exists():
        assert engine.poll() is None, "the engine ended before the program began"
        pause.wait(0.05)


def still_running(project: Path) -> list[str]:
    """Command lines of processes that still run the program of this test."""
    found: list[str] = []
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = cmdline.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(project) in text and "program.py" in text:
            found.append(text)
    return found
