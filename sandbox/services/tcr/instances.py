"""Registry instances, their public endpoint and who may use it.

Error codes: the SDK's own table (tencentcloud/tcr/v20190924/errorcodes.py).
"""

import re
import secrets
from ipaddress import IPv4Network
from typing import Any

from tencentcloud.tcr.v20190924 import models

from sandbox.api import sealing, tags
from sandbox.api.actions import Context, action, seed, task
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.api.validation import one_of, require
from sandbox.services import zones
from sandbox.services.params import NUMERIC_REGION, public
from sandbox.services.tcr import dataplane
from sandbox.services.tcr.dataplane import OPENED, POLICY, REGISTRY, TOKEN

NAMESPACE, REPOSITORY = "tcr.namespace", "tcr.repository"
PENDING, RUNNING, DELETING = "Pending", "Running", "Deleting"
OPENING, CLOSING, CLOSED = "Opening", "Closing", "Closed"
_TYPES = ("basic", "standard", "premium")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{3,48})[a-z0-9]", re.ASCII)
_SOON_S = 0.2


def need(ctx: Context, id: str | None) -> Doc:
    """A registry instance of the region. Raises MissingParameter or ResourceNotFound."""
    if not id:
        raise ApiError("MissingParameter", "The request is missing a required parameter `RegistryId`.")
    found = ctx.store.find(REGISTRY, id)
    if found is None or ctx.store.region_of(REGISTRY, id) != ctx.region:
        raise ApiError("ResourceNotFound", f"The registry instance `{id}` does not exist in {ctx.region}.")
    return found


def running(ctx: Context, id: str | None) -> Doc:
    """The same, and it runs. Raises ResourceInsufficient.ErrorInstanceNotRunning too."""
    found = need(ctx, id)
    if found["Status"] != RUNNING:
        message = f"The registry instance `{id}` is {found['Status']}, not {RUNNING}."
        raise ApiError("ResourceInsufficient.ErrorInstanceNotRunning", message)
    return found


def _check_name(ctx: Context, name: str) -> None:
    if not _NAME.fullmatch(name):
        message = f"The name `{name}` must have 5 to 50 lower-case letters, digits and - and no - at its ends."
        raise ApiError("InvalidParameter.ErrorRegistryName", message)
    if any(each["RegistryName"] == name for each in ctx.store.list(REGISTRY)):
        raise ApiError("InvalidParameter.ErrorNameExists", f"The registry name `{name}` is taken.")


@action
def check_instance_name(ctx: Context, request: models.CheckInstanceNameRequest) -> dict[str, Any]:
    """DetailCode 0: free, 1: not valid, 2: taken."""
    require(request, "RegistryName")
    try:
        _check_name(ctx, request.RegistryName)
    except ApiError as error:
        return {"IsValidated": False, "DetailCode": 2 if error.code.endswith("Exists") else 1}
    return {"IsValidated": True, "DetailCode": 0}


@action
def create_instance(ctx: Context, request: models.CreateInstanceRequest) -> dict[str, Any]:
    """Pending, then Running. The name is unique among all accounts, so in all regions."""
    require(request, "RegistryName", "RegistryType")
    one_of("RegistryType", request.RegistryType, _TYPES)
    with ctx.store.lock:
        _check_name(ctx, request.RegistryName)
        id = ctx.store.new_id("tcr-")
        doc: Doc = {
            "RegistryId": id,
            "RegistryName": request.RegistryName,
            "RegistryType": request.RegistryType,
            "Status": PENDING,
            "PublicDomain": f"{request.RegistryName}.{zones.REGISTRY_ZONE}",
            "CreatedAt": ctx.now().isoformat(timespec="seconds"),
            "RegionName": ctx.region,
            "RegionId": NUMERIC_REGION[ctx.region],
            "EnableAnonymous": False,
            "TokenValidTime": 3600,
            "InternalEndpoint": f"{request.RegistryName}-vpc.{zones.REGISTRY_ZONE}",
            "ExpiredAt": "0001-01-01T00:00:00Z",
            "PayMod": 0 if request.RegistryChargeType in (None, 1) else 1,
            "RenewFlag": 0,
            "DeletionProtection": bool(request.DeletionProtection),
            "_endpoint": CLOSED,
            "_closed": sealing.seal(ctx.store.path, f"{id}/closed", secrets.token_urlsafe(24)),
        }
        ctx.store.put(REGISTRY, id, doc, ctx.region)
    labels = tags.of_request(request.TagSpecification.Tags if request.TagSpecification else None)
    tags.write(ctx.store, "tcr", "instance", ctx.region, id, labels)
    ctx.later(_SOON_S, "tcr.start", {"RegistryId": id})
    return {"RegistryId": id}


def _change(ctx: Context, id: str, **changes: Any) -> None:
    with ctx.store.lock:
        doc = ctx.store.find(REGISTRY, id)
        if doc is not None:
            ctx.store.put(REGISTRY, id, doc | changes)


@task("tcr.start")
def start(ctx: Context, payload: Doc) -> None:
    """The registry runs, then its status says so."""
    dataplane.apply(ctx.store, payload["RegistryId"])
    with ctx.store.lock:
        doc = ctx.store.find(REGISTRY, payload["RegistryId"])
        if doc is not None and doc["Status"] == PENDING:
            ctx.store.put(REGISTRY, doc["RegistryId"], doc | {"Status": RUNNING})


@task("tcr.apply")
def apply(ctx: Context, payload: Doc) -> None:
    """Users, rules or endpoint changed."""
    dataplane.apply(ctx.store, payload["RegistryId"])


@seed
def again(ctx: Context) -> None:
    """After a restart of the machine the registries are brought back."""
    for doc in ctx.store.list(REGISTRY):
        if doc["Status"] == RUNNING:
            ctx.later(0, "tcr.apply", {"RegistryId": doc["RegistryId"]})


@action
def describe_instances(ctx: Context, request: models.DescribeInstancesRequest) -> dict[str, Any]:
    """By ids or filters: RegistryName, RegistryType. AllRegion: of all regions."""
    docs = ctx.store.list(REGISTRY, None if request.AllRegion else ctx.region)
    fields = {"RegistryName": "RegistryName", "RegistryType": "RegistryType"}
    found = [
        doc
        for doc in docs
        if (not request.Registryids or doc["RegistryId"] in request.Registryids)
        and matches(doc, request.Filters, fields)
    ]
    listed = page(found, request.Offset, request.Limit)
    return {"TotalCount": len(found), "Registries": [_public(ctx, doc) for doc in listed]}


def _public(ctx: Context, doc: Doc) -> Doc:
    labels = tags.read(ctx.store, "tcr", "instance", doc["RegionName"], doc["RegistryId"])
    return public(doc) | {"TagSpecification": {"ResourceType": "instance", "Tags": tags.as_list(labels)}}


@action
def describe_instance_status(ctx: Context, request: models.DescribeInstanceStatusRequest) -> dict[str, Any]:
    """Of several instances."""
    require(request, "RegistryIds")
    statuses: list[Doc] = [
        {"RegistryId": id, "Status": need(ctx, id)["Status"], "Conditions": []} for id in request.RegistryIds
    ]
    return {"RegistryStatusSet": statuses}


@action
def modify_instance(ctx: Context, request: models.ModifyInstanceRequest) -> None:
    """Type and deletion protection."""
    doc = running(ctx, request.RegistryId)
    one_of("RegistryType", request.RegistryType, _TYPES)
    if request.RegistryType is not None and _TYPES.index(request.RegistryType) < _TYPES.index(doc["RegistryType"]):
        raise ApiError("UnsupportedOperation", "A registry instance cannot be made smaller.")
    changes: dict[str, Any] = {}
    for name in ("RegistryType", "DeletionProtection"):
        if getattr(request, name) is not None:
            changes[name] = getattr(request, name)
    _change(ctx, doc["RegistryId"], **changes)


@action
def delete_instance(ctx: Context, request: models.DeleteInstanceRequest) -> None:
    """With all that is in it."""
    doc = need(ctx, request.RegistryId)
    if doc["DeletionProtection"]:
        message = f"The registry instance `{doc['RegistryId']}` is protected from deletion."
        raise ApiError("OperationDenied", message)
    if request.DryRun:
        return
    _change(ctx, doc["RegistryId"], Status=DELETING)
    ctx.later(_SOON_S, "tcr.delete", {"RegistryId": doc["RegistryId"]})


@task("tcr.delete")
def delete(ctx: Context, payload: Doc) -> None:
    """The real registry goes first."""
    id = payload["RegistryId"]
    dataplane.remove(ctx.store, id)
    with ctx.store.lock:
        for kind, key in ((NAMESPACE, "Name"), (REPOSITORY, "Name"), (TOKEN, "Id"), (POLICY, "CidrBlock")):
            for doc in dataplane.of_registry(ctx.store, kind, id):
                ctx.store.delete(kind, f"{id}/{doc[key]}")
        ctx.store.delete(REGISTRY, id)
        tags.forget(ctx.store, "tcr", "instance", ctx.region, id)
    # The name server forgets the name when the document is gone.
    zones.publish(ctx.store)


@action
def manage_external_endpoint(ctx: Context, request: models.ManageExternalEndpointRequest) -> dict[str, Any]:
    """Operation: Create opens the public endpoint, Delete closes it."""
    doc = running(ctx, request.RegistryId)
    require(request, "Operation")
    one_of("Operation", request.Operation, ("Create", "Delete"))
    opening = request.Operation == "Create"
    _change(ctx, doc["RegistryId"], _endpoint=OPENING if opening else CLOSING)
    payload = {"RegistryId": doc["RegistryId"], "endpoint": OPENED if opening else CLOSED}
    ctx.later(_SOON_S, "tcr.endpoint", payload)
    return {"RegistryId": doc["RegistryId"]}


@task("tcr.endpoint")
def endpoint(ctx: Context, payload: Doc) -> None:
    """The public endpoint is as it was asked for."""
    _change(ctx, payload["RegistryId"], _endpoint=payload["endpoint"])
    dataplane.apply(ctx.store, payload["RegistryId"])


@action
def describe_external_endpoint_status(
    ctx: Context, request: models.DescribeExternalEndpointStatusRequest
) -> dict[str, Any]:
    """Opening, Opened, Closing, Closed."""
    return {"Status": need(ctx, request.RegistryId)["_endpoint"], "Reason": ""}


@action
def describe_replication_instances(ctx: Context, request: models.DescribeReplicationInstancesRequest) -> dict[str, Any]:
    """The sandbox has no replicas."""
    need(ctx, request.RegistryId)
    return {"TotalCount": 0, "ReplicationRegistries": []}


def _policies(ctx: Context, id: str, entries: list[tuple[str, str]]) -> dict[str, Any]:
    doc = running(ctx, id)
    if doc["_endpoint"] != OPENED:
        raise ApiError("FailedOperation", "The public endpoint must be open before it gets a list of clients.")
    with ctx.store.lock:
        for cidr, description in entries:
            try:
                network = IPv4Network(cidr)
            except ValueError:
                message = f"`{cidr}` is not an IPv4 range in CIDR form."
                raise ApiError("InvalidParameter.ErrorTcrInvalidParameter", message) from None
            index = len(dataplane.of_registry(ctx.store, POLICY, id))
            policy = {"RegistryId": id, "PolicyIndex": index, "CidrBlock": str(network), "Description": description}
            ctx.store.put(POLICY, f"{id}/{network}", policy | {"PolicyVersion": "1"}, ctx.region)
    dataplane.apply(ctx.store, id)
    return {"RegistryId": id}


@action
def create_security_policy(ctx: Context, request: models.CreateSecurityPolicyRequest) -> dict[str, Any]:
    """One range of clients."""
    require(request, "RegistryId", "CidrBlock")
    return _policies(ctx, request.RegistryId, [(request.CidrBlock, request.Description or "")])


@action
def create_multiple_security_policy(
    ctx: Context, request: models.CreateMultipleSecurityPolicyRequest
) -> dict[str, Any]:
    """Several ranges of clients."""
    require(request, "RegistryId", "SecurityGroupPolicySet")
    entries = [(each.CidrBlock or "", each.Description or "") for each in request.SecurityGroupPolicySet]
    return _policies(ctx, request.RegistryId, entries)


def _drop_policies(ctx: Context, id: str, cidrs: list[str]) -> dict[str, Any]:
    running(ctx, id)
    for cidr in cidrs:
        ctx.store.delete(POLICY, f"{id}/{cidr}")
    dataplane.apply(ctx.store, id)
    return {"RegistryId": id}


@action
def delete_security_policy(ctx: Context, request: models.DeleteSecurityPolicyRequest) -> dict[str, Any]:
    """By its range."""
    require(request, "RegistryId", "CidrBlock")
    return _drop_policies(ctx, request.RegistryId, [request.CidrBlock])


@action
def delete_multiple_security_policy(
    ctx: Context, request: models.DeleteMultipleSecurityPolicyRequest
) -> dict[str, Any]:
    """By their ranges."""
    require(request, "RegistryId", "SecurityGroupPolicySet")
    return _drop_policies(ctx, request.RegistryId, [str(each.CidrBlock) for each in request.SecurityGroupPolicySet])


@action
def describe_security_policies(ctx: Context, request: models.DescribeSecurityPoliciesRequest) -> dict[str, Any]:
    """The ranges of clients."""
    need(ctx, request.RegistryId)
    names = ("PolicyIndex", "Description", "CidrBlock", "PolicyVersion")
    policies = dataplane.of_registry(ctx.store, POLICY, request.RegistryId)
    return {"SecurityPolicySet": [{name: doc[name] for name in names} for doc in policies]}
