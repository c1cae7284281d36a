"""OCI image layouts, byte for byte the same from the same content. Source: OCI image-spec v1.0.

A layer is a tar of sorted entries, all root's and of one time; nothing of the machine it was made on goes into it.
"""

import gzip
import hashlib
import io
import json
import stat
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

COMPRESSION = 6
_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_REFERENCE = "org.opencontainers.image.ref.name"
_NO_TIME = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What stands at a path of an image: a file with `content`, a link to `link`, or a directory (neither)."""

    content: bytes | None = None
    link: str | None = None
    mode: int = 0o755

    @classmethod
    def of(cls, path: Path) -> "Entry":
        """A file or link as it is here; its owner and time do not count."""
        if path.is_symlink():
            return cls(link=str(path.readlink()), mode=0o777)
        return cls(content=path.read_bytes(), mode=stat.S_IMODE(path.stat().st_mode))


Layer = Mapping[str, Entry]
"""Path relative to the root -> what stands there. Directories that files need may be left out."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image to be written. `architecture` as Debian and OCI both name it: amd64, arm64."""

    architecture: str
    layers: tuple[Layer, ...]
    entrypoint: tuple[str, ...]
    user: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    ports: tuple[int, ...] = ()


def write(folder: Path, images: Mapping[str, Image]) -> dict[str, str]:
    """Write images into a layout, which is made or replaced entry by entry. Returns name -> manifest's digest.

    `skopeo` and its like find an image there as `oci:FOLDER:NAME`.
    """
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    packed: dict[int, tuple[dict[str, Any], str]] = {}  # a layer that several images have is the same object
    manifests: list[dict[str, Any]] = []
    for name, image in sorted(images.items()):
        for layer in image.layers:
            if id(layer) not in packed:
                packed[id(layer)] = _store_layer(blobs, layer)
        manifest = _store_image(blobs, image, [packed[id(layer)] for layer in image.layers])
        manifests.append(manifest | {"annotations": {_REFERENCE: name}})
    _document(folder / "oci-layout", {"imageLayoutVersion": "1.0.0"})
    _document(folder / "index.json", {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests})
    return digests(folder)


def digests(folder: Path) -> dict[str, str]:
    """The images of a layout: name -> manifest's digest (`sha256:…`)."""
    index: dict[str, Any] = json.loads((folder / "index.json").read_text())
    return {each["annotations"][_REFERENCE]: each["digest"] for each in index["manifests"]}


def _store_image(blobs: Path, image: Image, layers: Sequence[tuple[dict[str, Any], str]]) -> dict[str, Any]:
    config: dict[str, Any] = {
        "created": _NO_TIME,
        "architecture": image.architecture,
        "os": "linux",
        "config": {
            "User": image.user,
            "Env": [f"{name}={value}" for name, value in sorted(image.environment.items())],
            "Entrypoint": list(image.entrypoint),
            "WorkingDir": "/",
            "ExposedPorts": {f"{port}/tcp": {} for port in sorted(image.ports)},
            "StopSignal": "SIGTERM",
        },
        "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _blob(blobs, _CONFIG, _json(config)),
        "layers": [descriptor for descriptor, _ in layers],
    }
    platform = {"architecture": image.architecture, "os": "linux"}
    return _blob(blobs, _MANIFEST, _json(manifest)) | {"platform": platform}


def _store_layer(blobs: Path, layer: Layer) -> tuple[dict[str, Any], str]:
    """(descriptor, digest of what is in it before compression)."""
    content = tar(layer)
    return _blob(blobs, _LAYER, gzip.compress(content, COMPRESSION, mtime=0)), digest(content)


def tar(layer: Layer) -> bytes:
    """The layer's entries and the directories they need, by name."""
    entries = dict(layer)
    for path in layer:
        for parent in PurePosixPath(path).parents:
            if parent.name:
                entries.setdefault(str(parent), Entry())
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, entry in sorted(entries.items()):
            header = tarfile.TarInfo(path)
            header.mode, header.mtime = entry.mode, 0
            if entry.link is not None:
                header.type, header.linkname = tarfile.SYMTYPE, entry.link
            elif entry.content is None:
                header.type = tarfile.DIRTYPE
            else:
                header.size = len(entry.content)
            archive.addfile(header, io.BytesIO(entry.content or b""))
    return output.getvalue()


def _blob(blobs: Path, kind: str, content: bytes) -> dict[str, Any]:
    """Store content under its digest; returns its descriptor."""
    name = digest(content)
    _replace(blobs / name.removeprefix("sha256:"), content)
    return {"mediaType": kind, "digest": name, "size": len(content)}


def digest(content: bytes) -> str:
    """Of a blob: `sha256:…`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _document(path: Path, document: Mapping[str, Any]) -> None:
    _replace(path, _json(document))


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}")
    draft.write_bytes(content)
    draft.replace(path)
