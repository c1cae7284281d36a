"""Key pairs: imported public keys, recorded. Source: docs/sources.md, machines."""

import re
from typing import Any

from tencentcloud.cvm.v20170312 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.services.params import create, drop, given, need, public, select, stamp_utc

KIND = "cvm.key_pair"
MISSING = "InvalidKeyPairId.NotFound"


@action
def import_key_pair(ctx: Context, request: models.ImportKeyPairRequest) -> dict[str, Any]:
    """A public key under a name of 1 to 25 letters, digits and underscores."""
    asked = given(request)
    name = asked["KeyName"]
    if not re.fullmatch(r"\w{1,25}", name, re.ASCII):
        raise ApiError("InvalidKeyPairName.NotSupport", f"`KeyName` {name!r} must be 1 to 25 of a-z, A-Z, 0-9 and _.")
    with ctx.store.lock:
        if any(doc["KeyName"] == name for doc in ctx.store.list(KIND, ctx.region)):
            raise ApiError("InvalidKeyPair.NameDuplicate", f"There is already a key pair `{name}`.")
        key_id = ctx.store.new_id("skey")
        doc: Doc = {
            "KeyId": key_id,
            "KeyName": name,
            "ProjectId": asked.get("ProjectId", 0),
            "Description": "",
            "PublicKey": " ".join(asked["PublicKey"].split()[:2]),
            "AssociatedInstanceIds": [],
            "CreatedTime": stamp_utc(ctx),
        }
        create(ctx, KIND, key_id, doc)
    return {"KeyId": key_id}


_FILTERS = {"project-id": "ProjectId", "key-name": "KeyName"}


@action
def describe_key_pairs(ctx: Context, request: models.DescribeKeyPairsRequest) -> dict[str, Any]:
    """Key pairs by ids or filters."""
    docs = select(ctx, KIND, given(request).get("KeyIds"), "KeyId", MISSING)
    docs = [public(doc) for doc in docs if matches(doc, request.Filters, _FILTERS)]
    return {"TotalCount": len(docs), "KeyPairSet": page(docs, request.Offset, request.Limit)}


@action
def delete_key_pairs(ctx: Context, request: models.DeleteKeyPairsRequest) -> None:
    """Remove key pairs."""
    with ctx.store.lock:
        docs = [need(ctx, KIND, key_id, MISSING) for key_id in given(request)["KeyIds"]]
        for doc in docs:
            drop(ctx, KIND, doc["KeyId"])
