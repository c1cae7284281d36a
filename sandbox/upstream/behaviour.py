"""How the stand-in behaves: a JSON file that is read again whenever it changes. Who writes one uses the model here."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Model(BaseModel):
    """Unknown keys are refused, and what was given stays out of the message: it may be a credential."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


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
    """The settings file. `tokens_per_s` 0: as fast as possible."""

    name: str = ""
    """Who it stands in for. A model `only-<name>` is answered by that one and is too much for all others."""
    credentials: Annotated[frozenset[str], Field(min_length=1)]
    """Those it accepts. Every other is refused, as each API does it."""
    first_token_s: Annotated[float, Field(ge=0)] = 0.0
    tokens_per_s: Annotated[float, Field(ge=0)] = 0.0
    tokens: Annotated[int, Field(ge=1, le=100_000)] = 16
    ping_s: Annotated[float, Field(gt=0)] | None = None
    """While the first token is awaited, a messages stream sends `ping` events this often."""
    faults: tuple[Fault, ...] = ()


class UnusableError(Exception):
    """A settings file says nothing that could be done. The message quotes none of it."""


class BehaviourFile:
    """The current behaviour. Raises UnusableError at the start; later a bad file leaves the last good one in place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = self._stamp_now()
        self._current = self._read()
        self._seen: dict[int, int] = {}

    def current(self) -> Behaviour:
        """The behaviour as the file says now; a file that cannot be used is told of once."""
        try:
            stamp = self._stamp_now()
            if stamp != self._stamp:
                self._stamp = stamp
                self._current, self._seen = self._read(), {}
        except UnusableError as reason:
            print(f"upstream: {reason}; the last good settings stay", file=sys.stderr, flush=True)
        return self._current

    def _stamp_now(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except OSError:
            return (0, 0)
        return (status.st_mtime_ns, status.st_ino)

    def _read(self) -> Behaviour:
        try:
            return Behaviour.model_validate_json(self._path.read_bytes())
        except OSError as reason:
            raise UnusableError(f"{self._path}: {reason.strerror}") from None
        except ValidationError as bad:
            # No cause: a traceback of it would lead to what was given.
            wrong = (f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in bad.errors(include_input=False))
            raise UnusableError(f"{self._path}: {'; '.join(wrong)}") from None

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
