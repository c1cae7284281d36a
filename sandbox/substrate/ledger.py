"""What the substrate has made, as files below STATE, so that another process finds it again.

A record is a flat JSON object of text values. Whoever reads one and acts on it holds `lock()`.
"""

import fcntl
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from sandbox import layout
from sandbox.substrate import files

Record = dict[str, str]
MARKER = ".sanmen"
"""The file that says of a directory that it is a sandbox's state, and thus may be removed as a whole."""

_threads = threading.RLock()
_depth = 0


@contextmanager
def lock() -> Generator[None]:
    """Keep every other thread and process from changing the network. A holder may take it again."""
    global _depth
    with _threads:
        _depth += 1
        try:
            if _depth > 1:
                yield
            else:
                with (claim() / "network.lock").open("w") as file:
                    fcntl.flock(file, fcntl.LOCK_EX)
                    yield
        finally:
            _depth -= 1


def claim() -> Path:
    """Make the state directory, marked as ours and closed to all others, and return it.

    A server without privileges is started in its own directory below, so it needs no way in.
    """
    layout.STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
    layout.STATE.chmod(0o700)
    (layout.STATE / MARKER).touch()
    return layout.STATE


def _directory(kind: str) -> Path:
    return layout.STATE / "network" / kind


def find(kind: str, name: str) -> Record | None:
    """A record, or None."""
    try:
        return cast(Record, json.loads((_directory(kind) / f"{name}.json").read_text()))
    except FileNotFoundError:
        return None


def put(kind: str, name: str, record: Record) -> None:
    """Write a record whole, replacing an older one."""
    files.write(_directory(kind) / f"{name}.json", json.dumps(record))


def drop(kind: str, name: str) -> None:
    """Forget a record; one that is not there is fine."""
    (_directory(kind) / f"{name}.json").unlink(missing_ok=True)


def every(kind: str) -> dict[str, Record]:
    """All records of a kind by name."""
    found = {path.stem: find(kind, path.stem) for path in sorted(_directory(kind).glob("[!.]*.json"))}
    return {name: record for name, record in found.items() if record is not None}


def region_of(name: str) -> str | None:
    """The region that a host or router stands in; None: on the internet, or unknown."""
    record = find("host", name) or find("router", name)
    return (record or {}).get("region") or None
