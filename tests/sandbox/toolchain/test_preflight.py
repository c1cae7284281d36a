"""Preflight names each thing that is missing, with what to do about it."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import layout
from sandbox.toolchain import go_build, preflight
from sandbox.toolchain.programs import ENGINE, ETCD, GO_CLIENT, Program


def test_too_little_memory_is_named_with_both_figures() -> None:
    found = list(preflight.check_memory("MemTotal: 4000000 kB\nMemAvailable: 1048576 kB\n"))
    assert len(found) == 1
    assert "1.0 GiB of memory are available" in found[0].what
    assert "GiB are needed" in found[0].what


def test_enough_memory_is_no_complaint() -> None:
    assert list(preflight.check_memory("MemAvailable: 16777216 kB\n")) == []


def test_the_disk_must_have_room_for_what_is_not_built_yet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(layout, "CACHE", tmp_path)
    large = replace(GO_CLIENT, build_gib=1_000_000)
    (found, _) = preflight.check_disk([large])
    assert f"GiB are free at {tmp_path}, 1000002 GiB are needed" in found.what
    go_build.target(large).parent.mkdir(parents=True)
    go_build.target(large).touch()
    assert list(preflight.check_disk([large])) == []


def test_a_port_in_use_is_named_with_how_to_find_its_holder() -> None:
    with socket.socket() as holder:
        holder.bind((layout.API_HOST, 0))
        holder.listen()
        port = holder.getsockname()[1]
        found = list(preflight.check_port(port))
    assert len(found) == 1
    assert f"port {port} on 127.0.0.1 is in use" in found[0].what
    assert f"sport = :{port}" in found[0].remedy


def test_the_way_in_takes_its_port_where_there_are_clusters_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as holder:
        holder.bind((layout.API_HOST, 0))
        holder.listen()
        port = holder.getsockname()[1]
        monkeypatch.setattr(layout, "WAY_IN_PORT", port)
        monkeypatch.setattr(layout, "OWNER", tmp_path / "nobody")

        def named(*wanted: Program) -> bool:
            return any(f"port {port} " in missing.what for missing in preflight.check_machine(wanted))

        assert not named(ENGINE)
        assert named(ENGINE, ETCD)


def test_a_route_inside_the_sandboxs_range_is_named() -> None:
    routes = "Iface\tDestination\tGateway\nwg0\t000012C6\t00000000\neth0\t00000000\t01020202\n"
    found = list(preflight.check_addresses(routes))
    assert len(found) == 1
    assert "wg0 already has a route to 198.18.0.0" in found[0].what


def test_this_machines_kernel_passes() -> None:
    assert list(preflight.check_kernel()) == []


def test_without_root_there_is_one_message_that_says_so() -> None:
    drop = [f"--reuid={os.getuid() + 65534}", "--clear-groups"]
    told = subprocess.run(
        ["setpriv", *drop, sys.executable, "-c", CHECK_ROOT],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(layout.CHECKOUT), "PATH": os.environ["PATH"], "HOME": "/nonexistent"},
    )
    assert told.stdout.count("namespaces need root") == 1, told.stderr
    assert "sudo -i" in told.stdout


CHECK_ROOT = "from sandbox.toolchain import preflight; print(*preflight.check_root())"
