"""Control groups: all that the sandbox runs is in one tree of them, so that it is found and stopped as a whole.

The tree hangs in the unified (version 2) hierarchy and, where version 1 owns the memory controller, a second time
there: `sanmen-<hash of STATE>/<region's short name or net>/<process>`. Supervisors stay out of the regions' groups, so
that freezing or killing a region leaves them alive. A machine without a writable unified hierarchy has none of this.
"""

import hashlib
import time
from contextlib import suppress
from pathlib import Path

from sandbox import layout

SUPERVISORS = "supervisors"


def tree() -> str:
    """The name of this sandbox's tree."""
    return "sanmen-" + hashlib.sha256(str(layout.STATE.resolve()).encode()).hexdigest()[:12]


def _mounts(kind: str, option: str = "") -> list[Path]:
    found: list[Path] = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, mounted, options, *_ = line.split()
        if mounted == kind and (not option or option in options.split(",")):
            found.append(Path(place))
    return found


def unified() -> Path | None:
    """This sandbox's tree in the unified hierarchy, made or not. None: the machine has no such hierarchy."""
    return next((mount / tree() for mount in _mounts("cgroup2")), None)


def _memory() -> Path | None:
    return next((mount / tree() for mount in _mounts("cgroup", "memory")), None)


def make(group: str, memory_bytes: int | None = None) -> list[Path]:
    """Make a group, say `bj/web`, and return the files into which a process writes its id to join it."""
    joins: list[Path] = []
    base = unified()
    if base is not None:
        try:
            (base / group).mkdir(parents=True, exist_ok=True)
            joins.append(base / group / "cgroup.procs")
        except OSError:
            return []
    if memory_bytes is None:
        return joins
    memory = _memory()
    if memory is not None:
        (memory / group).mkdir(parents=True, exist_ok=True)
        (memory / group / "memory.limit_in_bytes").write_text(str(memory_bytes))
        joins.append(memory / group / "cgroup.procs")
    elif base is not None and _delegate_memory(base, group):
        (base / group / "memory.max").write_text(str(memory_bytes))
    return joins


def _delegate_memory(base: Path, group: str) -> bool:
    """Let a group of the unified hierarchy have a memory limit of its own; False where that is not ours to give."""
    place = base.parent
    for part in ("", *Path(base.name, group).parent.parts):
        place = place / part
        with suppress(OSError):
            (place / "cgroup.subtree_control").write_text("+memory")
    return (base / group / "memory.max").exists()


def kill(group: str = "") -> None:
    """Kill all in a group and below it at once; no such group: nothing."""
    base = unified()
    if base is not None:
        with suppress(OSError):
            (base / group / "cgroup.kill").write_text("1")


def freeze(group: str, frozen: bool) -> None:
    """Stop all in a group and below it where it stands, or let it go on."""
    base = unified()
    if base is not None:
        (base / group).mkdir(parents=True, exist_ok=True)
        (base / group / "cgroup.freeze").write_text(str(int(frozen)))


def left() -> list[Path]:
    """The trees that stand."""
    return [base for base in (unified(), _memory()) if base is not None and base.exists()]


def remove(group: str = "", timeout_s: float = 2) -> None:
    """Remove a group and those below; waits a little for what was just killed to be gone."""
    deadline = time.monotonic() + timeout_s
    for base in left():
        place = base / group
        while place.exists():
            for child in sorted((p for p in place.rglob("*") if p.is_dir()), reverse=True):
                with suppress(OSError):
                    child.rmdir()
            with suppress(OSError):
                place.rmdir()
            if time.monotonic() > deadline:
                break
            if place.exists():
                time.sleep(0.01)
