"""One lock per thing: what is changed by name is changed by one thread at a time.

    with holding("balancer", name):
        ...

Whoever holds one may ask for it again. To hold two is a mistake waiting to happen: take them one after the other.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class _Lock:
    lock: threading.RLock = field(default_factory=threading.RLock)
    users: int = 0


_guard = threading.Lock()
_locks: dict[tuple[str, str], _Lock] = {}
"""Those that somebody holds or waits for."""


@contextmanager
def holding(kind: str, id: str) -> Generator[None]:
    """Keep others from this resource meanwhile. `kind`, `id`: as its document is stored, or any other agreed names."""
    name = (kind, id)
    with _guard:
        mine = _locks.setdefault(name, _Lock())
        mine.users += 1
    try:
        with mine.lock:
            yield
    finally:
        with _guard:
            mine.users -= 1
            if not mine.users:
                del _locks[name]
