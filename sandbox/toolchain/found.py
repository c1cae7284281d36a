"""Programs that are on the machine already, of a version that will do."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from sandbox import layout

ASK_TIMEOUT_S = 60


def nowhere(name: str, version: str) -> Path | None:
    """For what is always built."""
    del name, version


def as_recent(name: str, version: str) -> Path | None:
    """An executable on PATH that prints this version or a later one when asked for `version`."""
    for path in _on_path(name):
        told = subprocess.run([path, "version"], capture_output=True, text=True, check=False).stdout
        if numbers(told) >= numbers(version):
            return path
    return None


def plugin(name: str, version: str) -> Path | None:
    """A plugin of exactly this version: the engine takes no other.

    In the user's plugin folders, where the engine itself goes by the folder's name, or on PATH, where it is asked.
    """
    folder = f"{name.replace('pulumi-resource-', 'resource-')}-v{version}"
    homes = {Path.home() / ".pulumi", Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")}
    # In a shell that sourced .sanmen/env it is ours, and what lies there are our own links.
    for home in sorted(home for home in homes if not home.is_relative_to(layout.LOCAL)):
        path = home / "plugins" / folder / name
        # The engine marks a folder that it has not filled yet.
        if os.access(path, os.X_OK) and not (home / "plugins" / f"{folder}.partial").exists():
            return path
    return next((path for path in _on_path(name) if _told_version(path) == version), None)


def numbers(version: str) -> tuple[int, ...]:
    """`v3.259.0` -> (3, 259, 0); empty when the text does not begin with a version."""
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version.strip())
    return tuple(map(int, found.groups())) if found else ()


def _on_path(name: str) -> Iterator[Path]:
    """Executables of that name. Our own links do not count."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        path = Path(folder, name)
        if Path(folder) != layout.LOCAL / "bin" and path.is_file() and os.access(path, os.X_OK):
            yield path


def _told_version(path: Path) -> str:
    """What a plugin says of itself; empty when it says nothing, or the project's environment is not there yet."""
    python = layout.CHECKOUT / ".venv" / "bin" / "python"
    if not python.exists():
        return ""
    ask = [python, "-m", "sandbox.plugins.protocol.ask", path]
    try:
        told = subprocess.run(
            ask, cwd=layout.CHECKOUT, capture_output=True, text=True, timeout=ASK_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return ""
    return told.stdout.strip()
