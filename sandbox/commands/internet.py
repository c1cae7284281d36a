"""What stands on the sandbox's internet: the name server, clients near each region, and the upstreams' stand-ins."""

import sys
from pathlib import Path

from sandbox import layout
from sandbox.commands import secret_file
from sandbox.substrate import authority, files
from sandbox.substrate.names import name_server
from sandbox.substrate.network import clients, topology
from sandbox.substrate.specs import Host, Process
from sandbox.substrate.supervision import own_code, processes
from sandbox.upstream.behaviour import Behaviour

SETTINGS = layout.STATE / "upstreams"


def start() -> None:
    """Start it all. Does nothing that is done already."""
    name_server.start()
    clients.start()
    for domain in layout.UPSTREAMS:
        _start_upstream(domain)


def settings_file(domain: str) -> Path:
    """Where a stand-in's behaviour is written: sandbox/upstream/behaviour.py says what can stand in it."""
    return SETTINGS / short_name(domain) / "settings.json"


def short_name(domain: str) -> str:
    """What the stack calls the upstream of this domain: `alpha`."""
    return domain.partition(".")[0]


def _start_upstream(domain: str) -> None:
    """A stand-in for an LLM API: own host, own certificate, a settings file for its speed and failures."""
    short = short_name(domain)
    address = layout.UPSTREAMS[domain]
    name = f"upstream-{short}"
    topology.ensure_host(Host(name=name, public=address, internet=True))
    settings = settings_file(domain)
    chain, key = settings.with_name("chain.pem"), settings.with_name("key.pem")
    if not chain.exists():
        certificate, private_key = authority.issue([domain], days=30)
        files.write(key, private_key)
        files.write(chain, certificate)
    if not settings.exists():
        credential = secret_file.ensure()[f"upstream_{short}"]
        accepted = Behaviour(name=short, credentials=frozenset({credential}))
        files.write(settings, accepted.model_dump_json(indent=1))
    argv = (sys.executable, "-m", "sandbox.upstream", "--bind", f"{address}:443")
    given = ("--certificate", str(chain), "--key", str(key), "--settings", str(settings))
    processes.ensure(
        Process(name=name, argv=(*argv, *given), host=name, env=dict(own_code.variables()), ready=(str(address), 443))
    )
