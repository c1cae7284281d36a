"""How listeners and rules are found and removed: what belongs to what."""

from typing import Any

from sandbox.api.actions import Context
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc, Store
from sandbox.services.clb.kinds import CONFIGURATION, LISTENER, LOAD_BALANCER, RULE

SERVICE, VERSION = "clb", "2018-03-17"
LAYER_7 = ("HTTP", "HTTPS")


def load_balancer(ctx: Context, id: str) -> Doc:
    """The load balancer in this region. Raises ApiError InvalidParameter.LBIdNotFound."""
    return LOAD_BALANCER.need(ctx, id)


def idle(ctx: Context, id: str) -> Doc:
    """The load balancer, if no task works on it. Raises FailedOperation.ResourceInOperating."""
    doc = load_balancer(ctx, id)
    if doc.get("_task"):
        message = f"The load balancer `{id}` is being changed by task {doc['_task']}; wait for it."
        raise ApiError("FailedOperation.ResourceInOperating", message)
    return doc


def listener(ctx: Context, lb_id: str, id: str) -> Doc:
    """The listener of that load balancer. Raises ApiError InvalidParameter.ListenerIdNotFound."""
    doc = LISTENER.anywhere(ctx.store, id)
    if doc is None or doc["_lb"] != lb_id:
        raise ApiError(LISTENER.missing, f"The listener `{id}` is not one of `{lb_id}`.")
    return doc


def rule(ctx: Context, listener_id: str, id: str) -> Doc:
    """The rule of that listener. Raises ApiError InvalidParameter.LocationNotFound."""
    doc = RULE.anywhere(ctx.store, id)
    if doc is None or doc["ListenerId"] != listener_id:
        raise ApiError(RULE.missing, f"The rule `{id}` is not one of listener `{listener_id}`.")
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
    raise ApiError(RULE.missing, message)


def listeners_of(store: Store, lb_id: str) -> list[Doc]:
    """A load balancer's listeners, in the order they were made."""
    return [doc for doc in LISTENER.all(store) if doc["_lb"] == lb_id]


def rules_of(store: Store, listener_id: str) -> list[Doc]:
    """A listener's rules, in the order they were made."""
    return [doc for doc in RULE.all(store) if doc["ListenerId"] == listener_id]


def remove_rule(store: Store, doc: Doc) -> None:
    """Remove a rule, what redirects to it, and its place in custom configurations."""
    store.delete(RULE.name, doc["LocationId"])
    for other in RULE.all(store):
        if other["RewriteTarget"].get("TargetLocationId") == doc["LocationId"]:
            other["RewriteTarget"] = {}
            RULE.save(store, other)
    _unbind(store, "LocationId", doc["LocationId"])
    rest = rules_of(store, doc["ListenerId"])
    if doc["DefaultServer"] and rest and not any(other["DefaultServer"] for other in rest):
        rest[0]["DefaultServer"] = True
        RULE.save(store, rest[0])


def remove_listener(store: Store, doc: Doc) -> None:
    """Remove a listener with its rules."""
    for each in rules_of(store, doc["ListenerId"]):
        remove_rule(store, each)
    _unbind(store, "ListenerId", doc["ListenerId"])
    store.delete(LISTENER.name, doc["ListenerId"])


def remove_load_balancer(ctx: Context, id: str) -> None:
    """Forget a load balancer with its listeners."""
    for each in listeners_of(ctx.store, id):
        remove_listener(ctx.store, each)
    _unbind(ctx.store, "LoadBalancerId", id)
    LOAD_BALANCER.drop(ctx, id)


def _unbind(store: Store, key: str, id: str) -> None:
    for config in CONFIGURATION.all(store):
        kept = [bind for bind in config["_bindings"] if bind.get(key) != id]
        if len(kept) != len(config["_bindings"]):
            CONFIGURATION.save(store, config | {"_bindings": kept})
