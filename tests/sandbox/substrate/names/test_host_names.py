"""The machine's own names: lines between marks, taken out to the byte, whatever kind of file /etc/hosts is."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.substrate.commands import run
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.names import host_names

NAMES = ("vpc.cloud.localhost", "clb.cloud.localhost")
CONTENTS = (b"", b"127.0.0.1 localhost\n", b"127.0.0.1 localhost\n\n", b"127.0.0.1 localhost\r\n::1 h\xe9", b"\n")


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "hosts"
    path.write_text("127.0.0.1 localhost\n")
    monkeypatch.setattr(host_names, "HOSTS", path)
    return path


@pytest.fixture
def mounted(hosts: Path) -> Iterator[Path]:
    """As in a container: the file is a mount, and nothing can be renamed onto it."""
    run(["mount", "--bind", str(hosts), str(hosts)])
    yield hosts
    run(["umount", str(hosts)])


def test_the_system_resolves_them_and_calls_this_machine_what_it_did() -> None:
    before = host_names.HOSTS.read_bytes()
    called = socket.gethostbyaddr("127.0.0.1")[0]
    host_names.ensure(NAMES)
    try:
        assert [socket.gethostbyname(name) for name in NAMES] == ["127.0.0.1"] * 2
        assert socket.gethostbyaddr("127.0.0.1")[0] == called
    finally:
        host_names.remove()
    assert host_names.HOSTS.read_bytes() == before


@pytest.mark.parametrize("content", CONTENTS)
def test_the_file_is_afterwards_what_it_was(hosts: Path, content: bytes) -> None:
    hosts.write_bytes(content)
    hosts.chmod(0o640)
    os.chown(hosts, 1, 2)
    assert host_names.ensure(NAMES)
    assert host_names.standing()
    lines = hosts.read_text(errors="replace").splitlines()
    assert {f"127.0.0.1 {name}" for name in NAMES} <= set(lines)
    assert host_names.remove()
    status = hosts.stat()
    assert (hosts.read_bytes(), status.st_mode & 0o777, status.st_uid, status.st_gid) == (content, 0o640, 1, 2)
    assert not host_names.standing()
    assert not host_names.remove()


def test_the_same_names_again_change_nothing_and_other_names_take_their_place(hosts: Path) -> None:
    host_names.ensure(NAMES)
    written = hosts.read_bytes()
    assert not host_names.ensure(reversed(NAMES))
    assert hosts.read_bytes() == written
    assert host_names.ensure(["tke.cloud.localhost"])
    assert "vpc" not in hosts.read_text()
    host_names.remove()
    assert hosts.read_text() == "127.0.0.1 localhost\n"


def test_what_others_write_meanwhile_stays(hosts: Path) -> None:
    host_names.ensure(NAMES)
    text = hosts.read_text().replace(host_names.LAST, "10.0.0.9 mine # between the marks")
    hosts.write_text("10.0.0.7 before\n" + text + "10.0.0.8 after\n")
    host_names.remove()
    kept = ["10.0.0.7 before", "127.0.0.1 localhost", "10.0.0.9 mine # between the marks", "10.0.0.8 after"]
    assert hosts.read_text().splitlines() == kept


def test_who_has_the_file_mounted_keeps_it(mounted: Path) -> None:
    before = mounted.stat().st_ino
    host_names.ensure(NAMES)
    assert "vpc.cloud.localhost" in mounted.read_text()
    host_names.remove()
    assert mounted.read_text() == "127.0.0.1 localhost\n"
    assert mounted.stat().st_ino == before
    assert os.listdir(mounted.parent) == ["hosts"]


def test_a_link_stays_one(hosts: Path) -> None:
    real = hosts.rename(hosts.with_name("real"))
    hosts.symlink_to(real)
    host_names.ensure(NAMES)
    assert hosts.is_symlink()
    assert "vpc.cloud.localhost" in real.read_text()


def test_a_file_that_cannot_be_written_is_named(mounted: Path) -> None:
    run(["mount", "-o", "remount,ro,bind", str(mounted)])
    with pytest.raises(SubstrateError, match=rf"cannot write {mounted}: Read-only file system"):
        host_names.ensure(NAMES)
    assert os.listdir(mounted.parent) == ["hosts"]
