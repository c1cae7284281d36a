"""Builds the gateway's machine image: Debian packages, the gateway's files, cloud-init. Keyed by what it is made of."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path

IMAGE_ID = "img-sanmengw"
SUITE = "bookworm"
EXPECTED_S = 90
PACKAGES = (
    "ca-certificates",
    "cloud-init",
    "libnginx-mod-http-lua",
    "lua-cjson",
    "lua-resty-core",
    "lua-resty-lrucache",
    "nginx-light",
    "prometheus-nginx-exporter",
    "prometheus-node-exporter",
    "prometheus-redis-exporter",
    "python3-minimal",
    "s6",
)
OPTIONS = (
    *("--quiet", "--variant=minbase", "--format=directory"),
    *("--aptopt=Acquire::Retries 3", "--aptopt=Acquire::Check-Valid-Until false"),
    *("--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*"),
    *("--dpkgopt=path-exclude=/usr/share/locale/*", "--customize-hook=rm -rf $1/var/lib/apt/lists/*"),
)
HERE = Path(__file__).resolve().parent
GATEWAY = HERE.parent
PROGRAMS = ("agent.py", "configure.py", "redis_exporter.py", "serve.py", "init", "lay-out", "start")

_ONE_LINE = re.compile(rf"deb\s+(\[[^]]*\]\s+)?\S*debian\S*\s+{SUITE}(-\S+)?\s", re.IGNORECASE)
"""A package source of Debian's in the old form: `deb [options] <address> <suite> <components>`."""

Progress = Callable[[str], None]


class ImageError(Exception):
    """The image could not be built; the text says why."""


def contents() -> dict[str, Path]:
    """Path in the image -> file here, sorted."""
    files = {f"usr/lib/sanmen/{name}": HERE / name for name in PROGRAMS}
    files["usr/lib/sanmen/nginx.conf.template"] = GATEWAY / "nginx.conf.template"
    files["usr/lib/sanmen/limits.lua"] = GATEWAY / "redis" / "limits.lua"
    files["etc/cloud/cloud.cfg"] = HERE / "cloud.cfg"
    for path in (GATEWAY / "lua").rglob("*.lua"):
        files[f"usr/lib/sanmen/lua/{path.relative_to(GATEWAY / 'lua')}"] = path
    for path in (HERE / "services").rglob("*"):
        if path.is_file():
            files[f"etc/sanmen/services/{path.relative_to(HERE / 'services')}"] = path
    for path in (HERE / "systemd").glob("*.service"):
        files[f"etc/systemd/system/{path.name}"] = path
    files["etc/logrotate.d/sanmen"] = HERE / "logrotate" / "sanmen"
    return dict(sorted(files.items()))


def base_checksum() -> str:
    """Of what Debian gives."""
    return hashlib.sha256("\n".join((SUITE, *PACKAGES, *OPTIONS)).encode()).hexdigest()[:16]


def checksum() -> str:
    """Of the whole image."""
    digest = hashlib.sha256(base_checksum().encode())
    for name, path in contents().items():
        digest.update(f"{name}\0{mode(path):o}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def mode(path: Path) -> int:
    """What a file of contents() may do inside the image."""
    programs = path.name in ("init", "lay-out", "start", "run") or (path.parent == HERE and path.suffix == ".py")
    return 0o755 if programs else 0o644


def build(cache_dir: Path, progress: Progress) -> Path:
    """Build the image unless it is there, point `images/img-sanmengw` at it, and return its root file system.

    cache_dir: layout.CACHE. Packages and the gateway's files are kept apart, so that a change to the gateway needs no
    network. Raises ImageError.
    """
    images = cache_dir / "images"
    link = images / IMAGE_ID
    image = images / f"{IMAGE_ID}-{checksum()}"
    if image.is_dir() and link.is_symlink() and link.readlink() == Path(image.name):
        return image / "rootfs"
    root = base(cache_dir, progress)
    with locked(images):
        if not image.is_dir():
            progress("gateway image: adding the gateway")
            draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=images))
            try:
                _copy(root, draft / "rootfs")
                _install(draft / "rootfs")
                draft.chmod(0o755)
                draft.rename(image)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        _link(link, image)
    return image / "rootfs"


@contextlib.contextmanager
def locked(images: Path) -> Generator[None]:
    """Two builds at once in `cache_dir / "images"` make one image."""
    with (images / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def base(cache_dir: Path, progress: Progress) -> Path:
    """The packages alone: their root file system, built unless it is there. Raises ImageError."""
    images = cache_dir / "images"
    found = images / f"base-{base_checksum()}"
    if not found.is_dir():
        images.mkdir(parents=True, exist_ok=True)
        with locked(images):
            if not found.is_dir():
                _build_base(found, progress)
    return found / "rootfs"


def _build_base(target: Path, progress: Progress) -> None:
    if not shutil.which("mmdebstrap"):
        raise ImageError("gateway image: mmdebstrap is missing; install the Debian package mmdebstrap")
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=target.parent))
    draft.chmod(0o755)
    try:
        _bootstrap(draft / "rootfs", progress)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _bootstrap(target: Path, progress: Progress) -> None:
    progress(f"gateway image: installing {len(PACKAGES)} packages and what they need (about {EXPECTED_S} s)")
    command = ["mmdebstrap", *OPTIONS, f"--include={','.join(PACKAGES)}", SUITE, str(target)]
    sources = debian_sources()
    if sources:
        command.append("-")
    started = time.monotonic()
    done = subprocess.run(command, input=sources, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImageError(f"gateway image: mmdebstrap failed: {_last_lines(done.stderr)}")
    progress(f"gateway image: packages installed in {time.monotonic() - started:.0f} s")


def _last_lines(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return "; ".join(lines[-4:])


def debian_sources(root: Path = Path("/etc/apt")) -> str:
    """This machine's own package sources of the suite, or nothing: then the tool's own default holds."""
    parts: list[str] = []
    for path in (root / "sources.list", *sorted((root / "sources.list.d").glob("*"))):
        if not path.is_file():
            continue
        if path.suffix == ".sources":
            stanzas = path.read_text().split("\n\n")
            wanted = [_uncommented(stanza) for stanza in stanzas if _suites(stanza) and "debian" in stanza.lower()]
            parts.extend(stanza + "\n" for stanza in wanted)
        elif path.suffix == ".list":
            parts.extend(line + "\n" for line in path.read_text().splitlines() if _ONE_LINE.match(line))
    return "\n".join(parts)


def _uncommented(stanza: str) -> str:
    return "\n".join(line for line in stanza.splitlines() if not line.startswith("#"))


def _suites(stanza: str) -> bool:
    lines = [line.split()[1:] for line in stanza.splitlines() if line.startswith("Suites:")]
    return any(suite.split("-")[0] == SUITE for suites in lines for suite in suites)


def _copy(source: Path, target: Path) -> None:
    """Hard links where the base cannot change; the files that are replaced are unlinked first."""
    target.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(("cp", "-al", source, target), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImageError(f"gateway image: {_last_lines(done.stderr)}")


def _install(root: Path) -> None:
    for name, source in contents().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(source.read_bytes())
        path.chmod(mode(source))
    for unit in ("nginx", *(name for name in PACKAGES if name.startswith("prometheus-"))):
        # On a machine with systemd the gateway's own unit runs them.
        (root / "etc/systemd/system").mkdir(parents=True, exist_ok=True)
        mask = root / "etc/systemd/system" / f"{unit}.service"
        if not mask.is_symlink():
            os.symlink("/dev/null", mask)


def _link(link: Path, image: Path) -> None:
    draft = link.with_name(f".{link.name}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(image.name)
    draft.replace(link)
