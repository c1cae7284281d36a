"""The virtual environment a program or policy pack runs in, and the plugins its packages need."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class EnvironmentMissing(Exception):
    """The program's Python cannot be run; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """A resource plugin that an installed package asks for."""

    name: str
    version: str
    server: str = ""


def python_of(options: Mapping[str, Any], root: Path) -> Path:
    """The interpreter that `runtime.options.virtualenv` names, relative to the directory of Pulumi.yaml.

    Without that option: $PULUMI_PYTHON_CMD, else python3. Raises EnvironmentMissing.
    """
    name = options.get("virtualenv")
    if not name:
        command = os.environ.get("PULUMI_PYTHON_CMD") or shutil.which("python3") or sys.executable
        return Path(command)
    python = root / str(name) / "bin" / "python"
    if not python.exists():
        raise EnvironmentMissing(
            f"The virtual environment '{name}' that runtime.options.virtualenv names has no {python}. Make it: "
            f"'pulumi install', or 'python3 -m venv {root / str(name)}' and install requirements.lock into it."
        )
    return python


def site_packages(python: Path) -> list[Path]:
    """Where that interpreter's packages are; asked of the directory layout, to start no process."""
    return sorted((python.parent.parent / "lib").glob("python3*/site-packages"))


def _version_of(site: Path, module: str) -> str:
    """The installed distribution's version, in the engine's spelling."""
    pattern = module.replace("_", "[-_]") + "-*.dist-info"
    found = sorted(site.glob(pattern))
    return found[-1].name.removesuffix(".dist-info").rpartition("-")[2] if found else ""


def required_packages(python: Path) -> Iterator[Package]:
    """Every installed package that carries a `pulumi-plugin.json` and does not say `resource: false`."""
    for site in site_packages(python):
        for described in sorted(site.glob("*/pulumi-plugin.json")):
            plugin = json.loads(described.read_text())
            if not plugin.get("resource"):
                continue
            module = described.parent.name
            version = str(plugin.get("version") or _version_of(site, module)).removeprefix("v")
            name = str(plugin.get("name") or module.removeprefix("pulumi_").replace("_", "-"))
            yield Package(name=name, version=f"v{version}" if version else "", server=str(plugin.get("server") or ""))


def dependencies(python: Path) -> Iterator[tuple[str, str]]:
    """Name and version of every installed distribution."""
    for site in site_packages(python):
        for info in sorted(site.glob("*.dist-info")):
            name, _, version = info.name.removesuffix(".dist-info").rpartition("-")
            yield name, version


def version_of(python: Path) -> str:
    """`3.11.7`."""
    told = subprocess.run([python, "--version"], capture_output=True, text=True, check=False)
    return told.stdout.strip().removeprefix("Python ")
