"""Flow logs: recorded only, no packet is logged. Source: docs/sources.md, network."""

from typing import Any

from tencentcloud.vpc.v20170312 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services.params import check_name, check_one_of, create, drop, given, listed, need, public, stamp, tag_set

RESOURCES = ("VPC", "SUBNET", "NETWORKINTERFACE", "CCN", "NAT", "DCG")
_KINDS = {"VPC": "vpc", "SUBNET": "subnet", "NAT": "nat"}


@action
def create_flow_log(ctx: Context, request: models.CreateFlowLogRequest) -> dict[str, Any]:
    """A flow log of a resource of this region."""
    asked = given(request)
    check_name("FlowLogName", asked["FlowLogName"])
    check_one_of("ResourceType", asked["ResourceType"], RESOURCES)
    check_one_of("TrafficType", asked["TrafficType"], ("ACCEPT", "REJECT", "ALL"))
    storage = asked.get("StorageType", "cls")
    check_one_of("StorageType", storage, ("cls", "ckafka"))
    wanted = "CloudLogId" if storage == "cls" else "FlowLogStorage"
    if not asked.get(wanted):
        raise ApiError("MissingParameter", f"The storage type {storage} needs the parameter `{wanted}`.")
    if asked["ResourceType"] != "CCN" and not asked.get("VpcId"):
        raise ApiError("InvalidParameter.VpcIdNeeded", "`VpcId` is needed for all but CCN flow logs.")
    if asked["ResourceType"] in _KINDS:
        need(ctx, _KINDS[asked["ResourceType"]], asked["ResourceId"], "InvalidParameterValue.ResourceNotExisted")
    with ctx.store.lock:
        log_id = ctx.store.new_id("fl")
        doc: Doc = {
            "VpcId": asked.get("VpcId", ""),
            "FlowLogId": log_id,
            "FlowLogName": asked["FlowLogName"],
            "ResourceType": asked["ResourceType"],
            "ResourceId": asked["ResourceId"],
            "TrafficType": asked["TrafficType"],
            "CloudLogId": asked.get("CloudLogId", ""),
            "CloudLogState": "SUCCESS",
            "FlowLogDescription": asked.get("FlowLogDescription", ""),
            "CreatedTime": stamp(ctx),
            "TagSet": tag_set(asked.get("Tags")),
            "Enable": True,
            "StorageType": storage,
            "FlowLogStorage": asked.get("FlowLogStorage"),
            "CloudLogRegion": asked.get("CloudLogRegion", ctx.region),
        }
        create(ctx, "flow_log", log_id, doc)
    return {"FlowLog": [public(doc)]}


_FIELDS = ("VpcId", "FlowLogId", "FlowLogName", "ResourceType", "ResourceId", "TrafficType", "CloudLogId")


@action
def describe_flow_logs(ctx: Context, request: models.DescribeFlowLogsRequest) -> dict[str, Any]:
    """Flow logs by any of their fields."""
    asked = given(request)
    wanted = {name: asked[name] for name in _FIELDS if asked.get(name)}
    docs = [
        public(doc)
        for doc in listed(ctx, "flow_log", "FlowLogId")
        if all(doc[name] == value for name, value in wanted.items())
    ]
    return {"TotalNum": len(docs), "FlowLog": page(docs, asked.get("Offset"), asked.get("Limit"), 10)}


@action
def describe_flow_log(ctx: Context, request: models.DescribeFlowLogRequest) -> dict[str, Any]:
    """One flow log."""
    asked = given(request)
    return {"FlowLog": [public(need(ctx, "flow_log", asked["FlowLogId"]))]}


@action
def modify_flow_log_attribute(ctx: Context, request: models.ModifyFlowLogAttributeRequest) -> None:
    """Name and description."""
    asked = given(request)
    with ctx.store.lock:
        doc = need(ctx, "flow_log", asked["FlowLogId"])
        if "FlowLogName" in asked:
            check_name("FlowLogName", asked["FlowLogName"])
            doc["FlowLogName"] = asked["FlowLogName"]
        doc["FlowLogDescription"] = asked.get("FlowLogDescription", doc["FlowLogDescription"])
        ctx.store.put("flow_log", doc["FlowLogId"], doc)


@action
def delete_flow_log(ctx: Context, request: models.DeleteFlowLogRequest) -> None:
    """Remove a flow log."""
    log_id = given(request)["FlowLogId"]
    with ctx.store.lock:
        need(ctx, "flow_log", log_id)
        drop(ctx, "flow_log", log_id)
