"""Launch templates: versions of RunInstances parameters. Source: docs/sources.md, machines."""

from typing import Any

from tencentcloud.cvm.v20170312 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.services.cvm.catalogue import check_image, check_place, check_size
from sandbox.services.cvm.machines import check_groups, decode_user_data
from sandbox.services.params import check_name, create, drop, given, need, public, select, stamp_utc

KIND = "cvm.launch_template"
MISSING = "InvalidLaunchTemplateId.NotFound"
_OWN = (
    "LaunchTemplateName",
    "LaunchTemplateVersionDescription",
    "LaunchTemplateTagSpecification",
    "DryRun",
    "ClientToken",
)


@action
def create_launch_template(ctx: Context, request: models.CreateLaunchTemplateRequest) -> dict[str, Any]:
    """A template with its first version."""
    asked = given(request)
    check_name("LaunchTemplateName", asked["LaunchTemplateName"], 128)
    check_place(ctx.region, asked["Placement"]["Zone"])
    check_image(asked["ImageId"])
    if "InstanceType" in asked:
        check_size(asked["InstanceType"])
    check_groups(ctx, tuple(asked.get("SecurityGroupIds", ())))
    decode_user_data(asked.get("UserData", ""))
    if asked.get("DryRun"):
        raise ApiError("DryRunOperation", "The request would have succeeded; `DryRun` was set.")
    with ctx.store.lock:
        if any(doc["LaunchTemplateName"] == asked["LaunchTemplateName"] for doc in ctx.store.list(KIND, ctx.region)):
            message = f"There is already a launch template `{asked['LaunchTemplateName']}`."
            raise ApiError("InvalidLaunchTemplateName.Duplicate", message)
        template_id = ctx.store.new_id("lt")
        version: Doc = {
            "LaunchTemplateVersion": 1,
            "LaunchTemplateVersionData": {key: value for key, value in asked.items() if key not in _OWN},
            "CreationTime": stamp_utc(ctx),
            "LaunchTemplateId": template_id,
            "IsDefaultVersion": True,
            "LaunchTemplateVersionDescription": asked.get("LaunchTemplateVersionDescription", ""),
            "CreatedBy": ctx.account.uin,
        }
        doc: Doc = {
            "LatestVersionNumber": 1,
            "LaunchTemplateId": template_id,
            "LaunchTemplateName": asked["LaunchTemplateName"],
            "DefaultVersionNumber": 1,
            "LaunchTemplateVersionCount": 1,
            "CreatedBy": ctx.account.uin,
            "CreationTime": stamp_utc(ctx),
            "_versions": [version],
        }
        create(ctx, KIND, template_id, doc)
    return {"LaunchTemplateId": template_id}


_FILTERS = {"launch-template-name": "LaunchTemplateName", "LaunchTemplateName": "LaunchTemplateName"}


@action
def describe_launch_templates(ctx: Context, request: models.DescribeLaunchTemplatesRequest) -> dict[str, Any]:
    """Templates by ids or filters."""
    docs = select(ctx, KIND, given(request).get("LaunchTemplateIds"), "LaunchTemplateId", MISSING)
    docs = [public(doc) for doc in docs if matches(doc, request.Filters, _FILTERS)]
    return {"TotalCount": len(docs), "LaunchTemplateSet": page(docs, request.Offset, request.Limit)}


@action
def describe_launch_template_versions(
    ctx: Context, request: models.DescribeLaunchTemplateVersionsRequest
) -> dict[str, Any]:
    """The versions of a template."""
    asked = given(request)
    versions = need(ctx, KIND, asked.get("LaunchTemplateId", ""), MISSING)["_versions"]
    wanted = asked.get("LaunchTemplateVersions")
    versions = [each for each in versions if not wanted or each["LaunchTemplateVersion"] in wanted]
    shown = page(versions, request.Offset, request.Limit)
    return {"TotalCount": len(versions), "LaunchTemplateVersionSet": shown}


@action
def delete_launch_template(ctx: Context, request: models.DeleteLaunchTemplateRequest) -> None:
    """The template and all its versions."""
    with ctx.store.lock:
        doc = need(ctx, KIND, given(request)["LaunchTemplateId"], MISSING)
        drop(ctx, KIND, doc["LaunchTemplateId"])
