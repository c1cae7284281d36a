"""Names that every program of the machine resolves: lines of ours in /etc/hosts, between two marks.

Nothing else of the machine's resolver is touched. Source: docs/adr/0012-names-of-the-api-stand-in-etc-hosts.md.
"""

import os
import re
import shutil
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
    _write(_PART.sub(b"", before) + part)
    return True


def remove() -> bool:
    """Take them out; the file is then what it was. Returns whether there were any. Raises SubstrateError."""
    _beside().unlink(missing_ok=True)
    before = _read()
    after = _PART.sub(b"", before)
    if before == after:
        return False
    _write(after)
    return True


def standing() -> bool:
    """Whether names of ours stand there."""
    return FIRST.encode() in _read() or _beside().exists()


def _read() -> bytes:
    try:
        return HOSTS.read_bytes()
    except FileNotFoundError:
        return b""


def _beside() -> Path:
    return HOSTS.resolve().with_name(".hosts.sanmen")


def _write(content: bytes) -> None:
    """As a whole, by a file beside it; where it is a mount of its own, as in containers, in place."""
    hosts, beside = HOSTS.resolve(), _beside()
    try:
        try:
            beside.write_bytes(content)
            if hosts.exists():
                status = hosts.stat()
                os.chown(beside, status.st_uid, status.st_gid)
                shutil.copymode(hosts, beside)
            beside.replace(hosts)
        except OSError:
            beside.unlink(missing_ok=True)
            hosts.write_bytes(content)
    except OSError as error:
        raise SubstrateError(
            f"cannot write {HOSTS}: {error.strerror}. The names of the sandbox's cloud API stand there while it is up, "
            "as most programs resolve nothing below 'localhost' by themselves; make the file writable for root"
        ) from None
