"""The image's recipe, as far as it needs no packages."""

from pathlib import Path

from gateway import image
from gateway.image import recipe


def test_package_sources_in_the_old_form_are_taken_over(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text(
        "# deb http://old.test/debian bookworm main\n"
        "deb http://mirror.test/debian bookworm main\n"
        "deb [arch=amd64] http://mirror.test/debian bookworm-updates main contrib\n"
        "deb http://mirror.test/debian-security bookworm-security main\n"
        "deb-src http://mirror.test/debian bookworm main\n"
        "deb http://mirror.test/debian trixie main\n"
        "deb http://other.test/tools bookworm main\n"
    )
    assert recipe.debian_sources(tmp_path).split("\n")[::2] == [
        "deb http://mirror.test/debian bookworm main",
        "deb [arch=amd64] http://mirror.test/debian bookworm-updates main contrib",
        "deb http://mirror.test/debian-security bookworm-security main",
    ]


def test_an_image_that_is_there_is_taken_without_writing(tmp_path: Path) -> None:
    """A cache may be shared, or read-only."""
    images = tmp_path / "images"
    built = images / f"{recipe.IMAGE_ID}-{recipe.checksum()}"
    (built / "rootfs").mkdir(parents=True)
    (images / recipe.IMAGE_ID).symlink_to(built.name)
    before = images.stat().st_mtime_ns
    assert image.build(tmp_path, lambda _text: None) == built / "rootfs"
    assert images.stat().st_mtime_ns == before
