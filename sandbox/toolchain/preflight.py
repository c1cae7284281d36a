"""Looks at the machine before anything is changed, and lists all that is missing at once, each with its remedy."""

import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox import layout
from sandbox.toolchain import go_build
from sandbox.toolchain.programs import Need, Program

MEMORY_BYTES = 3 * 1024**3
"""`local` took 0.9 GiB at rest by `free`, the engine with its plugins 0.6 GiB more; the rest is room for load."""
DISK_GIB = 2
"""Environments, packages and what runs. Programs that must be built first say themselves what that takes."""
NAMESPACES = ("net", "mnt", "pid", "uts", "ipc")
KERNEL_FEATURES = {
    "veth": ("link", "add", "sanmen-probe0", "type", "veth", "peer", "name", "sanmen-probe1"),
    "bridge": ("link", "add", "sanmen-probe0", "type", "bridge"),
}
"""What a region is wired with: tried for real, in a network namespace that ends with the trial."""


@dataclass(frozen=True)
class Missing:
    """One thing that stands in the way, and what to do about it."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}\n      → {self.remedy}"


def check_platform() -> Iterator[Missing]:
    """Linux on x86_64 or arm64, with Debian's package manager."""
    if platform.system() != "Linux" or platform.machine() not in ("x86_64", "aarch64"):
        yield Missing(f"this is {platform.system()} on {platform.machine()}", "run it on Linux, x86_64 or aarch64")
    elif not shutil.which("apt-get"):
        yield Missing(
            "no apt-get: the servers come from Debian 12's packages", "use Debian 12 or a virtual machine of it"
        )


def check_root() -> Iterator[Missing]:
    """Namespaces, addresses and mounts need root."""
    if os.geteuid() != 0:
        yield Missing(
            f"you are user {os.geteuid()}, and namespaces need root",
            "become root first: 'sudo -i', then come back here",
        )


def available_memory_bytes(meminfo: str | None = None) -> int:
    """What programs can still take, as the kernel reckons. `meminfo`: the text of /proc/meminfo."""
    text = Path("/proc/meminfo").read_text() if meminfo is None else meminfo
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("MemAvailable:")), 0)


def check_memory(meminfo: str | None = None) -> Iterator[Missing]:
    """`meminfo`: the text of /proc/meminfo."""
    available = available_memory_bytes(meminfo)
    if available < MEMORY_BYTES:
        yield Missing(
            f"{available / 1024**3:.1f} GiB of memory are available, {MEMORY_BYTES / 1024**3:.0f} GiB are needed",
            "end what you do not need, or use a larger machine",
        )


def check_disk(wanted: Sequence[Program]) -> Iterator[Missing]:
    """Both places the sandbox writes to. `wanted`: the programs that it is to have."""
    needed = DISK_GIB + sum(program.build_gib for program in wanted if go_build.here(program) is None)
    for place in (layout.CACHE, layout.STATE):
        existing = next(parent for parent in (place, *place.parents) if parent.exists())
        free = shutil.disk_usage(existing).free
        if free < needed * 1024**3:
            yield Missing(
                f"{free / 1024**3:.1f} GiB are free at {existing}, {needed} GiB are needed",
                f"free some space, or set SANMEN_{'CACHE' if place == layout.CACHE else 'STATE'} to another disk",
            )


def check_kernel() -> Iterator[Missing]:
    """Namespaces, links, overlay mounts and packet filters, each tried where the kernel cannot simply be asked."""
    for name in NAMESPACES:
        if not Path("/proc/self/ns", name).exists():
            yield Missing(f"the kernel has no {name} namespaces", "use a kernel with CONFIG_NAMESPACES")
    if not any(line.endswith("\toverlay") for line in Path("/proc/filesystems").read_text().splitlines()):
        probe = subprocess.run(["modprobe", "overlay"], capture_output=True, check=False) if _has("modprobe") else None
        if probe is None or probe.returncode:
            yield Missing("the kernel has no overlay file system", "load it: 'modprobe overlay'")
    if not Path("/sys/fs/cgroup").is_dir():
        yield Missing("no control groups at /sys/fs/cgroup", "mount them, or start the container with them")
    if os.geteuid() == 0 and _has("ip"):
        for feature, command in KERNEL_FEATURES.items():
            trial = subprocess.run(["unshare", "--net", "ip", *command], capture_output=True, text=True, check=False)
            if trial.returncode:
                yield Missing(f"the kernel makes no {feature} links: {trial.stderr.strip()}", f"'modprobe {feature}'")


def check_addresses(routes: str | None = None) -> Iterator[Missing]:
    """The sandbox's public range must be nobody else's here. `routes`: the text of /proc/net/route."""
    text = Path("/proc/net/route").read_text() if routes is None else routes
    for line in text.splitlines()[1:]:
        interface, destination = line.split()[:2]
        address = socket.inet_ntoa(bytes.fromhex(destination)[::-1])
        # "*" is a route that leads nowhere, as the sandbox's own does.
        if interface != "*" and address.startswith(("198.18.", "198.19.")):
            yield Missing(
                f"{interface} already has a route to {address}, inside the sandbox's range {layout.PUBLIC_RANGE}",
                f"take {interface} down, or use another machine",
            )


def check_port(port: int) -> Iterator[Missing]:
    """A port on loopback that the sandbox listens on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((layout.API_HOST, port))
        except OSError:
            yield Missing(
                f"port {port} on {layout.API_HOST} is in use, and the sandbox listens there",
                f"find who holds it with 'ss -ltnp sport = :{port}' and end it",
            )


def check_machine(wanted: Sequence[Program]) -> list[Missing]:
    """Everything the sandbox needs of a machine that is not there. A sandbox that stands has its part already."""
    found = [*check_platform(), *check_root(), *check_kernel(), *check_addresses()]
    if not layout.OWNER.exists():
        found += [*check_memory(), *check_disk(wanted), *check_port(layout.API_PORT)]
        if any(program.needed_by is Need.CLUSTERS for program in wanted):
            found += check_port(layout.WAY_IN_PORT)
    return found


def _has(program: str) -> bool:
    return shutil.which(program) is not None
