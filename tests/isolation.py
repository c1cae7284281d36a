"""Runs a directory's tests where they can do no harm: in a network, mounts and process tree of their own.

Put into the directory's conftest.py:

    from tests.isolation import pytest_runtest_protocol, pytest_sessionfinish

    __all__ = ["pytest_runtest_protocol", "pytest_sessionfinish"]

Such tests come after all others, see tests/conftest.py: they share the checkout's `.sanmen` and the two processors.
The first of them starts a second pytest under `tests/isolated`, with all chosen tests of such directories; every test's
result is passed on as it comes. For a debugger: `tests/isolated .venv/bin/python -m pytest --pdb ...`.
Inside, layout.STATE is a fresh directory and no sandbox runs; tests share what they start, unless they remove it.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

ISOLATED = "SANMEN_ISOLATED" in os.environ
REPORTS = "SANMEN_TEST_REPORTS"
"""The environment variable that names the file descriptor for results."""
_ROOT = Path(__file__).resolve().parent.parent
_NOT_RUN = "the isolated pytest ended before this test. It said:\n"


class _Inner:
    """The second pytest, and the results it has sent so far."""

    def __init__(self, items: list[pytest.Item]) -> None:
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process's end
        read, write = os.pipe()
        plugin = ["-p", "tests.isolation_reports", "-p", "no:cacheprovider"]
        self._process = subprocess.Popen(
            [_ROOT / "tests" / "isolated", sys.executable, "-m", "pytest", *plugin, *(item.nodeid for item in items)],
            cwd=_ROOT,
            env=os.environ | {REPORTS: str(write)},
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
            pass_fds=(write,),
        )
        os.close(write)
        self._lines = os.fdopen(read, encoding="utf-8")
        self._waiting: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def results(self, nodeid: str) -> Iterator[dict[str, Any]]:
        """A test's results as they come, up to that of its teardown. Raises EOFError if there are no more."""
        while True:
            while self._waiting[nodeid]:
                result = self._waiting[nodeid].pop(0)
                yield result
                if result["when"] == "teardown":
                    return
            line = self._lines.readline()
            if not line:
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
        self._lines.close()
        self._process.terminate()
        self._process.wait()
        self._said.close()


_inner: _Inner | None = None


def _is_isolated(item: pytest.Item) -> bool:
    """Whether a test is in a directory whose conftest.py has this module's hook."""
    module = Path(item.path).parent / "conftest.py"
    return module.exists() and "tests.isolation" in module.read_text()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Isolated tests last, all else in its order."""
    items.sort(key=_is_isolated)


def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Pass on the results of the second pytest, instead of running the test here."""
    global _inner
    # pytest asks this hook for every test of a run, those of other directories too.
    if ISOLATED or not _is_isolated(item):
        return None
    if _inner is None:
        _inner = _Inner([other for other in item.session.items if _is_isolated(other)])
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
