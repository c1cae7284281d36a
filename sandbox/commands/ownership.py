"""One sandbox per machine: whose it is, and that two commands never change it at once."""

import json
import os
import socket
import struct
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sandbox import layout
from sandbox.substrate import ledger

_LOCK = f"\0sanmen{layout.STATE}"
"""An abstract address: nothing of it is in the file system."""


class CommandError(Exception):
    """A command could not be done. The message is all a person needs to know."""


@contextmanager
def exclusively(doing: str) -> Generator[None]:
    """Hold the machine's lock. An abstract socket: the kernel lets it go when its holder dies, however that happens.

    Raises CommandError when another command holds it.
    """
    with socket.socket(socket.AF_UNIX) as lock:
        try:
            lock.bind(_LOCK)
        except OSError:
            raise CommandError(f"cannot {doing}: {_holder()}") from None
        lock.listen()  # so that others can ask the kernel whose it is
        yield


def _holder() -> str:
    """Who is at work, and what to do about it."""
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(_LOCK)
            told = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        except OSError:
            return "another sandbox command was at work until now; try again"
    pid: int = struct.unpack("3i", told)[0]
    return (
        f"another sandbox command is at work on this machine (process {pid}).\n"
        f"  Wait for it, or interrupt it: kill -INT {pid}"
    )


def owner() -> Path | None:
    """The checkout whose sandbox is on this machine."""
    try:
        return Path(json.loads(layout.OWNER.read_text())["checkout"])
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return None


def claim() -> None:
    """Make the machine's sandbox this checkout's. Raises CommandError when it is another's."""
    held_by = owner()
    if held_by and held_by != layout.CHECKOUT:
        raise CommandError(
            f"this machine's sandbox belongs to the checkout {held_by}.\n"
            f"  Work there, or end it: 'make down' does so from any checkout."
        )
    ledger.claim()
    if not held_by:
        started = datetime.now().astimezone().isoformat(timespec="seconds")
        told = {"checkout": str(layout.CHECKOUT), "pid": os.getpid(), "started": started}
        layout.OWNER.write_text(json.dumps(told))
