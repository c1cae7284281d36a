"""The second time needs no network: a fresh copy of the checkout is made ready without one."""

import os
import shutil
import subprocess
from pathlib import Path

from sandbox import layout
from sandbox.toolchain import local_bin

LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", ".sanmen", "__pycache__", "*.egg-info", ".*_cache")


def test_a_fresh_checkout_is_made_ready_from_the_cache_alone(tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    shutil.copytree(layout.CHECKOUT, copy, ignore=LEFT_OUT, symlinks=True)
    made = subprocess.run(
        ["unshare", "--net", "python3", "-m", "sandbox.toolchain", "preview", "--stack", "prod"],
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    version = subprocess.run([copy / ".sanmen/bin/pulumi", "version"], capture_output=True, text=True)
    assert version.stdout.strip().lstrip("v").startswith("3.")
    assert os.access(copy / local_bin.PLUGIN.relative_to(layout.CHECKOUT), os.X_OK)
    # Not from the checkout's folder: what is asked is where the installed package lies.
    asked = [copy / ".venv/bin/python", "-c", "import infra; print(infra.__file__)"]
    imported = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True)
    assert imported.stdout.startswith(str(copy)), imported.stderr
