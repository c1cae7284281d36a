"""Everything gone: whoever started the sandbox, from whatever checkout, and however it died.

Nothing here trusts what the sandbox remembers; it looks at what stands. Other sandboxes' processes (another STATE) are
left alone; namespaces are the machine's, and there is one sandbox per machine.
"""

import os
import shutil
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sandbox import layout
from sandbox.substrate import ledger
from sandbox.substrate.commands import run
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.names import host_names
from sandbox.substrate.network import namespaces
from sandbox.substrate.supervision import cgroups, processes

_TIMEOUT_S = 5.0
_COLLECTED_S = 3.0
"""How long what has ended may stand in the process table. An init that polls needs a second; one that never looks
must not keep `down` from ending."""
_PASSES = 3
"""What was just being made when its maker was killed may appear after its kind was looked for."""


def everything(*, keep_state: bool = False) -> list[str]:
    """Remove the sandbox and return what was removed, a line each; nothing there: an empty list.

    keep_state: what is on disk stays, as a restart of the machine would leave it.
    Raises SubstrateError naming what could not be removed.
    """
    removed: list[str] = []
    still: list[str] = []
    killed: dict[int, str] = {}
    for _ in range(_PASSES):
        removed += _pass(killed, keep_state)
        still = leftovers(keep_state=keep_state)
        if not still:
            _await_collected(killed)
            return [f"process {pid} ({command})" for pid, command in sorted(killed.items())] + removed
    raise SubstrateError("could not be removed: " + "; ".join(still))


def _pass(killed: dict[int, str], keep_state: bool) -> list[str]:
    _kill_processes(killed)
    removed = _unmount()
    for name in namespaces.names():
        _remove_namespace(name)
        removed.append(f"namespace {layout.namespace(name)}")
    _remove_namespace_directory()
    removed += _remove_groups()
    if not keep_state and _state_stands():
        shutil.rmtree(layout.STATE)
        removed.append(f"directory {layout.STATE}")
    if host_names.remove():
        removed.append(f"names in {host_names.HOSTS}")
    if _route_stands():
        run(["ip", "route", "delete", "unreachable", str(layout.PUBLIC_RANGE)])
        removed.append(f"route {layout.PUBLIC_ROUTE}")
    return removed


def leftovers(*, keep_state: bool = False) -> list[str]:
    """What of the sandbox stands, a line each. Empty: nothing does. keep_state: but for what is on disk."""
    found = [f"process {pid} ({_command(pid)})" for pid in sorted(_processes())]
    found += [f"mount {path}" for path in _mounts()]
    found += [f"namespace {layout.namespace(name)}" for name in namespaces.names()]
    found += [f"control group {path}" for path in cgroups.left()]
    if not keep_state and _state_stands():
        found.append(f"directory {layout.STATE}")
    if host_names.standing():
        found.append(f"names in {host_names.HOSTS}")
    if _route_stands():
        found.append(f"route {layout.PUBLIC_ROUTE}")
    return found


def _route_stands() -> bool:
    """A machine without `ip` never had it."""
    return shutil.which("ip") is not None and layout.PUBLIC_ROUTE in run(["ip", "-4", "route", "show"])


def _state_stands() -> bool:
    """Whether there is a sandbox's state: a wrong SANMEN_STATE must not cost anyone a home directory."""
    state = layout.STATE
    if not state.exists():
        return False
    return (state / ledger.MARKER).exists() or layout.OWNER.exists() or not any(state.iterdir())


def _processes() -> set[int]:
    """All processes in our control groups, in our namespaces, or with our mark, but for us and those who called us."""
    inodes = _namespace_inodes()
    spared = _ancestors()
    return {pid for pid in _ids() - spared if _belongs(pid, inodes) and _alive(pid)}


def _ids() -> set[int]:
    return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}


def _namespace_inodes() -> set[int]:
    return {path.stat().st_ino for path in map(namespaces.path, namespaces.names())}


def _belongs(pid: int, inodes: set[int]) -> bool:
    entry = Path(f"/proc/{pid}")
    with suppress(OSError):
        if _in_our_groups(pid):
            return True
        if (entry / "ns" / "net").stat().st_ino in inodes:
            return True
        return f"{processes.MARK}={layout.STATE}".encode() in (entry / "environ").read_bytes().split(b"\0")
    return False


def _in_our_groups(pid: int) -> bool:
    """Also of one that has ended, and whose group is removed by now."""
    with suppress(OSError):
        return cgroups.tree() in Path(f"/proc/{pid}/cgroup").read_text()
    return False


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the state on; empty: no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _alive(pid: int) -> bool:
    return _stat(pid)[:1] not in ([], ["Z"])


def _ancestors() -> set[int]:
    line, pid = {0}, os.getpid()
    while pid not in line:
        line.add(pid)
        pid = int((_stat(pid) or ["", "0"])[1])
    return line


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()[:80]
    return ""


def _kill_processes(killed: dict[int, str]) -> None:
    """Kill until none is left: a supervisor that was still alive may have started another meanwhile. Notes them."""
    deadline = time.monotonic() + _TIMEOUT_S
    while (alive := _processes()) and time.monotonic() < deadline:
        killed |= {pid: _command(pid) for pid in alive if pid not in killed}
        cgroups.kill()
        inodes = _namespace_inodes()
        for pid in alive:
            _kill(pid, inodes)
        time.sleep(0.02)


def _await_collected(killed: Iterable[int]) -> None:
    """Until a script that looks at the process table sees none of them: who is their parent now collects them late."""
    deadline = time.monotonic() + _COLLECTED_S
    while _ended(killed) and time.monotonic() < deadline:
        time.sleep(0.02)


def _ended(killed: Iterable[int]) -> set[int]:
    """Those that were killed, or were in our control groups, and are not collected. Our own children we leave be."""
    known, found = set(killed), set[int]()
    for pid in _ids():
        state, parent, *_ = _stat(pid) or ("", "")
        if state == "Z" and parent != str(os.getpid()) and (pid in known or _in_our_groups(pid)):
            found.add(pid)
    return found


def _kill(pid: int, inodes: set[int]) -> None:
    """Kill a process, by a handle taken before it is looked at again: its id may be another's by now."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            if _belongs(pid, inodes):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)


def _mounts() -> list[str]:
    """Mount points below STATE, the deepest first."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    plain = [point.replace("\\040", " ") for point in points]
    return sorted((p for p in plain if Path(p).is_relative_to(layout.STATE.resolve())), reverse=True)


def _unmount() -> list[str]:
    points = _mounts()
    for point in points:
        run(["umount", "--lazy", point])
    return [f"mount {point}" for point in points]


def _remove_namespace(name: str) -> None:
    try:
        namespaces.delete(name)
    except SubstrateError:
        namespaces.path(name).unlink(
            missing_ok=True
        )  # A file without a namespace, as a killed `ip netns add` leaves it.


def _remove_namespace_directory() -> None:
    """Undo what the first `ip netns add` of a machine does: it mounts the directory of namespaces onto itself."""
    directory = namespaces.DIRECTORY
    if not directory.is_dir() or any(directory.iterdir()):
        return
    # By the device, as a directory of namespaces may stand on another's, which is not ours to bare.
    number = directory.stat().st_dev
    device = f"{os.major(number)}:{os.minor(number)}"
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    if any(fields[2] == device and fields[3] != "/" and fields[4] == str(directory) for fields in mounts):
        run(["umount", str(directory)])
        with suppress(OSError):
            directory.rmdir()


def _remove_groups() -> list[str]:
    groups = cgroups.left()
    cgroups.remove(timeout_s=_TIMEOUT_S)
    return [f"control group {path}" for path in groups]
