"""How many requests a second an action takes in a region."""

import os
import threading
import time
from collections import deque

from sandbox.api.errors import ApiError

DEFAULT_PER_S = 200
"""Generous: the cloud allows most actions 20 a second. SANMEN_API_REQUESTS_PER_S sets another limit."""
WINDOW_S = 1.0


def limit_from_environment() -> int:
    """The limit by SANMEN_API_REQUESTS_PER_S. Raises ValueError naming it."""
    given = os.environ.get("SANMEN_API_REQUESTS_PER_S", str(DEFAULT_PER_S))
    if not given.isdecimal() or int(given) < 1:
        raise ValueError(
            f"SANMEN_API_REQUESTS_PER_S: a whole number of requests a second from 1 is wanted, given {given!r}"
        )
    return int(given)


class Throttle:
    """Counts the requests of the last second by (service, action, region)."""

    def __init__(self, per_s: int) -> None:
        self.per_s = per_s
        self._lock = threading.Lock()
        self._times: dict[tuple[str, str, str], deque[float]] = {}

    def take(self, service: str, action: str, region: str) -> None:
        """Count a request. Raises ApiError RequestLimitExceeded, and then does not count it."""
        now = time.monotonic()
        with self._lock:
            times = self._times.setdefault((service, action, region), deque())
            while times and now - times[0] >= WINDOW_S:
                times.popleft()
            if len(times) >= self.per_s:
                raise exceeded(len(times) + 1, self.per_s)
            times.append(now)


def exceeded(count: int, per_s: int) -> ApiError:
    """The error of a throttled request."""
    message = (
        f"Your current request times equals to `{count}` in a second, which exceeds the frequency limit `{per_s}` "
        "for a second. Please reduce the frequency of calls."
    )
    return ApiError("RequestLimitExceeded", message)
