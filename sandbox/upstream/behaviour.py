"""How the stand-in behaves: a JSON file that is read again whenever it changes."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Model(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FaultKind(StrEnum):
    """What goes wrong. Those with tokens happen after `after_tokens` of them."""

    STATUS = "status"
    """An error status instead of an answer."""
    HANG = "hang"
    """The request is read and never answered."""
    CLOSE = "close"
    """The connection closes without a byte."""
    ERROR_EVENT = "error_event"
    """A stream begins with 200 and then says that it failed."""
    CUT = "cut"
    """The connection breaks in the middle of an event (or of a body)."""
    STALL = "stall"
    """The stream falls silent and stays open."""
    EARLY_END = "early_end"
    """The stream ends as if complete, without its last event."""


class Fault(Model):
    """One failure. `nth`: which matching requests since the file changed, counted from 1; empty: all of them."""

    kind: FaultKind
    path: str | None = None
    nth: frozenset[int] = frozenset()
    status: Annotated[int, Field(ge=400, le=599)] = 529
    retry_after_s: Annotated[int, Field(ge=0)] | None = None
    after_tokens: Annotated[int, Field(ge=0)] = 0


class Behaviour(Model):
    """The settings file. `tokens_per_s` 0: as fast as possible. `credentials`: accepted ones; empty: any."""

    credentials: frozenset[str] = frozenset()
    first_token_s: Annotated[float, Field(ge=0)] = 0.0
    tokens_per_s: Annotated[float, Field(ge=0)] = 0.0
    tokens: Annotated[int, Field(ge=1, le=100_000)] = 16
    ping_s: Annotated[float, Field(gt=0)] | None = None
    """While the first token is awaited, a messages stream sends `ping` events this often."""
    faults: tuple[Fault, ...] = ()


class BehaviourFile:
    """The current behaviour. A file that cannot be used leaves the last good one in place."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._current = Behaviour()
        self._seen: dict[int, int] = {}
        self.problem: str | None = None

    def current(self) -> Behaviour:
        """The behaviour as the file says now."""
        if self._path is None:
            return self._current
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp != self._stamp:
                self._current = Behaviour.model_validate_json(self._path.read_bytes())
                self._stamp, self._seen, self.problem = stamp, {}, None
        except (OSError, ValidationError) as reason:
            self.problem = f"{self._path}: {reason}"
        return self._current

    def fault(self, path: str) -> Fault | None:
        """The failure that this request meets, if any; each call counts as one request."""
        met: Fault | None = None
        for index, fault in enumerate(self.current().faults):
            if fault.path not in (None, path):
                continue
            count = self._seen[index] = self._seen.get(index, 0) + 1
            if met is None and (not fault.nth or count in fault.nth):
                met = fault
        return met
