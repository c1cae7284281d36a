"""`preview`: what a stack would create, without credentials, network or a running sandbox."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from sandbox import layout
from sandbox.commands import plugin, session
from sandbox.commands.ownership import CommandError
from sandbox.toolchain import local_bin, stack_files

LINKED = (".venv", "infra", "gateway", "policies")
COPIED = ("Pulumi.yaml", "stacks")
NO_KEY = "preview-only-not-a-key"
SECRET_LINES = re.compile(
    r"^(encryptionsalt|secretsprovider|encryptedkey):.*\n|^  [^\s]+:\s*\n    secure:.*\n",
    re.MULTILINE,
)
"""A stack's own encryption is not ours to open: its secrets stay unknown, and the program says which."""


def preview(stack: str, words: list[str], wanted: str = plugin.OWN) -> int:
    """Preview a stack from nothing, in a copy: no file of the checkout changes. Returns the engine's exit code.

    wanted: which tencentcloud plugin shall answer, as commands/plugin.py has it.
    """
    stacks = stack_files.names()
    if stack not in stacks:
        raise CommandError(f"STACK: there is no stack '{stack}'; there are: {', '.join(stacks)}")
    if stack_files.on_tke(stack) and not local_bin.PLUGIN.exists():
        raise CommandError(f"this stack needs the Kubernetes plugin: 'make preview STACK={stack}' makes it ready")
    home, _ = plugin.home(wanted)
    with tempfile.TemporaryDirectory(prefix="sanmen-preview-") as folder:
        root = Path(folder)
        project = root / "project"
        project.mkdir()
        for name in LINKED:
            (project / name).symlink_to(layout.CHECKOUT / name)
        for name in COPIED:
            source = layout.CHECKOUT / name
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, project / name)
        config = project / "stacks" / f"Pulumi.{stack}.yaml"
        config.write_text(SECRET_LINES.sub("", config.read_text()))
        (root / "state").mkdir()
        env = {name: value for name, value in os.environ.items() if not name.startswith("TENCENTCLOUD_")}
        env |= session.engine_variables(home)
        # The provider asks for a pair even when it will not call; any will do.
        env |= {"TENCENTCLOUD_SECRET_ID": NO_KEY, "TENCENTCLOUD_SECRET_KEY": NO_KEY}
        env |= {"PULUMI_BACKEND_URL": f"file://{root}/state", "PULUMI_CONFIG_PASSPHRASE": "preview"}
        if not {"-d", "--debug"}.intersection(words):
            env["SANMEN_PROGRAM_DEBUG"] = "false"
        _engine(["stack", "init", stack], project, env, quiet=True)
        return _engine(["preview", "--stack", stack, *words], project, env, quiet=False)


def _engine(words: list[str], project: Path, env: dict[str, str], *, quiet: bool) -> int:
    output = subprocess.PIPE if quiet else None
    argv = ["pulumi", "--non-interactive", *words]
    done = subprocess.run(argv, cwd=project, env=env, stdout=output, stderr=output, text=True, check=False)
    if quiet and done.returncode:
        raise CommandError(f"'pulumi {' '.join(words)}' failed: {done.stderr.strip()}")
    return done.returncode
