"""Names that every program of the machine resolves: lines of ours in /etc/hosts, between two marks.

Nothing else of the machine's resolver is touched. Source: docs/adr/0012-names-of-the-api-stand-in-etc-hosts.md.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from sandbox.substrate.errors import SubstrateError

HOSTS = Path("/etc/hosts")
FIRST = "# >>> sanmen sandbox: 'make down' removes this part >>>"
LAST = "# <<< sanmen sandbox <<<"
LOOPBACK = "127.0.0.1"
_PART = re.compile(rf"\n?{re.escape(FIRST)}\n(?:{re.escape(LOOPBACK)} .*\n)*(?:{re.escape(LAST)}\n?)?".encode())
"""With the line end before it, which the file may have lacked."""


def ensure(names: Iterable[str]) -> bool:
    """Have these names, and no others of ours, stand for this machine. Returns whether the file changed.

    At the end of the file: the first line of an address says what it is called. Raises SubstrateError.
    """
    lines = (f"{LOOPBACK} {name}" for name in sorted(names))  # one each: musl reads no more than 1 KiB of a line
    part = "\n".join(("", FIRST, *lines, LAST, "")).encode()
    before = _read()
    if part in before and before.count(FIRST.encode()) == 1:
        return False
    _write(before, _PART.sub(b"", before) + part)
    return True


def remove() -> bool:
    """Take them out; the file is then what it was. Returns whether there were any. Raises SubstrateError."""
    before = _read()
    after = _PART.sub(b"", before)
    if before == after:
        return False
    _write(before, after)
    return True


def standing() -> bool:
    """Whether names of ours stand there."""
    return FIRST.encode() in _read()


def _read() -> bytes:
    try:
        return HOSTS.read_bytes()
    except FileNotFoundError:
        return b""


def _write(before: bytes, content: bytes) -> None:
    """In place, from where it differs: what is at the end comes by one write and goes by one cut.

    A file that is renamed onto this one would take it away from all who have it mounted: containers, isolated tests.
    """
    pairs = enumerate(zip(before, content, strict=False))
    same = next((place for place, (old, new) in pairs if old != new), min(len(before), len(content)))
    try:
        file = os.open(HOSTS, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            if content[same:]:
                os.pwrite(file, content[same:], same)
            os.ftruncate(file, len(content))
        finally:
            os.close(file)
    except OSError as error:
        raise SubstrateError(
            f"cannot write {HOSTS}: {error.strerror}. The names of the sandbox's cloud API stand there while it is up, "
            "as most programs resolve nothing below 'localhost' by themselves; make the file writable for root"
        ) from None
