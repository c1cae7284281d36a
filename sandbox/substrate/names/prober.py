"""Watches names' targets from the internet and writes which of them live, for gdnsd to read.

A program of its own (`python -m sandbox.substrate.names.prober FILE`) on the name server's host, started by
name_server.py, which also gives it that server as resolver. FILE lists what to watch; it is read again whenever it
changes.
A target counts as living until it has failed `fall` times in a row; one success brings it back. Certificates are not
verified: the cloud's probes look at the answer alone [mem].
"""

import asyncio
import json
import ssl
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from ipaddress import IPv4Address
from pathlib import Path

from sandbox.substrate import files
from sandbox.substrate.names.gdnsd import Watch
from sandbox.substrate.specs import Probe

REREAD_S = 0.5


def dump(watches: tuple[Watch, ...]) -> str:
    """Watches as the prober's FILE."""
    return json.dumps([asdict(watch) | {"file": str(watch.file)} for watch in watches], indent=1)


def load(text: str) -> tuple[Watch, ...]:
    """What `dump` wrote."""
    return tuple(
        Watch(
            name=entry["name"],
            service=entry["service"],
            file=Path(entry["file"]),
            targets=tuple(entry["targets"]),
            probe=Probe(**entry["probe"]),
        )
        for entry in json.loads(text)
    )


def write_states(file: Path, states: Mapping[str, bool]) -> None:
    """Write which targets live, in the form gdnsd reads."""
    lines = [f'"{target}" => {"UP" if alive else "DOWN"}\n' for target, alive in states.items()]
    files.write(file, "".join(lines) or "# nothing watched yet\n")


def read_states(file: Path) -> dict[str, bool]:
    """What `write_states` wrote; empty if there is nothing yet."""
    try:
        text = file.read_text()
    except FileNotFoundError:
        return {}
    pairs = (line.split(" => ") for line in text.splitlines() if " => " in line)
    return {target.strip('"'): state == "UP" for target, state in pairs}


async def lives(target: str, probe: Probe) -> bool:
    """One probe: whether the target answered in time, and over HTTP(S) with a status below the limit."""
    try:
        async with asyncio.timeout(probe.timeout_s):
            return await _answers(target, probe)
    except (OSError, ValueError, IndexError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return False


async def _answers(target: str, probe: Probe) -> bool:
    host = probe.host or target.rstrip(".")
    context: ssl.SSLContext | None = None
    if probe.protocol == "https":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    # An address has no server name to send.
    name = host if context and not _is_address(host) else None
    place = target.rstrip(".")
    reader, writer = await asyncio.open_connection(place, probe.port, ssl=context, server_hostname=name)
    try:
        if probe.protocol == "tcp":
            return True
        request = f"GET {probe.path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: health-probe\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        await writer.drain()
        status = int((await reader.readline()).split()[1])
        return status < probe.failure_from_status
    finally:
        # Not awaited: a TLS peer that never says goodbye must not turn an answer into a failure.
        writer.close()


def _is_address(name: str) -> bool:
    try:
        IPv4Address(name)
    except ValueError:
        return False
    return True


class _Watcher:
    """The probes of one watch; keeps the states that an earlier run wrote."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        known = read_states(watch.file)
        self._states = {target: known.get(target, True) for target in watch.targets}
        write_states(watch.file, self._states)

    async def run(self) -> None:
        await asyncio.gather(*(self._watch_target(target) for target in self._watch.targets))

    async def _watch_target(self, target: str) -> None:
        probe, failed = self._watch.probe, 0
        clock = asyncio.get_running_loop()
        while True:
            begun = clock.time()
            failed = 0 if await lives(target, probe) else failed + 1
            alive = failed == 0 or (self._states[target] and failed < probe.fall)
            if alive != self._states[target]:
                self._states[target] = alive
                write_states(self._watch.file, self._states)
                print(f"{self._watch.name}: {target} is {'up' if alive else 'down'}", flush=True)
            await asyncio.sleep(max(0.0, begun + probe.interval_s - clock.time()))


async def _serve(file: Path) -> None:
    text, running = "", None
    while True:
        fresh = file.read_text()
        if fresh != text:
            if running:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running
            text = fresh
            watchers = [_Watcher(watch) for watch in load(text)]
            running = asyncio.ensure_future(asyncio.gather(*(watcher.run() for watcher in watchers)))
        if running and running.done():
            running.result()  # A probe never ends by itself: let the supervisor see why, and start anew.
        await asyncio.sleep(REREAD_S)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
