"""Launch configurations. Source: docs/sources.md, machines; SDK docstrings."""

import re
from typing import Any

from tencentcloud.autoscaling.v20180419 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.services.autoscaling.kinds import CONFIG, GROUP
from sandbox.services.cvm.catalogue import check_image, check_size
from sandbox.services.cvm.machines import check_groups, decode_user_data
from sandbox.services.cvm.offers import IMAGES
from sandbox.services.params import character_classes, check_name, given, public, stamp_utc, tag_set

QUOTA = 100
_DEFAULTS: dict[str, Any] = {
    "ProjectId": 0,
    "SystemDisk": {"DiskType": "CLOUD_PREMIUM", "DiskSize": 50},
    "DataDisks": [],
    "InternetAccessible": {
        "InternetChargeType": "TRAFFIC_POSTPAID_BY_HOUR",
        "InternetMaxBandwidthOut": 0,
        "PublicIpAssigned": False,
    },
    "SecurityGroupIds": [],
    "UserData": "",
    "InstanceChargeType": "POSTPAID_BY_HOUR",
    "InstanceTags": [],
    "CamRoleName": "",
    "DiskTypePolicy": "ORIGINAL",
    "DisasterRecoverGroupIds": [],
    "InstanceNameSettings": {},
}
_MODES = ("ORIGINAL", "UNIQUE")


def _check_login(login: dict[str, Any]) -> dict[str, Any]:
    """What is kept of login settings: never the password."""
    password = login.get("Password")
    if password is not None and (
        login.get("KeepImageLogin") or not 8 <= len(password) <= 30 or character_classes(password) < 2
    ):
        message = "`LoginSettings.Password` must have 8 to 30 characters of two classes, without KeepImageLogin."
        raise ApiError("InvalidParameterValue.LoginSettings", message)
    return {"KeyIds": login.get("KeyIds", [])}


def _check(ctx: Context, asked: dict[str, Any]) -> None:
    if "LaunchConfigurationName" in asked:
        check_name("LaunchConfigurationName", asked["LaunchConfigurationName"])
    if "ImageId" in asked:
        check_image(asked["ImageId"])
    for size in asked.get("InstanceTypes", []):
        check_size(size)
    check_groups(ctx, tuple(asked.get("SecurityGroupIds", ())))
    decode_user_data(asked.get("UserData", ""))
    disk = asked.get("SystemDisk", {})
    if not 20 <= disk.get("DiskSize", 50) <= 2048:
        raise ApiError(
            "InvalidParameterValue.Range", f"`SystemDisk.DiskSize` {disk['DiskSize']} must be 20 to 2048 GB."
        )
    name = asked.get("HostNameSettings", {}).get("HostName", "host")
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,58}[A-Za-z0-9])?", name):
        raise ApiError("InvalidParameterValue.HostNameIllegal", f"The value `{name}` is no host name.")
    for settings, mode in (("HostNameSettings", "HostNameStyle"), ("InstanceNameSettings", "InstanceNameStyle")):
        style = asked.get(settings, {}).get(mode, "ORIGINAL")
        if style not in _MODES:
            raise ApiError("InvalidParameterValue", f"`{settings}.{mode}` {style} must be one of {', '.join(_MODES)}.")


def _services(image_id: str) -> dict[str, Any]:
    """What is on when nothing is said. The automation tools come with public images, as CVM has it."""
    public_image = IMAGES[image_id].kind == "PUBLIC_IMAGE"
    on = {"SecurityService": True, "MonitorService": True, "AutomationToolsService": public_image}
    return {name: {"Enabled": enabled} for name, enabled in on.items()}


def _settle(doc: Doc, asked: dict[str, Any]) -> None:
    """Put what was asked into the document. What a nested parameter leaves out stays as it is."""
    before = {**doc}
    for key, value in asked.items():
        if key in ("LaunchConfigurationId", "Tags", "InstanceTypesCheckPolicy"):
            continue
        doc[key] = _check_login(value) if key == "LoginSettings" else value
    for nested in ("InternetAccessible", "SystemDisk", "EnhancedService"):
        doc[nested] = {**before[nested], **doc[nested]}
    doc["InstanceType"] = doc["InstanceTypes"][0]


@action
def create_launch_configuration(ctx: Context, request: models.CreateLaunchConfigurationRequest) -> dict[str, Any]:
    """What the instances of a group are made from."""
    asked = given(request)
    name = asked["LaunchConfigurationName"]
    if "InstanceType" in asked:
        asked.setdefault("InstanceTypes", [asked["InstanceType"]])
    if not asked.get("InstanceTypes"):
        raise ApiError("MissingParameter", "The request is missing a required parameter `InstanceTypes`.")
    if "ImageId" not in asked:
        raise ApiError("MissingParameter", "The request is missing a required parameter `ImageId`.")
    _check(ctx, asked)
    with ctx.store.lock:
        existing = CONFIG.list(ctx)
        if any(doc["LaunchConfigurationName"] == name for doc in existing):
            message = f"There is already a launch configuration `{name}`."
            raise ApiError("InvalidParameterValue.LaunchConfigurationNameDuplicated", message)
        if len(existing) >= QUOTA:
            raise ApiError("LimitExceeded.LaunchConfigurationQuotaNotEnough", f"The quota of {QUOTA} is used up.")
        config_id = ctx.store.new_id("asc")
        doc: Doc = {
            **_DEFAULTS,
            "LaunchConfigurationId": config_id,
            "CreatedTime": stamp_utc(ctx),
            "UpdatedTime": stamp_utc(ctx),
            "LaunchConfigurationStatus": "NORMAL",
            "VersionNumber": 1,
            "LoginSettings": {"KeyIds": []},
            "EnhancedService": _services(asked["ImageId"]),
            "Tags": tag_set(asked.get("Tags")),
        }
        _settle(doc, asked)
        CONFIG.create(ctx, doc)
    return {"LaunchConfigurationId": config_id}


_FILTERS = {"launch-configuration-id": "LaunchConfigurationId", "launch-configuration-name": "LaunchConfigurationName"}


@action
def describe_launch_configurations(ctx: Context, request: models.DescribeLaunchConfigurationsRequest) -> dict[str, Any]:
    """Configurations with the groups that use them."""
    docs = CONFIG.pick(ctx, given(request).get("LaunchConfigurationIds"))
    docs = [public(doc) for doc in docs if matches(doc, request.Filters, _FILTERS)]
    groups = GROUP.list(ctx)
    for doc in docs:
        doc["AutoScalingGroupAbstractSet"] = [
            {"AutoScalingGroupId": group["AutoScalingGroupId"], "AutoScalingGroupName": group["AutoScalingGroupName"]}
            for group in groups
            if group["LaunchConfigurationId"] == doc["LaunchConfigurationId"]
        ]
    shown = page(docs, request.Offset, request.Limit)
    return {"TotalCount": len(docs), "LaunchConfigurationSet": shown}


@action
def modify_launch_configuration_attributes(
    ctx: Context, request: models.ModifyLaunchConfigurationAttributesRequest
) -> None:
    """What is given replaces what was; instances that run stay as they are."""
    asked = given(request)
    with ctx.store.lock:
        doc = CONFIG.need(ctx, asked["LaunchConfigurationId"])
        _check(ctx, asked)
        others = [each for each in CONFIG.list(ctx) if each[CONFIG.key] != doc[CONFIG.key]]
        if any(each["LaunchConfigurationName"] == asked.get("LaunchConfigurationName") for each in others):
            message = f"There is already a launch configuration `{asked['LaunchConfigurationName']}`."
            raise ApiError("InvalidParameterValue.LaunchConfigurationNameDuplicated", message)
        _settle(doc, asked)
        doc |= {"VersionNumber": doc["VersionNumber"] + 1, "UpdatedTime": stamp_utc(ctx)}
        CONFIG.save(ctx.store, doc)


@action
def delete_launch_configuration(ctx: Context, request: models.DeleteLaunchConfigurationRequest) -> None:
    """Not while a group uses it."""
    config_id = given(request)["LaunchConfigurationId"]
    with ctx.store.lock:
        CONFIG.need(ctx, config_id)
        for group in GROUP.list(ctx):
            if group["LaunchConfigurationId"] == config_id:
                message = f"The scaling group `{group['AutoScalingGroupId']}` uses `{config_id}`."
                raise ApiError("ResourceInUse.LaunchConfigurationIdInUse", message)
        CONFIG.drop(ctx, config_id)
