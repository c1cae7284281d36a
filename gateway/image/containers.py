"""The images of the gateway's pod: files of Debian packages, the gateway's own, no shell.

They are taken from the same root file system as the machine's, so pods and machines run the same nginx. What they hold
stands in var/lib/dpkg/status.d, where scanners of images look.
"""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from gateway.image import oci, recipe
from gateway.image.debian import Installed

USER = 10001
"""Of gateway and exporters. The pod says so too: infra/workload/pod.py."""
GATEWAY_PACKAGES = (
    "nginx",
    "libnginx-mod-http-lua",
    "lua-cjson",
    "lua-resty-core",
    "lua-resty-lrucache",
    "python3",
)
BASE_PACKAGES = ("libc6",)
CUT = (
    # For the scripts that run when a package is installed.
    *("adduser", "debconf", "dpkg", "init-system-helpers", "iproute2", "media-types", "openssl", "tar", "usrmerge"),
    # For modules of Python that nothing here imports.
    *("libnsl2", "libreadline8", "libncursesw6", "libsqlite3-0"),
)
"""Packages that others need on a machine, and not in a container."""
LEFT_OUT = (
    *("etc/default/", "etc/init.d/", "etc/logrotate.d/", "etc/nginx/", "etc/ufw/", "usr/lib/systemd/"),
    *("usr/share/doc/", "usr/share/lintian/", "usr/share/man/", "usr/share/bug/", "usr/share/gcc/", "var/"),
    "usr/share/locale/",
)
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
OWN_PROGRAMS = ("configure.py", "serve.py", "nginx.conf.template", "limits.lua")
"""And lua/. What else a machine has is for cloud-init, secrets by an agent and supervision."""
NOT_PYTHON = ("ensurepip", "idlelib", "lib2to3", "pydoc_data", "turtledemo", "tkinter", "unittest")

_ACCOUNTS = {
    "etc/passwd": f"root:x:0:0:root:/:/usr/sbin/nologin\nsanmen:x:{USER}:{USER}::/:/usr/sbin/nologin\n",
    "etc/group": f"root:x:0:\nsanmen:x:{USER}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
_PLACES = ("dev", "etc/sanmen", "proc", "run/sanmen/nginx", "run/sanmen/secrets", "sys")
"""Where others mount. Directories, so that a read-only root has them."""


def write(root: Path, folder: Path, metrics_adapter: Path | None = None) -> dict[str, str]:
    """Write all images into an OCI layout. Returns name -> manifest's digest (`sha256:…`).

    root: the packages' root file system. metrics_adapter: a static program for an image of its own; None: without it.
    Raises MissingPackageError, OSError.
    """
    return oci.write(folder, images(Installed.read(root), metrics_adapter))


def images(installed: Installed, metrics_adapter: Path | None) -> dict[str, oci.Image]:
    """Name -> image, as infra/edge/registry.py names their repositories."""
    here = installed.packages["libc6"].architecture
    base_packages = installed.closure(BASE_PACKAGES, CUT)
    base = _base(installed, base_packages)

    def exporter(package: str, port: int, **environment: str) -> oci.Image:
        return oci.Image(
            architecture=here,
            layers=(base, _packages(installed, installed.closure([package], CUT) - base_packages)),
            entrypoint=(f"/usr/bin/{package}",),
            user=f"{USER}:{USER}",
            environment=environment,
            ports=(port,),
        )

    gateway = installed.closure(GATEWAY_PACKAGES, CUT) - base_packages
    found = {
        "gateway": oci.Image(
            architecture=here,
            layers=(base, _packages(installed, gateway), _own_files()),
            entrypoint=("/usr/bin/python3", "-B", "/usr/lib/sanmen/serve.py"),
            user=f"{USER}:{USER}",
            environment={"PATH": "/usr/sbin:/usr/bin", "LANG": "C.UTF-8"},
            ports=(8080, 9145),
        ),
        # It asks nginx once when it starts, and would end if nginx were a moment later.
        "nginx-prometheus-exporter": exporter(
            "prometheus-nginx-exporter", 9113, NGINX_RETRIES="60", NGINX_RETRY_INTERVAL="1s"
        ),
        "redis-exporter": exporter("prometheus-redis-exporter", 9121),
    }
    if metrics_adapter is not None:
        program = {"usr/bin/metrics-adapter": oci.Entry(content=metrics_adapter.read_bytes())}
        found["metrics-adapter"] = oci.Image(
            architecture=here,
            layers=(base, program),
            entrypoint=("/usr/bin/metrics-adapter",),
            user=f"{USER}:{USER}",
        )
    return found


def _base(installed: Installed, packages: Iterable[str]) -> oci.Layer:
    """What every image stands on: the C library, certificate authorities, and who runs here."""
    certificates = oci.Entry(content=(installed.root / CERTIFICATES).read_bytes(), mode=0o644)
    merged = {path.name: oci.Entry.of(path) for path in installed.root.iterdir() if path.is_symlink()}
    return {
        **_packages(installed, packages),
        **merged,
        **{path: oci.Entry(content=text.encode(), mode=0o644) for path, text in _ACCOUNTS.items()},
        **{path: oci.Entry() for path in _PLACES},
        "tmp": oci.Entry(mode=0o1777),
        CERTIFICATES: certificates,
        "var/lib/dpkg/status.d/ca-certificates": _known(installed, "ca-certificates"),
    }


def _packages(installed: Installed, names: Iterable[str]) -> oci.Layer:
    layer: dict[str, oci.Entry] = {}
    for name in names:
        layer[f"var/lib/dpkg/status.d/{name}"] = _known(installed, name)
        for path in installed.paths(name):
            if _wanted(path):
                layer[str(path)] = oci.Entry.of(installed.root / path)
    return layer


def _known(installed: Installed, name: str) -> oci.Entry:
    return oci.Entry(content=installed.packages[name].stanza.encode(), mode=0o644)


def _wanted(path: Path) -> bool:
    return not (
        str(path).startswith(LEFT_OUT) or "gconv" in path.parts or any(part in NOT_PYTHON for part in path.parts)
    )


def _own_files() -> oci.Layer:
    home = "usr/lib/sanmen"
    wanted = {f"{home}/{name}" for name in OWN_PROGRAMS}
    return {
        name: oci.Entry(content=path.read_bytes(), mode=recipe.mode(path))
        for name, path in recipe.contents().items()
        if name in wanted or name.startswith(f"{home}/lua/")
    }


def checksum(metrics_adapter: Path | None) -> str:
    """Of all that goes into the images, and of how they are made: the same, and they need not be made again."""
    digest = hashlib.sha256(recipe.checksum().encode())
    made_by = (Path(oci.__file__), Path(__file__), Path(__file__).with_name("debian.py"))
    for path in (*made_by, *([metrics_adapter] if metrics_adapter else [])):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def build(cache_dir: Path, progress: Callable[[str], None], metrics_adapter: Path | None = None) -> Path:
    """Make the layout of all images unless it is there, and return its folder below `cache_dir / "images"`.

    Raises ImageError.
    """
    root = recipe.base(cache_dir, progress)
    folder = cache_dir / "images" / f"oci-{checksum(metrics_adapter)}"
    with recipe.locked(cache_dir / "images"):
        if not (folder / "index.json").is_file():  # which is written last
            progress("container images: packing")
            write(root, folder, metrics_adapter)
    return folder
