"""Supervised processes, with the real s6."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from sandbox import layout
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.specs import Process
from sandbox.substrate.supervision import processes
from sandbox.substrate.supervision.processes import ProcessStatus
from tests.sandbox.substrate.reach import until

pytestmark = pytest.mark.usefixtures("substrate")


def server(name: str, content: str = "one", **others: object) -> Process:
    """A process that says on each start and on SIGHUP what its file holds, then waits."""
    script = "trap 'echo got; cat word' HUP; cat word; echo $WHO; touch ready; while :; do sleep 0.05; done"
    spec: dict[str, object] = {"argv": ("sh", "-c", script), "files": {"word": f"{content}\n"}, "ready": Path("ready")}
    return Process(name=name, **(spec | others))  # pyright: ignore[reportArgumentType] - the types are Process's own


def status(name: str) -> ProcessStatus:
    return next(s for s in processes.statuses() if s.name == name)


def test_a_process_runs_with_its_files_and_environment_and_its_output_is_kept() -> None:
    processes.ensure(server("plain", env={"WHO": "it's me"}))
    assert status("plain").up
    until(lambda: processes.tail("plain", 5) == ["one", "it's me"])


def test_nobody_else_reads_logs_and_files() -> None:
    processes.ensure(server("private"))
    until(lambda: processes.tail("private", 1) != [])
    kept = [str(path.relative_to(layout.STATE)) for path in layout.STATE.rglob("*") if path.is_file()]
    assert {"logs/private/current", "processes/private/word"} <= set(kept)
    # From within, as directories above the state's are not the sandbox's to close.
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    script = 'while read -r path; do [ ! -r "$path" ] || echo "$path"; done'
    asked = subprocess.run(
        [*nobody, "sh", "-c", script],
        cwd=layout.STATE,
        input="\n".join(kept),
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout == ""


def test_ensuring_the_same_again_leaves_the_process_alone() -> None:
    processes.ensure(server("same"))
    before = status("same").pid
    processes.ensure(server("same"))
    assert status("same").pid == before


def test_a_changed_file_restarts_the_process() -> None:
    processes.ensure(server("changed"))
    before = status("changed").pid
    processes.ensure(server("changed", "two"))
    assert status("changed").pid != before
    until(lambda: "two" in processes.tail("changed", 5))


def test_a_changed_file_reloads_the_process_where_that_is_asked_for() -> None:
    processes.ensure(server("reloaded"), on_change="reload:HUP")
    before = status("reloaded").pid
    processes.ensure(server("reloaded", "two"), on_change="reload:HUP")
    until(lambda: processes.tail("reloaded", 2) == ["got", "two"])
    assert status("reloaded").pid == before


def test_a_file_that_is_no_longer_asked_for_is_removed() -> None:
    processes.ensure(server("fewer", files={"word": "one", "conf/other": "x"}))
    processes.ensure(server("fewer", files={"word": "one"}))
    assert not (processes.directory("fewer") / "conf" / "other").exists()


def test_a_killed_process_is_started_again_and_counted() -> None:
    processes.ensure(server("killed"))
    pid = status("killed").pid
    assert pid is not None
    os.kill(pid, 9)
    until(lambda: status("killed").up and status("killed").pid != pid)
    assert (status("killed").ends, status("killed").last_end) == (1, -9)


def test_a_process_that_only_ends_is_reported_with_its_last_words_and_not_kept() -> None:
    with pytest.raises(SubstrateError, match=r"process hopeless ends at once.*\n.*no such luck"):
        processes.ensure(Process(name="hopeless", argv=("sh", "-c", "echo no such luck; exit 3"), ready=Path("never")))
    assert "hopeless" not in [s.name for s in processes.statuses()]


def test_a_process_for_a_host_that_is_not_there_is_refused() -> None:
    with pytest.raises(SubstrateError, match="there is no host 'nowhere'"):
        processes.ensure(server("lost", host="nowhere"))


def test_a_file_outside_the_directory_is_refused() -> None:
    with pytest.raises(SubstrateError, match="not below the process's own directory"):
        processes.ensure(server("outside", files={"../word": "x"}))


def test_a_process_gives_up_root_and_owns_its_directory() -> None:
    processes.ensure(server("modest", argv=("sh", "-c", "id -un; touch mine ready; sleep 100"), user="nobody"))
    until(lambda: processes.tail("modest", 1) == ["nobody"])


def test_stopping_removes_process_children_directory_and_log() -> None:
    script = "setsid sleep 12345 & echo $! > child; touch ready; wait"
    processes.ensure(server("parent", argv=("sh", "-c", script)))
    child = int((processes.directory("parent") / "child").read_text())
    processes.stop_process("parent")
    until(lambda: not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text())
    assert "parent" not in [s.name for s in processes.statuses()]
    assert not processes.directory("parent").exists()
    assert not processes.log("parent").exists()
    processes.stop_process("parent")


def test_what_the_starter_ignores_our_processes_do_not() -> None:
    """As under `nohup make up`."""
    processes.stop()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        processes.start()
    finally:
        signal.signal(signal.SIGHUP, before)
    processes.ensure(server("hung-up"), on_change="reload:HUP")
    processes.ensure(server("hung-up", "two"), on_change="reload:HUP")
    until(lambda: processes.tail("hung-up", 2) == ["got", "two"])


def test_the_supervisor_comes_back_with_what_it_kept() -> None:
    processes.ensure(server("kept"))
    processes.stop()
    assert not processes.running()
    processes.start()
    until(lambda: status("kept").up)
