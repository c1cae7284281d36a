"""Custom configurations of layer 7. The directives themselves: directives.py.

The official SDK has no models for AddCustomizedConfig and its neighbours, which the provider calls: they stand here.
"""

from typing import Any

from tencentcloud.clb.v20180317 import models
from tencentcloud.common.abstract_model import AbstractModel

from sandbox.api.actions import Action, Context, action, register
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services.clb import directives, quota, tasks
from sandbox.services.clb.inventory import (
    LAYER_7,
    SERVICE,
    VERSION,
    idle,
    listener,
    rule,
    rules_of,
)
from sandbox.services.clb.kinds import CONFIGURATION, LISTENER, RULE
from sandbox.services.clb.requests import (
    AddCustomizedConfigRequest,
    DeleteCustomizedConfigRequest,
    ModifyCustomizedConfigRequest,
)
from sandbox.services.params import check_name, check_one_of, given, public, stamp

TYPES = ("CLB", "SERVER", "LOCATION")


def add_customized_config(ctx: Context, request: AbstractModel) -> dict[str, Any]:
    """Keep a configuration; it has effect where it is bound."""
    asked = given(request)
    check_name("ConfigName", asked["ConfigName"], 60)
    check_one_of("ConfigType", asked["ConfigType"], TYPES)
    directives.parse(asked["ConfigContent"])
    with ctx.store.lock:
        quota.take_configuration(ctx)
        id = ctx.store.new_id("pz")
        doc: Doc = {
            "UconfigId": id,
            "ConfigType": asked["ConfigType"],
            "ConfigName": asked["ConfigName"],
            "ConfigContent": asked["ConfigContent"],
            "CreateTimestamp": stamp(ctx),
            "UpdateTimestamp": stamp(ctx),
            "_bindings": [],
        }
        CONFIGURATION.create(ctx, doc)
        tasks.begin(ctx, [])
    return {"ConfigId": id}


def _bound(ctx: Context, doc: Doc) -> list[str]:
    """The idle load balancers that a configuration is bound to."""
    return [idle(ctx, id)["LoadBalancerId"] for id in sorted({bind["LoadBalancerId"] for bind in doc["_bindings"]})]


def modify_customized_config(ctx: Context, request: AbstractModel) -> dict[str, Any]:
    """Other text or name; a new text goes to all that it is bound to."""
    asked = given(request)
    with ctx.store.lock:
        doc = CONFIGURATION.need(ctx, asked["UconfigId"])
        if "ConfigName" in asked:
            check_name("ConfigName", asked["ConfigName"], 60)
        if "ConfigContent" in asked:
            directives.parse(asked["ConfigContent"])
        affected = _bound(ctx, doc)
        doc |= {key: asked[key] for key in ("ConfigName", "ConfigContent") if key in asked}
        CONFIGURATION.save(ctx.store, doc | {"UpdateTimestamp": stamp(ctx)})
        tasks.begin(ctx, affected)
    return {}


def delete_customized_config(ctx: Context, request: AbstractModel) -> dict[str, Any]:
    """Refused while it is bound."""
    asked = given(request)
    with ctx.store.lock:
        docs = [CONFIGURATION.need(ctx, id) for id in asked["UconfigIdList"]]
        for doc in docs:
            if doc["_bindings"]:
                bound = doc["_bindings"][0]["LoadBalancerId"]
                message = f"The custom configuration `{doc['UconfigId']}` is bound to `{bound}`; unbind it first."
                raise ApiError("FailedOperation", message)
        for doc in docs:
            CONFIGURATION.drop(ctx, doc["UconfigId"])
        tasks.begin(ctx, [])
    return {}


@action
def describe_customized_config_list(
    ctx: Context, request: models.DescribeCustomizedConfigListRequest
) -> dict[str, Any]:
    """By type, name or id."""
    asked = given(request)
    docs = [
        doc
        for doc in CONFIGURATION.list(ctx)
        if doc["ConfigType"] == asked.get("ConfigType", doc["ConfigType"])
        and doc["UconfigId"] in asked.get("UconfigIds", [doc["UconfigId"]])
        and asked.get("ConfigName", "") in doc["ConfigName"]
    ]
    return {
        "ConfigList": [public(doc) for doc in page(docs, request.Offset, request.Limit)],
        "TotalCount": len(docs),
    }


def _check_bind(ctx: Context, config: Doc, bind: dict[str, Any]) -> None:
    """Raise ApiError unless the place exists, is layer 7, and has no configuration yet."""
    idle(ctx, bind["LoadBalancerId"])
    if config["ConfigType"] != "CLB":
        owner = listener(ctx, bind["LoadBalancerId"], bind["ListenerId"])
        if owner["Protocol"] not in LAYER_7:
            message = f"Listener `{owner['ListenerId']}` is {owner['Protocol']}; custom configurations are for layer 7."
            raise ApiError("InvalidParameterValue", message)
        if not any(bind["Domain"] in each["Domains"] for each in rules_of(ctx.store, owner["ListenerId"])):
            message = f"No rule has domain `{bind['Domain']}` on listener `{owner['ListenerId']}`."
            raise ApiError("InvalidParameter.LocationNotFound", message)
    if config["ConfigType"] == "LOCATION":
        rule(ctx, bind["ListenerId"], bind["LocationId"])
    for other in CONFIGURATION.list(ctx):
        if other["ConfigType"] == config["ConfigType"] and other["UconfigId"] != config["UconfigId"]:
            for there in other["_bindings"]:
                if _place(there) == _place(bind):
                    message = (
                        f"`{bind['LoadBalancerId']}` has custom configuration `{other['UconfigId']}` there already."
                    )
                    raise ApiError("LimitExceeded", message)


def _place(bind: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(bind.get(key) or "") for key in ("LoadBalancerId", "ListenerId", "Domain", "LocationId"))


@action
def associate_customized_config(ctx: Context, request: models.AssociateCustomizedConfigRequest) -> dict[str, Any]:
    """Bind to load balancers, servers (listener and domain) or locations, by the configuration's type."""
    asked = given(request)
    with ctx.store.lock:
        doc = CONFIGURATION.need(ctx, asked["UconfigId"])
        for bind in asked["BindList"]:
            _check_bind(ctx, doc, bind)
        places = {_place(bind): bind for bind in [*doc["_bindings"], *asked["BindList"]]}
        CONFIGURATION.save(ctx.store, doc | {"_bindings": list(places.values())})
        tasks.begin(ctx, sorted({bind["LoadBalancerId"] for bind in asked["BindList"]}))
    return {}


@action
def disassociate_customized_config(ctx: Context, request: models.DisassociateCustomizedConfigRequest) -> dict[str, Any]:
    """Unbind; a place that is not bound is accepted."""
    asked = given(request)
    with ctx.store.lock:
        doc = CONFIGURATION.need(ctx, asked["UconfigId"])
        gone = {_place(bind) for bind in asked["BindList"]}
        affected = sorted({bind["LoadBalancerId"] for bind in doc["_bindings"] if _place(bind) in gone})
        for id in affected:
            idle(ctx, id)
        doc["_bindings"] = [bind for bind in doc["_bindings"] if _place(bind) not in gone]
        CONFIGURATION.save(ctx.store, doc)
        tasks.begin(ctx, affected)
    return {}


@action
def describe_customized_config_associate_list(
    ctx: Context, request: models.DescribeCustomizedConfigAssociateListRequest
) -> dict[str, Any]:
    """Where a configuration is bound."""
    doc = CONFIGURATION.need(ctx, request.UconfigId)
    binds = [_detail(ctx, doc, bind) for bind in doc["_bindings"]]
    binds = [bind for bind in binds if (request.Domain or "") in bind["Domain"]]
    return {"BindList": page(binds, request.Offset, request.Limit), "TotalCount": len(binds)}


def _detail(ctx: Context, doc: Doc, bind: dict[str, Any]) -> dict[str, Any]:
    owner = LISTENER.anywhere(ctx.store, bind.get("ListenerId", "")) or {}
    location = RULE.anywhere(ctx.store, bind.get("LocationId", "")) or {}
    return {
        "UconfigId": doc["UconfigId"],
        "LoadBalancerId": bind["LoadBalancerId"],
        "ListenerId": bind.get("ListenerId", ""),
        "Domain": bind.get("Domain", ""),
        "LocationId": bind.get("LocationId", ""),
        "ListenerName": owner.get("ListenerName", ""),
        "Protocol": owner.get("Protocol", ""),
        "Vport": owner.get("Port", 0),
        "Url": location.get("Url", ""),
    }


for _model, _run in (
    (AddCustomizedConfigRequest, add_customized_config),
    (ModifyCustomizedConfigRequest, modify_customized_config),
    (DeleteCustomizedConfigRequest, delete_customized_config),
):
    register(Action(SERVICE, VERSION, _model.__name__.removesuffix("Request"), _model, _run))
