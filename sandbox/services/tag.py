"""The tag service 2018-08-13: tags, and which resource has which."""

import re
from typing import Any

from tencentcloud.tag.v20180813 import models

from sandbox.api import tags
from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.api.validation import require

_TAG = "tag.tag"
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
        for key, value in replace.items():
            ctx.store.put(_TAG, f"{key}#{value}", {"TagKey": key, "TagValue": value})


@action
def modify_resource_tags(ctx: Context, request: models.ModifyResourceTagsRequest) -> None:
    """Replace some, remove some."""
    require(request, "Resource")
    replace = tags.of_request(request.ReplaceTags)
    delete = {str(tag.TagKey) for tag in request.DeleteTags or []}
    if both := sorted(delete & replace.keys()):
        message = f"The tag keys {', '.join(both)} are in both `ReplaceTags` and `DeleteTags`."
        raise ApiError("InvalidParameterValue.DeleteTagsParamError", message)
    _change(ctx, request.Resource, replace, delete)


@action
def tag_resources(ctx: Context, request: models.TagResourcesRequest) -> dict[str, Any]:
    """The same tags on several resources; those that failed are named."""
    require(request, "ResourceList", "Tags")
    return _each(ctx, request.ResourceList, tags.of_request(request.Tags), set())


@action
def untag_resources(ctx: Context, request: models.UnTagResourcesRequest) -> dict[str, Any]:
    """Remove keys from several resources."""
    require(request, "ResourceList", "TagKeys")
    return _each(ctx, request.ResourceList, {}, set(request.TagKeys))


def _each(ctx: Context, resources: list[str], replace: dict[str, str], delete: set[str]) -> dict[str, Any]:
    failed: list[Doc] = []
    for resource in resources:
        try:
            _change(ctx, resource, replace, delete)
        except ApiError as error:
            failed.append({"Resource": resource, "Code": error.code, "Message": error.message})
    return {"FailedResources": failed}


@action
def add_resource_tag(ctx: Context, request: models.AddResourceTagRequest) -> None:
    """One tag on one resource."""
    require(request, "TagKey", "Resource")
    _change(ctx, request.Resource, {request.TagKey: request.TagValue or ""}, set())


@action
def delete_resource_tag(ctx: Context, request: models.DeleteResourceTagRequest) -> None:
    """One tag off one resource."""
    require(request, "TagKey", "Resource")
    _change(ctx, request.Resource, {}, {request.TagKey})


@action
def describe_resource_tags_by_resource_ids(
    ctx: Context, request: models.DescribeResourceTagsByResourceIdsRequest
) -> dict[str, Any]:
    """The tags of resources of one type; ResourceRegion is empty for global services."""
    require(request, "ServiceType", "ResourcePrefix", "ResourceIds")
    found: list[Doc] = []
    for id in request.ResourceIds:
        current = tags.read(ctx.store, request.ServiceType, request.ResourcePrefix, request.ResourceRegion or "", id)
        for key, value in current.items():
            found.append({"TagKey": key, "TagValue": value, "ResourceId": id, "ServiceType": request.ServiceType})
    return _list(found, "Tags", request.Offset, request.Limit, default=15)


def _list(found: list[Doc], name: str, offset: int | None, limit: int | None, default: int = 15) -> dict[str, Any]:
    body = {"TotalCount": len(found), "Offset": offset or 0, "Limit": limit or default}
    return body | {name: page(found, offset, limit, default, maximum=1000)}


def _attached(ctx: Context, key: str, value: str) -> bool:
    return any(doc["Tags"].get(key) == value for doc in ctx.store.list(tags.KIND))


@action
def create_tag(ctx: Context, request: models.CreateTagRequest) -> None:
    """A tag on nothing yet."""
    require(request, "TagKey", "TagValue")
    _check(request.TagKey, request.TagValue)
    with ctx.store.lock:
        id = f"{request.TagKey}#{request.TagValue}"
        if ctx.store.find(_TAG, id) is not None:
            raise ApiError("ResourceInUse.TagDuplicate", f"The tag `{id}` exists.")
        ctx.store.put(_TAG, id, {"TagKey": request.TagKey, "TagValue": request.TagValue})


@action
def delete_tag(ctx: Context, request: models.DeleteTagRequest) -> None:
    """Refused while a resource has it."""
    require(request, "TagKey", "TagValue")
    with ctx.store.lock:
        if _attached(ctx, request.TagKey, request.TagValue):
            message = f"The tag `{request.TagKey}#{request.TagValue}` is attached to resources."
            raise ApiError("FailedOperation.TagAttachedResource", message)
        if not ctx.store.delete(_TAG, f"{request.TagKey}#{request.TagValue}"):
            message = f"The tag `{request.TagKey}#{request.TagValue}` does not exist."
            raise ApiError("ResourceNotFound.TagNonExist", message)


@action
def describe_tags(ctx: Context, request: models.DescribeTagsRequest) -> dict[str, Any]:
    """All tags, or those with a key, a value or one of several keys."""
    found = [
        {**tag, "CanDelete": int(not _attached(ctx, tag["TagKey"], tag["TagValue"]))}
        for tag in ctx.store.list(_TAG)
        if request.TagKey in (None, tag["TagKey"])
        and request.TagValue in (None, tag["TagValue"])
        and (not request.TagKeys or tag["TagKey"] in request.TagKeys)
    ]
    return _list(found, "Tags", request.Offset, request.Limit)


@action
def describe_resources_by_tags(ctx: Context, request: models.DescribeResourcesByTagsRequest) -> dict[str, Any]:
    """Resources that have all the tags asked for (each: one of its values)."""
    require(request, "TagFilters")
    wanted = {
        "Service": request.ServiceType,
        "Prefix": request.ResourcePrefix,
        "Region": request.ResourceRegion,
        "Id": request.ResourceId,
    }
    found: list[Doc] = []
    for doc in ctx.store.list(tags.KIND):
        if any(value is not None and doc[name] != value for name, value in wanted.items()):
            continue
        if _has_all(doc["Tags"], request.TagFilters):
            row = {"ResourceRegion": doc["Region"], "ServiceType": doc["Service"], "ResourcePrefix": doc["Prefix"]}
            labels = tags.as_list(doc["Tags"], "TagKey", "TagValue")
            found.append(row | {"ResourceId": doc["Id"], "Tags": labels})
    return _list(found, "Rows", request.Offset, request.Limit)


@action
def get_resources(ctx: Context, request: models.GetResourcesRequest) -> dict[str, Any]:
    """Resources with their tags, all or by filter; one page (the sandbox's are few)."""
    found: list[Doc] = []
    for doc in ctx.store.list(tags.KIND):
        name = f"qcs::{doc['Service']}:{doc['Region']}:uin/{ctx.account.uin}:{doc['Prefix']}/{doc['Id']}"
        listed = not request.ResourceList or _parse(name) in [_parse(each) for each in request.ResourceList]
        if listed and _has_all(doc["Tags"], request.TagFilters or []):
            found.append({"Resource": name, "Tags": tags.as_list(doc["Tags"], "TagKey", "TagValue")})
    return {"PaginationToken": "", "ResourceTagMappingList": found}


def _has_all(labels: dict[str, str], filters: list[models.TagFilter]) -> bool:
    return all(
        each.TagKey in labels and (not each.TagValue or labels[each.TagKey] in each.TagValue) for each in filters
    )
