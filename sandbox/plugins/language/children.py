"""Processes the host starts for the engine, and how they end."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

GRACE_S = 5


class Children:
    """The host's running children, each in a process group of its own: ^C comes from the engine alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()

    def start(
        self, argv: Sequence[str | Path], cwd: Path, env: Mapping[str, str], *, piped: bool
    ) -> subprocess.Popen[bytes]:
        """Start a child. `piped`: its output is read by the caller, else it goes where the host's own goes."""
        output = subprocess.PIPE if piped else None
        child = subprocess.Popen(
            [str(word) for word in argv],
            cwd=cwd,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        with self._lock:
            self._running.add(child)
        return child

    def end(self, child: subprocess.Popen[bytes]) -> None:
        """Interrupt the child's group; kill it when it has not left in time."""
        self._signal(child, signal.SIGINT)
        try:
            child.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._signal(child, signal.SIGKILL)
            child.wait()
        self.forget(child)

    def end_all(self) -> None:
        """End every child, all at once."""
        with self._lock:
            running = list(self._running)
        enders = [threading.Thread(target=self.end, args=(child,)) for child in running]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()

    def forget(self, child: subprocess.Popen[bytes]) -> None:
        """The child has ended by itself."""
        with self._lock:
            self._running.discard(child)

    @staticmethod
    def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
        if child.poll() is None:
            try:
                os.killpg(child.pid, number)
            except ProcessLookupError:
                return
