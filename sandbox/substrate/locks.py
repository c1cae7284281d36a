"""One at a time: what is changed by name is changed by one thread at a time."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

_guard = threading.Lock()
_locks: dict[tuple[str, str], threading.RLock] = {}


@contextmanager
def held(kind: str, name: str) -> Generator[None]:
    """Hold the lock of a thing; its holder may take it again. Locks of different things do not meet."""
    with _guard:
        lock = _locks.setdefault((kind, name), threading.RLock())
    with lock:
        yield
