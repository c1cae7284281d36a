"""Hosts that stand in private networks, and the firewalls that security groups give them.

A service that puts something on the network (an instance, a load balancer, a Redis node) says so here with connect();
from then on a change of a security group reaches it. What is on record stands: a host is recorded after it is made and
struck off before it is removed.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from sandbox.api.actions import Context
from sandbox.api.locks import holding
from sandbox.api.store import Doc, Store
from sandbox.services import plane
from sandbox.services.vpc.kinds import HOST, SECURITY_GROUP, SUBNET
from sandbox.substrate import specs


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A host's place on the network. `kind`: CVM, CLB, Redis, ..., as association statistics count them.

    `owner`: the id of the resource. `groups`: security groups, first rules of the first group first. A host without
    groups is closed to newcomers unless `open`. `passes_to_targets`: a load balancer whose traffic the instances of its
    VPC admit whatever their groups say (LoadBalancerPassToTarget); `trusts_balancers`: one of these instances.
    `trusts_peers`: the owner's hosts (replication) and the gateway of its subnet (the cloud's own watch) reach it
    whatever its groups say: those are for clients.
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
    trusts_balancers: bool = False
    trusts_peers: bool = False


def _connection(doc: Doc) -> Connection:
    """A stored host as it was connected."""
    fields: Doc = {**doc, "groups": tuple(doc["groups"])}
    return Connection(**fields)


def _all(store: Store) -> list[Connection]:
    return [_connection(doc) for doc in HOST.all(store)]


def _find(store: Store, name: str) -> Connection | None:
    doc = HOST.anywhere(store, name)
    return None if doc is None else _connection(doc)


def router_name(vpc_id: str) -> str:
    """The substrate's name of a VPC's router."""
    return vpc_id.lower()


def connect(store: Store, connection: Connection) -> None:
    """Bring a host up as described; again with other groups or addresses to change it."""
    with holding(HOST.name, connection.name):
        _ensure(store, connection)
        with store.lock:
            before = _find(store, connection.name)
            store.put(HOST.name, connection.name, asdict(connection), connection.region)
        _apply(store, {connection.name})  # what has changed while it was made
    _after_change(store, [each for each in (before, connection) if each])


def _ensure(store: Store, connection: Connection) -> None:
    plane.current().ensure(
        specs.Host(
            name=connection.name,
            subnet=connection.subnet_id,
            private=IPv4Address(connection.private) if connection.private else None,
            region=connection.region if connection.public else None,
            public=IPv4Address(connection.public) if connection.public else None,
            firewall=_firewall(store, connection),
        )
    )


def stand_again(ctx: Context, doc: Doc) -> None:
    """Bring a recorded host up after a restart.

    One whose subnet is not a document here (the legs of load balancers) is its own service's to bring back.
    """
    with holding(HOST.name, doc["name"]):
        host = _find(ctx.store, doc["name"])
        if host is not None and (host.subnet_id is None or SUBNET.anywhere(ctx.store, host.subnet_id)):
            _ensure(ctx.store, host)


def disconnect(store: Store, name: str) -> None:
    """Take a host off the network and out of its groups. Accepts what is already gone."""
    with holding(HOST.name, name):
        with store.lock:
            before = _find(store, name)
            store.delete(HOST.name, name)
        plane.current().remove(specs.Host, name)
    if before:
        _after_change(store, [before])


def of_owner(store: Store, owner: str) -> list[Connection]:
    """The hosts of a resource."""
    return [host for host in _all(store) if host.owner == owner]


def of_group(store: Store, group_id: str) -> list[Connection]:
    """The hosts that carry a security group."""
    return [host for host in _all(store) if group_id in host.groups]


def regroup(store: Store, owner: str, groups: tuple[str, ...]) -> None:
    """Give all hosts of a resource other security groups."""
    with store.lock:
        before = of_owner(store, owner)
        after = [replace(host, groups=groups) for host in before]
        for host in after:
            HOST.save(store, asdict(host))
    _apply(store, {host.name for host in after})
    _after_change(store, [*before, *after])


PublicChanged = Callable[[Store, str, str | None], None]
_told: list[PublicChanged] = []


def told_of_public(run: PublicChanged) -> PublicChanged:
    """Register who keeps a resource's public address in its own documents: a function of owner and address."""
    _told.append(run)
    return run


def change_public(store: Store, owner: str, public: str | None) -> None:
    """Give a resource's host its public leg, or take it."""
    for host in of_owner(store, owner)[:1]:
        connect(store, replace(host, public=public))
    for tell in _told:
        tell(store, owner, public)


def _after_change(store: Store, changed: Iterable[Connection]) -> None:
    """Bring the change to others: those whose rules name a group of these hosts, or who trust them."""
    changed = list(changed)
    groups = {group for host in changed for group in host.groups}
    naming = {each["SecurityGroupId"] for each in SECURITY_GROUP.all(store) if groups & referred(each)}
    vpcs = {host.vpc_id for host in changed if host.passes_to_targets}
    owners = {host.owner for host in changed if host.trusts_peers}
    affected = {
        host.name
        for host in _all(store)
        if naming.intersection(host.groups)
        or (host.trusts_balancers and host.vpc_id in vpcs)
        or (host.trusts_peers and host.owner in owners)
    }
    _apply(store, affected - {host.name for host in changed})


def apply_group(store: Store, group_id: str) -> None:
    """Bring a changed group's rules to every host that carries it."""
    _apply(store, {host.name for host in of_group(store, group_id)})


def _apply(store: Store, names: set[str]) -> None:
    """The rules of each host as they are now: whoever comes last computes them last."""
    for name in sorted(names):
        with holding(HOST.name, name):
            host = _find(store, name)
            if host is not None:
                plane.current().set_firewall(name, _firewall(store, host))


_OUT = specs.Rule(verdict=specs.Verdict.ACCEPT, peers=(specs.EVERYWHERE,))
"""All that a host without groups is allowed: nobody gets in, it gets out."""


def referred(group: Doc) -> set[str]:
    """The groups that a group's rules name."""
    rules: list[dict[str, Any]] = [*group["_policies"]["Ingress"], *group["_policies"]["Egress"]]
    return {rule["SecurityGroupId"] for rule in rules if rule.get("SecurityGroupId")}


def _firewall(store: Store, host: Connection) -> specs.Firewall | None:
    """The firewall of a host's groups; None for one that is open to all."""
    trusted = _trusted(store, host)
    if not host.groups:
        return None if host.open else specs.Firewall(egress=(_OUT,), trusted=trusted)
    ingress: list[specs.Rule] = []
    egress: list[specs.Rule] = []
    for group_id in host.groups:
        group = SECURITY_GROUP.anywhere(store, group_id)
        if group is None:
            continue
        ingress += [made for rule in group["_policies"]["Ingress"] if (made := _rule(store, rule))]
        egress += [made for rule in group["_policies"]["Egress"] if (made := _rule(store, rule))]
    if host.trusts_peers:
        egress.insert(0, specs.Rule(verdict=specs.Verdict.ACCEPT, peers=trusted))
    return specs.Firewall(ingress=tuple(ingress), egress=tuple(egress), trusted=trusted)


def _trusted(store: Store, host: Connection) -> tuple[IPv4Network, ...]:
    found: list[str | None] = []
    if host.trusts_peers:
        found += [peer.private for peer in of_owner(store, host.owner)]
        subnet = SUBNET.anywhere(store, host.subnet_id or "")
        found += [str(IPv4Network(subnet["CidrBlock"])[1])] if subnet else []
    if host.trusts_balancers:
        passing = [each for each in _all(store) if each.passes_to_targets]
        found += [each.private for each in passing if each.vpc_id == host.vpc_id]
    return tuple(IPv4Network(address) for address in found if address)


def _rule(store: Store, rule: dict[str, Any]) -> specs.Rule | None:
    """None for IPv6 rules: the sandbox's networks carry IPv4."""
    if rule["SecurityGroupId"]:
        members = of_group(store, rule["SecurityGroupId"])
        peers = tuple(IPv4Network(leg) for host in members for leg in (host.private, host.public) if leg)
    else:
        peers = (IPv4Network(rule["CidrBlock"]),) if rule["CidrBlock"] else ()
    if not peers:
        return None
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
