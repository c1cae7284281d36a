"""A long step shows that it lives."""

import io
import sys
import threading

import pytest

from sandbox.toolchain import steps
from sandbox.toolchain.steps import Steps


class Output(io.StringIO):
    """Tells when a text has been written to it."""

    def __init__(self, awaited: str, *, terminal: bool) -> None:
        super().__init__()
        self._awaited, self._terminal = awaited, terminal
        self.seen = threading.Event()

    def isatty(self) -> bool:
        return self._terminal

    def write(self, text: str) -> int:
        if self._awaited in text:
            self.seen.set()
        return super().write(text)


@pytest.mark.parametrize("terminal", [True, False])
def test_how_far_a_step_is_shows_while_it_runs(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    output = Output("7 packages compiled", terminal=terminal)
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(steps, "TICK_S", 0.01)
    monkeypatch.setattr(steps, "LINE_S", 0.01)
    monkeypatch.setenv("COLUMNS", "200")
    with Steps().step("Engine", "6 min") as progress:
        progress.text = "7 packages compiled"
        assert output.seen.wait(10)
    assert "✓ Engine" in output.getvalue()


def test_a_line_on_a_terminal_never_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    output = Output("… Engine", terminal=True)
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(steps, "TICK_S", 0.01)
    monkeypatch.setenv("COLUMNS", "30")
    with Steps().step("Engine", "about six minutes on two cores"):
        assert output.seen.wait(10)
    lines = output.getvalue().removesuffix("\n").replace("\r\x1b[K", "\n").splitlines()
    assert max(map(len, lines[:-1])) < 30
