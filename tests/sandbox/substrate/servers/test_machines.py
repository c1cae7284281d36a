"""Machines, with a real container runtime and an image of a few of this machine's own programs."""

import os
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest

from sandbox import layout
from sandbox.substrate.commands import run
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import topology
from sandbox.substrate.servers import machines
from sandbox.substrate.specs import Host, Machine, Router, Subnet
from sandbox.substrate.supervision import processes
from tests.sandbox.substrate import tiny_image
from tests.sandbox.substrate.reach import restart_machine, until


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the image `tiny`."""
    base = tmp_path_factory.mktemp("cache")
    tiny_image.make(base, "tiny")
    return base


@pytest.fixture(autouse=True)
def place(substrate: None, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "CACHE", cache)
    stand()


def stand() -> None:
    """The machines' network."""
    topology.ensure_router(Router(name="m-net", region="ap-shanghai"))
    topology.ensure_subnet(Subnet(name="m-a", router="m-net", cidr=IPv4Network("10.2.0.0/24")))


def machine(name: str, number: int, image: str = "tiny", **others: Any) -> Machine:
    topology.ensure_host(Host(name=name, subnet="m-a", private=IPv4Address(f"10.2.0.{number}")))
    spec = Machine(name=name, host=name, image=image, hostname=f"{name}-host", instance_id=f"ins-{name}")
    return replace(spec, **others)


def inside(name: str, command: str) -> str:
    status, printed = machines.execute(name, ["/bin/sh", "-c", command])
    assert status == 0, printed
    return printed.strip()


def test_a_machine_boots_its_own_init_with_its_names_user_data_and_network() -> None:
    machines.ensure(machine("m-boot", 10, user_data=b"#cloud-config\nwrite: \xe4\xb8\x89\n"))
    assert machines.states()["m-boot"] == "running"
    until(lambda: "booted" in inside("m-boot", "cat /boots 2>&1 || true"))
    assert inside("m-boot", "hostname") == "m-boot-host"
    assert "ins-m-boot" in inside("m-boot", "cat /var/lib/cloud/seed/nocloud/meta-data")
    assert "write: 三" in inside("m-boot", "cat /var/lib/cloud/seed/nocloud/user-data")
    assert str(layout.RESOLVER) in inside("m-boot", "cat /etc/resolv.conf")
    assert "10.2.0.10" in inside("m-boot", "ip -o address show eth0")


def test_what_a_machine_writes_stays_out_of_its_image_and_its_mounts_out_of_ours(cache: Path) -> None:
    machines.ensure(machine("m-apart", 11))
    inside("m-apart", "touch /mine")
    assert not (cache / "images" / "tiny" / "rootfs" / "mine").exists()
    assert "overlay" in inside("m-apart", "cat /proc/mounts")
    assert str(layout.STATE) not in Path("/proc/self/mounts").read_text()


def test_root_in_a_machine_may_not_change_its_network_or_mounts() -> None:
    machines.ensure(machine("m-bound", 12))
    for command in ("ip link set eth0 down", "mount -t tmpfs none /tmp"):
        status, _ = machines.execute("m-bound", ["/bin/sh", "-c", command])
        assert status != 0, command


def test_a_machine_has_no_more_memory_than_it_was_given() -> None:
    machines.ensure(machine("m-small", 13, memory_bytes=64 * 1024 * 1024))
    found = run(["find", "/sys/fs/cgroup", "-path", "*/sh/machine-m-small/*", "-name", "memory.*"]).split()
    limits = [Path(p).read_text().strip() for p in found if p.endswith(("/memory.max", "/memory.limit_in_bytes"))]
    assert limits == [str(64 * 1024 * 1024)]


def test_ensuring_again_changes_nothing_and_another_specification_is_refused() -> None:
    machines.ensure(machine("m-again", 14))
    before = [s for s in processes.statuses() if s.name == "machine-m-again"]
    machines.ensure(machine("m-again", 14))
    assert [s.pid for s in processes.statuses() if s.name == "machine-m-again"] == [before[0].pid]
    with pytest.raises(SubstrateError, match="stands with another user_data; remove it first"):
        machines.ensure(machine("m-again", 14, user_data=b"other"))


def test_a_machine_that_ends_stays_ended() -> None:
    machines.ensure(machine("m-ends", 15))
    until(lambda: inside("m-ends", "cat /boots 2>&1 || true") == "booted")
    inside("m-ends", "touch /run/panic")
    until(lambda: machines.states()["m-ends"] == "exited")
    machines.ensure(machine("m-ends", 15))
    assert machines.states()["m-ends"] == "exited"


def test_a_machine_boots_from_its_disk_after_a_restart_of_the_sandboxs_machine() -> None:
    machines.ensure(machine("m-kept", 20))
    until(lambda: inside("m-kept", "cat /boots 2>&1 || true") == "booted")
    restart_machine()
    assert machines.states()["m-kept"] == "exited"
    stand()
    machines.ensure(machine("m-kept", 20))
    assert machines.states()["m-kept"] == "running"
    until(lambda: inside("m-kept", "cat /boots") == "booted\nbooted")


def test_an_image_that_is_built_anew_is_for_new_machines(cache: Path) -> None:
    for build in ("before", "after"):
        tiny_image.make(cache, f"builds-{build}")
        (cache / "images" / f"builds-{build}" / "rootfs" / "etc" / "build").write_text(build)
    name = cache / "images" / "builds"
    name.symlink_to("builds-before")
    machines.ensure(machine("m-old", 21, "builds"))
    name.unlink()
    name.symlink_to("builds-after")
    restart_machine()
    stand()
    machines.ensure(machine("m-old", 21, "builds"))
    machines.ensure(machine("m-new", 22, "builds"))
    assert inside("m-old", "cat /etc/build") == "before"
    assert inside("m-new", "cat /etc/build") == "after"


def test_a_machine_is_asked_to_shut_down_before_it_is_removed() -> None:
    machines.ensure(machine("m-halt", 16))
    until(lambda: "booted" in inside("m-halt", "cat /boots 2>&1 || true"))
    with processes.log("machine-m-halt").open() as printed:  # stays readable when the file is gone
        for _ in range(2):
            machines.remove("m-halt")
        assert printed.read().splitlines()[-1] == "shutting down"
    assert "m-halt" not in machines.states()
    assert not (layout.STATE / "machines" / "m-halt").exists()


def test_nothing_of_a_machine_outlives_its_killed_runtime() -> None:
    machines.ensure(machine("m-crash", 17))
    init = int(inside("m-crash", "stat -L -c %i /proc/self/ns/pid").split()[-1])
    pid = next(s.pid for s in processes.statuses() if s.name == "machine-m-crash")
    assert pid is not None
    os.kill(pid, 9)
    until(lambda: machines.states()["m-crash"] == "exited")
    until(lambda: init not in _pid_namespaces())
    machines.remove("m-crash")


def _pid_namespaces() -> set[int]:
    """Of all processes that are alive."""
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if state != "Z":
                found.add((entry / "ns" / "pid").stat().st_ino)
    return found


def test_an_image_or_host_that_is_not_there_is_refused_and_nothing_is_left() -> None:
    with pytest.raises(SubstrateError, match="there is no image 'none'"):
        machines.ensure(machine("m-none", 18, image="none"))
    with pytest.raises(SubstrateError, match="there is no host 'nowhere'"):
        machines.ensure(machine("m-none", 18, host="nowhere"))
    assert "m-none" not in machines.states()
    assert not (layout.STATE / "machines" / "m-none").exists()
