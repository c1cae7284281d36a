"""A small project, the real engine, the real language host and these plugins."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from sandbox.commands import session
from sandbox.toolchain import local_bin
from tests.sandbox.plugins.plugin_driver import CLEAN, SANDBOX

HERE = Path(__file__).parent
Run = Callable[..., subprocess.CompletedProcess[str]]


def make_project(tmp_path: Path) -> Path:
    """A project with a stack `local`, and an engine that finds these plugins."""
    engine = shutil.which("pulumi", path=session.engine_variables()["PATH"])
    assert engine, "no engine: neither in .sanmen/bin nor on PATH"
    for folder in ("bin", "backend", "program"):
        (tmp_path / folder).mkdir()
    shutil.copy(engine, tmp_path / "bin" / "pulumi")
    script(tmp_path / "bin" / "pulumi-language-python", "-m sandbox.plugins.language")
    plugins = tmp_path / "home" / "plugins"
    (plugins / "resource-tencentcloud-v0.2.3").mkdir(parents=True)
    script(plugins / "resource-tencentcloud-v0.2.3" / "pulumi-resource-tencentcloud", str(HERE / "fake_cloud.py"))
    kubernetes = plugins / local_bin.PLUGIN.relative_to(local_bin.PULUMI_HOME / "plugins")
    kubernetes.parent.mkdir()
    kubernetes.symlink_to(local_bin.PLUGIN)
    (tmp_path / "program" / "Pulumi.yaml").write_text(
        f"name: engine-run\nruntime:\n  name: python\n  options: {{virtualenv: {sys.prefix}}}\n"
    )
    (tmp_path / "program" / "Pulumi.local.yaml").write_text('config: {"pulumi:disable-default-providers": ["*"]}\n')
    return tmp_path


def script(path: Path, words: str) -> None:
    """An executable that runs Python with these words."""
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
    path.chmod(0o755)


def make_runner(project: Path) -> Run:
    """What runs `pulumi <words>`: run("preview", program="…", NAME="core") puts `NAME = 'core'` before the program."""
    environment = {
        **CLEAN,
        **SANDBOX,
        "FAKE_CLOUD": str(project / "cloud.json"),
        "PATH": f"{project / 'bin'}:{os.environ['PATH']}",
        "PULUMI_BACKEND_URL": f"file://{project / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_HOME": str(project / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

    def run(*words: str, program: str, **names: str) -> subprocess.CompletedProcess[str]:
        lines = [f"{name} = {value!r}" for name, value in names.items()]
        (project / "program" / "__main__.py").write_text("\n".join([*lines, program]))
        argv = [str(project / "bin" / "pulumi"), "--non-interactive", *words]
        return subprocess.run(
            argv, cwd=project / "program", env=environment, capture_output=True, text=True, check=False, timeout=120
        )

    done = run("stack", "init", "local", program="")
    assert done.returncode == 0, done.stderr
    return run
