"""Runs a container image as Kubernetes runs the gateway's pod: by a real runtime, as nobody, on a read-only root."""

import json
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.image import oci
from tests.gateway.world import Program

USER = 10001
Mounts = Mapping[str, Path]
"""Place in the container -> what is mounted there, read-only."""


def unpack(layout: Path, name: str, target: Path) -> dict[str, Any]:
    """An image's layers over one another, as a runtime has them. Returns its configuration."""
    for layer in layers(layout, name):
        layer.extractall(target, filter="fully_trusted")
    return _blob(layout, _manifest(layout, name)["config"]["digest"])["config"]


def layers(layout: Path, name: str) -> Iterator[tarfile.TarFile]:
    """An image's layers, the lowest first."""
    for layer in _manifest(layout, name)["layers"]:
        with tarfile.open(layout / "blobs" / layer["digest"].replace(":", "/")) as archive:
            yield archive


def _manifest(layout: Path, name: str) -> dict[str, Any]:
    return _blob(layout, oci.digests(layout)[name])


def _blob(layout: Path, digest: str) -> dict[str, Any]:
    return json.loads((layout / "blobs" / digest.replace(":", "/")).read_bytes())


def run(
    name: str,
    rootfs: Path,
    image: Mapping[str, Any],
    *,
    arguments: Sequence[str] = (),
    mounts: Mounts | None = None,
    writable: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Program:
    """A container in this network. `writable`: what is an emptyDir in the pod."""
    bundle = rootfs.parent
    given = [f"{key}={value}" for key, value in (environment or {}).items()]
    nothing: list[str] = []
    document = {
        "ociVersion": "1.0.2",
        "root": {"path": str(rootfs), "readonly": True},
        "process": {
            "args": [*image["Entrypoint"], *arguments],
            "cwd": image["WorkingDir"],
            "env": [*image["Env"], *given],
            "user": {"uid": USER, "gid": USER},
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted", "ambient", "inheritable"), nothing),
            "noNewPrivileges": True,
        },
        "mounts": [
            _mount("/proc", "proc", "noexec", "nodev"),
            _mount("/dev", "tmpfs", "strictatime", "mode=755", "size=65536k"),
            *(_mount(place, "tmpfs", "nodev", "mode=0777", "size=64m") for place in writable),
            *(
                {"destination": place, "type": "bind", "source": str(source), "options": ["rbind", "ro"]}
                for place, source in (mounts or {}).items()
            ),
        ],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")]},
    }
    (bundle / "config.json").write_text(json.dumps(document))
    state = bundle / "state"
    state.mkdir(exist_ok=True)
    # The runtime refuses machines with both versions of cgroups; it need not see any.
    script = 'mount -t tmpfs tmpfs /sys/fs/cgroup; exec crun --root "$1" --cgroup-manager=disabled run -b "$2" "$3"'
    command = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-ec", script, "pod"]
    return Program.start([*command, state, bundle, name], bundle / "output.log")


def _mount(place: str, kind: str, *options: str) -> dict[str, Any]:
    return {"destination": place, "type": kind, "source": kind, "options": [*options, "nosuid"]}


def kill(name: str, rootfs: Path, signal: str) -> None:
    """Send the container's first process a signal, as kubelet does."""
    command = ["crun", "--root", rootfs.parent / "state", "--cgroup-manager=disabled", "kill", name, signal]
    subprocess.run(command, check=True)
