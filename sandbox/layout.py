"""Where the one sandbox of a machine keeps its things, and the addresses it uses.

Every path, port and address that more than one room needs stands here. Nothing here touches the machine.
"""

import os
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
"""The checkout this code runs from."""

STATE = Path(os.environ.get("SANMEN_STATE", "/var/lib/sanmen"))
"""All that the running sandbox keeps. `down` removes it. Tests set SANMEN_STATE to stay apart."""

CACHE = Path(os.environ.get("SANMEN_CACHE", str(Path.home() / ".cache" / "sanmen")))
"""What is built or downloaded once, keyed by version and checksum. It outlives the sandbox."""

LOCAL = CHECKOUT / ".sanmen"
"""What this checkout's user sees of the sandbox: SESSION_FILES, and the engine with its plugins."""
SESSION_FILES = ("env", "ca.pem", "demo-key", "passphrase")
"""Written by `up`, removed by `down`."""

API_HOST = "127.0.0.1"
API_PORT = 4510
WAY_IN_PORT = 4511
"""On API_HOST too: the proxy that leads into the private networks."""
API_SOCKET = STATE / "api.sock"
"""The same API for namespaces: a unix socket is not bound to one."""
API_ROOT_DOMAIN = "tencentcloudapi.localhost"
"""`<service>.<root domain>`; RFC 6761 keeps `.localhost` on this machine."""
API_INTRANET_DOMAIN = "internal.tencentcloudapi.com"
"""What instances inside a VPC call, as in the cloud."""

CA_CERTIFICATE = STATE / "ca" / "ca.pem"
CA_BUNDLE = STATE / "ca" / "bundle.pem"
"""The machine's own CA bundle and the sandbox's CA: what clients and instances trust."""
DATABASE = STATE / "cloud.db"
CREDENTIALS = STATE / "credentials.json"
"""{"secret_id", "secret_key"} of the sandbox account, mode 600."""
OWNER = STATE / "owner.json"
"""{"checkout", "pid", "started"}: whose sandbox this is."""

NETNS_PREFIX = "sanmen-"
INTERNET = "net"
"""Short name of the namespace that plays the internet; a namespace is called NETNS_PREFIX + short name."""

PUBLIC_RANGE = IPv4Network("198.18.0.0/15")
"""RFC 2544 benchmark range: never routed on the internet."""
PUBLIC_ROUTE = f"unreachable {PUBLIC_RANGE}"
"""The machine's own route, as `ip route` spells it: a packet for a sandbox address can never leave."""
CORE_RANGE = IPv4Network("198.18.0.0/24")
"""Hosts that stand on the internet itself: name server, upstream stand-ins, region uplinks."""
NAME_SERVER = IPv4Address("198.18.0.53")
UPSTREAMS = {"alpha.upstream.test": IPv4Address("198.18.0.80"), "beta.upstream.test": IPv4Address("198.18.0.81")}
METADATA = IPv4Address("169.254.0.23")
"""Metadata and intranet API inside every VPC. Source: cloud.tencent.com/document/product/213 (instance metadata)."""
RESOLVER = IPv4Address("169.254.0.53")
"""The recursive resolver inside every VPC."""


@dataclass(frozen=True, kw_only=True)
class RegionPlan:
    """What a region has on this machine. `clients` is where a client near it lives; its resolver is in that range."""

    short: str
    uplink: IPv4Address
    public: IPv4Network
    clients: IPv4Network
    zones: tuple[int, ...]

    @property
    def namespace(self) -> str:
        """The region's namespace."""
        return NETNS_PREFIX + self.short


REGIONS: dict[str, RegionPlan] = {
    "ap-beijing": RegionPlan(
        short="bj",
        uplink=IPv4Address("198.18.0.11"),
        public=IPv4Network("198.18.16.0/20"),
        clients=IPv4Network("198.19.16.0/24"),
        zones=(2, 3, 4, 5, 6, 7),
    ),
    "ap-shanghai": RegionPlan(
        short="sh",
        uplink=IPv4Address("198.18.0.12"),
        public=IPv4Network("198.18.32.0/20"),
        clients=IPv4Network("198.19.32.0/24"),
        zones=(2, 3, 4, 5, 8),
    ),
    "ap-guangzhou": RegionPlan(
        short="gz",
        uplink=IPv4Address("198.18.0.13"),
        public=IPv4Network("198.18.48.0/20"),
        clients=IPv4Network("198.19.48.0/24"),
        zones=(3, 4, 6, 7),
    ),
}
"""Zones on sale and their numbers. Source: tencentcloud.com/document/product/457/36736 (2025)."""

ANYWHERE_CLIENTS = IPv4Network("198.19.240.0/24")
"""Where a client lives that is near no region."""


def variables() -> dict[str, str]:
    """What a process of ours needs in its environment to find the same places."""
    return {"SANMEN_STATE": str(STATE), "SANMEN_CACHE": str(CACHE)}


def namespace(short: str) -> str:
    """The network namespace of a short name."""
    return NETNS_PREFIX + short
