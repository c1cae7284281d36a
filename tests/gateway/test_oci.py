"""Image layouts: the same from the same content, whatever machine made it; and what of Debian's packages is in them."""

import gzip
import io
import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from gateway.image import containers, oci
from gateway.image.configure import ConfigureError, workers
from gateway.image.debian import Installed, MissingPackageError

PACKAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "libc6": ("", ("lib/arch/libc.so.6", "usr/share/doc/libc6/copyright", "usr/lib/arch/gconv/UTF-7.so")),
    "nginx": ("libc6 (>= 2.34), server-common | other, debconf", ("usr/sbin/nginx", "etc/nginx/nginx.conf")),
    "nginx-common": ("", ("usr/share/nginx/index.html",)),
    "debconf": ("", ("usr/bin/debconf",)),
    "ca-certificates": ("", ()),
    "python3": ("", ("usr/bin/python3",)),
    "prometheus-nginx-exporter": ("libc6", ("usr/bin/prometheus-nginx-exporter",)),
    "prometheus-redis-exporter": ("libc6, adduser", ("usr/bin/prometheus-redis-exporter",)),
    "adduser": ("", ("usr/sbin/adduser",)),
    **dict.fromkeys(("libnginx-mod-http-lua", "lua-cjson", "lua-resty-core", "lua-resty-lrucache"), ("", ())),
}


def make_root(root: Path) -> Path:
    """A root file system as packages would have made it."""
    lists = root / "var/lib/dpkg/info"
    lists.mkdir(parents=True)
    (root / "usr/lib").mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    stanzas = list[str]()
    for name, (needs, files) in PACKAGES.items():
        provides = "\nProvides: server-common (= 1)" if name == "nginx-common" else ""
        stanzas.append(f"Package: {name}\nArchitecture: amd64\nVersion: 1\nDepends: {needs}{provides}\n")
        (lists / (f"{name}:amd64.list" if name == "libc6" else f"{name}.list")).write_text(
            "".join(f"/{path}\n" for path in ("", *files))
        )
        for path in files:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(f"{name} {path}")
    (root / "var/lib/dpkg/status").write_text("\n".join(stanzas))
    (root / containers.CERTIFICATES).parent.mkdir(parents=True)
    (root / containers.CERTIFICATES).write_text("authorities")
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_root(tmp_path / "root")


def blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()


def document(layout: Path, digest: str) -> dict[str, Any]:
    return json.loads(blob(layout, digest))


def entries(layout: Path, name: str) -> dict[str, tarfile.TarInfo]:
    """All that is in an image, the uppermost of each path."""
    found = dict[str, tarfile.TarInfo]()
    for layer in document(layout, oci.digests(layout)[name])["layers"]:
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob(layout, layer["digest"])))) as archive:
            found |= {entry.name: entry for entry in archive}
    return found


def test_the_same_packages_are_the_same_image_whatever_else_a_machine_wrote(root: Path, tmp_path: Path) -> None:
    first = containers.write(root, tmp_path / "first")
    other = tmp_path / "elsewhere" / "root"
    shutil.copytree(root, other, symlinks=True)
    for path in (other / "usr/sbin/nginx", other / "usr/bin/python3"):
        os.utime(path, (1_000_000, 2_000_000))
        if os.geteuid() == 0:
            os.chown(path, 1000, 1000)
    for name in ("etc/machine-id", "etc/ld.so.cache", "var/log/dpkg.log", "var/lib/apt/lists/x", "usr/bin/x.pyc"):
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_text("of this machine")
    assert containers.write(other, tmp_path / "second") == first
    (other / "usr/sbin/nginx").write_text("another version")
    changed = containers.write(other, tmp_path / "third")
    assert {name for name in first if changed[name] != first[name]} == {"gateway"}


def test_blobs_are_what_their_digests_say_and_a_layer_that_images_share_is_one(root: Path, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    written = containers.write(root, layout)
    assert oci.digests(layout) == written
    for path in (layout / "blobs/sha256").iterdir():
        assert oci.digest(path.read_bytes()) == f"sha256:{path.name}"
    manifests = {name: document(layout, digest) for name, digest in written.items()}
    assert len({manifest["layers"][0]["digest"] for manifest in manifests.values()}) == 1
    for manifest in manifests.values():
        config = document(layout, manifest["config"]["digest"])
        unpacked = [oci.digest(gzip.decompress(blob(layout, layer["digest"]))) for layer in manifest["layers"]]
        assert config["rootfs"]["diff_ids"] == unpacked
        assert config["config"]["User"] == "10001:10001"


def test_an_image_has_what_its_packages_need_and_not_what_installs_them(root: Path, tmp_path: Path) -> None:
    containers.write(root, tmp_path / "layout")
    gateway, exporter = (entries(tmp_path / "layout", name) for name in ("gateway", "redis-exporter"))
    assert "usr/lib/arch/libc.so.6" in gateway, "through the link that lib is"
    assert gateway["lib"].linkname == "usr/lib"
    assert {"usr/sbin/nginx", "usr/share/nginx/index.html", "usr/lib/sanmen/serve.py"} <= gateway.keys()
    assert "var/lib/dpkg/status.d/nginx-common" in gateway, "what scanners look for"
    left_out = {"usr/bin/debconf", "etc/nginx/nginx.conf", "usr/share/doc/libc6/copyright", "usr/lib/arch/gconv"}
    assert not left_out & gateway.keys()
    assert "usr/bin/prometheus-redis-exporter" in exporter
    assert not {"usr/sbin/nginx", "usr/sbin/adduser", "usr/lib/sanmen"} & exporter.keys()
    assert gateway["tmp"].mode == 0o1777
    assert {(entry.uid, entry.gid, entry.mtime) for entry in gateway.values()} == {(0, 0, 0)}


def test_a_program_of_ones_own_is_an_image_more(root: Path, tmp_path: Path) -> None:
    program = tmp_path / "adapter"
    program.write_bytes(b"\x7fELF")
    containers.write(root, tmp_path / "layout", program)
    assert entries(tmp_path / "layout", "metrics-adapter")["usr/bin/metrics-adapter"].mode == 0o755


def test_a_package_that_is_not_there_is_named(root: Path) -> None:
    with pytest.raises(MissingPackageError, match="no package nothing"):
        Installed.read(root).closure(["nothing"])


@pytest.mark.parametrize(
    ("given", "found"), [({}, "auto"), ({"SANMEN_CORES": ""}, "auto"), ({"SANMEN_CORES": "3"}, "3")]
)
def test_workers_follow_the_cores_that_a_container_is_told(given: dict[str, str], found: str) -> None:
    assert workers(given) == found


@pytest.mark.parametrize("wrong", ["0", "65", "-1", "1.5", "many"])
def test_a_number_of_cores_that_cannot_be_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigureError, match="SANMEN_CORES"):
        workers({"SANMEN_CORES": wrong})
