"""Where a user's commands run: on the internet, near a region or near none, with a resolver that stands there too.

A command sees the machine's files as they are, but for its resolver and its certificate authorities.
"""

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Sequence
from ipaddress import IPv4Address
from types import FrameType

from sandbox import layout
from sandbox.substrate import files, ledger
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.names import resolvers
from sandbox.substrate.network import namespaces, topology
from sandbox.substrate.specs import Host
from sandbox.substrate.supervision import processes

_SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
_ANYWHERE = "any"


def _places() -> dict[str, IPv4Address]:
    """Short name of each place -> the address of its host and resolver."""
    networks = {plan.short: plan.clients for plan in layout.REGIONS.values()} | {_ANYWHERE: layout.ANYWHERE_CLIENTS}
    return {short: network_.network_address + 2 for short, network_ in networks.items()}


def host(region: str | None) -> str:
    """The host whose commands are near a region; None: near no region. Raises SubstrateError for an unknown region."""
    if region is None:
        return f"client-{_ANYWHERE}"
    if region not in layout.REGIONS:
        raise SubstrateError(f"region {region!r} is unknown; there are {', '.join(layout.REGIONS)}")
    return f"client-{layout.REGIONS[region].short}"


def start() -> None:
    """Make the places and their resolvers. Network and supervisor stand by then."""
    failures: list[SubstrateError] = []

    def place(short: str, address: IPv4Address) -> None:
        name = f"client-{short}"
        try:
            topology.ensure_host(Host(name=name, internet=True, public=address))
            processes.ensure(resolvers.process(f"{name}-resolver", name, address))
        except SubstrateError as error:
            failures.append(error)

    threads = [threading.Thread(target=place, args=item) for item in _places().items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def run(argv: Sequence[str], region: str | None = None) -> int:
    """Run a command as a client near a region, with our input and output, and return its status.

    As a shell does it: 128 and the signal's number if a signal ended it, 127 if there is no such command. It runs as
    the user who called sudo, if one did. An interrupt or a request to end goes to the command.
    Raises SubstrateError if the sandbox is not up.
    """
    name = host(region)
    if not namespaces.exists(name):
        raise SubstrateError("the sandbox is not up: there is nowhere to run a client. Start it with `make up`")
    if not argv:
        raise SubstrateError("no command to run")
    address = _places()[name.removeprefix("client-")]
    child = subprocess.Popen(_command(argv, name, address), env=_environment())

    def forward(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    # A terminal's interrupt reaches the command without us; we only must not die of it.
    interrupted = signal.SIG_IGN if os.isatty(0) else forward
    before = {signal.SIGINT: signal.signal(signal.SIGINT, interrupted)}
    before[signal.SIGTERM] = signal.signal(signal.SIGTERM, forward)
    try:
        status = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status


def _environment() -> dict[str, str]:
    return dict(os.environ) | dict.fromkeys(_BUNDLE_VARIABLES, _SYSTEM_BUNDLE)


def _command(argv: Sequence[str], name: str, address: IPv4Address) -> list[str]:
    """The command, wrapped: it becomes the one process that enters network and mounts, and then gives up privileges."""
    folder = ledger.claim() / "clients"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    # Written only when they change, and whole: other commands that run have them mounted.
    files.write(folder / f"{name}.conf", f"nameserver {address}\n", mode=0o644)
    files.write(folder / "nsswitch.conf", resolvers.NSSWITCH, mode=0o644)
    binds = [(str(folder / f"{name}.conf"), os.path.realpath("/etc/resolv.conf"))]
    if os.path.exists(resolvers.NSSWITCH_FILE):
        binds.append((str(folder / "nsswitch.conf"), os.path.realpath(resolvers.NSSWITCH_FILE)))
    if layout.CA_BUNDLE.exists():
        files.write(folder / "bundle.pem", layout.CA_BUNDLE.read_bytes(), mode=0o644)
        binds.append((str(folder / "bundle.pem"), os.path.realpath(_SYSTEM_BUNDLE)))
    mounts = "".join(f"mount --bind {shlex.quote(a)} {shlex.quote(b)} && " for a, b in binds)
    drop = ["setpriv", *_user(), "--"] if _user() else []
    inner = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", mounts + 'exec "$@"', "client"]
    return ["nsenter", f"--net={namespaces.path(name)}", "--", *inner, *drop, *argv]


def _user() -> list[str]:
    """setpriv's options for the user who called sudo; none: stay who we are."""
    uid, gid = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
    if os.geteuid() != 0 or not uid or not gid or uid == "0":
        return []
    return ["--reuid", uid, "--regid", gid, "--init-groups"]
