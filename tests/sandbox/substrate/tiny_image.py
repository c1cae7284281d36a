"""An image of a few of this machine's own programs, whose init notes each boot and ends when it is told to panic."""

import shutil
from pathlib import Path

from sandbox.substrate.commands import run

INIT = """#!/bin/sh
trap 'echo shutting down; exit 0' TERM
echo booted >> /boots
while [ ! -e /run/panic ]; do sleep 0.05; done
exit 7
"""
PROGRAMS = ("sh", "cat", "sleep", "id", "hostname", "touch", "ip", "stat", "mount", "grep")


def make(cache: Path, name: str) -> None:
    """Put the image into a cache."""
    root = cache / "images" / name / "rootfs"
    for directory in ("bin", "etc", "dev", "proc", "sys", "run", "tmp", "usr/lib/sanmen"):
        (root / directory).mkdir(parents=True)
    for program in PROGRAMS:
        found = shutil.which(program)
        assert found is not None, program
        shutil.copy(found, root / "bin" / program)
        for library in (word for word in run(["ldd", found]).split() if word.startswith("/")):
            (root / library[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, root / library[1:])
    init = root / "usr/lib/sanmen/init"
    init.write_text(INIT)
    init.chmod(0o755)
