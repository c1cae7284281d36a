"""TMP instances."""

import logging
from typing import Any

from tencentcloud.monitor.v20180724 import models

from sandbox.api.actions import Context, Order, action, every, restores, task
from sandbox.api.errors import ApiError
from sandbox.api.locks import holding
from sandbox.api.paging import page
from sandbox.api.restoring import each
from sandbox.api.store import Doc
from sandbox.services.monitor import dataplane
from sandbox.services.monitor.kinds import ABNORMAL, CREATING, ISOLATED, PARTS, PROMETHEUS, RUNNING, parts
from sandbox.services.params import check_name, check_one_of, given, public, stamp_utc
from sandbox.services.places import PLACES, check_zone
from sandbox.services.vpc import addresses, hosts
from sandbox.services.vpc.kinds import SUBNET
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
    _check_retention(asked["DataRetentionTime"])
    subnet = SUBNET.find(ctx, asked["SubnetId"])
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
            "RegionId": PLACES[ctx.region].number,
            "Zone": asked["Zone"],
            "VpcId": asked["VpcId"],
            "SubnetId": asked["SubnetId"],
            "DataRetentionTime": asked["DataRetentionTime"],
            "InstanceStatus": CREATING,
            "GrafanaURL": "",
            "CreatedAt": stamp_utc(ctx),
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
        PROMETHEUS.create(ctx, doc)
    ctx.later(START_S, "monitor.start", {"id": id})
    return {"InstanceId": id}


def _check_retention(days: int) -> None:
    check_one_of("DataRetentionTime", str(days), [str(each) for each in RETENTION_DAYS])


def _abnormal(ctx: Context, payload: dict[str, Any], reason: str) -> None:
    _log.error("Prometheus %s did not start: %s", payload["id"], reason)
    doc = PROMETHEUS.find(ctx, payload["id"])
    if doc is not None and doc["InstanceStatus"] == CREATING:
        PROMETHEUS.save(ctx.store, doc | {"InstanceStatus": ABNORMAL})


@task("monitor.start", attempts=3, given_up=_abnormal)
def start(ctx: Context, payload: dict[str, Any]) -> None:
    """Bring a new instance up. Its status is 3 (abnormal) if it does not come."""
    with holding(PROMETHEUS.name, payload["id"]):
        doc = PROMETHEUS.find(ctx, payload["id"])
        if doc is not None and doc["InstanceStatus"] == CREATING:
            _stand(ctx, doc)
            PROMETHEUS.save(ctx.store, doc | {"InstanceStatus": RUNNING})


def _stand(ctx: Context, doc: Doc) -> None:
    """The server in its subnet."""
    id = doc["InstanceId"]
    place = hosts.Connection(
        name=id,
        kind="TMP",
        owner=id,
        region=ctx.region,
        vpc_id=doc["VpcId"],
        subnet_id=doc["SubnetId"],
        private=doc["IPv4Address"],
        open=True,
    )
    hosts.connect(ctx.store, place)
    dataplane.apply(ctx.store, id)


@restores(Order.SERVERS)
def restore(ctx: Context) -> None:
    """Instances that run, run again."""

    def one(within: Context, doc: Doc) -> None:
        if doc["InstanceStatus"] == RUNNING:
            with holding(PROMETHEUS.name, doc["InstanceId"]):
                _stand(within, doc)

    each(ctx, PROMETHEUS, one)


@every(REFRESH_S)
def refresh(ctx: Context) -> None:
    """Let every Prometheus find the machines that are there now."""
    for doc in PROMETHEUS.all(ctx.store):
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
        for doc in PROMETHEUS.list(ctx)
        if doc["InstanceId"] in asked.get("InstanceIds", [doc["InstanceId"]])
        and doc["InstanceStatus"] in asked.get("InstanceStatus", [doc["InstanceStatus"]])
        and asked.get("InstanceName", "") in doc["InstanceName"]
        and doc["Zone"] in asked.get("Zones", [doc["Zone"]])
        and doc["IPv4Address"] in asked.get("IPv4Address", [doc["IPv4Address"]])
    ]
    found = page(docs, request.Offset, request.Limit)
    return {"InstanceSet": [public(doc) for doc in found], "TotalCount": len(docs)}


@action
def modify_instance(ctx: Context, request: models.ModifyPrometheusInstanceAttributesRequest) -> None:
    """Name and retention."""
    asked = given(request)
    with holding(PROMETHEUS.name, asked["InstanceId"]):
        doc = PROMETHEUS.need(ctx, asked["InstanceId"])
        doc |= {key: asked[key] for key in ("InstanceName", "DataRetentionTime") if key in asked}
        _check_retention(doc["DataRetentionTime"])
        PROMETHEUS.save(ctx.store, doc)
        dataplane.apply(ctx.store, doc["InstanceId"])


@action
def terminate_instances(ctx: Context, request: models.TerminatePrometheusInstancesRequest) -> None:
    """Isolate: it stops, keeps its address, and waits for DestroyPrometheusInstance."""
    for id in given(request)["InstanceIds"]:
        with holding(PROMETHEUS.name, id):
            PROMETHEUS.save(ctx.store, PROMETHEUS.need(ctx, id) | {"InstanceStatus": ISOLATED})
            dataplane.forget(id)


@action
def destroy_instance(ctx: Context, request: models.DestroyPrometheusInstanceRequest) -> None:
    """Only an isolated one goes, with all that belongs to it."""
    id = given(request)["InstanceId"]
    with holding(PROMETHEUS.name, id):
        if PROMETHEUS.need(ctx, id)["InstanceStatus"] != ISOLATED:
            raise ApiError("FailedOperation", f"The Prometheus instance `{id}` is not isolated: terminate it first.")
        dataplane.forget(id)
        hosts.disconnect(ctx.store, id)
        with ctx.store.lock:
            addresses.free_private(ctx.store, id)
            for kind in PARTS:
                for part in parts(ctx.store, kind, id):
                    kind.drop(ctx, part["_id"])
            PROMETHEUS.drop(ctx, id)
