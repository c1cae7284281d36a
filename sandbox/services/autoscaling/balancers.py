"""The load balancers of a group: which, and putting its instances behind them.

An instance gets a target per (rule or listener, port). Weight 0 drains it before it goes.
"""

import logging
from typing import Any

from tencentcloud.autoscaling.v20180419 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc, Store
from sandbox.services.autoscaling.kinds import GROUP, members
from sandbox.services.clb import inventory, targets
from sandbox.services.params import given

log = logging.getLogger(__name__)


def settled(ctx: Context, asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Forward load balancers as they read back."""
    return [
        {
            "LoadBalancerId": each["LoadBalancerId"],
            "ListenerId": each["ListenerId"],
            "LocationId": each.get("LocationId", ""),
            "TargetAttributes": [
                {"Port": at["Port"], "Weight": at.get("Weight", 10)} for at in each["TargetAttributes"]
            ],
            "Region": each.get("Region", ctx.region),
        }
        for each in asked
    ]


def check(ctx: Context, vpc_id: str, attached: list[dict[str, Any]]) -> None:
    """Raise ApiError unless load balancers, listeners and rules exist, in the group's VPC."""
    for each in attached:
        try:
            balancer = inventory.load_balancer(ctx, each["LoadBalancerId"])
        except ApiError as error:
            raise ApiError("ResourceNotFound.LoadBalancerNotFound", error.message) from None
        if balancer["VpcId"] != vpc_id:
            message = f"The load balancer `{each['LoadBalancerId']}` is not in `{vpc_id}`."
            raise ApiError("ResourceUnavailable.LbVpcInconsistent", message)
        try:
            listener = inventory.listener(ctx, each["LoadBalancerId"], each["ListenerId"])
        except ApiError as error:
            raise ApiError("ResourceNotFound.ListenerNotFound", error.message) from None
        if listener["Protocol"] in inventory.LAYER_7 or each["LocationId"]:
            try:
                inventory.rule(ctx, each["ListenerId"], each["LocationId"])
            except ApiError as error:
                raise ApiError("ResourceNotFound.LocationNotFound", error.message) from None
        for at in each["TargetAttributes"]:
            if not (1 <= at["Port"] <= 65535 and 0 <= at["Weight"] <= 100):
                message = "A target's port is 1 to 65535 and its weight 0 to 100."
                raise ApiError("InvalidParameterValue.Range", message)


def put_behind(store: Store, doc: Doc, instance_id: str, *, drain: bool = False) -> None:
    """Register an instance with all of its group's load balancers; `drain`: with weight 0."""
    for each in doc["ForwardLoadBalancerSet"]:
        wanted = [
            {"InstanceId": instance_id, "Port": at["Port"], "Weight": 0 if drain else at["Weight"]}
            for at in each["TargetAttributes"]
        ]
        try:
            targets.register(store, each["LoadBalancerId"], each["ListenerId"], each["LocationId"] or None, wanted)
        except ApiError as error:
            # The listener or rule went meanwhile: the group goes on without it, as in the cloud.
            log.warning("%s: %s", doc["AutoScalingGroupId"], error)


def take_away(store: Store, doc: Doc, instance_id: str) -> None:
    """Deregister an instance from all of its group's load balancers."""
    for each in doc["ForwardLoadBalancerSet"]:
        gone = [{"InstanceId": instance_id, "Port": at["Port"]} for at in each["TargetAttributes"]]
        targets.deregister(store, each["LoadBalancerId"], each["ListenerId"], each["LocationId"] or None, gone)


def unhealthy(store: Store, doc: Doc, instance_id: str) -> bool:
    """Whether a load balancer's check says that the instance fails."""
    return any(
        targets.healthy(store, each["LoadBalancerId"], each["ListenerId"], each["LocationId"] or None, instance_id)
        is False
        for each in doc["ForwardLoadBalancerSet"]
    )


@action
def modify_load_balancers(ctx: Context, request: models.ModifyLoadBalancersRequest) -> dict[str, Any]:
    """Exactly these load balancers; the instances that serve go from the others to them."""
    asked = given(request)
    group_id = asked["AutoScalingGroupId"]
    with ctx.store.lock:
        doc = GROUP.need(ctx, group_id)
        attached = settled(ctx, asked.get("ForwardLoadBalancers", []))
        check(ctx, doc["VpcId"], attached)
        gone = [each for each in doc["ForwardLoadBalancerSet"] if each not in attached]
        before = {**doc, "ForwardLoadBalancerSet": gone}
        doc["ForwardLoadBalancerSet"] = attached
        GROUP.save(ctx.store, doc)
    for member in members(ctx.store, group_id):
        if member["LifeCycleState"] == "IN_SERVICE":
            take_away(ctx.store, before, member["InstanceId"])
            put_behind(ctx.store, doc, member["InstanceId"])
    return {"ActivityId": ""}
