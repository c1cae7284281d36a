"""Sizes and images that CVM has. Source: docs/sources.md, regions and machines."""

from collections.abc import Iterator
from dataclasses import dataclass

GATEWAY_IMAGE = "img-sanmengw"
"""The gateway's machine image: the one image whose root file system the sandbox has."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """An instance type. Memory in GiB."""

    name: str
    family: str
    cpu: int
    memory: int


def _standard(family: str, ratios: dict[str, tuple[int, tuple[int, ...]]]) -> Iterator[Size]:
    for size, (cpu, memories) in ratios.items():
        for memory in memories:
            yield Size(name=f"{family}.{size}{memory}", family=family, cpu=cpu, memory=memory)


_INTEL = {
    "MEDIUM": (2, (2, 4, 8)),
    "LARGE": (4, (4, 8, 16)),
    "2XLARGE": (8, (16, 32)),
    "4XLARGE": (16, (32, 64)),
    "8XLARGE": (32, (64, 128)),
    "12XLARGE": (48, (96, 192)),
}
_AMD = {
    "MEDIUM": (2, (2, 4)),
    "LARGE": (4, (8, 16)),
    "2XLARGE": (8, (16, 32)),
    "4XLARGE": (16, (32, 64)),
    "8XLARGE": (32, (64, 128)),
    "12XLARGE": (48, (96, 192)),
}
SIZES: dict[str, Size] = {
    size.name: size
    for size in (
        *_standard("S5", {"SMALL": (1, (1, 2, 4)), **_INTEL}),
        *_standard("S6", _INTEL),
        *_standard("S8", _INTEL),
        *(size for family in ("SA2", "SA3", "SA4", "SA5") for size in _standard(family, _AMD)),
    )
}


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image. Size in GiB."""

    id: str
    name: str
    os_name: str
    platform: str
    kind: str = "PUBLIC_IMAGE"
    size: int = 20


IMAGES: dict[str, Image] = {
    image.id: image
    for image in (
        Image(
            id=GATEWAY_IMAGE,
            name="sanmen-gateway",
            os_name="Debian 12 64bit",
            platform="Debian",
            kind="PRIVATE_IMAGE",
        ),
        Image(
            id="img-6n21msk1",
            name="TencentOS Server 4 for x86_64",
            os_name="TencentOS Server 4 for x86_64",
            platform="TencentOS",
        ),
        Image(
            id="img-mmytdhbn",
            name="Ubuntu Server 24.04 LTS 64bit",
            os_name="Ubuntu Server 24.04 LTS 64bit",
            platform="Ubuntu",
        ),
        Image(
            id="img-487zeit5",
            name="Ubuntu Server 22.04 LTS 64bit",
            os_name="Ubuntu Server 22.04 LTS 64bit",
            platform="Ubuntu",
        ),
        Image(id="img-7ag0z2jt", name="Debian 12 64bit", os_name="Debian 12 64bit", platform="Debian"),
    )
}
