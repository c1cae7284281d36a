"""The tag service 2018-08-13: which resource has which tags."""

import re
from typing import Any

from tencentcloud.tag.v20180813 import models

from sandbox.api import tags
from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Docs
from sandbox.services.params import Params, given

MAX_PER_RESOURCE = 50
_RESOURCE = re.compile(
    r"qcs:[^:]*:(?P<service>[a-z0-9]+):(?P<region>[a-z0-9-]*):(?:uin/\d*)?:(?P<prefix>[\w-]+)/(?P<id>.+)", re.ASCII
)


def _parse(resource: str) -> tuple[str, str, str, str]:
    """`qcs::vpc:ap-beijing:uin/:vpc/vpc-12345678` -> service, prefix, region, id."""
    found = _RESOURCE.fullmatch(resource)
    if found is None:
        message = f"The resource `{resource}` is not a six-segment description `qcs::service:region:uin/:prefix/id`."
        raise ApiError("InvalidParameterValue.ResourceDescriptionError", message)
    return found["service"], found["prefix"], found["region"], found["id"]


def _check(key: str, value: str) -> None:
    if not key:
        raise ApiError("InvalidParameterValue.TagKeyEmpty", "A tag's key must not be empty.")
    if len(key) > 127:
        raise ApiError("InvalidParameterValue.TagKeyLengthExceeded", f"The tag key `{key}` is longer than 127.")
    if len(value) > 255:
        raise ApiError("InvalidParameterValue.TagValueLengthExceeded", f"The value of tag `{key}` is longer than 255.")
    if key.lower().startswith(("qcs:", "project:")):
        raise ApiError("InvalidParameter.ReservedTagKey", f"The tag key `{key}` is reserved.")


def _change(ctx: Context, resource: str, replace: dict[str, str], delete: set[str]) -> None:
    service, prefix, region, id = _parse(resource)
    for key, value in replace.items():
        _check(key, value)
    with ctx.store.lock:
        current = tags.read(ctx.store, service, prefix, region, id)
        changed = {key: value for key, value in current.items() if key not in delete} | replace
        if len(changed) > MAX_PER_RESOURCE:
            message = f"A resource takes {MAX_PER_RESOURCE} tags, `{id}` would have {len(changed)}."
            raise ApiError("LimitExceeded.ResourceAttachedTags", message)
        tags.write(ctx.store, service, prefix, region, id, changed)


@action
def modify_resource_tags(ctx: Context, request: models.ModifyResourceTagsRequest) -> None:
    """Replace some, remove some."""
    asked = given(request)
    replace = tags.of_request(request.ReplaceTags)
    delete = {str(tag["TagKey"]) for tag in asked.get("DeleteTags", [])}
    if both := sorted(delete & replace.keys()):
        message = f"The tag keys {', '.join(both)} are in both `ReplaceTags` and `DeleteTags`."
        raise ApiError("InvalidParameterValue.DeleteTagsParamError", message)
    _change(ctx, asked["Resource"], replace, delete)


@action
def tag_resources(ctx: Context, request: models.TagResourcesRequest) -> dict[str, Any]:
    """The same tags on several resources; those that failed are named."""
    return _each(ctx, given(request)["ResourceList"], tags.of_request(request.Tags), set())


@action
def untag_resources(ctx: Context, request: models.UnTagResourcesRequest) -> dict[str, Any]:
    """Remove keys from several resources."""
    asked = given(request)
    return _each(ctx, asked["ResourceList"], {}, set(asked["TagKeys"]))


def _each(ctx: Context, resources: list[str], replace: dict[str, str], delete: set[str]) -> dict[str, Any]:
    failed: Docs = []
    for resource in resources:
        try:
            _change(ctx, resource, replace, delete)
        except ApiError as error:
            failed.append({"Resource": resource, "Code": error.code, "Message": error.message})
    return {"FailedResources": failed}


@action
def describe_resource_tags_by_resource_ids(
    ctx: Context, request: models.DescribeResourceTagsByResourceIdsRequest
) -> dict[str, Any]:
    """The tags of resources of one type; ResourceRegion is empty for global services."""
    asked = given(request)
    service, prefix, region = asked["ServiceType"], asked["ResourcePrefix"], asked.get("ResourceRegion", "")
    found = [
        {"TagKey": key, "TagValue": value, "ResourceId": id, "ServiceType": service}
        for id in asked["ResourceIds"]
        for key, value in tags.read(ctx.store, service, prefix, region, id).items()
    ]
    offset, limit = asked.get("Offset", 0), asked.get("Limit", 15)
    shown = page(found, offset, limit, maximum=1000)
    return {"TotalCount": len(found), "Offset": offset, "Limit": limit, "Tags": shown}


@action
def get_resources(ctx: Context, request: models.GetResourcesRequest) -> dict[str, Any]:
    """Resources with their tags, all or by filter; one page (the sandbox's are few)."""
    asked = given(request)
    wanted = [_parse(each) for each in asked.get("ResourceList", [])]
    found: Docs = []
    for doc in ctx.store.list(tags.KIND):
        name = f"qcs::{doc['Service']}:{doc['Region']}:uin/{ctx.account.uin}:{doc['Prefix']}/{doc['Id']}"
        if (not wanted or _parse(name) in wanted) and _has_all(doc["Tags"], asked.get("TagFilters", [])):
            found.append({"Resource": name, "Tags": tags.as_list(doc["Tags"], "TagKey", "TagValue")})
    return {"PaginationToken": "", "ResourceTagMappingList": found}


def _has_all(labels: dict[str, str], filters: list[Params]) -> bool:
    return all(
        each["TagKey"] in labels and (not each.get("TagValue") or labels[each["TagKey"]] in each["TagValue"])
        for each in filters
    )
