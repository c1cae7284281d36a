"""Registry instances.

Error codes: the SDK's own table (tencentcloud/tcr/v20190924/errorcodes.py).
"""

import re
import secrets
from typing import Any

from tencentcloud.tcr.v20190924 import models

from sandbox.api import sealing, tags
from sandbox.api.actions import Context, action, task
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc, Store
from sandbox.services import zones
from sandbox.services.params import check_one_of, given, public
from sandbox.services.places import PLACES
from sandbox.services.tcr import dataplane, names
from sandbox.services.tcr.kinds import ATTACHMENT, PARTS, REGISTRY, of_registry
from sandbox.services.vpc import addresses

PENDING, RUNNING, DELETING = "Pending", "Running", "Deleting"
_TYPES = ("basic", "standard", "premium")
_POSTPAID, _PREPAID = 0, 1
_TOKEN_HOURS = 1
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{3,48})[a-z0-9]", re.ASCII)
SOON_S = 0.2
_LONGEST_PAGE = 100


def running(ctx: Context, id: str) -> Doc:
    """A registry instance of the region that runs. Raises ResourceNotFound or that it does not run."""
    found = REGISTRY.need(ctx, id)
    if found["Status"] != RUNNING:
        message = f"The registry instance `{id}` is {found['Status']}, not {RUNNING}."
        raise ApiError("ResourceInsufficient.ErrorInstanceNotRunning", message)
    return found


def listed(found: list[Doc], asked: dict[str, Any]) -> list[Doc]:
    """A page, without private keys. A longer one than the service gives is cut, not refused: the provider asks for 200.

    Source: the SDK's docstring of DescribeServiceAccounts.
    """
    if asked.get("All"):
        return [public(doc) for doc in found]
    limit = min(asked.get("Limit", 20), _LONGEST_PAGE)
    return [public(doc) for doc in page(found, asked.get("Offset"), limit)]


def _check_name(store: Store, name: str) -> None:
    if not _NAME.fullmatch(name):
        message = f"The name `{name}` must have 5 to 50 lower-case letters, digits and - and no - at its ends."
        raise ApiError("InvalidParameter.ErrorRegistryName", message)
    if any(each["RegistryName"] == name for each in REGISTRY.all(store)):
        raise ApiError("InvalidParameter.ErrorNameExists", f"The registry name `{name}` is taken.")


@action
def create_instance(ctx: Context, request: models.CreateInstanceRequest) -> dict[str, Any]:
    """A name is unique among all accounts, so in all regions."""
    asked = given(request)
    name, kind = asked["RegistryName"], asked["RegistryType"]
    check_one_of("RegistryType", kind, _TYPES)
    charge = asked.get("RegistryChargeType", _POSTPAID)
    if charge not in (_POSTPAID, _PREPAID):
        raise ApiError("InvalidParameter", f"`RegistryChargeType` {charge} must be 0 (postpaid) or 1 (prepaid).")
    prepaid: Doc = asked["RegistryChargePrepaid"] if charge == _PREPAID else {}
    with ctx.store.lock:
        _check_name(ctx.store, name)
        id = ctx.store.new_id("tcr-")
        doc: Doc = {
            "RegistryId": id,
            "RegistryName": name,
            "RegistryType": kind,
            "Status": PENDING,
            "PublicDomain": f"{name}.{names.ZONE}",
            "CreatedAt": ctx.now().isoformat(timespec="seconds"),
            "RegionName": ctx.region,
            "RegionId": PLACES[ctx.region].number,
            "EnableAnonymous": False,
            "TokenValidTime": _TOKEN_HOURS,
            "InternalEndpoint": f"{name}-vpc.{names.ZONE}",
            "ExpiredAt": "0001-01-01T00:00:00Z",
            "PayMod": charge,
            "RenewFlag": prepaid.get("RenewFlag", 0),
            "DeletionProtection": asked.get("DeletionProtection", False),
            "_endpoint": "Closed",
            "_closed": sealing.seal(ctx.store.path, f"{id}/closed", secrets.token_urlsafe(24)),
            "_tags": asked.get("TagSpecification", {}).get("Tags", []),
        }
        REGISTRY.create(ctx, doc)
    ctx.later(SOON_S, "tcr.start", {"id": id})
    return {"RegistryId": id}


def change(ctx: Context, id: str, **changes: Any) -> None:
    """Keep a registry's document with other values; nothing if it is gone."""
    with ctx.store.lock:
        doc = REGISTRY.anywhere(ctx.store, id)
        if doc is not None:
            REGISTRY.save(ctx.store, doc | changes)


@task("tcr.start")
def start(ctx: Context, payload: Doc) -> None:
    """The registry runs, then its status says so."""
    dataplane.apply(ctx.store, payload["id"])
    with ctx.store.lock:
        doc = REGISTRY.anywhere(ctx.store, payload["id"])
        if doc is not None and doc["Status"] == PENDING:
            REGISTRY.save(ctx.store, doc | {"Status": RUNNING})


@action
def describe_instances(ctx: Context, request: models.DescribeInstancesRequest) -> dict[str, Any]:
    """By ids or filters: RegistryName, RegistryType. AllRegion: of all regions."""
    asked = given(request)
    wanted = asked.get("Registryids")
    fields = {"RegistryName": "RegistryName", "RegistryType": "RegistryType"}
    found = [
        doc
        for doc in (REGISTRY.all(ctx.store) if asked.get("AllRegion") else REGISTRY.list(ctx))
        if (not wanted or doc["RegistryId"] in wanted) and matches(doc, request.Filters, fields)
    ]
    tagged = [doc | {"TagSpecification": {"ResourceType": "instance", "Tags": _tags(ctx, doc)}} for doc in found]
    return {"TotalCount": len(found), "Registries": listed(tagged, asked)}


def _tags(ctx: Context, doc: Doc) -> list[dict[str, str]]:
    return tags.as_list(tags.read(ctx.store, "tcr", "instance", doc["RegionName"], doc["RegistryId"]))


@action
def modify_instance(ctx: Context, request: models.ModifyInstanceRequest) -> None:
    """Type and deletion protection."""
    asked = given(request)
    doc = running(ctx, asked["RegistryId"])
    kind = asked.get("RegistryType", doc["RegistryType"])
    check_one_of("RegistryType", kind, _TYPES)
    if _TYPES.index(kind) < _TYPES.index(doc["RegistryType"]):
        raise ApiError("UnsupportedOperation", "A registry instance cannot be made smaller.")
    protected = asked.get("DeletionProtection", doc["DeletionProtection"])
    change(ctx, doc["RegistryId"], RegistryType=kind, DeletionProtection=protected)


@action
def renew_instance(ctx: Context, request: models.RenewInstanceRequest) -> dict[str, Any]:
    """Prepaid ones. What is paid is not the sandbox's business; the flag is kept."""
    asked = given(request)
    doc = running(ctx, asked["RegistryId"])
    if doc["PayMod"] != _PREPAID:
        raise ApiError("UnsupportedOperation", f"The registry instance `{doc['RegistryId']}` is not prepaid.")
    change(ctx, doc["RegistryId"], RenewFlag=asked["RegistryChargePrepaid"].get("RenewFlag", 0))
    return {"RegistryId": doc["RegistryId"]}


@action
def delete_instance(ctx: Context, request: models.DeleteInstanceRequest) -> None:
    """With all that is in it."""
    asked = given(request)
    doc = REGISTRY.need(ctx, asked["RegistryId"])
    if doc["DeletionProtection"]:
        message = f"The registry instance `{doc['RegistryId']}` is protected from deletion."
        raise ApiError("OperationDenied", message)
    if asked.get("DryRun"):
        return
    change(ctx, doc["RegistryId"], Status=DELETING)
    ctx.later(SOON_S, "tcr.delete", {"id": doc["RegistryId"]})


@task("tcr.delete")
def delete(ctx: Context, payload: Doc) -> None:
    """The real registry goes first."""
    id = payload["id"]
    dataplane.remove(ctx.store, id)
    with ctx.store.lock:
        for doc in of_registry(ctx.store, ATTACHMENT, id):
            addresses.free_private(ctx.store, doc["_id"])
        for kind in PARTS:
            for doc in of_registry(ctx.store, kind, id):
                kind.drop(ctx, doc["_id"])
        REGISTRY.drop(ctx, id)
    # The name server forgets the name when the document is gone.
    zones.publish(ctx.store)


@action
def describe_replication_instances(ctx: Context, request: models.DescribeReplicationInstancesRequest) -> dict[str, Any]:
    """The sandbox has no replicas."""
    REGISTRY.need(ctx, given(request)["RegistryId"])
    return {"TotalCount": 0, "ReplicationRegistries": []}
