"""What the documents of a load balancer mean for the substrate."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from sandbox.api.locks import holding
from sandbox.api.store import Doc, Store
from sandbox.services import plane
from sandbox.services.clb import directives, health
from sandbox.services.clb.inventory import LAYER_7, listeners_of, rules_of
from sandbox.services.clb.kinds import CONFIGURATION, LISTENER, LOAD_BALANCER
from sandbox.services.cvm.kinds import INSTANCE
from sandbox.services.ssl.kinds import CERTIFICATE
from sandbox.services.vpc import addresses, hosts
from sandbox.substrate import specs

LEGS = IPv4Network("100.64.0.0/24")
"""Where the legs of a VPC's public load balancers stand. It is outside every subnet of the user, as the cloud's probe
source 100.64.0.0/10 is: a leg takes no address of a subnet and does not keep one from being deleted."""
FIRST_LEG = 10
_BALANCE = {"WRR": "roundrobin", "LEAST_CONN": "leastconn", "IP_HASH": "source"}
_PROTOCOLS = {"HTTP": "http", "HTTPS": "https", "TCP": "tcp"}


def legs_subnet(vpc_id: str) -> str:
    """The substrate's name of the subnet of legs."""
    return f"clb-{vpc_id}".lower()


def free_leg(store: Store, vpc_id: str) -> IPv4Address:
    """An address for another leg in a VPC."""
    used = {doc["_private"] for doc in LOAD_BALANCER.all(store) if doc["VpcId"] == vpc_id}
    return next(address for address in list(LEGS)[FIRST_LEG:] if str(address) not in used)


def apply(store: Store, lb_id: str) -> None:
    """Bring a load balancer's host and listeners to what the documents say. Raises SubstrateError."""
    with holding(LOAD_BALANCER.name, lb_id):
        doc = LOAD_BALANCER.anywhere(store, lb_id)
        if doc is None:
            return
        _connect(store, doc)
        plane.current().ensure(to_spec(store, doc))


def _connect(store: Store, doc: Doc) -> None:
    if doc["_subnet"] == legs_subnet(doc["VpcId"]):
        router = hosts.router_name(doc["VpcId"])
        plane.current().ensure(specs.Subnet(name=doc["_subnet"], router=router, cidr=LEGS))
    hosts.connect(
        store,
        hosts.Connection(
            name=doc["LoadBalancerId"],
            kind="CLB",
            owner=doc["LoadBalancerId"],
            region=doc["_region"],
            vpc_id=doc["VpcId"],
            subnet_id=doc["_subnet"],
            private=doc["_private"],
            public=doc["_vip"],
            groups=tuple(doc["SecureGroups"]),
            open=True,
            passes_to_targets=doc["LoadBalancerPassToTarget"],
        ),
    )


def remove(store: Store, lb_id: str) -> None:
    """Take a load balancer out of the substrate and give its addresses back. Accepts what is already gone."""
    with holding(LOAD_BALANCER.name, lb_id):
        doc = LOAD_BALANCER.anywhere(store, lb_id)
        plane.current().remove(specs.Balancer, lb_id)
        hosts.disconnect(store, lb_id)
        addresses.free_public(store, lb_id)
        addresses.free_private(store, lb_id)
        others = [other for other in LOAD_BALANCER.all(store) if doc and other["VpcId"] == doc["VpcId"]]
        if doc and all(other["LoadBalancerId"] == lb_id for other in others):
            plane.current().remove(specs.Subnet, legs_subnet(doc["VpcId"]))


def to_spec(store: Store, doc: Doc) -> specs.Balancer:
    """The substrate's balancer. Listeners of protocols that haproxy does not carry (UDP, QUIC) are left out."""
    listeners = [
        _listener(store, each) for each in listeners_of(store, doc["LoadBalancerId"]) if each["Protocol"] in _PROTOCOLS
    ]
    return specs.Balancer(
        name=doc["LoadBalancerId"],
        host=doc["LoadBalancerId"],
        listeners=tuple(listeners),
        access_log=bool(doc["LogTopicId"]),
    )


def _listener(store: Store, doc: Doc) -> specs.Listener:
    rules = rules_of(store, doc["ListenerId"])
    layer_7 = doc["Protocol"] in LAYER_7
    listener = specs.Listener(
        name=doc["ListenerId"],
        port=doc["Port"],
        protocol=_PROTOCOLS[doc["Protocol"]],
        routes=tuple(_routes(store, rules)) if layer_7 else (_whole(store, doc),),
        certificates=tuple(_certificates(store, doc, rules)),
        tls_versions=directives.DEFAULT_TLS_VERSIONS,
        http2=any(rule["Http2"] for rule in rules),
        target_keepalive=bool(doc["KeepaliveEnable"]),
    )
    if not layer_7:
        idle = int(doc["IdleConnectTimeout"])
        return replace(listener, read_timeout_s=idle, send_timeout_s=idle)
    for content in _configurations(store, doc):
        listener = directives.configure(listener, directives.parse(content))
    return listener


def _configurations(store: Store, listener: Doc) -> Iterator[str]:
    """The texts bound to a load balancer, then to a server, then to a location: the nearest comes last and decides."""
    order = ("CLB", "SERVER", "LOCATION")
    for config in sorted(CONFIGURATION.all(store), key=lambda each: order.index(each["ConfigType"])):
        binds: list[dict[str, Any]] = config["_bindings"]
        whole = any(bind["LoadBalancerId"] == listener["_lb"] and not bind.get("ListenerId") for bind in binds)
        if whole or any(bind.get("ListenerId") == listener["ListenerId"] for bind in binds):
            yield config["ConfigContent"]


def _certificates(store: Store, listener: Doc, rules: list[Doc]) -> Iterator[str]:
    seen: set[str] = set()
    for owner in (listener, *rules):
        certificate: dict[str, Any] = owner.get("Certificate") or {}
        more: list[str] = certificate.get("ExtCertIds") or []
        for id in (certificate.get("CertId"), *more):
            found = CERTIFICATE.anywhere(store, id) if id else None
            if found and id not in seen:
                seen.add(str(id))
                yield f"{found['CertificatePublicKey'].strip()}\n{found['CertificatePrivateKey'].strip()}\n"


def _routes(store: Store, rules: list[Doc]) -> Iterator[specs.Route]:
    # The default server comes last: a host that no rule names falls to it.
    for rule in sorted(rules, key=lambda each: bool(each["DefaultServer"])):
        for position, domain in enumerate(rule["Domains"]):
            yield specs.Route(
                name=rule["LocationId"] if position == 0 else f"{rule['LocationId']}-{position}",
                domain=domain,
                path=rule["Url"],
                targets=tuple(targets(store, rule)),
                check=health.to_spec(rule["HealthCheck"], domain),
                balance=_BALANCE[rule["Scheduler"]],
                redirect_port=_redirect_port(store, rule),
                redirect_code=rule["RewriteTarget"].get("RewriteCode", 301),
                https_targets=rule["ForwardType"] == "HTTPS",
            )


def _redirect_port(store: Store, rule: Doc) -> int | None:
    target = rule["RewriteTarget"].get("TargetListenerId")
    found = LISTENER.anywhere(store, target) if target else None
    return int(found["Port"]) if found else None


def _whole(store: Store, listener: Doc) -> specs.Route:
    return specs.Route(
        name=listener["ListenerId"],
        domain="",
        targets=tuple(targets(store, listener)),
        check=health.to_spec(listener["HealthCheck"], ""),
        balance=_BALANCE[listener["Scheduler"]],
    )


def targets(store: Store, owner: Doc) -> Iterator[specs.Target]:
    """The targets of a rule or listener that have an address; an instance that is gone has none."""
    for target in owner["_targets"]:
        address = address_of(store, target)
        if address:
            name = target_name(target)
            yield specs.Target(name=name, address=IPv4Address(address), port=target["Port"], weight=target["Weight"])


def target_name(target: Doc) -> str:
    """The substrate's name of a target."""
    return f"{target.get('InstanceId') or 'ip-' + target['EniIp'].replace('.', '-')}-{target['Port']}".lower()


def address_of(store: Store, target: Doc) -> str | None:
    """A target's private address: the one given, or the instance's first."""
    if target.get("EniIp"):
        return str(target["EniIp"])
    instance = INSTANCE.anywhere(store, target["InstanceId"])
    private: list[str] = (instance.get("PrivateIpAddresses") if instance else None) or []
    return private[0] if private else None
