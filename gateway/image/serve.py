#!/usr/bin/env python3
"""Runs nginx in the foreground and drains it: the container's command and the machine's service.

On SIGTERM or SIGQUIT readiness fails first; for `drain_notice_s` requests are still served while balancers notice;
then open streams finish, `drain_s` at most. A second one ends the notice.
"""

import argparse
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parent))
from configure import ConfigureError, Paths, add_arguments, configure, paths_of

GRACE_S = 5
"""After nginx's own worker_shutdown_timeout."""


class Drain:
    """Counts SIGTERMs: the first begins the drain, the second cuts its notice short."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.hurried = threading.Event()

    def signal(self, _number: int, _frame: FrameType | None) -> None:
        """Signal handler."""
        if self.begun.is_set():
            self.hurried.set()
        self.begun.set()


def drain(server: subprocess.Popen[bytes], paths: Paths, stop: Drain) -> None:
    """Bring nginx to its end without cutting a stream that finishes in time."""
    settings = json.loads(paths.settings.read_text())
    (paths.run / "draining").touch()
    stop.hurried.wait(settings["drain_notice_s"])
    server.send_signal(signal.SIGQUIT)
    try:
        server.wait(settings["drain_s"] + GRACE_S)
    except subprocess.TimeoutExpired:
        server.terminate()


def watch(server: subprocess.Popen[bytes], ended: Callable[[], None]) -> None:
    """Tell when nginx ends by itself."""
    server.wait()
    ended()


def serve(paths: Paths) -> int:
    """Configure, run, drain. Returns nginx's exit status."""
    stop = Drain()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):  # process 1 would not even see the others
        signal.signal(number, stop.signal)
    configuration = configure(paths)
    command = ("/usr/sbin/nginx", "-p", str(paths.run), "-e", "stderr", "-c", str(configuration))
    server = subprocess.Popen(command)
    threading.Thread(target=watch, args=(server, stop.begun.set), daemon=True).start()
    stop.begun.wait()
    if server.poll() is None:
        drain(server, paths, stop)
    return server.wait()


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_arguments(parser)
    try:
        return serve(paths_of(parser.parse_args()))
    except ConfigureError as reason:
        print(f"serve: {reason}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
