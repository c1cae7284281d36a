"""An image registry on a host: Debian's docker-registry with TLS for its domain; its users by basic authentication."""

import json
import shutil
from collections.abc import Mapping

import bcrypt

from sandbox import layout
from sandbox.substrate import authority, files
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.specs import Process, Registry
from sandbox.substrate.supervision import processes

REALM = "sanmen"
ROUNDS = 8
"""bcrypt's cost: the passwords are random and the registry is a sandbox's."""


def ensure(registry: Registry) -> None:
    """Run a registry as its spec says. Its host stands already; a changed certificate or user list restarts it.

    Raises SubstrateError if the certificate does not hold its key or is not for the domain.
    """
    domains = authority.domains_of(authority.read(registry.certificate))
    if registry.domain not in domains:
        raise SubstrateError(f"registry {registry.name}: certificate is for {domains}, not for {registry.domain!r}")
    if not authority.matches(registry.certificate, registry.certificate):
        raise SubstrateError(f"registry {registry.name}: the certificate's private key is missing or another one's")
    directory = layout.STATE / "registries" / registry.name
    pem, users = directory / "tls.pem", directory / "htpasswd"
    settings: dict[str, object] = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": False}},
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}, "delete": {"enabled": True}},
        "http": {
            "addr": f"0.0.0.0:{registry.port}",
            "host": f"https://{registry.domain}" + (f":{registry.port}" if registry.port != 443 else ""),
            "tls": {"certificate": str(pem), "key": str(pem), "minimumtls": "tls1.2"},
        },
    }
    if registry.users:
        settings["auth"] = {"htpasswd": {"realm": REALM, "path": str(users)}}
    changed = files.write(pem, registry.certificate)
    changed |= files.write(users, _htpasswd(registry.users, users.read_text() if users.exists() else ""))
    # JSON is YAML too.
    changed |= files.write(directory / "config.yml", json.dumps(settings, indent=1))
    name = _process_name(registry.name)
    if changed:
        processes.stop_process(name)
    processes.ensure(
        Process(
            name=name,
            argv=("docker-registry", "serve", str(directory / "config.yml")),
            host=registry.host,
            ready=("127.0.0.1", registry.port),
        )
    )


def remove(name: str) -> None:
    """Stop a registry and forget its images. Gone already: nothing."""
    processes.stop_process(_process_name(name))
    shutil.rmtree(layout.STATE / "registries" / name, ignore_errors=True)


def _process_name(name: str) -> str:
    return f"registry-{name}"


def _htpasswd(users: Mapping[str, str], before: str) -> str:
    """User names and bcrypt hashes; a hash that still fits stays, so that nothing changes without need."""
    known = dict(line.split(":", 1) for line in before.splitlines() if ":" in line)
    lines: list[str] = []
    for user, password in sorted(users.items()):
        digest = known.get(user, "")
        if not digest or not bcrypt.checkpw(password.encode(), digest.encode()):
            digest = bcrypt.hashpw(password.encode(), bcrypt.gensalt(ROUNDS)).decode()
        lines.append(f"{user}:{digest}\n")
    return "".join(lines)
