"""The servers, from Debian's own packages."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sandbox.toolchain.steps import Steps, ToolchainError

PACKAGES = (
    "ca-certificates",
    "bind9-dnsutils",
    "conntrack",
    "crun",
    "curl",
    "docker-registry",
    "gdnsd",
    "haproxy",
    "iproute2",
    "libnginx-mod-http-lua",
    "lua-cjson",
    "lua-resty-core",
    "lua-resty-lrucache",
    "mmdebstrap",
    "nftables",
    "nginx-light",
    "openssl",
    "procps",
    "prometheus",
    "python3-venv",
    "redis-server",
    "s6",
    "unbound",
    "util-linux",
)
"""nginx and its modules are for the gateway's own tests: in the sandbox they run from the machine image."""

POLICY = Path("/usr/sbin/policy-rc.d")
"""Debian's hook that a package asks whether it may start its service. 101: it may not."""


def missing(packages: Sequence[str] = PACKAGES) -> list[str]:
    """Those that are not installed."""
    told = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages],
        capture_output=True,
        text=True,
        check=False,
    )
    installed = {line.split()[0] for line in told.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in packages if name not in installed]


def install(steps: Steps) -> None:
    """Install what is missing. None of it starts by itself: the sandbox runs its own copies."""
    wanted = missing()
    if not wanted:
        return
    with steps.step(f"Debian packages: {len(wanted)} to install", "about 1 min"):
        held = not POLICY.exists()
        if held:
            POLICY.write_text("#!/bin/sh\nexit 101\n")
            POLICY.chmod(0o755)
        try:
            _apt("update")
            _apt("install", "--yes", "--no-install-recommends", *wanted)
        finally:
            if held:
                POLICY.unlink(missing_ok=True)


def _apt(*words: str) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(["apt-get", "--quiet", *words], capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        last = "\n      ".join((done.stderr or done.stdout).strip().splitlines()[-6:])
        raise ToolchainError(f"apt-get {words[0]} failed:\n      {last}")
