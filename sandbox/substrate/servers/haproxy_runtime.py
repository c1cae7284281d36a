"""Talking with a running haproxy over its runtime socket. Source of the formats: haproxy 2.6 management guide."""

import csv
import io
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.servers.haproxy import ALL, backend_name
from sandbox.substrate.specs import Balancer, Target

TIMEOUT_S = 5
UP, DOWN = 2, 0
"""Operational states of a server in a state file."""
_STATE_HEADER = (
    "be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
    "srv_agent_addr srv_agent_port"
)


@dataclass(frozen=True, kw_only=True)
class ServerState:
    """What haproxy knows of one target: its place, weight, operational state and count of passed checks."""

    address: str
    port: int
    weight: int
    operational: int
    check_health: int


def ask(path: Path, command: str) -> str:
    """One command's answer. Raises SubstrateError if nobody answers."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.connect(str(path))
            connection.sendall(command.encode() + b"\n")
            answer = b""
            while part := connection.recv(65536):
                answer += part
    except OSError as error:
        raise SubstrateError(f"haproxy does not answer at {path}: {error}") from error
    return answer.decode()


def fingerprint(path: Path) -> str | None:
    """The fingerprint of the configuration that runs; None: nothing runs."""
    try:
        info = ask(path, "show info")
    except SubstrateError:
        return None
    lines = dict(line.split(": ", 1) for line in info.splitlines() if ": " in line)
    return lines.get("description", "")


def states(path: Path) -> dict[tuple[str, str], ServerState]:
    """(backend, target) -> state, of all that runs; empty if nothing does."""
    try:
        answer = ask(path, "show servers state")
    except SubstrateError:
        return {}
    found: dict[tuple[str, str], ServerState] = {}
    names = _STATE_HEADER.split()
    for line in answer.splitlines():
        fields = dict(zip(names, line.split(), strict=False))
        if len(fields) == len(names) and not line.startswith("#"):
            found[fields["be_name"], fields["srv_name"]] = ServerState(
                address=fields["srv_addr"],
                port=int(fields["srv_port"]),
                weight=int(fields["srv_uweight"]),
                operational=int(fields["srv_op_state"]),
                check_health=int(fields["srv_check_health"]),
            )
    return found


def state_file(balancer: Balancer, running: Mapping[tuple[str, str], ServerState]) -> str:
    """What a new worker starts from: known targets as they are, new ones down until their first check passes."""
    lines = ["1", f"# {_STATE_HEADER}"]
    for number, (backend, target, rise) in enumerate(_checked(balancer), start=1):
        known = running.get((backend, target.name))
        same = known is not None and (known.address, known.port) == (str(target.address), target.port)
        # Passed checks count up to `rise`: one short of it, the first pass brings the target in.
        up, passed = (known.operational, known.check_health) if known and same else (DOWN, rise - 1)
        lines.append(
            f"{number} {backend} 1 {target.name} {target.address} {up} 0 {target.weight} {target.weight} 0"
            f" 1 0 {passed} 6 0 0 0 - {target.port} - 0 0 - - 0"
        )
    return "\n".join(lines) + "\n"


def _checked(balancer: Balancer) -> Iterable[tuple[str, Target, int]]:
    for listener in balancer.listeners:
        for route in listener.routes:
            if route.check and route.redirect_port is None:
                for target in route.targets:
                    yield backend_name(listener, route), target, route.check.rise


def set_weights(path: Path, weights: Mapping[tuple[str, str], int]) -> None:
    """Give targets, named by (backend, target), other weights; open connections stay."""
    for (backend, target), weight in weights.items():
        complaint = ask(path, f"set server {backend}/{target} weight {weight}").strip()
        if complaint:
            raise SubstrateError(f"haproxy refuses weight {weight} for {backend}/{target}: {complaint}")


def healthy(path: Path) -> dict[str, dict[str, bool]]:
    """Route -> target -> whether it is healthy. Drained targets are still checked; unchecked ones count as healthy."""
    answer = ask(path, "show stat -1 4 -1")
    found: dict[str, dict[str, bool]] = {}
    for row in csv.DictReader(io.StringIO(answer.removeprefix("# "))):
        backend = row["pxname"]
        if not backend.endswith(ALL):
            status = row["status"]
            found.setdefault(backend.partition(".")[2], {})[row["svname"]] = status.startswith(
                ("UP", "DRAIN", "no check")
            )
    return found
