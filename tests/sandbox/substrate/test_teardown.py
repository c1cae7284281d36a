"""Everything gone, however the sandbox died."""

import os
import shutil
import signal
import subprocess
import sys
import time
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from sandbox import layout
from sandbox.substrate import teardown
from sandbox.substrate.commands import run
from sandbox.substrate.names import host_names
from sandbox.substrate.network import clients, namespaces, topology
from sandbox.substrate.specs import Host, Process, Router
from sandbox.substrate.supervision import cgroups, processes

COLLECTS_LATE = """
import os, subprocess, time
orphan = subprocess.Popen(["sleep", "3456"])
print(orphan.pid, flush=True)
os.waitid(os.P_PID, orphan.pid, os.WEXITED | os.WNOWAIT)
time.sleep(0.5)
orphan.wait()
"""
"""What takes its time to collect a process that has ended."""


def build() -> None:
    """A small sandbox with all kinds of things in it."""
    topology.start()
    processes.start()
    clients.start()
    topology.ensure_router(Router(name="t-net", region="ap-beijing"))
    topology.ensure_host(Host(name="t-host", region="ap-beijing", public=IPv4Address("198.18.16.70")))
    stubborn = ("sh", "-c", "trap '' TERM; setsid sleep 3456 & touch ready; while :; do sleep 1; done")
    processes.ensure(Process(name="t-stubborn", host="t-host", argv=stubborn, ready=Path("ready")))
    processes.ensure(Process(name="t-hostless", argv=("sleep", "3456")))
    run(["mount", "-t", "tmpfs", "tmpfs", str(layout.STATE / "logs")])
    host_names.ensure(["vpc.cloud.localhost"])


def kill_supervisors() -> None:
    """End s6 and all that it watches over, as an out-of-memory killer gone wild would."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (entry / "comm").read_text().startswith("s6-"):
            os.kill(int(entry.name), signal.SIGKILL)


def assert_nothing_is_left() -> None:
    assert teardown.leftovers() == []
    assert namespaces.names() == []
    assert not layout.STATE.exists()
    assert layout.PUBLIC_ROUTE not in run(["ip", "route"])
    assert str(layout.STATE) not in Path("/proc/self/mounts").read_text()
    assert "sleep 3456" not in run(["ps", "-eo", "args"])


def test_a_running_sandbox_is_removed_and_what_went_is_listed() -> None:
    build()
    removed = teardown.everything()
    assert_nothing_is_left()
    for kind in ("process", "mount", "namespace", "directory", "route"):
        assert [line for line in removed if line.startswith(kind)], kind
    assert teardown.everything() == []


def test_a_sandbox_whose_supervisors_were_killed_is_removed() -> None:
    build()
    kill_supervisors()
    assert teardown.leftovers()
    teardown.everything()
    assert_nothing_is_left()


def test_a_sandbox_that_lost_its_state_directory_is_removed() -> None:
    build()
    run(["umount", str(layout.STATE / "logs")])
    shutil.rmtree(layout.STATE)
    teardown.everything()
    assert_nothing_is_left()


def test_a_namespace_file_without_a_namespace_is_removed() -> None:
    topology.start()
    namespaces.path("t-empty").touch()
    teardown.everything()
    assert_nothing_is_left()


def test_a_command_in_a_client_namespace_is_ended_but_not_its_caller() -> None:
    build()
    child = subprocess.Popen(["nsenter", f"--net={namespaces.path('client-bj')}", "sleep", "3456"])
    teardown.everything()
    assert child.wait(timeout=10) == -signal.SIGKILL
    assert_nothing_is_left()


def test_what_was_ended_is_out_of_the_process_table_when_down_returns() -> None:
    """Even under an init that collects its orphans late."""
    build()
    init = subprocess.Popen([sys.executable, "-c", COLLECTS_LATE], stdout=subprocess.PIPE)
    assert init.stdout is not None
    orphan = int(init.stdout.readline())
    (cgroups.make(cgroups.SUPERVISORS)[0]).write_text(str(orphan))
    teardown.everything()
    assert not Path(f"/proc/{orphan}").exists()
    assert init.wait(timeout=10) == 0


def test_a_directory_that_is_not_a_sandboxs_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "letter").write_text("dear")
    monkeypatch.setattr(layout, "STATE", tmp_path)
    assert teardown.everything() == []
    assert (tmp_path / "letter").exists()


def test_after_removal_the_sandbox_starts_again() -> None:
    build()
    teardown.everything()
    began = time.monotonic()
    build()
    assert time.monotonic() - began < 20
    teardown.everything()
    assert_nothing_is_left()
