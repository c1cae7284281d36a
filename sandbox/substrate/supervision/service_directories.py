"""s6 service directories: what a process's specification looks like on disk. Nothing is started here."""

import json
import pwd
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from sandbox import layout
from sandbox.substrate import ledger
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import namespaces
from sandbox.substrate.specs import Process
from sandbox.substrate.supervision import cgroups

GRACE_MS = 5000
"""Between asking a process to end and ending it."""
_LOG_PARTS = 3
_LOG_PART_BYTES = 1_000_000


def directory(name: str) -> Path:
    """A process's working directory, made or not."""
    return layout.STATE / "processes" / name


def service(name: str) -> Path:
    """A process's s6 service directory, made or not."""
    return directory(name) / ".service"


def log(name: str) -> Path:
    """The file that holds the newest output of a process."""
    return layout.STATE / "logs" / name / "current"


def ends(name: str) -> list[int]:
    """How the process ended each time: its status, or minus the number of the signal that ended it."""
    try:
        lines = (service(name) / "ends").read_text().splitlines()
    except FileNotFoundError:
        return []
    pairs = [line.split() for line in lines]
    return [-int(signal) if int(status) > 255 else int(status) for status, signal in pairs]


def group(process: Process) -> str:
    """The control group of a process: below its region, or `net`."""
    region = ledger.region_of(process.host) if process.host else None
    return f"{layout.REGIONS[region].short if region else layout.INTERNET}/{process.name}"


def render(process: Process, *, once: bool, memory_bytes: int | None) -> dict[str, str]:
    """The files of the service directory. `once`: it is not started again when it ends."""
    joined = cgroups.make(group(process), memory_bytes)
    joins = [f"echo $$ > {shlex.quote(str(file))}" for file in joined]
    argv = list(process.argv)
    if process.user:
        argv = ["s6-setuidgid", process.user, *argv]
    if process.host:
        argv = ["nsenter", f"--net={namespaces.path(process.host)}", "--", *argv]
    exports = [f"export {key}={shlex.quote(value)}" for key, value in sorted(process.env.items())]
    place = shlex.quote(str(directory(process.name)))
    logs = shlex.quote(str(log(process.name).parent))
    # The group may have been removed with the region's; then the process joins none rather than fail for ever.
    run = ["#!/bin/sh", "exec 2>&1", *joins, f"cd {place} || exit 1", *exports, f"exec {shlex.join(argv)}"]
    # What the process leaves behind would hold its port and its log.
    kill = [
        f"[ ! -e {file} ] || echo 1 > {file}" for file in (shlex.quote(str(j.with_name("cgroup.kill"))) for j in joined)
    ]
    finish = ["#!/bin/sh", 'echo "$1 $2" >> ends', *kill, f"exit {125 if once else 0}"]
    logger = ["#!/bin/sh", f"exec s6-log n{_LOG_PARTS} s{_LOG_PART_BYTES} {logs}"]
    return {
        "run": "\n".join(run) + "\n",
        "finish": "\n".join(finish) + "\n",
        "timeout-kill": f"{GRACE_MS}\n",
        "log/run": "\n".join(logger) + "\n",
    }


def write(process: Process, service_files: Mapping[str, str]) -> tuple[bool, bool]:
    """Bring both directories to their content. Returns (service changed, files changed)."""
    home = directory(process.name)
    home.mkdir(parents=True, exist_ok=True)
    log(process.name).parent.mkdir(parents=True, exist_ok=True)
    for relative in process.files:
        if Path(relative).is_absolute() or ".." in Path(relative).parts or Path(relative).parts[0] == ".service":
            raise SubstrateError(f"process {process.name}: file {relative!r} is not below the process's own directory")
    files_changed = _bring(home, process.files, 0o600)
    manifest = service(process.name) / "files"
    known = cast(list[str], json.loads(manifest.read_text())) if manifest.exists() else []
    for relative in set(known) - set(process.files):
        (home / relative).unlink(missing_ok=True)
        files_changed = True
    if process.user:
        _own(home, process.user, process.name)
    service_changed = _bring(service(process.name), service_files, 0o755)
    manifest.write_text(json.dumps(sorted(process.files)))
    return service_changed, files_changed


def _bring(base: Path, files: Mapping[str, str], mode: int) -> bool:
    changed = False
    for relative, content in files.items():
        path = base / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if path.read_text() == content:
                continue
        except FileNotFoundError:
            pass
        fresh = path.with_name(f".{path.name}.fresh")
        fresh.touch(mode=mode)
        fresh.chmod(mode)
        fresh.write_text(content)
        fresh.rename(path)
        changed = True
    return changed


def _own(home: Path, user: str, name: str) -> None:
    """Give the working directory and what is in it, but not the service directory, to the process's user."""
    try:
        account = pwd.getpwnam(user)
    except KeyError as error:
        raise SubstrateError(f"process {name}: this machine has no user {user!r}") from error
    for path in (home, *(p for p in home.rglob("*") if ".service" not in p.relative_to(home).parts)):
        if path.lstat().st_uid != account.pw_uid:
            shutil.chown(path, account.pw_uid, account.pw_gid)


def remove(name: str) -> None:
    """Remove both directories and the log."""
    shutil.rmtree(directory(name), ignore_errors=True)
    shutil.rmtree(log(name).parent, ignore_errors=True)
