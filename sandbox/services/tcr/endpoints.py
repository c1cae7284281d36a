"""The ways in to a registry instance: its public endpoint with a list of clients, and attached VPCs.

An attached VPC has an address of its own in the cloud. Here that address is taken and shown; the names lead to the
registry's public one, where the region's clients are let in whatever the list says.
"""

from ipaddress import IPv4Network
from typing import Any

from tencentcloud.tcr.v20190924 import models

from sandbox.api.actions import Context, action, task
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.services.params import check_one_of, given, public
from sandbox.services.places import PLACES
from sandbox.services.tcr import dataplane
from sandbox.services.tcr.dataplane import OPENED
from sandbox.services.tcr.instances import SOON_S, change, running
from sandbox.services.tcr.kinds import ATTACHMENT, POLICY, REGISTRY, of_registry
from sandbox.services.vpc import addresses
from sandbox.services.vpc.kinds import SUBNET, VPC

OPENING, CLOSING, CLOSED = "Opening", "Closing", "Closed"
_OPERATIONS = ("Create", "Delete")


@action
def manage_external_endpoint(ctx: Context, request: models.ManageExternalEndpointRequest) -> dict[str, Any]:
    """Operation: Create opens the public endpoint, Delete closes it."""
    asked = given(request)
    doc = running(ctx, asked["RegistryId"])
    check_one_of("Operation", asked["Operation"], _OPERATIONS)
    opening = asked["Operation"] == "Create"
    change(ctx, doc["RegistryId"], _endpoint=OPENING if opening else CLOSING)
    ctx.later(SOON_S, "tcr.endpoint", {"id": doc["RegistryId"], "endpoint": OPENED if opening else CLOSED})
    return {"RegistryId": doc["RegistryId"]}


@task("tcr.endpoint")
def endpoint(ctx: Context, payload: Doc) -> None:
    """The public endpoint is as it was asked for."""
    change(ctx, payload["id"], _endpoint=payload["endpoint"])
    dataplane.apply(ctx.store, payload["id"])


@action
def describe_external_endpoint_status(
    ctx: Context, request: models.DescribeExternalEndpointStatusRequest
) -> dict[str, Any]:
    """Opening, Opened, Closing, Closed."""
    return {"Status": REGISTRY.need(ctx, given(request)["RegistryId"])["_endpoint"], "Reason": ""}


@action
def create_multiple_security_policy(
    ctx: Context, request: models.CreateMultipleSecurityPolicyRequest
) -> dict[str, Any]:
    """Ranges of clients, once the endpoint is open."""
    asked = given(request)
    id = running(ctx, asked["RegistryId"])["RegistryId"]
    if REGISTRY.need(ctx, id)["_endpoint"] != OPENED:
        raise ApiError("FailedOperation", "The public endpoint must be open before it gets a list of clients.")
    with ctx.store.lock:
        for each in asked["SecurityGroupPolicySet"]:
            try:
                network = IPv4Network(each["CidrBlock"])
            except ValueError:
                message = f"`{each['CidrBlock']}` is not an IPv4 range in CIDR form."
                raise ApiError("InvalidParameter.ErrorTcrInvalidParameter", message) from None
            policy = {
                "_id": f"{id}/{network}",
                "PolicyIndex": len(of_registry(ctx.store, POLICY, id)),
                "Description": each.get("Description", ""),
                "CidrBlock": str(network),
                "PolicyVersion": "1",
            }
            POLICY.create(ctx, policy)
    dataplane.apply(ctx.store, id)
    return {"RegistryId": id}


@action
def delete_multiple_security_policy(
    ctx: Context, request: models.DeleteMultipleSecurityPolicyRequest
) -> dict[str, Any]:
    """By their ranges."""
    asked = given(request)
    id = running(ctx, asked["RegistryId"])["RegistryId"]
    for each in asked["SecurityGroupPolicySet"]:
        POLICY.drop(ctx, f"{id}/{each['CidrBlock']}")
    dataplane.apply(ctx.store, id)
    return {"RegistryId": id}


@action
def describe_security_policies(ctx: Context, request: models.DescribeSecurityPoliciesRequest) -> dict[str, Any]:
    """The ranges of clients."""
    id = REGISTRY.need(ctx, given(request)["RegistryId"])["RegistryId"]
    return {"SecurityPolicySet": [public(doc) for doc in of_registry(ctx.store, POLICY, id)]}


def _region(asked: dict[str, Any], registry: Doc) -> None:
    """Raise ApiError for the region of a replica: there are none."""
    region, number = asked.get("RegionName") or registry["RegionName"], asked.get("RegionId") or registry["RegionId"]
    if region != registry["RegionName"] or number != PLACES[region].number:
        message = f"The registry instance `{registry['RegistryId']}` has no replica in {region} ({number})."
        raise ApiError("InvalidParameter.UnsupportedRegion", message)


@action
def manage_internal_endpoint(ctx: Context, request: models.ManageInternalEndpointRequest) -> dict[str, Any]:
    """Operation: Create attaches a VPC by an address in the subnet, Delete detaches it."""
    asked = given(request)
    registry = running(ctx, asked["RegistryId"])
    check_one_of("Operation", asked["Operation"], _OPERATIONS)
    _region(asked, registry)
    id = f"{registry['RegistryId']}/{asked['VpcId']}"
    with ctx.store.lock:
        found = ATTACHMENT.find(ctx, id)
        if asked["Operation"] == "Delete":
            if found is None or found["SubnetId"] != asked["SubnetId"]:
                raise ATTACHMENT.absent(ctx, id)
            addresses.free_private(ctx.store, id)
            ATTACHMENT.drop(ctx, id)
        elif found is not None:
            message = f"The VPC `{asked['VpcId']}` is attached to `{registry['RegistryId']}` already."
            raise ApiError("FailedOperation.ErrorTcrResourceConflict", message)
        else:
            _attach(ctx, id, asked["VpcId"], asked["SubnetId"])
    dataplane.apply(ctx.store, registry["RegistryId"])
    return {"RegistryId": registry["RegistryId"]}


def _attach(ctx: Context, id: str, vpc_id: str, subnet_id: str) -> None:
    VPC.need(ctx, vpc_id)
    if SUBNET.need(ctx, subnet_id)["VpcId"] != vpc_id:
        raise ApiError("InvalidParameter", f"The subnet `{subnet_id}` is not in `{vpc_id}`.")
    doc = {
        "_id": id,
        "VpcId": vpc_id,
        "SubnetId": subnet_id,
        "Status": "Running",
        "AccessIp": str(addresses.take_private(ctx.store, subnet_id, id)),
        "_public_name": False,
        "_vpc_name": False,
    }
    ATTACHMENT.create(ctx, doc)


@action
def describe_internal_endpoints(ctx: Context, request: models.DescribeInternalEndpointsRequest) -> dict[str, Any]:
    """The attached VPCs."""
    id = REGISTRY.need(ctx, given(request)["RegistryId"])["RegistryId"]
    found = [public(doc) for doc in of_registry(ctx.store, ATTACHMENT, id)]
    return {"AccessVpcSet": found, "TotalCount": len(found)}


def _name(asked: dict[str, Any]) -> str:
    """Which of an attachment's two names is meant; the one with `-vpc` unless the request says otherwise."""
    return "_public_name" if asked.get("UsePublicDomain") else "_vpc_name"


def _lead(ctx: Context, asked: dict[str, Any], *, on: bool) -> None:
    registry = running(ctx, asked["InstanceId"])
    _region(asked, registry)
    with ctx.store.lock:
        doc = ATTACHMENT.need(ctx, f"{registry['RegistryId']}/{asked['VpcId']}")
        if doc["AccessIp"] != asked["EniLBIp"]:
            raise ApiError("InvalidParameter", f"`EniLBIp` {asked['EniLBIp']} is not the VPC's address.")
        ATTACHMENT.save(ctx.store, doc | {_name(asked): on})
    dataplane.apply(ctx.store, registry["RegistryId"])


@action
def create_internal_endpoint_dns(ctx: Context, request: models.CreateInternalEndpointDnsRequest) -> None:
    """Let a name lead to the attachment."""
    _lead(ctx, given(request), on=True)


@action
def delete_internal_endpoint_dns(ctx: Context, request: models.DeleteInternalEndpointDnsRequest) -> None:
    """Stop that."""
    _lead(ctx, given(request), on=False)


@action
def describe_internal_endpoint_dns_status(
    ctx: Context, request: models.DescribeInternalEndpointDnsStatusRequest
) -> dict[str, Any]:
    """ENABLED or DISABLED per VPC and name."""
    statuses: list[Doc] = []
    for asked in given(request)["VpcSet"]:
        doc = ATTACHMENT.find(ctx, f"{asked['InstanceId']}/{asked['VpcId']}") or {}
        status = "ENABLED" if doc.get(_name(asked)) else "DISABLED"
        statuses.append({"Region": ctx.region, "VpcId": asked["VpcId"], "Status": status})
    return {"VpcSet": statuses}
