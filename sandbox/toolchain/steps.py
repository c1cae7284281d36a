"""Tells a person what is being done, how long it usually takes, and how long it took."""

import shutil
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

TICK_S = 0.5
LINE_S = 15
"""Where there is no terminal to write over a line: how often one tells how far the work is."""


class ToolchainError(Exception):
    """A step could not be done. The message says what to do, in plain words."""


class Progress:
    """How far a step is, in words. Whoever does the work sets `text`."""

    text = ""


class Steps:
    """A line per step: what it is, the expected time, the running time on a terminal, and the time it took."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._started = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first step."""
        return time.monotonic() - self._started

    def note(self, text: str) -> None:
        """A line of its own."""
        print(f"  {text}", flush=True)

    @contextmanager
    def step(self, text: str, expected: str = "") -> Generator[Progress]:
        """Wrap one piece of work. `expected`: how long it takes on 2 cores, in words."""
        label = f"{text} ({expected})" if expected else text
        began = time.monotonic()
        done, progress = threading.Event(), Progress()
        if expected and not self._terminal:
            print(f"  … {label}", flush=True)
        tick = self._rewrite if self._terminal else self._append
        ticker = threading.Thread(target=tick, args=(label, began, progress, done), daemon=True)
        ticker.start()
        mark = "✗"
        try:
            yield progress
            mark = "✓"
        finally:
            done.set()
            ticker.join()
            if self._terminal:
                print("\r\x1b[K", end="")
            print(f"  {mark} {text} {time.monotonic() - began:.1f} s", flush=True)

    @staticmethod
    def _rewrite(label: str, began: float, progress: Progress, done: threading.Event) -> None:
        while not done.wait(TICK_S):
            far = f": {progress.text}" if progress.text else ""
            line = f"  … {label} {time.monotonic() - began:.0f} s{far}"
            # A line that wraps could not be written over.
            print(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}", end="", flush=True)

    @staticmethod
    def _append(label: str, began: float, progress: Progress, done: threading.Event) -> None:
        while not done.wait(LINE_S):
            if progress.text:
                print(f"    {time.monotonic() - began:.0f} s: {progress.text}", flush=True)
