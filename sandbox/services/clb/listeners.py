"""Listeners."""

from typing import Any

from tencentcloud.clb.v20180317 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.services.clb import certificates, health, quota, tasks
from sandbox.services.clb.inventory import (
    LAYER_7,
    idle,
    listener,
    listeners_of,
    load_balancer,
    remove_listener,
    rules_of,
)
from sandbox.services.clb.kinds import LISTENER
from sandbox.services.params import check_name, check_one_of, given, public, stamp

PROTOCOLS = ("TCP", "UDP", "HTTP", "HTTPS", "TCP_SSL", "QUIC")
SCHEDULERS = ("WRR", "LEAST_CONN")
IDLE_CONNECT_S = {"TCP": 900, "UDP": 300}
"""Default `IdleConnectTimeout` by protocol. Source: docs/sources.md, CLB."""


@action
def create_listener(ctx: Context, request: models.CreateListenerRequest) -> dict[str, Any]:
    """A listener per port."""
    asked = given(request)
    with ctx.store.lock:
        balancer = idle(ctx, asked["LoadBalancerId"])
        _check(asked)
        there = listeners_of(ctx.store, balancer["LoadBalancerId"])
        quota.limit("TOTAL_LISTENER_QUOTA", len(there) + len(asked["Ports"]))
        certificate = _certificate(ctx, asked)
        ids: list[str] = []
        for position, port in enumerate(asked["Ports"]):
            _check_port(there, asked["Protocol"], int(port))
            doc: Doc = new(ctx, asked, int(port), position) | {"Certificate": certificate}
            LISTENER.create(ctx, doc)
            ids.append(doc["ListenerId"])
        tasks.begin(ctx, [balancer["LoadBalancerId"]])
    return {"ListenerIds": ids}


def _check(asked: dict[str, Any]) -> None:
    protocol = asked["Protocol"]
    check_one_of("Protocol", protocol, PROTOCOLS)
    names = asked.get("ListenerNames", [])
    if names and len(names) != len(asked["Ports"]):
        raise ApiError("InvalidParameter", f"{len(names)} `ListenerNames` for {len(asked['Ports'])} `Ports`.")
    for name in names:
        check_name("ListenerNames", name, 255)
    check_one_of("Scheduler", asked.get("Scheduler", "WRR"), SCHEDULERS)
    if protocol in LAYER_7 and "HealthCheck" in asked:
        message = f"A {protocol} listener has no `HealthCheck` of its own: give it to its rules."
        raise ApiError("InvalidParameter", message)
    if asked.get("SniSwitch") and protocol != "HTTPS":
        raise ApiError("InvalidParameter", f"`SniSwitch` is for HTTPS listeners, not {protocol}.")
    _check_times(asked, protocol)


def _check_times(asked: dict[str, Any], protocol: str) -> None:
    session = int(asked.get("SessionExpireTime", 0))
    if session and not 30 <= session <= 3600:
        raise ApiError("InvalidParameterValue", f"`SessionExpireTime` is {session}; allowed: 0, 30 to 3600 s.")
    idle_s = int(asked.get("IdleConnectTimeout", IDLE_CONNECT_S.get(protocol, 0)))
    if protocol in IDLE_CONNECT_S and not 10 <= idle_s <= 1980:
        raise ApiError("InvalidParameterValue", f"`IdleConnectTimeout` is {idle_s}; allowed: 10 to 1980 s.")


def _check_port(there: list[Doc], protocol: str, port: int) -> None:
    if not 1 <= port <= 65535:
        raise ApiError("InvalidParameterValue", f"`Ports` has {port}; allowed: 1 to 65535.")
    layer = ("UDP", "QUIC") if protocol in ("UDP", "QUIC") else ("TCP", "TCP_SSL", "HTTP", "HTTPS")
    for other in there:
        if other["Port"] == port and other["Protocol"] in layer:
            message = f"Port {port} is taken by listener `{other['ListenerId']}` ({other['Protocol']})."
            raise ApiError("InvalidParameter.PortCheckFailed", message)


def _certificate(ctx: Context, asked: dict[str, Any]) -> dict[str, Any] | None:
    certificate = certificates.settle(ctx, asked)
    if asked["Protocol"] not in ("HTTPS", "TCP_SSL", "QUIC"):
        if certificate:
            raise ApiError("InvalidParameter", f"A {asked['Protocol']} listener takes no certificate.")
        return None
    if asked.get("SniSwitch") and certificate:
        raise ApiError("InvalidParameter", "With `SniSwitch` 1 certificates belong to the rules.")
    if not asked.get("SniSwitch") and not certificate:
        message = f"A {asked['Protocol']} listener needs `Certificate` or `MultiCertInfo` (or `SniSwitch` 1)."
        raise ApiError("InvalidParameter", message)
    return certificate


def new(ctx: Context, asked: dict[str, Any], port: int, position: int = 0) -> Doc:
    """A listener without certificates, as a CreateListener request asks for it at this place of its lists."""
    protocol = asked["Protocol"]
    id = ctx.store.new_id("lbl")
    names = asked.get("ListenerNames", [])
    layer_7 = protocol in LAYER_7
    return {
        "ListenerId": id,
        "Protocol": protocol,
        "Port": port,
        "EndPort": asked.get("EndPort", 0),
        "Certificate": None,
        "HealthCheck": None if layer_7 else health.settle(asked.get("HealthCheck"), protocol),
        "Scheduler": asked.get("Scheduler", "WRR"),
        "SessionExpireTime": asked.get("SessionExpireTime", 0),
        "SessionType": asked.get("SessionType", "NORMAL"),
        "SniSwitch": asked.get("SniSwitch", 0),
        "ListenerName": names[position] if names else id,
        "CreateTime": stamp(ctx),
        "TargetType": asked.get("TargetType", "NODE"),
        "KeepaliveEnable": asked.get("KeepaliveEnable", 0),
        "DeregisterTargetRst": asked.get("DeregisterTargetRst", False),
        "AttrFlags": [flag for flag in ("H2cSwitch", "SnatEnable") if asked.get(flag)],
        "IdleConnectTimeout": asked.get("IdleConnectTimeout", IDLE_CONNECT_S.get(protocol, 0)),
        "_lb": asked["LoadBalancerId"],
        "_targets": [],
    }


@action
def describe_listeners(ctx: Context, request: models.DescribeListenersRequest) -> dict[str, Any]:
    """A load balancer's listeners with their rules."""
    asked = given(request)
    load_balancer(ctx, asked["LoadBalancerId"])
    docs = [
        doc
        for doc in listeners_of(ctx.store, asked["LoadBalancerId"])
        if doc["ListenerId"] in asked.get("ListenerIds", [doc["ListenerId"]])
        and doc["Protocol"] == asked.get("Protocol", doc["Protocol"])
        and doc["Port"] == asked.get("Port", doc["Port"])
    ]
    answer = [
        public(doc) | {"Rules": [public(rule) for rule in rules_of(ctx.store, doc["ListenerId"])]} for doc in docs
    ]
    return {"Listeners": answer, "TotalCount": len(answer)}


_MODIFIABLE = (
    "ListenerName",
    "SessionExpireTime",
    "SessionType",
    "Scheduler",
    "KeepaliveEnable",
    "DeregisterTargetRst",
    "IdleConnectTimeout",
    "TargetType",
    "SniSwitch",
)


@action
def modify_listener(ctx: Context, request: models.ModifyListenerRequest) -> dict[str, Any]:
    """What is given changes; a health check that is given is laid over the one there."""
    asked = given(request)
    with ctx.store.lock:
        idle(ctx, asked["LoadBalancerId"])
        doc = listener(ctx, asked["LoadBalancerId"], asked["ListenerId"])
        protocol = doc["Protocol"]
        check_one_of("Scheduler", asked.get("Scheduler", "WRR"), SCHEDULERS)
        if "ListenerName" in asked:
            check_name("ListenerName", asked["ListenerName"], 255)
        _check_times(asked, protocol)
        if "HealthCheck" in asked:
            if protocol in LAYER_7:
                raise ApiError("InvalidParameter", f"A {protocol} listener has no `HealthCheck` of its own.")
            doc["HealthCheck"] = health.settle(asked["HealthCheck"], protocol, doc["HealthCheck"])
        if "Certificate" in asked or "MultiCertInfo" in asked:
            doc["Certificate"] = _certificate(ctx, asked | {"Protocol": protocol, "SniSwitch": doc["SniSwitch"]})
        doc |= {key: asked[key] for key in _MODIFIABLE if key in asked}
        if "SnatEnable" in asked:
            others = [flag for flag in doc["AttrFlags"] if flag != "SnatEnable"]
            doc["AttrFlags"] = [*others, "SnatEnable"] if asked["SnatEnable"] else others
        LISTENER.save(ctx.store, doc)
        tasks.begin(ctx, [doc["_lb"]])
    return {}


@action
def delete_listener(ctx: Context, request: models.DeleteListenerRequest) -> dict[str, Any]:
    """With its rules."""
    asked = given(request)
    with ctx.store.lock:
        idle(ctx, asked["LoadBalancerId"])
        remove_listener(ctx.store, listener(ctx, asked["LoadBalancerId"], asked["ListenerId"]))
        tasks.begin(ctx, [asked["LoadBalancerId"]])
    return {}
