"""A full disk below the state: nothing is begun, the answer says what to do, and with room again all goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from sandbox.substrate.commands import run
from tests.sandbox.world import World, world


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 32 MiB."""
    run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(tmp_path)])
    yield tmp_path
    run(["umount", "--lazy", str(tmp_path)])


def fill(path: Path) -> None:
    """To the brim."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError:
            return


def vpcs(cloud: World) -> int:
    return cloud.call("vpc", "DescribeVpcs")["TotalCount"]


def test_a_full_disk_is_named_and_nothing_is_half_made(small_disk: Path) -> None:
    with world(small_disk) as cloud:
        cloud.vpc()
        fill(small_disk / "filler")
        with pytest.raises(TencentCloudSDKException, match=f"disk that holds {small_disk} is full.* Make room") as said:
            cloud.vpc()
        assert said.value.code == "InternalError"
        assert vpcs(cloud) == 1
        assert len(cloud.plane.routers) == 1
        (small_disk / "filler").unlink()
        cloud.vpc()
        assert vpcs(cloud) == 2
