"""The sandbox's name server: gdnsd on a host of its own on the internet, with a prober beside it.

Zones change while it runs: records alone are reloaded, anything else is taken over by a new gdnsd without a lost
query. A small shell script stands between the supervisor and gdnsd, as the supervisor knows one process where gdnsd
needs two for a moment; it ends when gdnsd does.
"""

import hashlib
import json
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox import layout
from sandbox.substrate import files
from sandbox.substrate.commands import run
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.locks import holding
from sandbox.substrate.names import gdnsd, prober, resolvers
from sandbox.substrate.network import topology
from sandbox.substrate.specs import Host, Process, Record, Zone
from sandbox.substrate.supervision import own_code, processes
from sandbox.substrate.waiting import until

HOST = "dns"
SERVER = "name-server"
PROBER = "name-prober"
DIRECTORY = layout.STATE / "names"
CONFIG = DIRECTORY / "config"
WATCHES = DIRECTORY / "watches.json"
IN_USE = DIRECTORY / "in-use.json"
SERIALS = DIRECTORY / "serials.json"
RESOLV_CONF = DIRECTORY / "resolv.conf"
NSSWITCH = DIRECTORY / "nsswitch.conf"
SCRIPT = """
successor() { gdnsd -c "$1" -R start & child=$!; }
trap 'kill "$child"; wait "$child"; exit 0' TERM INT
trap 'successor "$1"' HUP
successor "$1"
while :; do
    wait "$child"
    status=$?
    # A signal ends the wait as well.
    kill -0 "$child" 2>/dev/null || exit "$status"
done
"""
"""HUP has a successor take over; TERM ends it."""


def start() -> None:
    """Run the name server and its prober, with the zones it had before, at first those of the internet itself."""
    topology.ensure_host(Host(name=HOST, public=layout.NAME_SERVER, internet=True))
    if not CONFIG.exists():
        _write(gdnsd.render((), {}, DIRECTORY), DIRECTORY)
    # A prober must not ask the machine's own resolver, which knows nothing of the sandbox.
    files.write(RESOLV_CONF, f"nameserver {layout.NAME_SERVER}\noptions timeout:1 attempts:2\n", mode=0o644)
    files.write(NSSWITCH, resolvers.NSSWITCH, mode=0o644)
    processes.ensure(_server())
    processes.ensure(_prober())
    until(lambda: _pid() is not None, "the name server runs")


def _standing() -> tuple[Zone, ...]:
    """The names of what stands on the internet itself, a zone per parent domain."""
    homes: dict[str, list[Record]] = {}
    for domain, address in layout.UPSTREAMS.items():
        name, _, home = domain.partition(".")
        homes.setdefault(home, []).append(Record(name=name, type="A", value=str(address), ttl_s=60))
    return tuple(Zone(domain=home, records=tuple(records)) for home, records in homes.items())


def apply(zones: Sequence[Zone]) -> None:
    """Serve exactly these zones beside the internet's own. A set that gdnsd refuses raises SubstrateError, and what
    was served stays.
    """
    zones = (*zones, *_standing())
    with holding("names", SERVER):
        _apply(zones)


def _apply(zones: Sequence[Zone]) -> None:
    digests = {zone.domain: hashlib.sha256(repr(zone).encode()).hexdigest() for zone in zones}
    known = _known_serials()
    serials = {domain: _serial(known.get(domain), digest) for domain, digest in digests.items()}
    rendered = gdnsd.render(zones, serials, DIRECTORY)
    for watch in rendered.watches:
        # Targets are up until the prober says otherwise; one that is known keeps its state.
        states = prober.read_states(watch.file)
        prober.write_states(watch.file, {target: states.get(target, True) for target in watch.targets})
    _check(rendered)
    _write(rendered, DIRECTORY)
    kept = known | {domain: {"digest": digest, "serial": serials[domain]} for domain, digest in digests.items()}
    files.write(SERIALS, json.dumps(kept, indent=1))
    files.write(WATCHES, prober.dump(rendered.watches))
    _take_over(rendered)
    _forget_states(rendered)


def states() -> dict[str, dict[str, bool]]:
    """Failover's full name (`api.example.test`) -> target, as its pool spells it -> whether it lives."""
    if not WATCHES.exists():
        return {}
    return {
        watch.name: {target.rstrip("."): alive for target, alive in prober.read_states(watch.file).items()}
        for watch in prober.load(WATCHES.read_text())
    }


def _server() -> Process:
    argv = ("sh", "-c", SCRIPT, "name-server", str(DIRECTORY))
    return Process(name=SERVER, argv=argv, host=HOST, ready=(str(layout.NAME_SERVER), 53))


def _prober() -> Process:
    if not WATCHES.exists():
        files.write(WATCHES, prober.dump(()))
    own = shlex.join([sys.executable, "-m", "sandbox.substrate.names.prober", str(WATCHES)])
    binds = {RESOLV_CONF: "/etc/resolv.conf"}
    if Path(resolvers.NSSWITCH_FILE).exists():
        binds[NSSWITCH] = resolvers.NSSWITCH_FILE
    mounts = "".join(f"mount --bind {shlex.quote(str(ours))} {theirs} && " for ours, theirs in binds.items())
    script = f"{mounts}exec {own}"
    argv = ("unshare", "--mount", "--propagation", "private", "sh", "-c", script)
    return Process(name=PROBER, argv=argv, host=HOST, env={"PYTHONPATH": str(layout.CHECKOUT), **own_code.variables()})


def _take_over(rendered: gdnsd.Rendered) -> None:
    """Have the server use what was written, unless it does. What it uses is noted last: a killed run is made up for."""
    texts = {"config": rendered.config, "zones": json.dumps(rendered.zones, sort_keys=True)}
    wanted = {part: hashlib.sha256(text.encode()).hexdigest() for part, text in texts.items()}
    used: dict[str, str] = json.loads(IN_USE.read_text()) if IN_USE.exists() else {}
    if used.get("config") != wanted["config"]:
        _replace()
    elif used != wanted:
        # -i: a server that is just being started reads the new files anyway.
        run(["gdnsdctl", "-c", str(DIRECTORY), "-i", "reload-zones"])
    files.write(IN_USE, json.dumps(wanted))


def _replace() -> None:
    before = _pid()
    processes.reload(SERVER, "HUP")
    try:
        until(lambda: _pid() not in (None, before), "a new name server took over")
    except SubstrateError as error:
        said = "\n".join(processes.tail(SERVER, 12))
        raise SubstrateError(f"{error}. Its last words:\n{said}") from None


def _pid() -> str | None:
    """The process id of the gdnsd that answers; None while none does."""
    try:
        # It says so on its standard error.
        said = run(["sh", "-c", f"gdnsdctl -c {shlex.quote(str(DIRECTORY))} -o -t 5 status 2>&1"])
    except SubstrateError:
        return None
    return said.strip().rpartition(" ")[2]


def _known_serials() -> dict[str, Mapping[str, str | int]]:
    return json.loads(SERIALS.read_text()) if SERIALS.exists() else {}


def _serial(known: Mapping[str, str | int] | None, digest: str) -> int:
    if known is None:
        return 1
    return int(known["serial"]) + (known["digest"] != digest)


def _check(rendered: gdnsd.Rendered) -> None:
    candidate = DIRECTORY / "candidate"
    shutil.rmtree(candidate, ignore_errors=True)
    _write(rendered, candidate)
    try:
        run(["gdnsd", "-c", str(candidate), "checkconf"])
    finally:
        shutil.rmtree(candidate, ignore_errors=True)


def _write(rendered: gdnsd.Rendered, directory: Path) -> None:
    """Write configuration and zone files, and remove other zones' files."""
    zones = directory / "zones"
    zones.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in rendered.zones.items():
        files.write(zones / name, text)
    for path in zones.iterdir():
        if path.name not in rendered.zones:
            path.unlink()
    files.write(directory / "config", rendered.config)


def _forget_states(rendered: gdnsd.Rendered) -> None:
    used = {watch.file for watch in rendered.watches}
    for path in (DIRECTORY / "states").glob("*"):
        if path not in used and not path.name.startswith("."):
            path.unlink(missing_ok=True)
