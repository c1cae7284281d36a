"""Rate limits for Python programs, by the same Redis function that the gateway uses."""

from pathlib import Path
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError
from redis.retry import Retry

FUNCTIONS = Path(__file__).resolve().parent / "redis" / "limits.lua"
LIBRARY = "sanmen_v1"
TIMEOUT_S = 1.0


class RateLimiter:
    """Counts requests per user in Redis, in one place, however many programs share it.

    A user may make `max_requests` at once; they are given back evenly over `window_sec` (GCRA on the server's clock).
    So a rolling window that begins with a full bucket can see almost twice `max_requests`; the mean rate holds.
    Raises redis.exceptions.RedisError while Redis cannot be reached: what then holds is for the caller to say.
    """

    def __init__(self, host: str, port: int, password: str | None = None) -> None:
        # The client's own annotations are partial.
        self._redis: Any = redis.Redis(
            host=host,
            port=port,
            password=password,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            # The client's own retries would take again what a lost answer had taken, and make the caller wait.
            retry=Retry(NoBackoff(), 0),
        )

    def check_request(self, user_id: str, max_requests: int = 10, window_sec: float = 60) -> bool:
        """Take one request of `user_id`; False if it is over the limit. Raises ValueError, RedisError."""
        if not user_id:
            raise ValueError("user_id: a name is wanted, an empty one given")
        if max_requests < 1 or window_sec <= 0:
            raise ValueError(
                f"max_requests must be at least 1 and window_sec positive (given {max_requests}, {window_sec})"
            )
        window_ms = round(window_sec * 1000)
        answer = self._take(f"sanmen:user:{{{user_id}}}:{max_requests}:{window_ms}", max_requests, window_ms)
        return answer[0] == 1

    def _take(self, key: str, limit: int, window_ms: int) -> list[int]:
        arguments = (key, str(limit), str(window_ms), "1")
        try:
            return self._call(arguments)
        except ResponseError as reason:
            if "Function not found" not in str(reason):
                raise
        # A restarted Redis has forgotten the function; loading it again loads the same text.
        self._redis.function_load(FUNCTIONS.read_text(), replace=True)
        return self._call(arguments)

    def _call(self, arguments: tuple[str, ...]) -> list[int]:
        return cast("list[int]", self._redis.fcall(f"{LIBRARY}_take", 1, *arguments))

    def close(self) -> None:
        """Give the connections back."""
        self._redis.close()
