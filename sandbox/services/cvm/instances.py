"""Instances by hand. Source: docs/sources.md, machines."""

from typing import Any

from tencentcloud.cvm.v20170312 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.services.cvm import machines
from sandbox.services.cvm.kinds import INSTANCE
from sandbox.services.params import check_name, given, public
from sandbox.services.vpc import hosts


def _launch(asked: dict[str, Any], index: int) -> machines.Launch:
    network, internet = asked["VirtualPrivateCloud"], asked.get("InternetAccessible", {})
    wanted: list[str] = network.get("PrivateIpAddresses", [])
    return machines.Launch(
        image_id=asked["ImageId"],
        size=asked["InstanceType"],
        zone=asked["Placement"]["Zone"],
        vpc_id=network["VpcId"],
        subnet_id=network["SubnetId"],
        name=asked.get("InstanceName", ""),
        hostname=asked.get("HostName", ""),
        group_ids=tuple(asked.get("SecurityGroupIds", ())),
        user_data=asked.get("UserData", ""),
        role=asked.get("CamRoleName", ""),
        private_ip=wanted[index] if index < len(wanted) else None,
        public_ip=bool(internet.get("PublicIpAssigned")),
        bandwidth=internet.get("InternetMaxBandwidthOut", 0),
        tags=tuple(tag for each in asked.get("TagSpecification", []) for tag in each.get("Tags", [])),
        extra={name: asked[name] for name in ("SystemDisk", "DataDisks", "DisableApiTermination") if name in asked},
    )


@action
def run_instances(ctx: Context, request: models.RunInstancesRequest) -> dict[str, Any]:
    """Instances, PENDING and then RUNNING. Without `PublicIpAssigned` they have no public address."""
    asked = given(request)
    check_name("InstanceName", asked.get("InstanceName", ""), 128, 0)
    count = asked.get("InstanceCount", 1)
    launches = [_launch(asked, index) for index in range(count)]
    for launch in launches:
        machines.check(ctx, launch)
    if asked.get("DryRun"):
        raise ApiError("DryRunOperation", "The request would have succeeded; `DryRun` was set.")
    return {"InstanceIdSet": [machines.run(ctx, launch) for launch in launches]}


_FILTERS = {
    "zone": "Placement.Zone",
    "project-id": "Placement.ProjectId",
    "instance-id": "InstanceId",
    "instance-name": "InstanceName",
    "instance-charge-type": "InstanceChargeType",
    "instance-state": "InstanceState",
    "private-ip-address": "PrivateIpAddresses",
    "public-ip-address": "PublicIpAddresses",
    "vpc-id": "VirtualPrivateCloud.VpcId",
    "subnet-id": "VirtualPrivateCloud.SubnetId",
    "security-group-id": "SecurityGroupIds",
    "image-id": "ImageId",
    "instance-type": "InstanceType",
}


@action
def describe_instances(ctx: Context, request: models.DescribeInstancesRequest) -> dict[str, Any]:
    """Instances by ids or filters; ids that do not exist are left out, as in the cloud."""
    asked = given(request)
    docs = INSTANCE.pick(ctx, asked.get("InstanceIds"))
    docs = [public(doc) for doc in docs if matches(doc, request.Filters, _FILTERS)]
    return {"TotalCount": len(docs), "InstanceSet": page(docs, request.Offset, request.Limit)}


def _mine(ctx: Context, instance_ids: list[str]) -> list[Doc]:
    return [INSTANCE.need(ctx, instance_id) for instance_id in instance_ids]


@action
def terminate_instances(ctx: Context, request: models.TerminateInstancesRequest) -> None:
    """TERMINATING, then gone. A scaling group replaces one of its own."""
    docs = _mine(ctx, given(request)["InstanceIds"])
    for doc in docs:
        if doc["DisableApiTermination"]:
            message = f"`{doc['InstanceId']}` is protected from termination."
            raise ApiError("OperationDenied.InstanceOperationInProgress", message)
    for doc in docs:
        machines.terminate(ctx, doc["InstanceId"])


@action
def modify_instances_attribute(ctx: Context, request: models.ModifyInstancesAttributeRequest) -> None:
    """Name, security groups, role, protection."""
    asked = given(request)
    groups = tuple(asked.get("SecurityGroups", ()))
    machines.check_groups(ctx, groups)
    with ctx.store.lock:
        for doc in _mine(ctx, asked["InstanceIds"]):
            doc["InstanceName"] = asked.get("InstanceName", doc["InstanceName"])
            doc["CamRoleName"] = asked.get("CamRoleName", doc["CamRoleName"])
            doc["DisableApiTermination"] = asked.get("DisableApiTermination", doc["DisableApiTermination"])
            doc["SecurityGroupIds"] = list(groups) or doc["SecurityGroupIds"]
            INSTANCE.save(ctx.store, doc)
    if groups:
        for instance_id in asked["InstanceIds"]:
            hosts.regroup(ctx.store, instance_id, groups)
