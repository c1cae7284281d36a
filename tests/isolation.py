"""Runs some directories' tests where they can do no harm: in a network, mounts and process tree of their own.

A second pytest, under `tests/isolated`, runs all chosen tests of ISOLATED_DIRECTORIES, beside this one where the memory
is enough for two sandboxes. This one passes on their results once it has run all others. For a debugger:
`tests/isolated .venv/bin/python -m pytest --pdb ...`.
Inside, layout.STATE and layout.LOCAL are fresh directories and no sandbox runs; tests share what they start, unless
they remove it. tests/conftest.py has the hooks.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

import pytest

from sandbox.toolchain import preflight

TESTS = Path(__file__).resolve().parent
ISOLATED_DIRECTORIES = tuple(
    TESTS / name
    for name in ("gateway/containers", "sandbox/edge_running", "sandbox/network_running", "sandbox/substrate", "drills")
)
"""In this order: the drills bring up whole sandboxes, and the other pytest begins with one."""
INSIDE = "SANMEN_ISOLATED" in os.environ
REPORTS = "SANMEN_TEST_REPORTS"
"""The environment variable that names the file descriptor for results."""
_NOT_RUN = "the isolated pytest ended before this test. It said:\n"


class _Inner:
    """The second pytest, and the results it has sent so far."""

    def __init__(self, items: list[pytest.Item]) -> None:
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process's end
        read, write = os.pipe()
        plugin = ["-p", "tests.isolation_reports", "-p", "no:cacheprovider"]
        self._process = subprocess.Popen(
            [TESTS / "isolated", sys.executable, "-m", "pytest", *plugin, *(item.nodeid for item in items)],
            cwd=TESTS.parent,
            env=os.environ | {REPORTS: str(write)},
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
            pass_fds=(write,),
        )
        os.close(write)
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(os.fdopen(read, encoding="utf-8"),), daemon=True)
        self._reader.start()
        self._waiting: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def _read(self, stream: IO[str]) -> None:
        """Take results as they come: a full pipe would stop the tests. An empty line: there are no more."""
        with stream:
            for line in stream:
                self._lines.put(line)
        self._lines.put("")

    def results(self, nodeid: str) -> Iterator[dict[str, Any]]:
        """A test's results as they come, up to that of its teardown. Raises EOFError if there are no more."""
        while True:
            while self._waiting[nodeid]:
                result = self._waiting[nodeid].pop(0)
                yield result
                if result["when"] == "teardown":
                    return
            line = self._lines.get()
            if not line:
                self._lines.put(line)  # for the next test that asks
                raise EOFError(nodeid)
            result = json.loads(line)
            self._waiting[result["nodeid"]].append(result)

    def said(self) -> str:
        """The end of what it printed."""
        self._process.wait()
        self._said.seek(0)
        return self._said.read().decode(errors="replace")[-6000:]

    def end(self) -> None:
        """End it, however far it came."""
        self._process.terminate()
        self._process.wait()
        self._reader.join()
        self._said.close()


_inner: _Inner | None = None


def _place(item: pytest.Item) -> int:
    """Which of the isolated directories a test is in, from 1 on; 0: none."""
    parents = Path(item.path).parents
    return next((place for place, d in enumerate(ISOLATED_DIRECTORIES, 1) if d in parents), 0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Isolated tests last, all else in its order."""
    items.sort(key=_place)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Start the second pytest; the loop is pytest's own."""
    room = preflight.available_memory_bytes() >= 2 * preflight.MEMORY_BYTES
    if room and not session.config.option.collectonly and not session.testsfailed:
        _start(session)


def _start(session: pytest.Session) -> None:
    global _inner
    isolated = [item for item in session.items if _place(item)]
    if _inner is None and isolated and not INSIDE:
        _inner = _Inner(isolated)


def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Pass on the results of the second pytest, instead of running the test here."""
    if INSIDE or not _place(item):
        return None
    _start(item.session)
    assert _inner is not None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    try:
        for result in _inner.results(item.nodeid):
            report = item.config.hook.pytest_report_from_serializable(config=item.config, data=result)
            item.ihook.pytest_runtest_logreport(report=report)
    except EOFError:
        text = _NOT_RUN + _inner.said()
        report = pytest.TestReport(item.nodeid, item.location, {}, "failed", text, "call")
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_sessionfinish() -> None:
    """End the second pytest, should it still run."""
    global _inner
    if _inner is not None:
        _inner.end()
        _inner = None
