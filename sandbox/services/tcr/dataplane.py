"""What the documents of a registry instance mean for the substrate: a host, a certificate, a registry, a name."""

import threading
from ipaddress import IPv4Address, IPv4Network

from sandbox.api import sealing
from sandbox.api.store import Doc, Store
from sandbox.layout import REGIONS
from sandbox.services import plane, zones
from sandbox.services.vpc import addresses
from sandbox.substrate.specs import Firewall, Host, Registry, Rule, Verdict

REGISTRY, TOKEN, POLICY = "tcr.registry", "tcr.token", "tcr.policy"
OPENED = "Opened"
_PORT = 443
_CERTIFICATE_DAYS = 365
_locks: dict[str, threading.Lock] = {}


def of_registry(store: Store, kind: str, id: str) -> list[Doc]:
    """The documents of a kind that belong to a registry instance."""
    return [doc for doc in store.list(kind) if doc["RegistryId"] == id]


def _firewall(store: Store, doc: Doc) -> Firewall:
    """Clients of the region come in as by the intranet endpoint; others while the public one is open, by the list."""
    region = REGIONS[store.region_of(REGISTRY, doc["RegistryId"]) or ""]
    rules: list[Rule] = []
    if doc["_endpoint"] == OPENED:
        peers = tuple(IPv4Network(each["CidrBlock"]) for each in of_registry(store, POLICY, doc["RegistryId"]))
        if peers:
            rules.append(Rule(verdict=Verdict.ACCEPT, peers=peers, protocol="tcp", ports=((_PORT, _PORT),)))
    return Firewall(ingress=tuple(rules), trusted=(region.public,))


def _users(store: Store, doc: Doc) -> dict[str, str]:
    """One user per token: basic authentication knows one password per name. Without tokens nobody gets in."""
    id = doc["RegistryId"]
    users = {"closed": sealing.unseal(store.path, f"{id}/closed", doc["_closed"])}
    for token in of_registry(store, TOKEN, id):
        if token["Enabled"]:
            label = f"{id}/{token['Id']}"
            users[token["_username"]] = sealing.unseal(store.path, label, token["_sealed"])
    return users


def apply(store: Store, id: str) -> None:
    """Bring host, registry and name to what the documents say. Raises SubstrateError."""
    with _locks.setdefault(id, threading.Lock()):
        doc = store.find(REGISTRY, id)
        if doc is None or doc["Status"] == "Deleting":
            return
        region = store.region_of(REGISTRY, id) or ""
        if not doc.get("_public"):
            doc = _equip(store, doc, region)
        host = Host(name=id, region=region, public=IPv4Address(doc["_public"]), firewall=_firewall(store, doc))
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


def _equip(store: Store, doc: Doc, region: str) -> Doc:
    chain, key = plane.current().issue_certificate([doc["PublicDomain"]], _CERTIFICATE_DAYS)
    id = doc["RegistryId"]
    with store.lock:
        given = {
            "_public": str(addresses.take_public(store, region, id)),
            "_certificate": sealing.seal(store.path, f"{id}/certificate", chain + key),
        }
        store.put(REGISTRY, id, store.get(REGISTRY, id) | given)
    return doc | given


def remove(store: Store, id: str) -> None:
    """Take registry and host away; the name goes when its document is gone. Raises SubstrateError."""
    with _locks.setdefault(id, threading.Lock()):
        plane.current().remove(Registry, id)
        plane.current().remove(Host, id)
        addresses.free_public(store, id)
