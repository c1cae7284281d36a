"""As/scalingConfig. Source: docs/sources.md, machines."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    given,
    read_tags,
    resource,
    tag_list,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import shapes

RETRY_S = 1200.0
_PLAIN = {
    "configurationName": "LaunchConfigurationName",
    "imageId": "ImageId",
    "imageFamily": "ImageFamily",
    "instanceTypes": "InstanceTypes",
    "securityGroupIds": "SecurityGroupIds",
    "userData": "UserData",
    "instanceChargeType": "InstanceChargeType",
    "camRoleName": "CamRoleName",
    "diskTypePolicy": "DiskTypePolicy",
    "disasterRecoverGroupIds": "DisasterRecoverGroupIds",
    "dedicatedClusterId": "DedicatedClusterId",
}


def _params(props: Props) -> dict[str, Any]:
    """The whole configuration: create sends it, and so does every update."""
    login = given(props, {"password": "Password", "keyIds": "KeyIds", "keepImageLogin": "KeepImageLogin"})
    internet = given(
        props,
        {
            "internetChargeType": "InternetChargeType",
            "internetMaxBandwidthOut": "InternetMaxBandwidthOut",
            "publicIpAssigned": "PublicIpAssigned",
            "bandwidthPackageId": "BandwidthPackageId",
        },
    )
    data_disks: list[Props] = props.get("dataDisks") or []
    disk = given(props, {"systemDiskType": "DiskType", "systemDiskSize": "DiskSize"})
    return given(props, _PLAIN) | {
        "SystemDisk": disk,
        "DataDisks": [{key: value for key, value in shapes.pascal(each).items() if value} for each in data_disks],
        "InternetAccessible": internet,
        "LoginSettings": login or None,
        "EnhancedService": {
            "SecurityService": {"Enabled": bool(props.get("enhancedSecurityService", True))},
            "MonitorService": {"Enabled": bool(props.get("enhancedMonitorService", True))},
        },
        "InstanceTags": tag_list(props.get("instanceTags")),
        "HostNameSettings": shapes.pascal(props.get("hostNameSettings")),
        "InstanceNameSettings": shapes.pascal(props.get("instanceNameSettings")),
    }


def _check_image(props: Props) -> None:
    if not props.get("imageId") and not props.get("imageFamily"):
        raise ProviderError("one of `image_id` or `image_family` must be set")


@resource("tencentcloud:As/scalingConfig:ScalingConfig")
class ScalingConfig(Handler):
    """A launch configuration."""

    immutable = ("projectId",)
    write_only = ("password", "instanceChargeTypePrepaidPeriod", "keepImageLogin")

    def check(self, props: Props) -> dict[str, str]:
        """Lengths and ranges."""
        found = shapes.faults(
            props,
            {
                "configurationName": shapes.NAME,
                "systemDiskSize": shapes.between(50, 500),
                "diskTypePolicy": shapes.one_of("ORIGINAL", "AUTOMATIC"),
                "password": shapes.length(8, 16),
            },
        )
        if "password" in found:
            found["password"] = "must have 8 to 16 characters of at least two classes"
        return found

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateLaunchConfiguration, SetId."""
        _check_image(props)
        params = _params(props) | {"ProjectId": props.get("projectId", 0), "Tags": tag_list(props.get("tags"))}
        made = cloud.call("as", "CreateLaunchConfiguration", params)
        config_id: str = made["LaunchConfigurationId"]
        partial.id(config_id)
        return Created(config_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeLaunchConfigurations. The password is never read."""
        ids = {"LaunchConfigurationIds": [id]}
        doc = shapes.one(cloud, "as", "DescribeLaunchConfigurations", ids, "LaunchConfigurationSet")
        if doc is None:
            return None
        internet, service = doc["InternetAccessible"], doc["EnhancedService"]
        disks: list[dict[str, Any]] = doc.get("DataDisks") or []
        instance_tags: list[dict[str, str]] = doc.get("InstanceTags") or []
        shown = {name: doc.get(api) or None for name, api in _PLAIN.items()}
        return shown | {
            "projectId": doc["ProjectId"],
            "status": doc["LaunchConfigurationStatus"],
            "createTime": doc["CreatedTime"],
            "systemDiskType": doc["SystemDisk"]["DiskType"],
            "systemDiskSize": doc["SystemDisk"]["DiskSize"],
            "dataDisks": [
                {
                    "diskType": each.get("DiskType"),
                    "diskSize": each.get("DiskSize"),
                    "snapshotId": each.get("SnapshotId"),
                    "deleteWithInstance": each.get("DeleteWithInstance"),
                }
                for each in disks
            ],
            "internetChargeType": internet["InternetChargeType"],
            "internetMaxBandwidthOut": internet["InternetMaxBandwidthOut"],
            "publicIpAssigned": internet["PublicIpAssigned"],
            "keyIds": doc["LoginSettings"]["KeyIds"] or None,
            "enhancedSecurityService": service["SecurityService"]["Enabled"],
            "enhancedMonitorService": service["MonitorService"]["Enabled"],
            "instanceTags": {each["Key"]: each["Value"] for each in instance_tags},
            "hostNameSettings": _names(doc.get("HostNameSettings"), "hostName"),
            "instanceNameSettings": _names(doc.get("InstanceNameSettings"), "instanceName"),
            "tags": read_tags(cloud, "as", "launch-configuration", id),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Modify the whole configuration in place; what runs stays as it is."""
        _check_image(new)
        params = {"LaunchConfigurationId": id, **_params(new)}
        cloud.call("as", "ModifyLaunchConfigurationAttributes", params, retry_s=RETRY_S)
        cleared = {
            "ClearDataDisks": bool(old.get("dataDisks")) and not new.get("dataDisks"),
            "ClearHostNameSettings": bool(old.get("hostNameSettings")) and not new.get("hostNameSettings"),
            "ClearInstanceNameSettings": bool(old.get("instanceNameSettings")) and not new.get("instanceNameSettings"),
            "ClearInstanceTags": bool(old.get("instanceTags")) and not new.get("instanceTags"),
        }
        if any(cleared.values()):
            cloud.call("as", "ClearLaunchConfigurationAttributes", {"LaunchConfigurationId": id, **cleared})
        write_tags(cloud, "as", "launch-configuration", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteLaunchConfiguration, repeated while a group uses it."""
        shapes.delete(cloud, "as", "DeleteLaunchConfiguration", {"LaunchConfigurationId": id})


def _names(settings: dict[str, Any] | None, name: str) -> Props | None:
    if not settings:
        return None
    api = name[:1].upper() + name[1:]
    return {name: settings[api], f"{name}Style": settings.get(f"{api}Style", "ORIGINAL")}
