"""Flow logs: recorded only, no packet is logged. Source: docs/sources.md, network."""

from typing import Any

from tencentcloud.vpc.v20170312 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services.params import check_name, check_one_of, given, public, stamp, tag_set
from sandbox.services.vpc.kinds import FLOW_LOG, NAT, SUBNET, VPC

RESOURCES = ("VPC", "SUBNET", "NETWORKINTERFACE", "CCN", "NAT", "DCG")
_KINDS = {"VPC": VPC, "SUBNET": SUBNET, "NAT": NAT}


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
        _KINDS[asked["ResourceType"]].need(ctx, asked["ResourceId"], "InvalidParameterValue.ResourceNotExisted")
    doc: Doc = {
        "VpcId": asked.get("VpcId", ""),
        "FlowLogId": ctx.store.new_id("fl"),
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
    FLOW_LOG.create(ctx, doc)
    return {"FlowLog": [public(doc)]}


_FIELDS = ("VpcId", "FlowLogId", "FlowLogName", "ResourceType", "ResourceId", "TrafficType", "CloudLogId")


@action
def describe_flow_logs(ctx: Context, request: models.DescribeFlowLogsRequest) -> dict[str, Any]:
    """Flow logs by any of their fields."""
    asked = given(request)
    wanted = {name: asked[name] for name in _FIELDS if asked.get(name)}
    docs = [public(doc) for doc in FLOW_LOG.list(ctx) if all(doc[name] == value for name, value in wanted.items())]
    return {"TotalNum": len(docs), "FlowLog": page(docs, asked.get("Offset"), asked.get("Limit"), 10)}


@action
def modify_flow_log_attribute(ctx: Context, request: models.ModifyFlowLogAttributeRequest) -> None:
    """Name and description."""
    asked = given(request)
    with ctx.store.lock:
        doc = FLOW_LOG.need(ctx, asked["FlowLogId"])
        if "FlowLogName" in asked:
            check_name("FlowLogName", asked["FlowLogName"])
            doc["FlowLogName"] = asked["FlowLogName"]
        doc["FlowLogDescription"] = asked.get("FlowLogDescription", doc["FlowLogDescription"])
        FLOW_LOG.save(ctx.store, doc)


@action
def delete_flow_log(ctx: Context, request: models.DeleteFlowLogRequest) -> None:
    """Remove a flow log."""
    log_id = given(request)["FlowLogId"]
    with ctx.store.lock:
        FLOW_LOG.need(ctx, log_id)
        FLOW_LOG.drop(ctx, log_id)
