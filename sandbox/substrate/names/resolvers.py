"""Recursive resolvers: unbound, asking the sandbox's one name server, keeping answers for as long as their TTL says."""

from ipaddress import IPv4Address

from sandbox import layout
from sandbox.substrate.specs import Process

NSSWITCH_FILE = "/etc/nsswitch.conf"
NSSWITCH = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
"""For that file, beside a resolver of ours: other ways to ask for a name end at the machine's own services."""
NEGATIVE_TTL_S = 1
"""How long "no such name" is kept: short, as names appear while someone waits for them."""


def process(name: str, host: str, address: IPv4Address, fixed: dict[str, IPv4Address] | None = None) -> Process:
    """A resolver on an address of a host. `fixed`: domains that it answers itself, with all names below them."""
    local = [
        line
        for domain, target in sorted((fixed or {}).items())
        for line in (f'local-zone: "{domain}." redirect', f'local-data: "{domain}. 60 IN A {target}"')
    ]
    server = [
        f"interface: {address}",
        "access-control: 0.0.0.0/0 allow",
        "do-ip6: no",
        "num-threads: 1",
        'chroot: ""',
        'username: ""',
        'directory: ""',
        'pidfile: ""',
        "use-syslog: no",
        'logfile: ""',
        # No DNSSEC: the sandbox's root is not the world's.
        'module-config: "iterator"',
        # unbound would answer these itself (RFC 6761), and the sandbox's domains end in .test.
        'local-zone: "test." nodefault',
        *local,
        "msg-cache-size: 1m",
        "rrset-cache-size: 2m",
        f"cache-max-negative-ttl: {NEGATIVE_TTL_S}",
        # A name server that was away is asked again at once.
        "infra-host-ttl: 1",
        "infra-keep-probing: yes",
    ]
    forward = ['name: "."', f"forward-addr: {layout.NAME_SERVER}"]
    lines = ["server:", *(f"  {line}" for line in server), "forward-zone:", *(f"  {line}" for line in forward)]
    lines += ["remote-control:", "  control-enable: no"]
    return Process(
        name=name,
        host=host,
        argv=("unbound", "-d", "-c", "unbound.conf"),
        files={"unbound.conf": "\n".join(lines) + "\n"},
        ready=(str(address), 53),
        user="unbound",
    )
