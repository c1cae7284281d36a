"""What stands on the sandbox's internet: the name server, clients near each region, and the upstreams' stand-ins."""

import json
import sys

from sandbox import layout
from sandbox.commands import secret_file
from sandbox.substrate import authority, files
from sandbox.substrate.names import name_server
from sandbox.substrate.network import clients, topology
from sandbox.substrate.specs import Host, Process
from sandbox.substrate.supervision import own_code, processes

SETTINGS = layout.STATE / "upstreams"


def start() -> None:
    """Start it all. Does nothing that is done already."""
    name_server.start()
    clients.start()
    for domain in layout.UPSTREAMS:
        _start_upstream(domain)


def _start_upstream(domain: str) -> None:
    """A stand-in for an LLM API: own host, own certificate, a settings file for its speed and failures."""
    short = domain.partition(".")[0]
    address = layout.UPSTREAMS[domain]
    name = f"upstream-{short}"
    topology.ensure_host(Host(name=name, public=address, internet=True))
    folder = SETTINGS / short
    chain, key, settings = folder / "chain.pem", folder / "key.pem", folder / "settings.json"
    if not chain.exists():
        certificate, private_key = authority.issue([domain], days=30)
        files.write(key, private_key)
        files.write(chain, certificate)
    if not settings.exists():
        credential = secret_file.ensure()[f"upstream_{short}"]
        files.write(settings, json.dumps({"credential": credential, "name": short}, indent=1))
    argv = (sys.executable, "-m", "sandbox.upstream", "--bind", f"{address}:443")
    given = ("--certificate", str(chain), "--key", str(key), "--settings", str(settings))
    processes.ensure(
        Process(name=name, argv=(*argv, *given), host=name, env=dict(own_code.variables()), ready=(str(address), 443))
    )
