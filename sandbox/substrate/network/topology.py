"""The network: an internet, three regions on it, private networks behind routers, hosts with legs in either.

Every namespace but these is a router or a host. All are joined by veth pairs to bridges; none is joined to the
machine's own network, which gets one thing: an `unreachable` route, so that a mistaken packet to the sandbox's
addresses never leaves.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network

from sandbox import layout
from sandbox.substrate import ledger
from sandbox.substrate.commands import run
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.ledger import Record
from sandbox.substrate.network import firewall, intranet, namespaces
from sandbox.substrate.network.firewall import PRIVATE, UPLINK
from sandbox.substrate.network.legs import Leg, bridge_lines, gateway, interface, plug
from sandbox.substrate.specs import Firewall, Host, Nat, Router, Subnet
from sandbox.substrate.supervision import processes

PRIVATE_LEG = "eth0"
"""A host's interface in its subnet."""
PUBLIC_LEG = "eth1"
"""A host's interface on a public network."""
PUBLIC_BRIDGE = "public"
CORE_BRIDGE = "core"
ROUTER_ADDRESSES = 256
"""So many addresses at the top of a region's public range belong to routers; services hand out the others."""


def start() -> None:
    """Make the internet and the regions. What a machine's restart left on disk without its namespaces is forgotten."""
    with ledger.lock():
        if layout.PUBLIC_ROUTE not in run(["ip", "-4", "route", "show"]):
            run(["ip", "route", "replace", "unreachable", str(layout.PUBLIC_RANGE)])
        if not namespaces.exists(layout.INTERNET):
            _forget()
            processes.forget()
        _stand(layout.INTERNET, _furnish_internet)
        for plan in layout.REGIONS.values():
            _stand(plan.short, lambda plan=plan: _furnish_region(plan))


def _stand(name: str, furnish: Callable[[], None]) -> None:
    """Make a place that is not wholly there; what a killed start left of it goes first."""
    if namespaces.exists(name) and ledger.find("place", name) is not None:
        return
    namespaces.delete(name)
    namespaces.create(name, forwarding=True)
    furnish()
    ledger.put("place", name, {})


def _furnish_internet() -> None:
    clients = {client_bridge(plan.short): plan.clients for plan in layout.REGIONS.values()}
    bridges = {CORE_BRIDGE: layout.CORE_RANGE, **clients, client_bridge("any"): layout.ANYWHERE_CLIENTS}
    namespaces.nft(layout.INTERNET, firewall.internet())
    namespaces.ip(layout.INTERNET, (line for name, net in bridges.items() for line in bridge_lines(name, net)))


def _furnish_region(plan: layout.RegionPlan) -> None:
    namespaces.nft(plan.short, firewall.edge(plan.public, plan.uplink, partitioned=False))
    namespaces.ip(plan.short, bridge_lines(PUBLIC_BRIDGE, plan.public))
    plug(Leg(plan.short, UPLINK, plan.uplink, layout.INTERNET, CORE_BRIDGE, layout.CORE_RANGE))
    namespaces.ip(plan.short, [f"route replace default via {gateway(layout.CORE_RANGE)}"])
    namespaces.ip(layout.INTERNET, [f"route replace {plan.public} via {plan.uplink}"])


def _forget() -> None:
    for kind in ("pod_leg", "host", "nat", "subnet", "router", "place"):
        for name in ledger.every(kind):
            ledger.drop(kind, name)


def client_bridge(short: str) -> str:
    """The bridge on the internet where the clients of a region (or `any`) stand."""
    return f"clients-{short}"


def _region(name: str) -> layout.RegionPlan:
    try:
        return layout.REGIONS[name]
    except KeyError as error:
        raise SubstrateError(f"region {name!r} is unknown; there are {', '.join(layout.REGIONS)}") from error


def _known(kind: str, name: str) -> Record:
    record = ledger.find(kind, name)
    if record is None:
        raise SubstrateError(f"there is no {kind} {name!r}")
    return record


def ensure_router(router: Router) -> IPv4Address:
    """Make a private network's router, with metadata, API and resolver; returns its own public address.

    The supervisor must run. The router is in place before its services, so that a failed one is mended by asking again.
    """
    address = _router_namespace(router)
    intranet.ensure(router.name)
    return address


def _router_namespace(router: Router) -> IPv4Address:
    plan = _region(router.region)
    with ledger.lock():
        record = ledger.find("router", router.name)
        if record and namespaces.exists(router.name):
            if record["region"] != router.region:
                raise SubstrateError(
                    f"router {router.name} is in {record['region']}, so it cannot be in {router.region}"
                )
            return IPv4Address(record["address"])
        address = IPv4Address(record["address"]) if record else _free_address(router.region, plan)
        namespaces.create(router.name, forwarding=True)
        namespaces.nft(router.name, firewall.router((), (), ()))
        plug(Leg(router.name, UPLINK, address, plan.short, PUBLIC_BRIDGE, plan.public))
        # On the loopback, as not every kernel has dummy interfaces; hosts reach them through their gateway.
        service = [f"address replace {a}/32 dev lo" for a in (layout.METADATA, layout.RESOLVER)]
        namespaces.ip(router.name, [*service, f"route replace default via {gateway(plan.public)}"])
        ledger.put("router", router.name, {"region": router.region, "address": str(address)})
        return address


def _free_address(region: str, plan: layout.RegionPlan) -> IPv4Address:
    taken = {r["address"] for r in ledger.every("router").values() if r["region"] == region}
    top = plan.public.broadcast_address
    for offset in range(1, ROUTER_ADDRESSES):
        if str(top - offset) not in taken:
            return top - offset
    raise SubstrateError(f"{region} has {len(taken)} private networks already; the sandbox has room for no more")


def remove_router(name: str) -> None:
    """Remove a router with its subnets and NAT. Hosts in it keep a dead leg. Gone already: nothing."""
    intranet.remove(name)
    with ledger.lock():
        for kind in ("subnet", "nat"):
            for child, record in ledger.every(kind).items():
                if record["router"] == name:
                    ledger.drop(kind, child)
        namespaces.delete(name)
        ledger.drop("router", name)


def ensure_subnet(subnet: Subnet) -> None:
    """Make a subnet in its router, or change whether it is routed out. Its range is fixed."""
    wanted = {"router": subnet.router, "cidr": str(subnet.cidr), "routed_out": "yes" if subnet.routed_out else "no"}
    with ledger.lock():
        _known("router", subnet.router)
        record = ledger.find("subnet", subnet.name)
        if record == wanted:
            return
        if record is None:
            bridge = interface(subnet.name)
            try:
                namespaces.ip(subnet.router, bridge_lines(bridge, subnet.cidr))
            except SubstrateError:  # A half-made one of an earlier try is in the way.
                namespaces.ip(subnet.router, [f"link delete {bridge}"], force=True)
                namespaces.ip(subnet.router, bridge_lines(bridge, subnet.cidr))
        elif (record["router"], record["cidr"]) != (wanted["router"], wanted["cidr"]):
            raise SubstrateError(f"subnet {subnet.name} is {record['cidr']} in {record['router']}; that cannot change")
        ledger.put("subnet", subnet.name, wanted)
        _filter_router(subnet.router)


def remove_subnet(name: str) -> None:
    """Remove a subnet. Hosts in it keep a dead leg. Gone already: nothing."""
    with ledger.lock():
        record = ledger.find("subnet", name)
        if record is None:
            return
        ledger.drop("subnet", name)
        namespaces.ip(record["router"], [f"link delete {interface(name)}"], force=True)
        if namespaces.exists(record["router"]):
            _filter_router(record["router"])


def ensure_nat(nat: Nat) -> None:
    """Let a router's routed-out subnets reach the internet from these public addresses."""
    if not nat.public:
        raise SubstrateError(f"NAT {nat.name} has no public address; at least one is needed")
    wanted = {"router": nat.router, "public": " ".join(map(str, sorted(nat.public)))}
    with ledger.lock():
        plan = _region(_known("router", nat.router)["region"])
        for address in nat.public:
            if address not in plan.public:
                raise SubstrateError(f"NAT {nat.name}: {address} is not in its region's range {plan.public}")
        record = ledger.find("nat", nat.name)
        if record == wanted:
            return
        if record is not None:
            remove_nat(nat.name)
        namespaces.ip(nat.router, (f"address replace {a}/32 dev {UPLINK}" for a in nat.public))
        ledger.put("nat", nat.name, wanted)
        _filter_router(nat.router)


def remove_nat(name: str) -> None:
    """Take a NAT and its public addresses away. Gone already: nothing."""
    with ledger.lock():
        record = ledger.find("nat", name)
        if record is None:
            return
        ledger.drop("nat", name)
        if namespaces.exists(record["router"]):
            lines = (f"address delete {a}/32 dev {UPLINK}" for a in record["public"].split())
            namespaces.ip(record["router"], lines, force=True)
            _filter_router(record["router"])


def _filter_router(name: str) -> None:
    subnets = {n: r for n, r in ledger.every("subnet").items() if r["router"] == name}
    nats = [r for r in ledger.every("nat").values() if r["router"] == name]
    bridges = [interface(n) for n in subnets]
    routed = [interface(n) for n, r in subnets.items() if r["routed_out"] == "yes"]
    public = [IPv4Address(a) for r in nats for a in r["public"].split()]
    namespaces.nft(name, firewall.router(bridges, routed, public))


def ensure_host(host: Host) -> None:
    """Make a host's namespace with its legs and rules; a leg whose address or place changed is made anew, alone."""
    with ledger.lock():
        wanted, legs = _host_record(host), _host_legs(host)
        record = ledger.find("host", host.name)
        stood = namespaces.exists(host.name)
        if not stood or record is None:
            namespaces.create(host.name)
            record = {}
        if record.get("firewall") != wanted["firewall"]:
            # The rules come before the legs: no packet may meet a host that has none yet.
            namespaces.nft(host.name, _ruleset(host.firewall))
        changed = [name for name in (PRIVATE_LEG, PUBLIC_LEG) if record.get(name) != wanted[name]]
        if changed:
            if stood:
                namespaces.ip(host.name, (f"link delete {name}" for name in changed), force=True)
            for leg in legs:
                if leg.name in changed:
                    plug(leg)
            namespaces.ip(host.name, _host_routes(legs))
        ledger.put("host", host.name, wanted)


def _ruleset(rules: Firewall | None) -> str:
    return firewall.host(rules) if rules else firewall.NO_FIREWALL


def _host_record(host: Host) -> Record:
    """What a host is made from. Raises SubstrateError if its legs make no sense."""
    if (host.subnet is None) != (host.private is None):
        raise SubstrateError(f"host {host.name}: subnet and private go together")
    if host.public is not None and (host.region is None) == (not host.internet):
        raise SubstrateError(f"host {host.name}: a public address stands in a region or on the internet, one of them")
    region = host.region or (_known("router", _known("subnet", host.subnet)["router"])["region"] if host.subnet else "")
    return {
        "region": region,
        PRIVATE_LEG: f"{host.private} in {host.subnet}" if host.private else "",
        PUBLIC_LEG: f"{host.public} in {'internet' if host.internet else host.region}" if host.public else "",
        "firewall": hashlib.sha256(_ruleset(host.firewall).encode()).hexdigest(),
    }


def _host_legs(host: Host) -> list[Leg]:
    """A host's interfaces. Raises SubstrateError if an address is not of the network it shall stand in."""
    legs: list[Leg] = []
    if host.subnet and host.private:
        subnet = _known("subnet", host.subnet)
        network = IPv4Network(subnet["cidr"])
        if host.private not in network:
            raise SubstrateError(f"host {host.name}: {host.private} is not in subnet {host.subnet}, {network}")
        bridge = interface(host.subnet)
        legs.append(Leg(host.name, PRIVATE_LEG, host.private, subnet["router"], bridge, network))
    if host.public:
        legs.append(Leg(host.name, PUBLIC_LEG, host.public, *_public_place(host)))
    return legs


def _host_routes(legs: Sequence[Leg]) -> list[str]:
    """By the public leg, if there is one; the private leg then still leads to all private networks."""
    routes: list[str] = []
    for leg in legs:
        inner = leg.name == PRIVATE_LEG and len(legs) > 1
        reach: Iterable[object] = (*PRIVATE, layout.METADATA, layout.RESOLVER) if inner else ("default",)
        routes += [f"route replace {r} via {gateway(leg.network)} dev {leg.name}" for r in reach]
    return routes


def _public_place(host: Host) -> tuple[str, str, IPv4Network]:
    """Namespace, bridge and network of a host's public leg."""
    if host.region and not host.internet:
        plan = _region(host.region)
        places = [(plan.short, PUBLIC_BRIDGE, plan.public)]
    else:
        places = [(layout.INTERNET, CORE_BRIDGE, layout.CORE_RANGE)]
        places += [(layout.INTERNET, client_bridge(p.short), p.clients) for p in layout.REGIONS.values()]
        places.append((layout.INTERNET, client_bridge("any"), layout.ANYWHERE_CLIENTS))
    for place in places:
        if host.public in place[2]:
            return place
    allowed = ", ".join(str(place[2]) for place in places)
    raise SubstrateError(f"host {host.name}: public address {host.public} is not in {allowed}")


def set_firewall(host: str, rules: Firewall | None) -> None:
    """Replace a host's rules as one step; open connections that were admitted stay. None: no rules."""
    ruleset = _ruleset(rules)
    digest = hashlib.sha256(ruleset.encode()).hexdigest()
    with ledger.lock():
        record = _known("host", host)
        if record.get("firewall") != digest:
            namespaces.nft(host, ruleset)
            ledger.put("host", host, record | {"firewall": digest})


def remove_host(name: str) -> None:
    """Remove a host. Whoever runs processes there has stopped them. Gone already: nothing."""
    with ledger.lock():
        namespaces.delete(name)
        ledger.drop("host", name)
