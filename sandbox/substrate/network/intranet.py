"""What every private network offers its instances: metadata and the API on one address, a resolver on another.

Both run in the router's namespace. The API itself is one process for all; the router's haproxy tells it who asks, by
`X-Sanmen-Router: <router>` and `X-Forwarded-For: <instance>`, which nobody else can set.
"""

import threading
from pathlib import Path

from sandbox import layout
from sandbox.substrate import authority, files
from sandbox.substrate.names import resolvers
from sandbox.substrate.specs import Process
from sandbox.substrate.supervision import processes

METADATA_DOMAIN = "metadata.tencentyun.com"
ROUTER_HEADER = "X-Sanmen-Router"
_CERTIFICATE_DAYS = 820
_guard = threading.Lock()


def ensure(router: str) -> None:
    """Have both run in a router's namespace."""
    processes.ensure(_forwarder(router))
    fixed = {METADATA_DOMAIN: layout.METADATA, layout.API_INTRANET_DOMAIN: layout.METADATA}
    processes.ensure(resolvers.process(f"{router}-resolver", router, layout.RESOLVER, fixed))


def remove(router: str) -> None:
    """Stop both. Not there: nothing."""
    processes.stop_process(f"{router}-intranet")
    processes.stop_process(f"{router}-resolver")


def _forwarder(router: str) -> Process:
    lines = [
        "defaults",
        "  mode http",
        "  timeout connect 5s",
        "  timeout client 60s",
        "  timeout server 60s",
        "frontend intranet",
        f"  bind {layout.METADATA}:80",
        f"  bind {layout.METADATA}:443 ssl crt intranet.pem",
        f"  http-request set-header {ROUTER_HEADER} {router}",
        "  http-request set-header X-Forwarded-For %[src]",
        "  http-request set-header X-Forwarded-Proto https if { ssl_fc }",
        "  default_backend api",
        "backend api",
        f"  server api unix@{layout.API_SOCKET}",
    ]
    return Process(
        name=f"{router}-intranet",
        host=router,
        # As root: the API's socket is root's alone.
        argv=("haproxy", "-db", "-f", "haproxy.cfg"),
        files={"haproxy.cfg": "\n".join(lines) + "\n", "intranet.pem": _certificate()},
        ready=(str(layout.METADATA), 80),
    )


def _certificate() -> str:
    """Chain and key in one, issued once: another one would restart every forwarder."""
    path = Path(layout.STATE / "network" / "intranet.pem")
    with _guard:
        if not path.exists():
            authority.ensure()
            domains = [f"*.{layout.API_INTRANET_DOMAIN}", METADATA_DOMAIN]
            chain, key = authority.issue(domains, _CERTIFICATE_DAYS)
            files.write(path, chain + key)
        return path.read_text()
