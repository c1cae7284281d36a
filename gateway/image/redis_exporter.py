#!/usr/bin/env python3
"""Starts redis-exporter with the gateway's Redis: the password goes through the environment, not the command line."""

import json
import os
from pathlib import Path

SETTINGS = Path("/etc/sanmen/gateway.json")
PASSWORD = Path("/run/sanmen/secrets/redis-password")
EXPORTER = "/usr/bin/prometheus-redis-exporter"


def main() -> None:
    """Replace this process by the exporter."""
    redis = json.loads(SETTINGS.read_text())["redis"]
    environment = dict(os.environ)
    environment["REDIS_ADDR"] = f"redis://{redis['host']}:{redis['port']}"
    if PASSWORD.exists():
        environment["REDIS_PASSWORD"] = PASSWORD.read_text().rstrip("\r\n")
    os.execve(EXPORTER, (EXPORTER, "-web.listen-address", ":9121"), environment)


if __name__ == "__main__":
    main()
