"""Redis: a primary and its replicas, each on a host, behind an address that follows the primary.

One sentinel per cache watches from the subnet's router and decides. It is alone (quorum 1) because it plays the
cloud's own control, which does not vanish with a node; a sentinel on each of two nodes could not act once one node is
gone, as sentinels need a majority of all that were ever known. The nodes' firewalls must trust their subnet.
After a failover sentinel runs cache_address, which moves the address: about 4 s after the primary was lost.
Passwords stand in files of mode 600, never in argv.
"""

import hashlib
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import redis

from sandbox import layout
from sandbox.substrate import files, ledger
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.locks import holding
from sandbox.substrate.network import namespaces
from sandbox.substrate.servers import cache_address
from sandbox.substrate.servers.cache_address import Members, directory
from sandbox.substrate.specs import Cache, Process
from sandbox.substrate.supervision import processes
from sandbox.substrate.waiting import until

DOWN_AFTER_MS = 2000
FAILOVER_TIMEOUT_MS = 6000
SENTINEL_PORT = 26379
ANSWER_S = 3.0


def ensure(cache: Cache) -> None:
    """Run a cache as its spec says; who is primary stays as it is. Its hosts and subnet stand already.

    Raises SubstrateError if a node does not start, a parameter is refused, or a replica cannot follow.
    """
    with holding("cache", cache.name):
        _ensure(cache)


def _ensure(cache: Cache) -> None:
    if not cache.hosts:
        raise SubstrateError(f"cache {cache.name} needs a host")
    own = {host: cache_address.leg(host, cache.address)[1] for host in cache.hosts}
    members = Members(address=cache.address, hosts=own)
    before = cache_address.read(cache.name)
    primary_host = _primary(cache.name, members) or cache.hosts[0]
    cache_address.record(cache.name, members)
    for gone in set(before.hosts) - set(own) if before else ():
        processes.stop_process(_node_process_name(cache.name, gone))
        shutil.rmtree(directory(cache.name) / gone, ignore_errors=True)
    known = _known_password(cache.name, cache.password)
    for host in sorted(cache.hosts, key=lambda host: host != primary_host):
        _ensure_node(cache, host, None if host == primary_host else own[primary_host], known)
    _configure(cache, known)
    for host in cache.hosts:
        if host != primary_host:
            _follow(cache, host, own[primary_host])
    cache_address.move(members, primary_host)
    _ensure_sentinel(cache, own[primary_host], changed=before is not None and before.hosts != own)
    replicas = len(cache.hosts) - 1
    until(
        lambda: _followers(cache, primary_host) == replicas,
        f"cache {cache.name}: {replicas} replicas follow {primary_host}",
    )


def remove(name: str) -> None:
    """Stop a cache and forget its data. Gone already: nothing."""
    with holding("cache", name):
        members = cache_address.read(name)
        processes.stop_process(_sentinel_name(name))
        if members:
            for host in members.hosts:
                processes.stop_process(_node_process_name(name, host))
            cache_address.release(members)
        shutil.rmtree(directory(name), ignore_errors=True)


def primary(name: str) -> str:
    """The host that is primary: the one that holds the address. Raises SubstrateError while there is none."""
    members = cache_address.read(name)
    if members is None:
        raise SubstrateError(f"there is no cache {name!r}")
    host = cache_address.holder(members)
    if host is None:
        raise SubstrateError(f"cache {name} has no primary right now")
    return host


def _primary(name: str, members: Members) -> str | None:
    """The primary as sentinel sees it; without one the holder of the address, or who was primary when all went down."""
    try:
        answer = _ask(_router(name), _loopback(name), SENTINEL_PORT, None, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
    except SubstrateError:
        return cache_address.holder(members) or _last_primary(name, members)
    return members.host_of(str(answer[0])) if answer else cache_address.holder(members)


def _last_primary(name: str, members: Members) -> str | None:
    """As sentinel has written it into its own file."""
    config = directory(name) / "sentinel" / "sentinel.conf"
    for words in map(str.split, config.read_text().splitlines() if config.exists() else ()):
        if words[:3] == ["sentinel", "monitor", name]:
            return members.host_of(words[3])
    return None


def _ensure_node(cache: Cache, host: str, follows: object | None, password: str | None) -> None:
    node = directory(cache.name) / host
    config = node / "redis.conf"
    if not config.exists():
        files.write(config, _node_config(cache, node, follows, password))
    processes.ensure(
        Process(
            name=_node_process_name(cache.name, host),
            # Redis rewrites its file with the umask's mode, and there is a password in it.
            argv=("sh", "-c", f"umask 077; exec redis-server {shlex.quote(str(config))}"),
            host=host,
            ready=("127.0.0.1", cache.port),
        )
    )
    until(lambda: _pongs(host, cache.port, password), f"cache {cache.name}: node on {host} answers")


def _follow(cache: Cache, host: str, primary_address: object) -> None:
    """Make a node that was primary when it was lost a replica; sentinel would, but takes its time."""
    role = cast(list[object], _ask(host, "127.0.0.1", cache.port, cache.password, "ROLE"))
    if role[0] == "master":
        _ask(host, "127.0.0.1", cache.port, cache.password, "REPLICAOF", str(primary_address), str(cache.port))


def _node_config(cache: Cache, node: Path, follows: object | None, password: str | None) -> str:
    lines = [
        f"port {cache.port}",
        "bind 0.0.0.0",
        "protected-mode no",
        "daemonize no",
        f"dir {_quote(str(node))}",
        "appendonly yes",
        "appendfsync everysec",
        "repl-diskless-sync-delay 0",
        "repl-timeout 10",
    ]
    if password:
        lines += [f"requirepass {_quote(password)}", f"masterauth {_quote(password)}"]
    if follows:
        lines.append(f"replicaof {follows} {cache.port}")
    return "\n".join(lines) + "\n"


def _configure(cache: Cache, known: str | None) -> None:
    """Bring running nodes to the spec's settings. Redis refuses a wrong one before it takes any."""
    settings = dict(cache.parameters) | {"maxmemory": str(cache.max_memory_bytes)}
    settings |= {"requirepass": cache.password or "", "masterauth": cache.password or ""}
    pairs = [text for setting in settings.items() for text in setting]
    for host in cache.hosts:
        # A run that was killed here may have left some nodes with the new password already.
        password = known if _pongs(host, cache.port, known) else cache.password
        _ask(host, "127.0.0.1", cache.port, password, "CONFIG", "SET", *pairs)
        _ask(host, "127.0.0.1", cache.port, cache.password, "CONFIG", "REWRITE")
    files.write(directory(cache.name) / "password", cache.password or "")


def _known_password(name: str, wanted: str | None) -> str | None:
    """The password that running nodes have; `wanted` if none ran yet."""
    path = directory(name) / "password"
    return (path.read_text() or None) if path.exists() else wanted


def _ensure_sentinel(cache: Cache, primary_address: object, *, changed: bool) -> None:
    if len(cache.hosts) == 1:
        processes.stop_process(_sentinel_name(cache.name))
        return
    router = ledger.find("subnet", cache.subnet)
    if router is None:
        raise SubstrateError(f"cache {cache.name}: there is no subnet {cache.subnet!r}")
    place = directory(cache.name) / "sentinel"
    files.write(place / "router", router["router"])
    files.write(place / "moved", _moved_script(cache.name), mode=0o700)
    config = place / "sentinel.conf"
    if not processes.kept(_sentinel_name(cache.name)):
        # Also after a restart of the machine: what sentinel has written itself it may be unable to read, as it leaves
        # a password with quotes unquoted (Redis 7.0).
        files.write(config, _sentinel_config(cache, place, primary_address))
    processes.ensure(
        Process(
            name=_sentinel_name(cache.name),
            argv=("sh", "-c", f"umask 077; exec redis-server {shlex.quote(str(config))} --sentinel"),
            host=router["router"],
            ready=(_loopback(cache.name), SENTINEL_PORT),
        )
    )
    sentinel = (router["router"], _loopback(cache.name), SENTINEL_PORT, None)
    _ask(*sentinel, "SENTINEL", "SET", cache.name, "auth-pass", cache.password or "")
    if changed:
        _ask(*sentinel, "SENTINEL", "RESET", cache.name)

    def knows_all() -> bool:
        replicas = cast(list[object], _ask(*sentinel, "SENTINEL", "REPLICAS", cache.name))
        return len(replicas) == len(cache.hosts) - 1

    until(knows_all, f"cache {cache.name}: its sentinel sees every replica (do the nodes trust their subnet?)", 30)


def _sentinel_config(cache: Cache, place: Path, primary_address: object) -> str:
    name = cache.name
    lines = [
        f"port {SENTINEL_PORT}",
        f"bind {_loopback(name)}",
        "protected-mode no",
        "daemonize no",
        f"dir {_quote(str(place))}",
        f"sentinel monitor {name} {primary_address} {cache.port} 1",
        f"sentinel down-after-milliseconds {name} {DOWN_AFTER_MS}",
        f"sentinel failover-timeout {name} {FAILOVER_TIMEOUT_MS}",
        f"sentinel parallel-syncs {name} 1",
        f"sentinel client-reconfig-script {name} {_quote(str(place / 'moved'))}",
    ]
    return "\n".join(lines) + "\n"


def _moved_script(name: str) -> str:
    env = {"SANMEN_STATE": str(layout.STATE), "PYTHONPATH": str(layout.CHECKOUT), "PATH": os.environ.get("PATH", "")}
    exports = " ".join(f"{key}={shlex.quote(value)}" for key, value in env.items())
    command = shlex.join([sys.executable, "-m", "sandbox.substrate.servers.cache_address", name])
    return f'#!/bin/sh\n{exports} exec {command} "$@"\n'


def _router(name: str) -> str:
    try:
        return (directory(name) / "sentinel" / "router").read_text()
    except FileNotFoundError as error:
        raise SubstrateError(f"cache {name} has no sentinel") from error


def _followers(cache: Cache, host: str) -> int:
    info = cast(Mapping[str, Any], _ask(host, "127.0.0.1", cache.port, cache.password, "INFO", "replication"))
    replicas = (cast(Mapping[str, Any], info[f"slave{number}"]) for number in range(info["connected_slaves"]))
    return sum(1 for replica in replicas if replica["state"] == "online")


def _pongs(host: str, port: int, password: str | None) -> bool:
    try:
        _ask(host, "127.0.0.1", port, password, "PING")
    except SubstrateError:
        return False
    return True


def _ask(namespace: str, address: str, port: int, password: str | None, *command: str) -> Any:
    """One command's answer, asked inside a namespace. Errors quote its first word only: the rest may be secret."""

    def ask() -> Any:
        client = redis.Redis(
            host=address, port=port, password=password, socket_timeout=ANSWER_S, decode_responses=True, protocol=2
        )
        try:
            return client.execute_command(*command)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        finally:
            client.close()

    try:
        return namespaces.inside(namespace, ask)
    except (redis.RedisError, OSError) as error:
        raise SubstrateError(f"redis on {namespace} ({address}:{port}): {command[0]}: {error}") from error


def _loopback(name: str) -> str:
    """A loopback address of the cache's own: sentinels of several caches share a router's namespace."""
    digest = hashlib.sha256(name.encode()).digest()
    return f"127.{1 + digest[0] % 254}.{digest[1]}.{1 + digest[2] % 254}"


def _node_process_name(name: str, host: str) -> str:
    return f"cache-{name}-{host}" if host != name else f"cache-{name}"


def _sentinel_name(name: str) -> str:
    return f"cache-{name}-sentinel"


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
