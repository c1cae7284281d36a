"""Supervised processes: s6 keeps them, whoever asked for them has long ended or not.

STATE/processes/<name>/ is a process's working directory: its `files`, and what it writes itself.
STATE/processes/<name>/.service/ is its s6 service directory; STATE/services/ links to those that shall run.
STATE/logs/<name>/current is what it printed; older parts stand beside it. What ends is started again after a second.
"""

import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox import layout
from sandbox.substrate import ledger
from sandbox.substrate.commands import run
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.locks import holding
from sandbox.substrate.network import namespaces
from sandbox.substrate.specs import Process
from sandbox.substrate.supervision import cgroups, service_directories
from sandbox.substrate.supervision.service_directories import directory, log, service

__all__ = [
    "ProcessStatus",
    "directory",
    "ensure",
    "log",
    "reload",
    "running",
    "start",
    "statuses",
    "stop",
    "stop_process",
]

SERVICES = layout.STATE / "services"
MARK = "SANMEN_SUPERVISED"
"""The environment variable that all supervised processes have; its value is STATE."""
READY_TIMEOUT_S = 20.0
_STOP_TIMEOUT_MS = service_directories.GRACE_MS + 3000
_POLL_S = 0.02
_ENDS_UNTIL_HOPELESS = 2
_SERVICES_LIMIT = 2000
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SIGNALS = {
    "HUP": "-h",
    "USR1": "-1",
    "USR2": "-2",
    "TERM": "-t",
    "KILL": "-k",
    "INT": "-i",
    "QUIT": "-q",
    "ALRM": "-a",
    "STOP": "-p",
    "CONT": "-c",
    "WINCH": "-y",
}

_guard = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class ProcessStatus:
    """What the supervisor knows. `seconds`: since it came up or went down. `ends`: how often it ended so far.

    `last_end`: its last exit status, or minus a signal's number; None: it never ended.
    """

    name: str
    up: bool
    pid: int | None
    seconds: int
    ends: int
    last_end: int | None


def running() -> bool:
    """Whether the supervisor is up."""
    try:
        return subprocess.run(["s6-svscanctl", str(SERVICES)], capture_output=True, check=False).returncode == 0
    except FileNotFoundError as error:
        raise SubstrateError("s6 is not installed") from error


def start() -> None:
    """Start the supervisor, apart from whoever calls; what it kept when it died is started again. Running: nothing."""
    with _guard:
        ledger.claim()
        SERVICES.mkdir(exist_ok=True)
        if running():
            return
        (layout.STATE / "logs").mkdir(exist_ok=True)
        joins = "".join(f"echo $$ > {shlex.quote(str(file))}; " for file in cgroups.make(cgroups.SUPERVISORS))
        with (layout.STATE / "logs" / "supervisor").open("ab") as output:
            subprocess.Popen(
                # What the caller ignores, a hang-up under nohup or an interrupt in the background, ours must not: a
                # shell cannot take back what was ignored when it began.
                [
                    "env",
                    "--default-signal",
                    "/bin/sh",
                    "-c",
                    f"{joins}exec s6-svscan -c {_SERVICES_LIMIT} {shlex.quote(str(SERVICES))}",
                ],
                cwd="/",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        _wait(running, READY_TIMEOUT_S, "the supervisor does not start; see logs/supervisor in the state directory")


def forget() -> None:
    """After a restart of the machine: nothing starts by itself, as the hosts it ran on are gone with all else.

    Directories and logs stay, and who needs a process ensures it again. A supervisor that runs: nothing.
    """
    with _guard:
        if SERVICES.is_dir() and not running():
            for link in SERVICES.iterdir():
                if link.is_symlink():
                    link.unlink()


def kept(name: str) -> bool:
    """Whether the supervisor has this process in its care, up or ended."""
    return (SERVICES / name).is_symlink()


def _environment() -> dict[str, str]:
    """What every process starts from: nothing of the caller's, but where the sandbox keeps its things."""
    places = {"SANMEN_STATE": str(layout.STATE), "SANMEN_CACHE": str(layout.CACHE), MARK: str(layout.STATE)}
    return {"PATH": _PATH, "LANG": "C.UTF-8", "HOME": "/root", **places}


def stop() -> None:
    """Stop all processes in good order, then the supervisor. Their directories stay. Not running: nothing."""
    if not running():
        return
    # -t tells every supervisor to end its process and then itself; svscan leaves last.
    run(["s6-svscanctl", "-t", str(SERVICES)])
    _wait(lambda: not running(), _STOP_TIMEOUT_MS / 1000, "the supervisor does not stop")


def _wait(condition: Callable[[], bool], timeout_s: float, complaint: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise SubstrateError(complaint)
        time.sleep(_POLL_S)


def ensure(
    process: Process, *, on_change: str = "restart", once: bool = False, memory_bytes: int | None = None
) -> None:
    """Have the process run as specified and be ready.

    Unchanged: nothing happens, or it is waited for if it is just starting. Changed: it is restarted, or with
    `on_change="reload:HUP"` (any signal) gets that signal if only its `files` changed. `once`: it is not started again
    when it ends. `memory_bytes`: limit of the process and its children.
    Raises SubstrateError with the last lines it printed if it is not ready within 20 s, or ends twice meanwhile; a
    process that never ran before is then not run any more, its log stays.
    """
    reload_signal = on_change.removeprefix("reload:") if on_change.startswith("reload:") else None
    if on_change != "restart" and reload_signal not in _SIGNALS:
        raise SubstrateError(f"on_change {on_change!r}: restart, or reload: with one of {', '.join(_SIGNALS)}")
    with holding("process", process.name):
        if process.host and not namespaces.exists(process.host):
            raise SubstrateError(f"process {process.name}: there is no host {process.host!r}")
        known = kept(process.name)
        parts = service_directories.render(process, once=once, memory_bytes=memory_bytes)
        service_changed, files_changed = service_directories.write(process, parts)
        ended = len(service_directories.ends(process.name))
        try:
            if not known:
                _forget_readiness(process)
                run(["s6-svlink", "-t", str(_STOP_TIMEOUT_MS), str(SERVICES), str(service(process.name)), process.name])
            elif service_changed or (files_changed and reload_signal is None):
                _down(process.name)
                _forget_readiness(process)
                ended = len(service_directories.ends(process.name))
                run(["s6-svc", "-u", str(service(process.name))])
            elif files_changed and reload_signal:
                reload(process.name, reload_signal)
            _await_ready(process, ended, once)
        except SubstrateError:
            if not known:
                _unlink(process.name)
            raise


def _down(name: str) -> None:
    run(["s6-svc", "-wD", "-T", str(_STOP_TIMEOUT_MS), "-d", str(service(name))])


def _forget_readiness(process: Process) -> None:
    """Remove what an earlier run left to say that it is ready."""
    if isinstance(process.ready, Path):
        with suppress(FileNotFoundError):
            (directory(process.name) / process.ready).unlink()


def _await_ready(process: Process, ended: int, once: bool) -> None:
    def hopeless() -> bool:
        count = len(service_directories.ends(process.name)) - ended
        return count >= (1 if once else _ENDS_UNTIL_HOPELESS)

    def attempt() -> bool:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not _ready(process):
            if time.monotonic() > deadline or hopeless():
                return False
            time.sleep(_POLL_S)
        return True

    if namespaces.inside(process.host, attempt):
        return
    state = "ends at once" if hopeless() else f"is not ready after {READY_TIMEOUT_S:.0f} s"
    said = "\n".join(tail(process.name, 12)) or "(it printed nothing)"
    raise SubstrateError(f"process {process.name} {state}. Its last words:\n{said}")


def _ready(process: Process) -> bool:
    """Whether it is ready; called in its namespace."""
    if process.ready is None:
        return _status(process.name).up
    if isinstance(process.ready, Path):
        return (directory(process.name) / process.ready).exists()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(process.ready) == 0


def tail(name: str, lines: int) -> list[str]:
    """The last lines a process printed."""
    try:
        with log(name).open("rb") as file:
            file.seek(max(0, log(name).stat().st_size - 200 * lines))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []


def reload(name: str, signal: str = "HUP") -> None:
    """Send a running process a signal. Raises SubstrateError if there is no such process or signal."""
    if signal not in _SIGNALS:
        raise SubstrateError(f"signal {signal!r}: one of {', '.join(_SIGNALS)} is allowed")
    if not kept(name):
        raise SubstrateError(f"there is no process {name!r}")
    run(["s6-svc", _SIGNALS[signal], str(service(name))])


def stop_process(name: str) -> None:
    """End a process (asked first, forced after 5 s) with its children; directory and log go. Unknown: nothing."""
    with holding("process", name):
        _unlink(name)
        service_directories.remove(name)


def _unlink(name: str) -> None:
    if kept(name):
        run(["s6-svunlink", "-t", str(_STOP_TIMEOUT_MS), str(SERVICES), name])
    # Children that it left behind.
    for place in _groups(name):
        cgroups.kill(place)
        cgroups.remove(place)


def _groups(name: str) -> list[str]:
    base = cgroups.unified()
    return [str(path.relative_to(base)) for path in base.glob(f"*/{name}")] if base else []


def statuses() -> list[ProcessStatus]:
    """All processes by name."""
    if not SERVICES.is_dir():
        return []
    names = sorted(path.name for path in SERVICES.iterdir() if not path.name.startswith("."))
    return [_status(name) for name in names]


def _status(name: str) -> ProcessStatus:
    fields = "up,pid,updownfor"
    done = subprocess.run(["s6-svstat", "-o", fields, str(service(name))], capture_output=True, text=True, check=False)
    up, pid, seconds = done.stdout.split() if done.returncode == 0 else ("false", "-1", "0")
    ends = service_directories.ends(name)
    return ProcessStatus(
        name=name,
        up=up == "true",
        pid=int(pid) if int(pid) > 0 else None,
        seconds=int(seconds),
        ends=len(ends),
        last_end=ends[-1] if ends else None,
    )
