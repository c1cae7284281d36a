"""`.sanmen/`: the engine with its language host, and the plugins where the engine looks for them.

The engine takes a language host that lies beside its own executable, and a plugin from `$PULUMI_HOME/plugins`,
without a word; both are found on PATH too, but then it says so at every command.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from sandbox import layout
from sandbox.toolchain.programs import ENGINE, KUBERNETES, KUBERNETES_PLUGIN

BIN = layout.LOCAL / "bin"
PULUMI_HOME = layout.LOCAL / "pulumi"
TENCENTCLOUD = "0.2.3"
"""Exactly the version that the locked Python package asks for: the engine takes no other from there."""
PLUGIN = PULUMI_HOME / "plugins" / f"resource-kubernetes-v{KUBERNETES_PLUGIN.version}" / KUBERNETES_PLUGIN.name


def ensure(programs: Mapping[str, Path]) -> None:
    """Lay out `.sanmen/bin` and `.sanmen/pulumi/plugins`. Does nothing that is done already.

    programs: name -> path. What is not among them stays as it is.
    """
    BIN.mkdir(parents=True, exist_ok=True)
    engine = programs[ENGINE.name]
    _same_file(engine, BIN / "pulumi")
    if not (engine.parent / "pulumi-language-python").exists():
        _script(BIN / "pulumi-language-python", "sandbox.plugins.language")
    own = PULUMI_HOME / "plugins" / f"resource-tencentcloud-v{TENCENTCLOUD}"
    own.mkdir(parents=True, exist_ok=True)
    _script(own / "pulumi-resource-tencentcloud", "sandbox.plugins.tencentcloud")
    if KUBERNETES_PLUGIN.name in programs:
        _link(programs[KUBERNETES_PLUGIN.name], PLUGIN)
    if KUBERNETES.name in programs:
        _link(programs[KUBERNETES.name].with_name("kubectl"), BIN / "kubectl")


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.symlink_to(source)


def _same_file(source: Path, target: Path) -> None:
    """A hard link where the file system allows it: a symbolic one would lead the engine to its cache folder."""
    if (source.parent / "pulumi-language-python").exists():
        # An official installation keeps its language host beside it; it must be found there.
        target.unlink(missing_ok=True)
        target.symlink_to(source)
        return
    if target.exists() and target.samefile(source):
        return
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _script(path: Path, module: str) -> None:
    text = f'#!/bin/sh\nexec "{layout.CHECKOUT}/.venv/bin/python" -m {module} "$@"\n'
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
        path.chmod(0o755)
