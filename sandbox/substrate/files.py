"""Files that are whole or not there: written beside their place, then renamed into it."""

import os
import secrets
from pathlib import Path


def write(path: Path, content: str | bytes, mode: int = 0o600) -> bool:
    """Bring a file to this content and mode; its directory, if missing, to mode 700. Returns whether it changed."""
    data = content.encode() if isinstance(content, str) else content
    try:
        if path.read_bytes() == data:
            path.chmod(mode)
            return False
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        beside.chmod(mode)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return True
