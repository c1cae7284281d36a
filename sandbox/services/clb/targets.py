"""Targets of listeners and rules: registration, weights, health.

A target is {Type, InstanceId | EniIp, Port, Weight, RegisteredTime} in `_targets` of a rule (or of a TCP listener).
Scaling groups use `register`, `deregister` and `healthy`.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from tencentcloud.clb.v20180317 import models

from sandbox.api.actions import CHINA, Context, action
from sandbox.api.errors import ApiError
from sandbox.api.kinds import Kind
from sandbox.api.store import Doc, Store
from sandbox.services import plane
from sandbox.services.clb import dataplane, quota, tasks
from sandbox.services.clb.inventory import (
    LAYER_7,
    idle,
    listener,
    listeners_of,
    load_balancer,
    locate,
    rules_of,
)
from sandbox.services.clb.kinds import LISTENER, LOAD_BALANCER, RULE
from sandbox.services.cvm.kinds import INSTANCE
from sandbox.services.params import given

DEFAULT_WEIGHT = 10
Target = Mapping[str, Any]


def register(
    store: Store, load_balancer_id: str, listener_id: str, location_id: str | None, targets: list[dict[str, Any]]
) -> None:
    """Add targets {InstanceId | EniIp, Port, Weight?}, or set the weight of those there; at once in the data plane.

    Raises ApiError for a listener or rule that is gone, LimitExceeded above 100 targets; SubstrateError.
    """
    with store.lock:
        kind, owner = _owner(store, listener_id, location_id)
        _put(store, kind, owner, _joined(owner["_targets"], targets))
    dataplane.apply(store, load_balancer_id)


def deregister(
    store: Store, load_balancer_id: str, listener_id: str, location_id: str | None, targets: list[dict[str, Any]]
) -> None:
    """Remove targets {InstanceId | EniIp, Port?}; what is already gone, listener and rule too, is accepted."""
    with store.lock:
        kind, id = (RULE, location_id) if location_id else (LISTENER, listener_id)
        owner = kind.anywhere(store, id)
        if owner is None:
            return
        _put(store, kind, owner, [old for old in owner["_targets"] if not _named(old, targets)])
    dataplane.apply(store, load_balancer_id)


def healthy(
    store: Store, load_balancer_id: str, listener_id: str, location_id: str | None, instance_id: str
) -> bool | None:
    """Whether every target of an instance passes its check; None while it is not registered or not checked."""
    kind, id = (RULE, location_id) if location_id else (LISTENER, listener_id)
    owner = kind.anywhere(store, id)
    if owner is None or LOAD_BALANCER.anywhere(store, load_balancer_id) is None:
        return None
    states = plane.current().balancer_health(load_balancer_id).get(id, {})
    own = [
        states.get(dataplane.target_name(target))
        for target in owner["_targets"]
        if target.get("InstanceId") == instance_id
    ]
    return None if not own or None in own else all(own)


def forget_instance(store: Store, instance_id: str) -> None:
    """Take an instance that is gone out of every listener and rule."""
    changed: set[str] = set()
    with store.lock:
        for kind in (LISTENER, RULE):
            for owner in kind.all(store):
                kept = [target for target in owner["_targets"] if target.get("InstanceId") != instance_id]
                if len(kept) != len(owner["_targets"]):
                    _put(store, kind, owner, kept)
                    changed.add(owner["_lb"])
    for lb_id in changed:
        dataplane.apply(store, lb_id)


def _owner(store: Store, listener_id: str, location_id: str | None) -> tuple[Kind, Doc]:
    if location_id:
        rule = RULE.anywhere(store, location_id)
        if rule is None or rule["ListenerId"] != listener_id:
            raise ApiError("InvalidParameter.LocationNotFound", f"The rule `{location_id}` does not exist.")
        return RULE, rule
    owner = LISTENER.anywhere(store, listener_id)
    if owner is None:
        raise ApiError("InvalidParameter.ListenerIdNotFound", f"The listener `{listener_id}` does not exist.")
    if owner["Protocol"] in LAYER_7:
        raise ApiError("MissingParameter", f"A {owner['Protocol']} listener needs `LocationId`, or `Domain` and `Url`.")
    return LISTENER, owner


def _put(store: Store, kind: Kind, owner: Doc, targets: list[dict[str, Any]]) -> None:
    quota.limit("TOTAL_TARGET_BIND_QUOTA", len(targets))
    kind.save(store, owner | {"_targets": targets})


def _identity(target: Target) -> tuple[str, str, int]:
    return str(target.get("InstanceId") or ""), str(target.get("EniIp") or ""), int(target["Port"])


def _same(target: Target, wanted: Target) -> bool:
    if wanted.get("InstanceId") and target.get("InstanceId") != wanted["InstanceId"]:
        return False
    if not wanted.get("InstanceId") and target.get("EniIp") != wanted.get("EniIp"):
        return False
    return wanted.get("Port") in (None, target["Port"])


def _named(target: Target, wanted: Iterable[Target]) -> bool:
    return any(_same(target, each) for each in wanted)


def _joined(there: list[dict[str, Any]], new: Iterable[Target]) -> list[dict[str, Any]]:
    targets = {_identity(target): dict(target) for target in there}
    for target in new:
        made = {
            "Type": "CVM" if target.get("InstanceId") else "ENI",
            "InstanceId": target.get("InstanceId") or "",
            "EniIp": target.get("EniIp") if not target.get("InstanceId") else None,
            "Port": int(target["Port"]),
            "Weight": int(target.get("Weight", DEFAULT_WEIGHT)),
            "RegisteredTime": datetime.now(CHINA).strftime("%Y-%m-%d %H:%M:%S"),
        }
        before = targets.get(_identity(made), {})
        targets[_identity(made)] = made | ({"RegisteredTime": before["RegisteredTime"]} if before else {})
    return list(targets.values())


def _check(ctx: Context, targets: Iterable[Target], vpc_id: str) -> None:
    for target in targets:
        if bool(target.get("InstanceId")) == bool(target.get("EniIp")):
            raise ApiError("InvalidParameter", "A target has either `InstanceId` or `EniIp`.")
        if not 1 <= int(target["Port"]) <= 65535:
            raise ApiError("InvalidParameterValue", f"`Port` is {target['Port']}; allowed: 1 to 65535.")
        _check_weight(int(target.get("Weight", DEFAULT_WEIGHT)))
        if target.get("InstanceId"):
            instance = INSTANCE.find(ctx, target["InstanceId"])
            if instance is None or instance["VirtualPrivateCloud"]["VpcId"] != vpc_id:
                message = f"The instance `{target['InstanceId']}` is not in the load balancer's VPC `{vpc_id}`."
                raise ApiError("InvalidParameterValue", message)


def _check_weight(weight: int) -> None:
    if not 0 <= weight <= 100:
        raise ApiError("InvalidParameterValue", f"`Weight` is {weight}; allowed: 0 to 100.")


def _change(
    ctx: Context, asked: dict[str, Any], change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
) -> dict[str, Any]:
    """Change the targets of the listener or rule that the request names, as one task."""
    with ctx.store.lock:
        balancer = idle(ctx, asked["LoadBalancerId"])
        listener(ctx, asked["LoadBalancerId"], asked["ListenerId"])
        rule = locate(ctx, asked["ListenerId"], asked)
        kind, owner = _owner(ctx.store, asked["ListenerId"], rule["LocationId"] if rule else None)
        if owner.get("RewriteTarget"):
            raise ApiError("InvalidParameter", "A rule that redirects has no targets.")
        _put(ctx.store, kind, owner, change(owner["_targets"]))
        tasks.begin(ctx, [balancer["LoadBalancerId"]])
    return {}


@action
def register_targets(ctx: Context, request: models.RegisterTargetsRequest) -> dict[str, Any]:
    """Add targets; those that are there get the weight given."""
    asked = given(request)
    _check(ctx, asked["Targets"], load_balancer(ctx, asked["LoadBalancerId"])["VpcId"])
    return _change(ctx, asked, lambda there: _joined(there, asked["Targets"]))


@action
def deregister_targets(ctx: Context, request: models.DeregisterTargetsRequest) -> dict[str, Any]:
    """Remove targets. One that is not registered is an error."""
    asked = given(request)

    def change(there: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for wanted in asked["Targets"]:
            if not any(_same(target, wanted) for target in there):
                name = wanted.get("InstanceId") or wanted.get("EniIp")
                raise ApiError("InvalidParameter", f"The target {name}:{wanted['Port']} is not registered.")
        return [target for target in there if not _named(target, asked["Targets"])]

    return _change(ctx, asked, change)


def _weighted(there: list[dict[str, Any]], asked: dict[str, Any]) -> list[dict[str, Any]]:
    for wanted in asked["Targets"]:
        weight = int(wanted.get("Weight", asked.get("Weight", DEFAULT_WEIGHT)))
        _check_weight(weight)
        found = [target for target in there if _same(target, wanted)]
        if not found:
            name = wanted.get("InstanceId") or wanted.get("EniIp")
            raise ApiError("InvalidParameter", f"The target {name}:{wanted['Port']} is not registered.")
        for target in found:
            target["Weight"] = weight
    return there


@action
def modify_target_weight(ctx: Context, request: models.ModifyTargetWeightRequest) -> dict[str, Any]:
    """Weight 0 drains: open requests finish, no new one comes, checks go on."""
    asked = given(request)
    return _change(ctx, asked, lambda there: _weighted(there, asked))


def _backend(store: Store, target: Target) -> dict[str, Any]:
    address = dataplane.address_of(store, dict(target))
    found = INSTANCE.anywhere(store, target["InstanceId"]) if target["InstanceId"] else None
    instance: Doc = found or {}
    placement: Doc = instance.get("Placement") or {}
    return {
        "Type": target["Type"],
        "InstanceId": target["InstanceId"],
        "InstanceName": instance.get("InstanceName", ""),
        "Port": target["Port"],
        "Weight": target["Weight"],
        "PrivateIpAddresses": [address] if address else [],
        "PublicIpAddresses": instance.get("PublicIpAddresses") or [],
        "RegisteredTime": target["RegisteredTime"],
        "Zone": placement.get("Zone", ""),
    }


@action
def describe_targets(ctx: Context, request: models.DescribeTargetsRequest) -> dict[str, Any]:
    """Targets of listeners and their rules."""
    asked = given(request)
    load_balancer(ctx, asked["LoadBalancerId"])
    answer: list[dict[str, Any]] = []
    for owner in listeners_of(ctx.store, asked["LoadBalancerId"]):
        if owner["ListenerId"] not in asked.get("ListenerIds", [owner["ListenerId"]]):
            continue
        entry = {key: owner[key] for key in ("ListenerId", "Protocol", "Port", "EndPort")}
        if owner["Protocol"] in LAYER_7:
            entry["Rules"] = [
                {key: rule[key] for key in ("LocationId", "Domain", "Url")}
                | {"Targets": [_backend(ctx.store, target) for target in rule["_targets"]]}
                for rule in rules_of(ctx.store, owner["ListenerId"])
            ]
        else:
            entry["Targets"] = [_backend(ctx.store, target) for target in owner["_targets"]]
        answer.append(entry)
    return {"Listeners": answer}


def _health_of(store: Store, owner: Doc, states: Mapping[str, bool]) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = []
    check: Doc = owner["HealthCheck"] or {}
    checked = bool(check.get("HealthSwitch"))
    for target in owner["_targets"]:
        state = states.get(dataplane.target_name(target))
        detail = "Close" if not checked else "Unknown" if state is None else "Alive" if state else "Dead"
        answer.append(
            {
                "IP": dataplane.address_of(store, target) or "",
                "Port": target["Port"],
                "HealthStatus": state is not False,
                "TargetId": target["InstanceId"] or target["EniIp"],
                "HealthStatusDetail": detail,
                "HealthStatusDetial": detail,
                "Weight": target["Weight"],
            }
        )
    return answer


@action
def describe_target_health(ctx: Context, request: models.DescribeTargetHealthRequest) -> dict[str, Any]:
    """What the data plane's own checks say: Alive, Dead, Unknown (not yet checked), Close (no check)."""
    asked = given(request)
    answer: list[dict[str, Any]] = []
    for lb_id in asked["LoadBalancerIds"]:
        doc = load_balancer(ctx, lb_id)
        states = plane.current().balancer_health(lb_id)
        listeners: list[dict[str, Any]] = []
        for owner in listeners_of(ctx.store, lb_id):
            if owner["ListenerId"] not in asked.get("ListenerIds", [owner["ListenerId"]]):
                continue
            layer_7 = owner["Protocol"] in LAYER_7
            rules = rules_of(ctx.store, owner["ListenerId"]) if layer_7 else [owner]
            wanted = asked.get("LocationIds")
            listeners.append(
                {key: owner[key] for key in ("ListenerId", "ListenerName", "Protocol", "Port")}
                | {
                    "Rules": [
                        {key: rule.get(key, "") for key in ("LocationId", "Domain", "Url")}
                        | {"Targets": _health_of(ctx.store, rule, states.get(_route(rule), {}))}
                        for rule in rules
                        if not wanted or rule.get("LocationId") in wanted
                    ]
                }
            )
        named = {"LoadBalancerId": lb_id, "LoadBalancerName": doc["LoadBalancerName"]}
        answer.append(named | {"Listeners": listeners})
    return {"LoadBalancers": answer}


def _route(owner: Doc) -> str:
    return str(owner.get("LocationId") or owner["ListenerId"])
