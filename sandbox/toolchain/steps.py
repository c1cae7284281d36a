"""Tells a person what is being done, how long it usually takes, and how long it took."""

import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager


class ToolchainError(Exception):
    """A step could not be done. The message says what to do, in plain words."""


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
    def step(self, text: str, expected: str = "") -> Generator[None]:
        """Wrap one piece of work. `expected`: how long it takes on 2 cores, in words."""
        label = f"{text} ({expected})" if expected else text
        began = time.monotonic()
        done = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(label, began, done), daemon=True)
        if self._terminal:
            ticker.start()
        elif expected:
            print(f"  … {label}", flush=True)
        mark = "✗"
        try:
            yield
            mark = "✓"
        finally:
            done.set()
            if self._terminal:
                ticker.join()
                print("\r\x1b[K", end="")
            print(f"  {mark} {text} {time.monotonic() - began:.1f} s", flush=True)

    @staticmethod
    def _tick(label: str, began: float, done: threading.Event) -> None:
        while not done.wait(0.5):
            print(f"\r\x1b[K  … {label} {time.monotonic() - began:.0f} s", end="", flush=True)
