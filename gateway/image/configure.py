#!/usr/bin/env python3
"""Writes nginx.conf from gateway.json. Runs inside the machine image and the container: Python's own library only.

gateway.json was validated and completed by gateway/config.py where it was written; here only what nginx could not
live with is refused, with one line that names the key.
"""

import argparse
import json
import os
import pwd
import resource
import string
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORKER_USER = "www-data"
CORES = "SANMEN_CORES"
"""Environment variable: how many cores this container may use. Kubernetes tells it by `resourceFieldRef`."""
WORKERS_LIMIT = 64
OWNED = ("body", "proxy", "fastcgi", "uwsgi", "scgi")


class ConfigureError(Exception):
    """gateway.json cannot become a configuration; the text names the key."""


class Template(string.Template):
    """nginx uses `$`, so placeholders are `%{name}`."""

    delimiter = "%"


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Where things are. `home`: lua/, limits.lua and nginx.conf.template. `log`: where usage records go.

    `run` (small) and `spool` (request bodies that do not fit into memory) are writable; the root need not be.
    """

    settings: Path
    home: Path
    secrets: Path
    run: Path
    spool: Path
    ca: Path
    log: Path
    modules: Path
    resolv_conf: Path


def resolvers(settings: Mapping[str, Any], resolv_conf: Path) -> str:
    """Name servers for nginx, which does not read resolv.conf itself."""
    given = [str(address) for address in settings["resolvers"]]
    if not given:
        lines = [line.split() for line in resolv_conf.read_text().splitlines()]
        given = [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]
    if not given:
        raise ConfigureError(f"resolvers: none given and none in {resolv_conf}")
    return " ".join(f"[{address}]" if address.count(":") > 1 and "[" not in address else address for address in given)


def tls_listener(listen: Mapping[str, Any]) -> str:
    """The TLS listener's lines, or nothing without a certificate."""
    tls = listen.get("tls")
    if not tls:
        return ""
    for key in ("certificate_file", "key_file"):
        if not Path(tls[key]).is_file():
            raise ConfigureError(f"listen.tls.{key}: there is no file {tls[key]}")
    lines = (
        f"listen {listen['tls_port']} ssl http2 backlog=4096 reuseport;",
        f"ssl_certificate {tls['certificate_file']};",
        f"ssl_certificate_key {tls['key_file']};",
        "ssl_protocols TLSv1.2 TLSv1.3;",
        "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;",
        "ssl_session_cache shared:tls:10m;",
        "ssl_session_tickets off;",
        "ssl_buffer_size 4k;",
    )
    return "\n        ".join(lines)


def real_ip(listen: Mapping[str, Any]) -> str:
    """Whose X-Forwarded-For is believed."""
    trusted = [f"set_real_ip_from {network};" for network in listen["trusted_proxies"]]
    return "\n    ".join([*trusted, "real_ip_header X-Forwarded-For;"]) if trusted else ""


def workers(environment: Mapping[str, str]) -> str:
    """As many as CORES says; nginx would count the cores of the machine, of which a container has a few."""
    given = environment.get(CORES)
    if not given:
        return "auto"
    if not given.isdecimal() or not 1 <= int(given) <= WORKERS_LIMIT:
        raise ConfigureError(f"{CORES}: a whole number from 1 to {WORKERS_LIMIT} is wanted (given {given!r})")
    return given


def render(settings: Mapping[str, Any], paths: Paths) -> str:
    """nginx.conf. Raises ConfigureError or KeyError."""
    listen, buffers = settings["listen"], settings["buffers"]
    ttl_s = settings["resolver_ttl_s"]
    connections = int(settings["worker_connections"])
    values = {
        "user": f"user {WORKER_USER};\n" if os.geteuid() == 0 else "",
        "workers": settings["workers"] or workers(os.environ),
        "nofile": min(connections * 2, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
        "worker_connections": connections,
        "drain_s": settings["drain_s"],
        "run": paths.run,
        "spool": paths.spool,
        "modules": paths.modules,
        "client_keepalive_s": settings["client_keepalive_s"],
        "header_count": buffers["header_count"],
        "header_bytes": buffers["header_bytes"],
        "body_limit_bytes": buffers["body_limit_bytes"],
        "body_memory_bytes": buffers["body_memory_bytes"],
        "resolvers": resolvers(settings, paths.resolv_conf),
        "resolver_valid": f" valid={ttl_s}s" if ttl_s else "",
        "real_ip": real_ip(listen),
        "lua": paths.home / "lua",
        "functions": paths.home / "limits.lua",
        "ca": paths.ca,
        "settings": paths.settings,
        "secrets": paths.secrets,
        "http_port": listen["http_port"],
        "tls": tls_listener(listen),
        "metrics_port": listen["metrics_port"],
        "status_port": listen["status_port"],
        "log": paths.log,
    }
    return Template((paths.home / "nginx.conf.template").read_text()).substitute(values)


def write_atomically(path: Path, text: str) -> None:
    """The whole file or the old one."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as draft:
        draft.write(text)
    os.chmod(draft.name, 0o644)
    os.replace(draft.name, path)


def prepare(paths: Paths) -> None:
    """Writable directories of nginx, owned by who its workers are."""
    paths.run.mkdir(parents=True, exist_ok=True)
    paths.run.joinpath("draining").unlink(missing_ok=True)
    for name in OWNED:
        directory = paths.spool / name
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            worker = pwd.getpwnam(WORKER_USER)
            os.chown(directory, worker.pw_uid, worker.pw_gid)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The paths' options, shared with serve.py. Defaults are those of the image."""
    parser.add_argument("--settings", type=Path, default=Path("/etc/sanmen/gateway.json"))
    parser.add_argument("--home", type=Path, default=Path("/usr/lib/sanmen"))
    parser.add_argument("--secrets", type=Path, default=Path("/run/sanmen/secrets"))
    parser.add_argument("--run", type=Path, default=Path("/run/sanmen/nginx"))
    parser.add_argument("--spool", type=Path, default=Path("/tmp/sanmen-spool"))
    parser.add_argument("--ca", type=Path, default=Path("/etc/ssl/certs/ca-certificates.crt"))
    parser.add_argument("--log", type=Path, default=Path("/dev/stdout"))
    parser.add_argument("--modules", type=Path, default=Path("/usr/lib/nginx/modules"))
    parser.add_argument("--resolv-conf", type=Path, default=Path("/etc/resolv.conf"))


def paths_of(arguments: argparse.Namespace) -> Paths:
    """The options as Paths."""
    names = ("settings", "home", "secrets", "run", "spool", "ca", "log", "modules", "resolv_conf")
    return Paths(**{name: getattr(arguments, name) for name in names})


def configure(paths: Paths) -> Path:
    """Write nginx.conf below `paths.run` and return its path. Raises ConfigureError."""
    try:
        settings: dict[str, Any] = json.loads(paths.settings.read_text())
        prepare(paths)
        text = render(settings, paths)
    except KeyError as missing:
        raise ConfigureError(f"{paths.settings}: {missing.args[0]} is missing") from None
    except (OSError, ValueError) as reason:
        raise ConfigureError(f"{paths.settings}: {reason}") from None
    target = paths.run / "nginx.conf"
    write_atomically(target, text)
    return target


def main() -> int:
    """Command line: write the configuration, print its path."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_arguments(parser)
    try:
        print(configure(paths_of(parser.parse_args())))
    except ConfigureError as reason:
        print(f"configure: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
