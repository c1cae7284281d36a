"""TMP instances."""

import logging
from typing import Any

from tencentcloud.monitor.v20180724 import models

from sandbox.api import tags
from sandbox.api.actions import Context, action, every, task
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services.monitor import dataplane
from sandbox.services.monitor.inventory import (
    CREATING,
    ISOLATED,
    KINDS,
    PROMETHEUS,
    RUNNING,
    parts,
    prometheus,
)
from sandbox.services.params import (
    NUMERIC_REGION,
    check_name,
    check_one_of,
    check_zone,
    given,
    in_region,
    public,
    stamp,
)
from sandbox.services.vpc import addresses, hosts
from sandbox.substrate.errors import SubstrateError

RETENTION_DAYS = (15, 30, 45, 90, 180, 365, 730)
START_S = 0.2
REFRESH_S = 2.0
_log = logging.getLogger(__name__)


@action
def create_instance(
    ctx: Context, request: models.CreatePrometheusMultiTenantInstancePostPayModeRequest
) -> dict[str, Any]:
    """A Prometheus with an address in a subnet; it runs some tenths of a second later."""
    asked = given(request)
    check_name("InstanceName", asked["InstanceName"], 128)
    if asked["DataRetentionTime"] not in RETENTION_DAYS:
        check_one_of("DataRetentionTime", str(asked["DataRetentionTime"]), [str(days) for days in RETENTION_DAYS])
    subnet = in_region(ctx, "subnet", asked["SubnetId"])
    if subnet is None or subnet["VpcId"] != asked["VpcId"]:
        raise ApiError("InvalidParameterValue", f"The subnet `{asked['SubnetId']}` is not in VPC `{asked['VpcId']}`.")
    check_zone(ctx.region, asked["Zone"], "InvalidParameterValue")
    with ctx.store.lock:
        id = ctx.store.new_id("prom")
        address = str(addresses.take_private(ctx.store, asked["SubnetId"], id))
        root = f"http://{address}:{dataplane.PORT}"
        doc: Doc = {
            "InstanceId": id,
            "InstanceName": asked["InstanceName"],
            "InstanceChargeType": 3,
            "RegionId": NUMERIC_REGION[ctx.region],
            "Zone": asked["Zone"],
            "VpcId": asked["VpcId"],
            "SubnetId": asked["SubnetId"],
            "DataRetentionTime": asked["DataRetentionTime"],
            "InstanceStatus": CREATING,
            "GrafanaURL": "",
            "CreatedAt": stamp(ctx),
            "EnableGrafana": 0,
            "IPv4Address": address,
            "TagSpecification": asked.get("TagSpecification", []),
            "ExpireTime": "",
            "ChargeStatus": 1,
            "SpecName": "",
            "AutoRenewFlag": 0,
            "IsNearExpire": 0,
            "AuthToken": "",
            "RemoteWrite": f"{root}/api/v1/write",
            "ApiRootPath": root,
            "ProxyAddress": f"{address}:{dataplane.PORT}",
            "GrafanaStatus": 6,
            "GrafanaIpWhiteList": "",
            "GrafanaInstanceId": "",
            "AlertRuleLimit": 150,
            "RecordingRuleLimit": 150,
            "MigrationType": 0,
            "InstanceAttributes": asked.get("InstanceAttributes", []),
            "_region": ctx.region,
        }
        ctx.store.put(PROMETHEUS, id, doc, ctx.region)
        tags.write(ctx.store, "monitor", "prom-instance", ctx.region, id, tags.of_request(request.TagSpecification))
    ctx.later(START_S, "monitor.start", {"id": id})
    return {"InstanceId": id}


@task("monitor.start")
def start(ctx: Context, payload: dict[str, Any]) -> None:
    """Bring a new instance up. Its status is 3 (abnormal) if it does not come."""
    doc = ctx.store.find(PROMETHEUS, payload["id"])
    if doc is None or doc["InstanceStatus"] != CREATING:
        return
    try:
        hosts.connect(
            ctx.store,
            hosts.Connection(
                name=doc["InstanceId"],
                kind="TMP",
                owner=doc["InstanceId"],
                region=doc["_region"],
                vpc_id=doc["VpcId"],
                subnet_id=doc["SubnetId"],
                private=doc["IPv4Address"],
                open=True,
            ),
        )
        dataplane.apply(ctx.store, doc["InstanceId"])
    except SubstrateError as error:
        _log.error("Prometheus %s did not start: %s", doc["InstanceId"], error)
        ctx.store.put(PROMETHEUS, doc["InstanceId"], doc | {"InstanceStatus": 3})
        return
    ctx.store.put(PROMETHEUS, doc["InstanceId"], doc | {"InstanceStatus": RUNNING})


@every(REFRESH_S)
def refresh(ctx: Context) -> None:
    """Let every Prometheus find the machines that are there now."""
    for doc in ctx.store.list(PROMETHEUS):
        if doc["InstanceStatus"] != RUNNING:
            continue
        try:
            dataplane.apply(ctx.store, doc["InstanceId"])
        except SubstrateError as error:
            _log.error("Prometheus %s keeps its targets: %s", doc["InstanceId"], error)


@action
def describe_instances(ctx: Context, request: models.DescribePrometheusInstancesRequest) -> dict[str, Any]:
    """By id, name, status, zone, address."""
    asked = given(request)
    docs = [
        doc
        for doc in ctx.store.list(PROMETHEUS, ctx.region)
        if doc["InstanceId"] in asked.get("InstanceIds", [doc["InstanceId"]])
        and doc["InstanceStatus"] in asked.get("InstanceStatus", [doc["InstanceStatus"]])
        and asked.get("InstanceName", "") in doc["InstanceName"]
        and doc["Zone"] in asked.get("Zones", [doc["Zone"]])
        and doc["IPv4Address"] in asked.get("IPv4Address", [doc["IPv4Address"]])
    ]
    return {
        "InstanceSet": [_shown(ctx, doc) for doc in page(docs, request.Offset, request.Limit)],
        "TotalCount": len(docs),
    }


def _shown(ctx: Context, doc: Doc) -> Doc:
    kept = tags.read(ctx.store, "monitor", "prom-instance", ctx.region, doc["InstanceId"])
    return public(doc) | {"TagSpecification": tags.as_list(kept)}


@action
def modify_instance(ctx: Context, request: models.ModifyPrometheusInstanceAttributesRequest) -> dict[str, Any]:
    """Name and retention."""
    asked = given(request)
    with ctx.store.lock:
        doc = prometheus(ctx, asked["InstanceId"])
        if "DataRetentionTime" in asked and asked["DataRetentionTime"] not in RETENTION_DAYS:
            check_one_of("DataRetentionTime", str(asked["DataRetentionTime"]), [str(days) for days in RETENTION_DAYS])
        doc |= {key: asked[key] for key in ("InstanceName", "DataRetentionTime") if key in asked}
        ctx.store.put(PROMETHEUS, doc["InstanceId"], doc)
    dataplane.apply(ctx.store, doc["InstanceId"])
    return {}


@action
def terminate_instances(ctx: Context, request: models.TerminatePrometheusInstancesRequest) -> dict[str, Any]:
    """Isolate: it stops, keeps its address, and waits for DestroyPrometheusInstance."""
    with ctx.store.lock:
        for id in given(request)["InstanceIds"]:
            doc = prometheus(ctx, id)
            ctx.store.put(PROMETHEUS, id, doc | {"InstanceStatus": ISOLATED})
            dataplane.forget(id)
    return {}


@action
def destroy_instance(ctx: Context, request: models.DestroyPrometheusInstanceRequest) -> dict[str, Any]:
    """Only an isolated one goes, with all that belongs to it."""
    id = str(request.InstanceId)
    with ctx.store.lock:
        doc = prometheus(ctx, id)
        if doc["InstanceStatus"] != ISOLATED:
            raise ApiError("FailedOperation", f"The Prometheus instance `{id}` is not isolated: terminate it first.")
        dataplane.forget(id)
        hosts.disconnect(ctx.store, id)
        addresses.free_private(ctx.store, id)
        for kind in KINDS:
            for part in parts(ctx.store, kind, id):
                ctx.store.delete(kind, part["_id"])
        tags.forget(ctx.store, "monitor", "prom-instance", ctx.region, id)
        ctx.store.delete(PROMETHEUS, id)
    return {}
