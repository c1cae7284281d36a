"""The servers, from Debian's own packages."""

import os
import shutil
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
FOR_CLUSTERS = ("containerd", "iptables", "runc")
"""What Kubernetes' nodes take beside those."""

POLICY = Path("/usr/sbin/policy-rc.d")
"""Debian's hook that a package asks whether it may start its service. 101: it may not."""
POLICY_TEXT = "#!/bin/sh\n# Of sanmen, while it installs.\nexit 101\n"
UNITS = Path("/etc/systemd/system")
LOCK_TIMEOUT_S = 300
"""A fresh machine updates itself in the background, and holds the package manager's lock meanwhile."""


def missing(wanted: Sequence[str]) -> list[str]:
    """Those of the packages that are not installed."""
    told = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    installed = {line.split()[0] for line in told.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in wanted if name not in installed]


def install(steps: Steps, *, clusters: bool) -> None:
    """Install what is missing. None of it starts by itself, now or at a boot: the sandbox runs its own copies.

    clusters: with what Kubernetes' nodes take.
    """
    wanted = missing((*PACKAGES, *FOR_CLUSTERS) if clusters else PACKAGES)
    if not wanted:
        return
    with steps.step(f"Debian packages: {len(wanted)} to install", "about 1 min"):
        ours = not POLICY.exists() or POLICY.read_text() == POLICY_TEXT  # of a run that was killed
        if ours:
            POLICY.write_text(POLICY_TEXT)
            POLICY.chmod(0o755)
        before = _enabled()
        try:
            _run("dpkg", "--force-confold", "--configure", "--pending")  # what an interrupted run left
            _apt("update")
            _apt("install", "--yes", "--no-install-recommends", *wanted)
        finally:
            if ours:
                POLICY.unlink(missing_ok=True)
            _disable(_enabled() - before)


def _enabled() -> set[str]:
    """The units that start at boot."""
    return {link.name for link in UNITS.glob("*.wants/*")}


def _disable(units: set[str]) -> None:
    if units and shutil.which("systemctl"):
        _run("systemctl", "--quiet", "disable", *sorted(units))


def _apt(*words: str) -> None:
    _run("apt-get", "--quiet", "-o", f"DPkg::Lock::Timeout={LOCK_TIMEOUT_S}", *words)


def _run(*argv: str) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(argv, capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        last = "\n      ".join((done.stderr or done.stdout).strip().splitlines()[-6:])
        raise ToolchainError(f"'{' '.join(argv[:6])} …' failed:\n      {last}")
