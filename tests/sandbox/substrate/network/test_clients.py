"""Clients: real commands in real namespaces, each run by a Python whose input and output the test holds."""

import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox import layout
from sandbox.substrate import authority
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import clients
from tests.sandbox.substrate.reach import connects, until

ROOT = Path(__file__).resolve().parents[4]
RUN = """
import sys
from sandbox.substrate.network import clients
sys.exit(clients.run(sys.argv[2:], sys.argv[1] or None))
"""


@pytest.fixture(autouse=True)
def places(substrate: None) -> None:
    authority.ensure()
    clients.start()


def popen(script: str, region: str = "ap-beijing", env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", RUN, region, "sh", "-c", script],
        cwd=ROOT,
        env=os.environ | (env or {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(script: str, region: str = "ap-beijing", env: Mapping[str, str] | None = None) -> str:
    return popen(script, region, env).communicate("typed\n", timeout=30)[0].strip()


@pytest.mark.parametrize(
    ("region", "address"),
    [
        ("ap-beijing", "198.19.16.2"),
        ("ap-shanghai", "198.19.32.2"),
        ("ap-guangzhou", "198.19.48.2"),
        ("", "198.19.240.2"),
    ],
)
def test_a_client_stands_near_its_region_with_a_resolver_of_its_own(region: str, address: str) -> None:
    printed = said("ip -4 -o address show dev eth1; cat /etc/resolv.conf", region)
    assert f"inet {address}/24" in printed
    assert f"nameserver {address}" in printed
    assert connects(clients.host(region or None), address, 53)


def test_a_client_trusts_the_sandbox_and_the_machine_does_not() -> None:
    bundle = layout.CA_BUNDLE.read_text()
    assert said("cat $SSL_CERT_FILE $REQUESTS_CA_BUNDLE").count("BEGIN") == 2 * bundle.count("BEGIN")
    assert Path("/etc/ssl/certs/ca-certificates.crt").read_text() != bundle


def test_input_output_and_status_pass_through() -> None:
    child = popen("read word; echo got $word; exit 7")
    assert child.communicate("typed\n", timeout=30)[0] == "got typed\n"
    assert child.returncode == 7
    child = popen("kill -KILL $$")
    child.communicate(timeout=30)
    assert child.returncode == 128 + signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_to_end_goes_to_the_command(number: signal.Signals, tmp_path: Path) -> None:
    caught = f"trap 'echo caught; exit 3' {number}; touch {tmp_path}/up; while :; do sleep 0.05; done"
    child = popen(caught)
    until((tmp_path / "up").exists)
    child.send_signal(number)
    assert child.communicate(timeout=30)[0] == "caught\n"
    assert child.returncode == 3


def test_the_command_runs_as_the_user_who_called_sudo() -> None:
    nobody = pwd.getpwnam("nobody")
    sudo = {"SUDO_UID": str(nobody.pw_uid), "SUDO_GID": str(nobody.pw_gid)}
    printed = said("id -un; tail -c 5 $SSL_CERT_FILE >/dev/null && cat /etc/resolv.conf", env=sudo)
    assert printed.split() == ["nobody", "nameserver", "198.19.16.2"]


def test_an_unknown_region_and_a_missing_command_are_refused() -> None:
    with pytest.raises(SubstrateError, match="region 'ap-nowhere' is unknown; there are ap-beijing"):
        clients.run(["true"], "ap-nowhere")
    with pytest.raises(SubstrateError, match="no command"):
        clients.run([])
