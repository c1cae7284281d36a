"""What the documents of a registry instance mean for the substrate: a host, a certificate, a registry, a name."""

import time
from ipaddress import IPv4Address, IPv4Network

from sandbox.api import restoring, sealing
from sandbox.api.actions import Context, Order, restores, task
from sandbox.api.locks import holding
from sandbox.api.store import Doc, Store
from sandbox.layout import REGIONS
from sandbox.services import plane, zones
from sandbox.services.tcr.kinds import ACCOUNT, POLICY, REGISTRY, TOKEN, of_registry
from sandbox.services.vpc import addresses
from sandbox.substrate.specs import Firewall, Host, Registry, Rule, Verdict

OPENED = "Opened"
NEVER = -1
"""`ExpiresAt` of an account that does not end by itself."""
_PORT = 443
_CERTIFICATE_DAYS = 365


def _firewall(store: Store, doc: Doc) -> Firewall:
    """Clients of the region come in as by the intranet endpoint; others while the public one is open, by the list."""
    rules: list[Rule] = []
    if doc["_endpoint"] == OPENED:
        peers = tuple(IPv4Network(each["CidrBlock"]) for each in of_registry(store, POLICY, doc["RegistryId"]))
        if peers:
            rules.append(Rule(verdict=Verdict.ACCEPT, peers=peers, protocol="tcp", ports=((_PORT, _PORT),)))
    return Firewall(ingress=tuple(rules), trusted=(REGIONS[doc["RegionName"]].public,))


def _users(store: Store, doc: Doc) -> dict[str, str]:
    """One user per token and account: basic authentication knows one password per name. Without any nobody gets in."""
    id = doc["RegistryId"]
    users = {"closed": sealing.unseal(store.path, f"{id}/closed", doc["_closed"])}
    for token in of_registry(store, TOKEN, id):
        if token["Enabled"]:
            users[token["_username"]] = sealing.unseal(store.path, token["_id"], token["_sealed"])
    now_ms = time.time() * 1000
    for account in of_registry(store, ACCOUNT, id):
        if not account["Disable"] and (account["ExpiresAt"] == NEVER or now_ms < account["ExpiresAt"]):
            users[account["Name"]] = sealing.unseal(store.path, account["_id"], account["_sealed"])
    return users


def apply(store: Store, id: str) -> None:
    """Bring host, registry and name to what the documents say. Raises SubstrateError."""
    with holding(REGISTRY.name, id):
        doc = REGISTRY.anywhere(store, id)
        if doc is None or doc["Status"] == "Deleting":
            return
        if not doc.get("_public"):
            doc = _equip(store, doc)
        host = Host(
            name=id, region=doc["RegionName"], public=IPv4Address(doc["_public"]), firewall=_firewall(store, doc)
        )
        plane.current().ensure(host)
        plane.current().ensure(
            Registry(
                name=id,
                host=id,
                domain=doc["PublicDomain"],
                certificate=sealing.unseal(store.path, f"{id}/certificate", doc["_certificate"]),
                users=_users(store, doc),
            )
        )
    zones.publish(store)


def _equip(store: Store, doc: Doc) -> Doc:
    domains = [doc["PublicDomain"], doc["InternalEndpoint"]]
    chain, key = plane.current().issue_certificate(domains, _CERTIFICATE_DAYS)
    id = doc["RegistryId"]
    with store.lock:
        given = {
            "_public": str(addresses.take_public(store, doc["RegionName"], id)),
            "_certificate": sealing.seal(store.path, f"{id}/certificate", chain + key),
        }
        REGISTRY.save(store, store.get(REGISTRY.name, id) | given)
    return doc | given


def remove(store: Store, id: str) -> None:
    """Take registry and host away; the name goes when its document is gone. Raises SubstrateError."""
    with holding(REGISTRY.name, id):
        plane.current().remove(Registry, id)
        plane.current().remove(Host, id)
        addresses.free_public(store, id)


@task("tcr.apply")
def again(ctx: Context, payload: Doc) -> None:
    """Users, rules or endpoint changed, or somebody's time is over."""
    apply(ctx.store, payload["id"])


@restores(Order.SERVERS)
def restore(ctx: Context) -> None:
    """Registries that have begun to stand."""

    def stand(here: Context, doc: Doc) -> None:
        if doc.get("_public"):
            apply(here.store, doc["RegistryId"])

    restoring.each(ctx, REGISTRY, stand)
