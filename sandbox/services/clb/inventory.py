"""The documents of load balancers, listeners and rules, and how they are found.

Kinds: `clb.load_balancer` (models.LoadBalancer), `clb.listener` (models.Listener without Rules), `clb.rule`
(models.RuleOutput). Private keys: `_lb`, `_targets` (see targets.py); of a load balancer `_vip` (public address),
`_private` (its leg in the VPC), `_subnet` (that leg's subnet in the substrate), `_region`, `_task` (the running one).
"""

from typing import Any

from sandbox.api.actions import Context
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc, Store
from sandbox.services.params import in_region

SERVICE, VERSION = "clb", "2018-03-17"
LB, LISTENER, RULE, CONFIG = "clb.load_balancer", "clb.listener", "clb.rule", "clb.config"
LAYER_7 = ("HTTP", "HTTPS")


def load_balancer(ctx: Context, id: str) -> Doc:
    """The load balancer in this region. Raises ApiError InvalidParameter.LBIdNotFound."""
    doc = in_region(ctx, LB, id)
    if doc is None:
        raise ApiError("InvalidParameter.LBIdNotFound", f"The load balancer `{id}` does not exist in {ctx.region}.")
    return doc


def idle(ctx: Context, id: str) -> Doc:
    """The load balancer, if no task works on it. Raises FailedOperation.ResourceInOperating."""
    doc = load_balancer(ctx, id)
    if doc.get("_task"):
        message = f"The load balancer `{id}` is being changed by task {doc['_task']}; wait for it."
        raise ApiError("FailedOperation.ResourceInOperating", message)
    return doc


def listener(ctx: Context, lb_id: str, id: str) -> Doc:
    """The listener of that load balancer. Raises ApiError InvalidParameter.ListenerIdNotFound."""
    doc = ctx.store.find(LISTENER, id)
    if doc is None or doc["_lb"] != lb_id:
        raise ApiError("InvalidParameter.ListenerIdNotFound", f"The listener `{id}` is not one of `{lb_id}`.")
    return doc


def rule(ctx: Context, listener_id: str, id: str) -> Doc:
    """The rule of that listener. Raises ApiError InvalidParameter.LocationNotFound."""
    doc = ctx.store.find(RULE, id)
    if doc is None or doc["ListenerId"] != listener_id:
        raise ApiError("InvalidParameter.LocationNotFound", f"The rule `{id}` is not one of listener `{listener_id}`.")
    return doc


def locate(ctx: Context, listener_id: str, asked: dict[str, Any]) -> Doc | None:
    """The rule that LocationId, or Domain and Url, name; None if the request names none."""
    if asked.get("LocationId"):
        return rule(ctx, listener_id, asked["LocationId"])
    if asked.get("Domain") is None and asked.get("Url") is None:
        return None
    for doc in rules_of(ctx.store, listener_id):
        if asked.get("Domain") in doc["Domains"] and doc["Url"] == asked.get("Url"):
            return doc
    message = f"No rule {asked.get('Domain')} {asked.get('Url')} on listener `{listener_id}`."
    raise ApiError("InvalidParameter.LocationNotFound", message)


def listeners_of(store: Store, lb_id: str) -> list[Doc]:
    """A load balancer's listeners, in the order they were made."""
    return [doc for doc in store.list(LISTENER) if doc["_lb"] == lb_id]


def rules_of(store: Store, listener_id: str) -> list[Doc]:
    """A listener's rules, in the order they were made."""
    return [doc for doc in store.list(RULE) if doc["ListenerId"] == listener_id]


def remove_rule(store: Store, doc: Doc) -> None:
    """Remove a rule, what redirects to it, and its place in custom configurations."""
    store.delete(RULE, doc["LocationId"])
    for other in store.list(RULE):
        if other["RewriteTarget"].get("TargetLocationId") == doc["LocationId"]:
            other["RewriteTarget"] = {}
            store.put(RULE, other["LocationId"], other)
    _unbind(store, "LocationId", doc["LocationId"])
    rest = rules_of(store, doc["ListenerId"])
    if doc["DefaultServer"] and rest and not any(other["DefaultServer"] for other in rest):
        rest[0]["DefaultServer"] = True
        store.put(RULE, rest[0]["LocationId"], rest[0])


def remove_listener(store: Store, doc: Doc) -> None:
    """Remove a listener with its rules."""
    for each in rules_of(store, doc["ListenerId"]):
        remove_rule(store, each)
    _unbind(store, "ListenerId", doc["ListenerId"])
    store.delete(LISTENER, doc["ListenerId"])


def _unbind(store: Store, key: str, id: str) -> None:
    for config in store.list(CONFIG):
        kept = [bind for bind in config["_bindings"] if bind.get(key) != id]
        if len(kept) != len(config["_bindings"]):
            config["_bindings"] = kept
            store.put(CONFIG, config["UconfigId"], config)
