"""Faults on demand: an error, a time-out, a throttled answer or a killed server at the n-th call of an action.

The file (STATE/faults.json) is a list of {"service", "action", "nth": 1, "do": "error", "code": "InternalError",
"when": "before" | "after", "seconds": 60}. A fault fires once and then leaves the file, so a killed server does not
meet it again. `when`: "after" does the action first, and leaves a thing behind that the caller never heard of.
"""

import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ACTS = ("error", "timeout", "throttle", "kill")
WHEN = ("before", "after")


@dataclass(kw_only=True)
class Fault:
    """`seen` counts the matching calls so far. `seconds`: how long a time-out hangs."""

    service: str
    action: str
    nth: int = 1
    do: str = "error"
    code: str = "InternalError"
    when: str = "before"
    seconds: float = 60
    seen: int = 0


class FaultError(ValueError):
    """A fault that cannot be read: names the key, what was given and what is allowed."""


def _parse(given: Any) -> Fault:
    if not isinstance(given, dict):
        raise FaultError("faults: a list of objects is wanted")
    entry: dict[str, Any] = given  # pyright: ignore[reportUnknownVariableType]  # JSON of any shape
    known = Fault.__dataclass_fields__
    for key in entry:
        if key not in known:
            raise FaultError(f"faults: unknown key {key!r}, allowed: {', '.join(known)}")
    for key in ("service", "action"):
        if not isinstance(entry.get(key), str):
            raise FaultError(f"faults: {key} must be given, as text")
    fault = Fault(**entry)
    if fault.do not in ACTS:
        raise FaultError(f"faults: do: given {fault.do!r}, allowed: {', '.join(ACTS)}")
    if fault.when not in WHEN:
        raise FaultError(f"faults: when: given {fault.when!r}, allowed: {', '.join(WHEN)}")
    if type(fault.nth) is not int or fault.nth < 1:
        raise FaultError(f"faults: nth: given {fault.nth!r}, a whole number from 1 is wanted")
    return fault


class Faults:
    """The faults that wait, in a file that may also be edited by hand while the server runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp = 0
        self._faults: list[Fault] = []

    def _load(self) -> None:
        try:
            stamp = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            self._faults, self._stamp = [], 0
            return
        if stamp == self._stamp:
            return
        try:
            entries = json.loads(self._path.read_text())
        except json.JSONDecodeError as error:
            raise FaultError(f"{self._path.name}: not JSON: {error}") from error
        if not isinstance(entries, list):
            raise FaultError(f"{self._path.name}: a list of objects is wanted")
        self._faults = [_parse(entry) for entry in entries]  # pyright: ignore[reportUnknownVariableType]
        self._stamp = stamp

    def _save(self) -> None:
        written = self._path.with_suffix(".new")
        written.write_text(json.dumps([asdict(fault) for fault in self._faults], indent=1) + "\n")
        os.replace(written, self._path)
        self._stamp = self._path.stat().st_mtime_ns

    def waiting(self) -> list[dict[str, Any]]:
        """The faults that have not fired yet."""
        with self._lock:
            self._load()
            return [asdict(fault) for fault in self._faults]

    def add(self, given: Any) -> None:
        """Add one fault, or a list of them. Raises FaultError."""
        entries: list[Any] = given if isinstance(given, list) else [given]  # pyright: ignore[reportUnknownVariableType]
        parsed = [_parse(entry) for entry in entries]
        with self._lock:
            self._load()
            self._faults.extend(parsed)
            self._save()

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._faults = []
            self._save()

    def due(self, service: str, action: str) -> Fault | None:
        """Count a call; the fault that fires at it, already taken out of the file."""
        with self._lock:
            self._load()
            fired: Fault | None = None
            for fault in self._faults:
                if fault.service == service and fault.action in (action, "*"):
                    fault.seen += 1
                    if fired is None and fault.seen >= fault.nth:
                        fired = fault
            if fired is not None:
                self._faults.remove(fired)
                self._save()
            return fired
