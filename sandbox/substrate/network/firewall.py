"""nftables rulesets: of a host, of a router, of a region's edge and of the internet. Pure text, nothing is run here."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network

from sandbox import layout
from sandbox.substrate.specs import Firewall, Rule

PRIVATE = tuple(IPv4Network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
"""RFC 1918: never seen outside a router."""
UPLINK = "uplink"
"""The interface towards the internet, in a router and in a region."""
POD_LEG = "eth2"
"""A node's interface in the subnet of its pods."""
PODS = "veth*"
"""The interfaces of a node on which its pods hang."""


def _set(items: Iterable[object]) -> str:
    return "{ " + ", ".join(sorted(str(item) for item in items)) + " }"


def _table(name: str, body: Sequence[str]) -> str:
    """A ruleset that replaces the table as one transaction."""
    lines = [f"table inet {name}", f"delete table inet {name}", f"table inet {name} {{", *body, "}"]
    return "\n".join(lines) + "\n"


def _rule(rule: Rule, direction: str) -> str:
    """One rule; `direction` is saddr for ingress, daddr for egress."""
    peers = IPv4Network("0.0.0.0/0") in rule.peers
    parts = [] if peers else [f"ip {direction} {_set(rule.peers)}"]
    if rule.protocol == "icmp":
        parts.append("meta l4proto icmp")
    elif rule.protocol in ("tcp", "udp") and rule.ports:
        ranges = (str(low) if low == high else f"{low}-{high}" for low, high in rule.ports)
        parts.append(f"{rule.protocol} dport {_set(ranges)}")
    elif rule.protocol in ("tcp", "udp"):
        parts.append(f"meta l4proto {rule.protocol}")
    return " ".join([*parts, rule.verdict.value])


def host(firewall: Firewall) -> str:
    """A host's rules. As in the cloud, the metadata server and the resolver stay reachable whatever they say.

    On a node they hold for its pods too. What never leaves the node meets none of them: they stand at its legs.
    """
    services = _set((layout.METADATA, layout.RESOLVER))
    trusted = [f"ip saddr {_set(firewall.trusted)} accept"] if firewall.trusted else []
    return _table(
        "host",
        [
            "chain ingress {",
            *trusted,
            *(_rule(rule, "saddr") for rule in firewall.ingress if rule.peers),
            "}",
            "chain egress {",
            f"ip daddr {services} accept",
            *(_rule(rule, "daddr") for rule in firewall.egress if rule.peers),
            "}",
            "chain input { type filter hook input priority filter; policy drop;",
            f'iifname {{ "lo", "{PODS}" }} accept',
            "ct state established,related accept",
            "jump ingress",
            "}",
            "chain output { type filter hook output priority filter; policy drop;",
            f'oifname {{ "lo", "{PODS}" }} accept',
            "ct state established,related accept",
            "jump egress",
            "}",
            "chain forward { type filter hook forward priority filter; policy drop;",
            "ct state established,related accept",
            f'iifname "{PODS}" oifname "{PODS}" accept',
            f'iifname "{PODS}" jump egress',
            f'iifname != "{PODS}" jump ingress',
            "}",
        ],
    )


NO_FIREWALL = "table inet host\ndelete table inet host\n"


def router(bridges: Sequence[str], routed_out: Sequence[str], public: Sequence[IPv4Address]) -> str:
    """A router's rules: subnets reach each other; the routed-out ones reach the internet from the public addresses."""
    inner = _set(f'"{name}"' for name in bridges)
    out = _set(f'"{name}"' for name in routed_out)
    nat: list[str] = []
    if public:
        slots = ", ".join(f"{slot} : {address}" for slot, address in enumerate(sorted(public)))
        # Private sources only: the router's own resolver speaks for itself.
        nat = [
            f'oifname "{UPLINK}" ip saddr {_set(PRIVATE)} snat ip to numgen random mod {len(public)} map {{ {slots} }}'
        ]
    return _table(
        "router",
        [
            "chain forward { type filter hook forward priority filter; policy drop;",
            "ct state established,related accept",
            *([f"iifname {inner} oifname {inner} accept"] if bridges else []),
            f'oifname "{UPLINK}" ip daddr {_set(PRIVATE)} reject with icmp net-unreachable',
            *([f'iifname {out} oifname "{UPLINK}" accept'] if public and routed_out else []),
            *([f"iifname {inner} reject with icmp net-unreachable"] if bridges else []),
            "}",
            "chain input { type filter hook input priority filter; policy drop;",
            'iifname "lo" accept',
            "ct state established,related accept",
            *([f"iifname {inner} accept"] if bridges else []),
            f'iifname "{UPLINK}" meta l4proto icmp accept',
            "}",
            "chain nat { type nat hook postrouting priority srcnat; policy accept;",
            *nat,
            "}",
            # After NAT: whatever is still private has no business outside.
            "chain leak { type filter hook postrouting priority 200; policy accept;",
            f'oifname "{UPLINK}" ip saddr {_set(PRIVATE)} drop',
            "}",
        ],
    )


def edge(public: IPv4Network, uplink: IPv4Address, *, partitioned: bool) -> str:
    """A region's edge: public addresses alone cross it, or nothing when partitioned."""
    if partitioned:
        crossing = [f'iifname "{UPLINK}" drop', f'oifname "{UPLINK}" drop']
    else:
        own = f"{{ {public}, {uplink} }}"
        crossing = [f'oifname "{UPLINK}" ip saddr != {own} drop', f'iifname "{UPLINK}" ip daddr != {own} drop']
    body: list[str] = []
    for hook in ("input", "forward", "output"):
        ours = [rule for rule in crossing if hook == "forward" or rule.startswith("iif" if hook == "input" else "oif")]
        body += [f"chain {hook} {{ type filter hook {hook} priority filter; policy accept;", *ours, "}"]
    return _table("edge", body)


def internet() -> str:
    """The internet carries no private address."""
    body = [
        "chain forward { type filter hook forward priority filter; policy accept;",
        f"ip saddr {_set(PRIVATE)} drop",
        f"ip daddr {_set(PRIVATE)} drop",
        "}",
    ]
    return _table("internet", body)
