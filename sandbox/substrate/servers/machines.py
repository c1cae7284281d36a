"""Machines: containers that boot an image's own init in a host's network, as a virtual machine would.

The root file system is an overlay over the image, mounted where only the machine sees it, so that it is gone with the
machine. STATE/machines/<name>/upper is what the machine wrote, and `image` beside it links to what the image was when
the machine was made: one that is built anew is for new machines. A machine that ends stays ended, until it is resumed
or removed: what should be done about it is for its scaling group to say.
"""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sandbox import layout
from sandbox.substrate import ledger
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.locks import holding
from sandbox.substrate.network import namespaces
from sandbox.substrate.specs import Machine, Process
from sandbox.substrate.supervision import processes

INIT = "/usr/lib/sanmen/init"
"""What an image brings as its process 1."""
METADATA_NAMES = ("metadata.tencentyun.com",)
_DIRECTORY = layout.STATE / "machines"
_RUNTIME_STATE = _DIRECTORY / ".crun"
_KIND = "machine"
_CAPABILITIES = [
    f"CAP_{name}"
    for name in (
        *("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT", "AUDIT_WRITE"),
    )
]
"""What root may do in a machine. Not among them: changing network, mounts, kernel or limits."""


def process_name(name: str) -> str:
    """The name under which the supervisor keeps a machine."""
    return f"machine-{name}"


def image_root(image: str) -> Path:
    """The root file system of an image."""
    return layout.CACHE / "images" / image / "rootfs"


def ensure(machine: Machine) -> None:
    """Have the machine made and booted. One that ended stays ended; one that the sandbox's machine took down with it
    boots from its disk.

    Raises SubstrateError if image or host is missing, if the machine stands with another specification, or if it ends
    at once.
    """
    with holding("process", process_name(machine.name)):
        _ensure(machine)


def _ensure(machine: Machine) -> None:
    wanted = _record(machine)
    known = ledger.find(_KIND, machine.name)
    if known is not None and known != wanted:
        differing = ", ".join(key for key in wanted if known.get(key) != wanted[key])
        raise SubstrateError(f"machine {machine.name} stands with another {differing}; remove it first")
    if known is not None and processes.kept(process_name(machine.name)):
        return
    lower = image_root(machine.image) if known is None else _image(machine.name)
    if not lower.is_dir():
        where = lower.readlink() if lower.is_symlink() else lower
        raise SubstrateError(f"machine {machine.name}: there is no image {machine.image!r} at {where}")
    if not namespaces.exists(machine.host):
        raise SubstrateError(f"machine {machine.name}: there is no host {machine.host!r}")
    if known is None:
        remove(machine.name)  # What a killed try has left.
        _furnish(machine)
        _image(machine.name).symlink_to(lower.resolve())
    try:
        processes.ensure(_process(machine), once=True, memory_bytes=machine.memory_bytes)
    except SubstrateError:
        if known is None:
            remove(machine.name)
        raise
    ledger.put(_KIND, machine.name, wanted)


def _record(machine: Machine) -> ledger.Record:
    return {
        "host": machine.host,
        "image": machine.image,
        "hostname": machine.hostname,
        "instance_id": machine.instance_id,
        "user_data": machine.user_data.decode(errors="surrogateescape"),
        "memory_bytes": str(machine.memory_bytes),
    }


def _upper(name: str) -> Path:
    return _DIRECTORY / name / "upper"


def _image(name: str) -> Path:
    return _DIRECTORY / name / "image"


def _furnish(machine: Machine) -> None:
    """Write what the cloud puts into a machine before its first boot: names, resolver, authorities, user data."""
    upper = _upper(machine.name)
    (_DIRECTORY / machine.name / "work").mkdir(parents=True)
    meta_data = {"instance-id": machine.instance_id, "local-hostname": machine.hostname}
    hosts = ["127.0.0.1 localhost", f"127.0.1.1 {machine.hostname}", f"{layout.METADATA} {' '.join(METADATA_NAMES)}"]
    files: dict[str, bytes] = {
        "var/lib/cloud/seed/nocloud/user-data": machine.user_data,
        "var/lib/cloud/seed/nocloud/meta-data": json.dumps(meta_data).encode(),
        "etc/hostname": f"{machine.hostname}\n".encode(),
        "etc/hosts": "".join(f"{line}\n" for line in hosts).encode(),
        "etc/resolv.conf": f"nameserver {layout.RESOLVER}\n".encode(),
    }
    if layout.CA_BUNDLE.exists():
        files["etc/ssl/certs/ca-certificates.crt"] = layout.CA_BUNDLE.read_bytes()
    for relative, content in files.items():
        path = upper / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o600 if path.name == "user-data" else 0o644)
    for directory in (upper, *(p for p in upper.rglob("*") if p.is_dir())):
        directory.chmod(0o755)  # An overlay's directory has the mode of its upper side.


def _process(machine: Machine) -> Process:
    base = _DIRECTORY / machine.name
    options = f"lowerdir={base}/image,upperdir={base}/upper,workdir={base}/work"
    boot = [
        # crun refuses machines with both cgroup versions. The groups are joined by now, so it need not see any.
        "mount -t tmpfs tmpfs /sys/fs/cgroup",
        "mkdir -p rootfs",
        f"mount -t overlay overlay -o '{options}' rootfs",
        f"mkdir -p '{_RUNTIME_STATE}'",
        # A killed boot's record would be in the way.
        f"crun --root '{_RUNTIME_STATE}' delete --force {machine.name} 2>/dev/null",
        f"exec crun --root '{_RUNTIME_STATE}' --cgroup-manager=disabled run --bundle . {machine.name}",
    ]
    return Process(
        name=process_name(machine.name),
        host=machine.host,
        argv=("unshare", "--mount", "--propagation", "private", "sh", "-e", "boot"),
        files={
            "boot": "\n".join(boot).replace("2>/dev/null", "2>/dev/null || true") + "\n",
            "config.json": json.dumps(_bundle(machine), indent=1),
        },
        ready=Path(_RUNTIME_STATE / machine.name / "status"),
    )


def _bundle(machine: Machine) -> dict[str, object]:
    """The container as an OCI runtime specification. Its network is the one in which the runtime is started."""

    def mount(place: str, kind: str, *options: str) -> dict[str, object]:
        return {"destination": place, "type": kind, "source": kind, "options": [*options, "nosuid"]}

    return {
        "ociVersion": "1.0.2",
        "hostname": machine.hostname,
        "root": {"path": "rootfs"},
        "process": {
            "args": [INIT],
            "cwd": "/",
            "env": [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME=/root",
                "LANG=C.UTF-8",
            ],
            "user": {"uid": 0, "gid": 0},
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), _CAPABILITIES),
            "noNewPrivileges": False,
        },
        "mounts": [
            mount("/proc", "proc", "noexec", "nodev"),
            mount("/dev", "tmpfs", "strictatime", "mode=755", "size=65536k"),
            mount("/dev/pts", "devpts", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
            mount("/dev/shm", "tmpfs", "noexec", "nodev", "mode=1777", "size=65536k"),
            mount("/sys", "sysfs", "noexec", "nodev", "ro"),
            mount("/run", "tmpfs", "nodev", "mode=755", "size=65536k"),
            mount("/tmp", "tmpfs", "nodev", "mode=1777", "size=262144k"),
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "cgroup")],
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    }


def execute(name: str, argv: Sequence[str], timeout_s: float = 30) -> tuple[int, str]:
    """Run a command in a running machine; returns its status and what it printed, complaints included."""
    command = ["crun", "--root", str(_RUNTIME_STATE), "--cgroup-manager=disabled", "exec", name, *argv]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout_s, check=False
    )
    return done.returncode, done.stdout


def remove(name: str) -> None:
    """Shut a machine down (asked first, forced after 5 s) and remove its disk. Gone already: nothing."""
    processes.stop_process(process_name(name))
    shutil.rmtree(_RUNTIME_STATE / name, ignore_errors=True)
    shutil.rmtree(_DIRECTORY / name, ignore_errors=True)
    ledger.drop(_KIND, name)


def states() -> dict[str, str]:
    """Machine name -> `running` or `exited`."""
    found = {status.name: status.up for status in processes.statuses()}
    return {name: "running" if found.get(process_name(name)) else "exited" for name in ledger.every(_KIND)}
