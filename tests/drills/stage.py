"""What the drills do: `make up` that runs beside the test, faults at the API, and what is there afterwards."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox import layout
from tests.end_to_end.conftest import run, sourced

ONE_EACH = {
    "as.group": (1, 1, 1, 0),
    "as.hook": (1, 1, 1, 0),
    "cam.role": (0, 0, 0, 1),
    "clb.listener": (2, 2, 2, 0),
    "clb.load_balancer": (1, 1, 1, 0),
    "clb.rule": (2, 2, 2, 0),
    "dnspod.domain": (0, 0, 0, 1),
    "eip": (1, 1, 1, 0),
    "igtm.pool": (0, 0, 0, 4),
    "monitor.prometheus": (1, 1, 1, 0),
    "nat": (1, 1, 1, 0),
    "redis.instance": (1, 1, 1, 0),
    "security_group": (3, 3, 3, 0),
    "ssm.secret": (1, 1, 1, 0),
    "subnet": (8, 8, 8, 0),
    "tcr.registry": (0, 0, 1, 0),
    "vpc": (1, 1, 1, 0),
}
"""Resources of the complete `local` stack: Beijing, Shanghai, Guangzhou, elsewhere."""
FAULTS = layout.STATE / "faults.json"


def down() -> None:
    """`make down`."""
    done = run("make", "down")
    assert done.returncode == 0, done.stdout + done.stderr


def up() -> "subprocess.CompletedProcess[str]":
    """`make up` to its end, however it ends; never with a traceback."""
    done = run("make", "up")
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done


def up_completes() -> str:
    """`make up` succeeds; returns what it printed."""
    done = up()
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Running:
    """A `make up` beside the test."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self._log = log

    def said(self) -> str:
        """All it has printed so far."""
        return self._log.read_text(errors="replace")

    def wait_for(self, pattern: str, timeout_s: float = 120) -> None:
        """Until it prints something that the regular expression finds."""
        until(lambda: re.search(pattern, self.said()) is not None, timeout_s, lambda: self.said()[-3000:])

    def interrupt(self) -> int:
        """^C on its terminal; returns its exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(60)


@contextmanager
def going_up(folder: Path) -> Generator[Running]:
    """`make up`, running, in a process group of its own."""
    log = folder / "up.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            ["make", "up"], cwd=layout.CHECKOUT, stdout=file, stderr=file, start_new_session=True
        )
    try:
        yield Running(process, log)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(60)


def until(true: Callable[[], bool], timeout_s: float, told: Callable[[], str] = lambda: "") -> None:
    """Wait for a condition. Raises AssertionError, with what `told` returns, when it does not come."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, told()
        time.sleep(0.1)


def pids(words: str) -> list[int]:
    """Processes with this in their command line."""
    found = subprocess.run(["pgrep", "-f", "--", words], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.splitlines()]


def engines() -> list[int]:
    """Process ids of the engines that run here."""
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/comm") if _is_pulumi(path)]


def _is_pulumi(path: Path) -> bool:
    try:
        return path.read_text().strip() == "pulumi"
    except OSError:
        return False


def pulumi(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Plain pulumi after `. .sanmen/env`."""
    return run("pulumi", "--non-interactive", *words, variables=sourced() | variables)


def pending() -> list[str]:
    """Names of what the state still waits for."""
    state = json.loads(pulumi("stack", "export", "--stack", "local").stdout)
    return [each["resource"]["urn"] for each in state["deployment"].get("pending_operations", ())]


def counts() -> dict[str, tuple[int, ...]]:
    """Kind -> how many in each region and elsewhere, as `make status` tells."""
    status = run("make", "status")
    assert status.returncode == 0, status.stdout + status.stderr
    rows = re.findall(r"^([a-z_.]+) +(\d+) +(\d+) +(\d+) +(\d+)$", status.stdout, re.MULTILINE)
    return {row[0]: tuple(int(number) for number in row[1:]) for row in rows}


def assert_complete() -> None:
    """The state has nothing to wait for, the cloud has nothing twice, and there is nothing left to do."""
    assert pending() == []
    found = counts()
    assert {kind: found.get(kind) for kind in ONE_EACH} == ONE_EACH
    preview = pulumi("preview", "--stack", "local", "--expect-no-changes", "--diff")
    assert preview.returncode == 0, preview.stdout + preview.stderr


def set_faults(faults: Sequence[dict[str, Any]]) -> None:
    """Write the API's faults; the API may run or not."""
    FAULTS.parent.mkdir(parents=True, exist_ok=True)
    FAULTS.write_text(json.dumps(list(faults)))


def faults_left() -> list[Any]:
    """The faults that have not fired."""
    return json.loads(FAULTS.read_text())


def answers(region: str, *, max_time_s: int = 5) -> bool:
    """Whether a client near `region` gets an answer from the endpoint now."""
    key = (layout.LOCAL / "demo-key").read_text().strip()
    body = json.dumps({"model": "demo", "max_tokens": 4, "messages": [{"role": "user", "content": "hi"}]})
    words = ["curl", "--silent", "--fail", "--output", "/dev/null", "--max-time", str(max_time_s)]
    headers = ["-H", f"x-api-key: {key}", "-H", "content-type: application/json"]
    asked = [*words, *headers, "https://api.sanmen.test/v1/messages", "-d", body]
    return run("python", "-m", "sandbox", "exec", "--from", region, "--", *asked).returncode == 0
