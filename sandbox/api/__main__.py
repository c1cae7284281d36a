"""Runs the API server in the foreground: `python -m sandbox.api`."""

import logging
import sys

from sandbox import layout, services
from sandbox.api import throttle
from sandbox.api.credentials import AccountKey
from sandbox.api.faults import Faults
from sandbox.api.front import Front
from sandbox.api.server import Server
from sandbox.api.store import Store


def main() -> int:
    """Serve until stopped. Returns 1 with one line on stderr if it cannot start."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(name)s %(message)s")
    try:
        key = AccountKey.read(layout.CREDENTIALS)
        limit = throttle.limit_from_environment()
        services.load()
        front = Front(Store(layout.DATABASE), key, Faults(layout.STATE / "faults.json"), limit)
        server = Server(front, layout.API_HOST, layout.API_PORT, layout.API_SOCKET)
    except (OSError, ValueError) as error:
        print(f"api: {error}", file=sys.stderr)
        return 1
    logging.getLogger("sandbox.api").info("listening on %s:%d and %s", layout.API_HOST, server.port, layout.API_SOCKET)
    server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
