"""Hosts that stand in private networks, and the firewalls that security groups give them.

A service that puts something on the network (an instance, a load balancer, a Redis node) says so here with connect();
from then on a change of a security group reaches it. What is on record stands: a host is recorded after it is made and
struck off before it is removed.
"""

import threading
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from sandbox.api.store import Doc, Store
from sandbox.services import plane
from sandbox.substrate import specs

KIND = "network_host"
_applying = threading.Lock()
"""Firewalls are computed and set one after another, or an older set of rules could come last; and no host goes
meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A host's place on the network. `kind`: CVM, CLB, Redis, ..., as association statistics count them.

    `owner`: the id of the resource. `groups`: security groups, first rules of the first group first. A host without
    groups is closed to newcomers unless `open`. `passes_to_targets`: a load balancer whose traffic the instances of its
    VPC admit whatever their groups say (LoadBalancerPassToTarget).
    """

    name: str
    kind: str
    owner: str
    region: str
    vpc_id: str | None = None
    subnet_id: str | None = None
    private: str | None = None
    public: str | None = None
    groups: tuple[str, ...] = ()
    open: bool = False
    passes_to_targets: bool = False


def connection(doc: Doc) -> Connection:
    """A stored host as it was connected."""
    return Connection(**{**doc, "groups": tuple(doc["groups"])})  # pyright: ignore[reportArgumentType]  # JSON


def router_name(vpc_id: str) -> str:
    """The substrate's name of a VPC's router."""
    return vpc_id.lower()


def connect(store: Store, connection: Connection) -> None:
    """Bring a host up as described; again with other groups or addresses to change it."""
    plane.current().ensure(
        specs.Host(
            name=connection.name,
            subnet=connection.subnet_id,
            private=IPv4Address(connection.private) if connection.private else None,
            region=connection.region if connection.public else None,
            public=IPv4Address(connection.public) if connection.public else None,
            firewall=firewall(store, asdict(connection)),
        )
    )
    with store.lock:
        before = store.find(KIND, connection.name)
        store.put(KIND, connection.name, asdict(connection), connection.region)
    _apply(store, {connection.name})  # what has changed while it was made
    _after_change(store, [doc for doc in (before, asdict(connection)) if doc])


def disconnect(store: Store, name: str) -> None:
    """Take a host off the network and out of its groups. Accepts what is already gone."""
    with _applying:
        with store.lock:
            before = store.find(KIND, name)
            store.delete(KIND, name)
        plane.current().remove(specs.Host, name)
    if before:
        _after_change(store, [before])


def of_owner(store: Store, owner: str) -> list[Doc]:
    """The hosts of a resource."""
    return [doc for doc in store.list(KIND) if doc["owner"] == owner]


def of_group(store: Store, group_id: str) -> list[Doc]:
    """The hosts that carry a security group."""
    return [doc for doc in store.list(KIND) if group_id in doc["groups"]]


def regroup(store: Store, owner: str, groups: tuple[str, ...]) -> None:
    """Give all hosts of a resource other security groups."""
    changed: list[Doc] = []
    with store.lock:
        for doc in of_owner(store, owner):
            changed.append(dict(doc))
            doc["groups"] = list(groups)
            store.put(KIND, doc["name"], doc)
            changed.append(doc)
    _apply(store, {doc["name"] for doc in changed})
    _after_change(store, changed)


def _after_change(store: Store, docs: list[Doc]) -> None:
    """Bring the change to others: those whose rules name a group of these hosts, or who trust them."""
    names = {doc["name"] for doc in docs}
    affected: set[str] = set()
    for group_id in {group for doc in docs for group in doc["groups"]}:
        for other in store.list("security_group"):
            if group_id in referred(other):
                affected |= {host["name"] for host in of_group(store, other["SecurityGroupId"])}
    vpcs = {doc["vpc_id"] for doc in docs if doc["kind"] == "CLB"}
    affected |= {host["name"] for host in store.list(KIND) if host["kind"] == "CVM" and host["vpc_id"] in vpcs}
    owners = {doc["owner"] for doc in docs if doc["kind"] == "Redis"}
    affected |= {host["name"] for host in store.list(KIND) if host["owner"] in owners}
    _apply(store, affected - names)


def apply_group(store: Store, group_id: str) -> None:
    """Bring a changed group's rules to every host that carries it."""
    _apply(store, {host["name"] for host in of_group(store, group_id)})


def _apply(store: Store, names: set[str]) -> None:
    with _applying:
        for name in sorted(names):
            doc = store.find(KIND, name)
            if doc is not None:
                plane.current().set_firewall(name, firewall(store, doc))


_OUT = specs.Rule(verdict=specs.Verdict.ACCEPT, peers=(specs.EVERYWHERE,))
"""All that a host without groups is allowed: nobody gets in, it gets out."""


def referred(group: Doc) -> set[str]:
    """The groups that a group's rules name."""
    rules: list[dict[str, Any]] = [*group["_policies"]["Ingress"], *group["_policies"]["Egress"]]
    return {rule["SecurityGroupId"] for rule in rules if rule.get("SecurityGroupId")}


def firewall(store: Store, host: Doc) -> specs.Firewall | None:
    """The firewall of a host's groups; None for one that is open to all."""
    trusted = _trusted(store, host)
    if not host["groups"]:
        return None if host["open"] else specs.Firewall(egress=(_OUT,), trusted=trusted)
    ingress: list[specs.Rule] = []
    egress: list[specs.Rule] = []
    for group_id in host["groups"]:
        group = store.find("security_group", group_id)
        if group is None:
            continue
        ingress += [made for rule in group["_policies"]["Ingress"] if (made := _rule(store, rule))]
        egress += [made for rule in group["_policies"]["Egress"] if (made := _rule(store, rule))]
    if host["kind"] == "Redis":
        egress.insert(0, specs.Rule(verdict=specs.Verdict.ACCEPT, peers=trusted))
    return specs.Firewall(ingress=tuple(ingress), egress=tuple(egress), trusted=trusted)


def _trusted(store: Store, host: Doc) -> tuple[IPv4Network, ...]:
    if host["kind"] == "Redis":
        # Replication between the nodes of an instance, and the cloud's own watch from the router, go on whatever its
        # groups say: those are for clients.
        nodes = tuple(IPv4Network(node["private"]) for node in of_owner(store, host["owner"]) if node["private"])
        gateway = IPv4Network(store.get("subnet", host["subnet_id"])["CidrBlock"])[1]
        return (*nodes, IPv4Network(gateway))
    if host["kind"] != "CVM":
        return ()
    balancers = [doc for doc in store.list(KIND) if doc["kind"] == "CLB" and doc["passes_to_targets"]]
    return tuple(IPv4Network(doc["private"]) for doc in balancers if doc["private"] and doc["vpc_id"] == host["vpc_id"])


def _rule(store: Store, rule: dict[str, Any]) -> specs.Rule | None:
    """None for IPv6 rules: the sandbox's networks carry IPv4."""
    if rule.get("SecurityGroupId"):
        members = of_group(store, rule["SecurityGroupId"])
        peers = tuple(IPv4Network(doc[leg]) for doc in members for leg in ("private", "public") if doc[leg])
        if not peers:
            return None
    elif rule.get("CidrBlock"):
        peers = (IPv4Network(rule["CidrBlock"]),)
    elif rule.get("Ipv6CidrBlock"):
        return None
    else:
        peers = (specs.EVERYWHERE,)
    return specs.Rule(
        verdict=specs.Verdict(rule["Action"].lower()),
        peers=peers,
        protocol=rule["Protocol"].lower(),
        ports=ports(rule["Port"]),
    )


def ports(text: str) -> tuple[tuple[int, int], ...]:
    """`80,443` -> ((80, 80), (443, 443)); `3000-4000` -> ((3000, 4000),); `ALL` -> ()."""
    if text.upper() == "ALL":
        return ()
    found: list[tuple[int, int]] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        found.append((int(first), int(last or first)))
    return tuple(found)
