"""Brings the listeners of a load balancer to what a Service wants. What the cloud shows decides, nothing is remembered:
an answer that got lost, or a controller that was killed between two calls, is made good by the next round.

A listener is the controller's by its name. One that was renamed, or made by others, is never touched.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.in_cluster.service_controller.cloud import Cloud, CloudError
from sandbox.in_cluster.service_controller.wishes import LAYER_7, ListenerWish, Refused, RuleWish

log = logging.getLogger("service-controller")

OWN_NAME = "TKE-DEDICATED-LISTENER"
_UDP = ("UDP", "QUIC")
Doc = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where targets are bound: a rule, or a listener without rules."""

    listener_id: str
    location_id: str | None
    target_port: int | str

    @property
    def named(self) -> dict[str, str]:
        """The place in a request."""
        return {"ListenerId": self.listener_id} | ({"LocationId": self.location_id} if self.location_id else {})


class Listeners:
    """The listeners of one load balancer."""

    def __init__(self, cloud: Cloud, balancer_id: str) -> None:
        self._cloud = cloud
        self._id = balancer_id

    def bring(self, wanted: tuple[ListenerWish, ...]) -> list[Place]:
        """Make, change and remove the controller's listeners; returns the places of the wanted ones.

        Raises Refused before anything is changed if a port is another's or a certificate is not to be had; CloudError.
        """
        there = self._described()
        self._check(wanted, there)
        for doc in there:
            if _own(doc) and not any(_fits(wish, doc) for wish in wanted):
                self._change("DeleteListener", ListenerId=doc["ListenerId"])
        there = [doc for doc in there if _own(doc) and any(_fits(wish, doc) for wish in wanted)]
        return [place for wish in wanted for place in self._listener(wish, there)]

    def remove(self) -> None:
        """Remove all of the controller's listeners."""
        self.bring(())

    def _described(self) -> list[Doc]:
        return self._cloud.read("clb", "DescribeListeners", {"LoadBalancerId": self._id})["Listeners"]

    def _change(self, action: str, **params: Any) -> Doc:
        log.info("%s: %s %s", self._id, action, {key: value for key, value in params.items() if key != "Targets"})
        return self._cloud.change(action, {"LoadBalancerId": self._id, **params})

    def _check(self, wanted: Iterable[ListenerWish], there: list[Doc]) -> None:
        used: set[str] = set()
        for doc in there:
            used |= {_certificate_id(each) for each in (doc, *(doc.get("Rules") or ()))}
        for wish in wanted:
            for doc in there:
                if not _own(doc) and _collides(wish, doc):
                    message = (
                        f"port {wish.port} of {self._id} is taken by listener {doc['ListenerId']}, not the cluster's"
                    )
                    raise Refused("PortTaken", message)
            for id in sorted(wish.certificates - used):
                self._check_certificate(id)

    def _check_certificate(self, id: str) -> None:
        try:
            found = self._cloud.read("ssl", "DescribeCertificate", {"CertificateId": id})
        except CloudError as error:
            if error.code.startswith("Client"):
                raise
            raise Refused("CertificateMissing", f"certificate {id}: {error}") from None
        if found.get("Status") != 1:
            raise Refused("CertificateMissing", f"certificate {id} is not issued")

    def _listener(self, wish: ListenerWish, there: list[Doc]) -> list[Place]:
        doc = next((each for each in there if _fits(wish, each)), None)
        if doc is None:
            doc = Doc(ListenerId=self._create(wish), Rules=[])
        elif changes := _listener_changes(wish, doc):
            self._change("ModifyListener", ListenerId=doc["ListenerId"], **changes)
        if wish.protocol not in LAYER_7:
            return [Place(doc["ListenerId"], None, wish.target_port)]
        return self._rules(wish, doc)

    def _create(self, wish: ListenerWish) -> str:
        asked: Doc = {"Ports": [wish.port], "ListenerNames": [OWN_NAME], "Protocol": wish.protocol}
        asked |= _stated(
            Scheduler=wish.scheduler,
            SessionExpireTime=wish.session_s,
            KeepaliveEnable=wish.keepalive,
            DeregisterTargetRst=wish.reset_on_deregister,
            HealthCheck=dict(wish.health) or None,
            Certificate=_certificate(wish.certificate),
            SniSwitch=1 if wish.protocol == "HTTPS" else None,
        )
        return self._change("CreateListener", **asked)["ListenerIds"][0]

    def _rules(self, wish: ListenerWish, doc: Doc) -> list[Place]:
        listener_id = doc["ListenerId"]
        there = {(rule["Domain"], rule["Url"]): rule for rule in doc.get("Rules") or ()}
        wanted = {rule.place: rule for rule in wish.rules}
        ids = {place: rule["LocationId"] for place, rule in there.items()}
        missing = [rule for place, rule in wanted.items() if place not in there]
        if missing:
            rules = [_rule(wish, rule, first=not there and rule is missing[0]) for rule in missing]
            made = self._change("CreateRule", ListenerId=listener_id, Rules=rules)["LocationIds"]
            ids |= {rule.place: id for rule, id in zip(missing, made, strict=True)}
        if gone := [rule["LocationId"] for place, rule in there.items() if place not in wanted]:
            self._change("DeleteRule", ListenerId=listener_id, LocationIds=gone)
        for place, rule in wanted.items():
            if place in there and (changes := _rule_changes(rule, there[place])):
                self._change("ModifyRule", ListenerId=listener_id, LocationId=ids[place], **changes)
        self._domains(wish, listener_id, there)
        return [Place(listener_id, ids[place], wish.target_port) for place in wanted]

    def _domains(self, wish: ListenerWish, listener_id: str, there: Mapping[tuple[str, str], Doc]) -> None:
        """What holds for a domain with all its rules."""
        done: set[str] = set()
        for rule in wish.rules:
            doc = there.get(rule.place)
            if doc is None or rule.domain in done:
                continue
            changes: Doc = {}
            if rule.certificate and _certificate_id(doc) != rule.certificate:
                changes["Certificate"] = _certificate(rule.certificate)
            if rule.http2 is not None and bool(doc["Http2"]) != rule.http2:
                changes["Http2"] = rule.http2
            if rule.domain == wish.default_server and not doc["DefaultServer"]:
                changes["DefaultServer"] = True
            if changes:
                done.add(rule.domain)
                self._change("ModifyDomainAttributes", ListenerId=listener_id, Domain=rule.domain, **changes)


def _own(doc: Doc) -> bool:
    return doc["ListenerName"] == OWN_NAME


def _fits(wish: ListenerWish, doc: Doc) -> bool:
    return (wish.port, wish.protocol) == (doc["Port"], doc["Protocol"])


def _collides(wish: ListenerWish, doc: Doc) -> bool:
    """Whether both cannot be: TCP and UDP of one port go together."""
    return wish.port == doc["Port"] and (wish.protocol in _UDP) == (doc["Protocol"] in _UDP)


def _stated(**settings: Any) -> Doc:
    return {name: value for name, value in settings.items() if value is not None}


def _differing(stated: Doc, doc: Doc) -> Doc:
    return {name: value for name, value in stated.items() if doc.get(name) != value}


def _certificate_id(doc: Doc) -> str:
    """What a listener or rule shows to clients; empty: nothing."""
    own: Doc = doc.get("Certificate") or {}
    return own.get("CertId", "")


def _certificate(id: str | None) -> Doc | None:
    return {"SSLMode": "UNIDIRECTIONAL", "CertId": id} if id else None


def _health_changes(wanted: Mapping[str, Any], doc: Doc) -> Doc:
    there: Doc = doc.get("HealthCheck") or {}
    return {"HealthCheck": dict(wanted)} if any(there.get(name) != value for name, value in wanted.items()) else {}


def _listener_changes(wish: ListenerWish, doc: Doc) -> Doc:
    stated = _stated(
        Scheduler=wish.scheduler,
        SessionExpireTime=wish.session_s,
        KeepaliveEnable=wish.keepalive,
        DeregisterTargetRst=wish.reset_on_deregister,
    )
    changes = _differing(stated, doc) | _health_changes(wish.health, doc)
    if wish.certificate and _certificate_id(doc) != wish.certificate:
        changes["Certificate"] = _certificate(wish.certificate)
    return changes


def _rule_settings(rule: RuleWish) -> Doc:
    return _stated(Scheduler=rule.scheduler, SessionExpireTime=rule.session_s, ForwardType=rule.forward_type)


def _rule(wish: ListenerWish, rule: RuleWish, *, first: bool) -> Doc:
    """models.RuleInput. The first rule of a listener answers for all other hosts unless another one is to."""
    default = rule.domain == wish.default_server if wish.default_server else first
    return (
        {"Domain": rule.domain, "Url": rule.url}
        | _rule_settings(rule)
        | _stated(
            HealthCheck=dict(rule.health) or None,
            Certificate=_certificate(rule.certificate),
            Http2=rule.http2,
            DefaultServer=True if default else None,
        )
    )


def _rule_changes(rule: RuleWish, doc: Doc) -> Doc:
    return _differing(_rule_settings(rule), doc) | _health_changes(rule.health, doc)
