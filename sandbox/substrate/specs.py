"""What the substrate is asked to run, as plain data. Nothing here knows of Tencent.

Names are unique per sandbox, `[a-z0-9-]{1,40}`. A host's namespace is `layout.namespace(name)`.
Every `ensure_*` brings about what its spec says, again and again; every `remove_*` accepts what is already gone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

EVERYWHERE = IPv4Network("0.0.0.0/0")
"""Any address, as a firewall's peer."""


class Verdict(StrEnum):
    """What a firewall rule does with a packet."""

    ACCEPT = "accept"
    DROP = "drop"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One ordered firewall rule. `protocol`: tcp, udp, icmp or all. `ports`: ((443, 443), (3000, 4000)); empty: any."""

    verdict: Verdict
    peers: tuple[IPv4Network, ...]
    protocol: str = "all"
    ports: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Firewall:
    """First match decides, then drop. Answers to admitted connections pass. `trusted` peers are always admitted."""

    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()
    trusted: tuple[IPv4Network, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Router:
    """A private network: its own address space, its own gateway to the region's edge."""

    name: str
    region: str


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """A bridge in a router's namespace; the gateway is its first address. `routed_out`: has a default route by NAT."""

    name: str
    router: str
    cidr: IPv4Network
    routed_out: bool = False


@dataclass(frozen=True, kw_only=True)
class Nat:
    """What leaves a router's routed-out subnets leaves with one of these public addresses."""

    name: str
    router: str
    public: tuple[IPv4Address, ...]


@dataclass(frozen=True, kw_only=True)
class Host:
    """A network namespace with a leg in a subnet, on the region's public network, or both.

    `subnet` and `private` go together; `region` and `public` go together.
    A host with a public leg has its default route there, else by its subnet.
    `internet`: the public leg stands on the internet's core (or a client range) instead of in a region.
    """

    name: str
    subnet: str | None = None
    private: IPv4Address | None = None
    region: str | None = None
    public: IPv4Address | None = None
    internet: bool = False
    firewall: Firewall | None = None


@dataclass(frozen=True, kw_only=True)
class Process:
    """A supervised process. `ready`: (address, port) that accepts a TCP connection, or a file that exists.

    `files` are written below the process's own directory before it starts; argv may name them relative to it.
    """

    name: str
    argv: tuple[str, ...]
    host: str | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    ready: tuple[str, int] | Path | None = None
    user: str | None = None


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A container that boots as a machine does: an image's root file system, its own init, user data by cloud-init.

    `host` is its namespace (made before). `image` names a root file system below `layout.CACHE / "images"`.
    """

    name: str
    host: str
    image: str
    hostname: str
    instance_id: str
    user_data: bytes = b""
    memory_bytes: int = 512 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Check:
    """A health check over HTTP or TCP. Times in seconds."""

    kind: str = "http"
    path: str = "/"
    host: str = ""
    method: str = "GET"
    codes: tuple[int, ...] = (1, 2, 3, 4)
    """First digits of the status codes that count as healthy."""
    interval_s: int = 5
    timeout_s: int = 2
    rise: int = 3
    fall: int = 3


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a balancer sends requests. `weight` 0 drains: open ones finish, no new one comes."""

    name: str
    address: IPv4Address
    port: int
    weight: int = 10


@dataclass(frozen=True, kw_only=True)
class Route:
    """Requests for a domain and path prefix go to targets; with `redirect_port` they are sent to that https port."""

    name: str
    domain: str
    path: str = "/"
    targets: tuple[Target, ...] = ()
    check: Check | None = None
    balance: str = "roundrobin"
    redirect_port: int | None = None
    redirect_code: int = 301
    https_targets: bool = False


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A port of a balancer: http, https or tcp. Certificates are PEM (chain and key in one); the first is the default.

    `read_timeout_s`, `keepalive_s`, `connect_timeout_s`: the times of the custom configuration.
    """

    name: str
    port: int
    protocol: str
    routes: tuple[Route, ...]
    certificates: tuple[str, ...] = ()
    tls_versions: tuple[str, ...] = ("TLSv1.2",)
    http2: bool = True
    target_keepalive: bool = False
    read_timeout_s: int = 60
    send_timeout_s: int = 60
    connect_timeout_s: int = 4
    keepalive_s: int = 75
    body_limit_bytes: int = 60 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Balancer:
    """A load balancer that runs on a host with a public and a private leg (or one of them)."""

    name: str
    host: str
    listeners: tuple[Listener, ...] = ()
    access_log: bool = False


@dataclass(frozen=True, kw_only=True)
class Cache:
    """A Redis primary with replicas behind one address. `hosts`: primary first; each is a namespace made before.

    `address` is the moving one: the primary holds it. `parameters` are redis.conf directives.
    """

    name: str
    hosts: tuple[str, ...]
    subnet: str
    address: IPv4Address
    port: int = 6379
    password: str | None = None
    max_memory_bytes: int = 256 * 1024 * 1024
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class Record:
    """A DNS record. `name` is relative to its zone (`@`: the zone). `lines` empty: everyone; else client ranges."""

    name: str
    type: str
    value: str
    ttl_s: int = 600
    lines: tuple[IPv4Network, ...] = ()
    weight: int | None = None


@dataclass(frozen=True, kw_only=True)
class Probe:
    """How a name's targets are watched from outside. Times in seconds."""

    protocol: str = "https"
    port: int = 443
    path: str = "/"
    host: str = ""
    interval_s: float = 15
    timeout_s: float = 2
    fall: int = 2
    """Failed probes in a row that take a target out."""
    failure_from_status: int = 400


@dataclass(frozen=True, kw_only=True)
class Failover:
    """A name that answers with the first pool that has a living target, by the asking resolver's range.

    `pools`: pool name -> CNAME targets or addresses. `order`: client range -> pool names, best first;
    `default` for all others. If no target lives, the last pool of the order answers.
    """

    name: str
    pools: Mapping[str, tuple[str, ...]]
    default: tuple[str, ...]
    order: Mapping[IPv4Network, tuple[str, ...]] = field(default_factory=dict[IPv4Network, tuple[str, ...]])
    probe: Probe | None = None
    ttl_s: int = 60


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A DNS zone that the sandbox's name server answers for."""

    domain: str
    records: tuple[Record, ...] = ()
    failovers: tuple[Failover, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """A Prometheus on a host. `scrapes` are scrape_config mappings, `rules` rule group mappings, as it reads them."""

    name: str
    host: str
    port: int = 9090
    retention_days: int = 15
    scrapes: tuple[Mapping[str, object], ...] = ()
    rules: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Registry:
    """An image registry on a host, with TLS for its domain."""

    name: str
    host: str
    domain: str
    certificate: str
    port: int = 443
    users: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A Kubernetes control plane on a host that has a private leg: etcd, API server, controller manager, scheduler.

    `address`: the host's private address; the API server listens on its port 6443. `services`: the range of cluster
    addresses of services. `names`: more addresses and names that the API server's certificate is for.
    `encryption_key`: base64 of 32 bytes; with one, secrets are encrypted where they are kept. `controllers`: further
    flags of the controller manager, as {"horizontal-pod-autoscaler-downscale-stabilization": "30s"}.
    """

    name: str
    host: str
    address: IPv4Address
    services: IPv4Network
    names: tuple[str, ...] = ()
    encryption_key: str | None = None
    audit_log: bool = False
    controllers: Mapping[str, str] = field(default_factory=dict[str, str])
