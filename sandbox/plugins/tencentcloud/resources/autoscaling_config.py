"""As/scalingConfig. What the official provider does, call by call: docs/fidelity/autoscaling.md."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    given,
    resource,
    tag_list,
    tag_map,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import arguments
from sandbox.plugins.tencentcloud.resources.autoscaling import tagged

RETRY_S = 1200.0
_POSTPAID = "POSTPAID_BY_HOUR"
_DISKS = ("BASIC", "SSD", "PREMIUM", "HSSD", "TSSD", "BSSD")
_PLAIN = {
    "configurationName": "LaunchConfigurationName",
    "imageId": "ImageId",
    "imageFamily": "ImageFamily",
    "instanceTypes": "InstanceTypes",
    "securityGroupIds": "SecurityGroupIds",
    "userData": "UserData",
    "camRoleName": "CamRoleName",
    "diskTypePolicy": "DiskTypePolicy",
    "disasterRecoverGroupIds": "DisasterRecoverGroupIds",
    "dedicatedClusterId": "DedicatedClusterId",
}
_INTERNET = {
    "internetChargeType": "InternetChargeType",
    "internetMaxBandwidthOut": "InternetMaxBandwidthOut",
    "bandwidthPackageId": "BandwidthPackageId",
    "ipv4AddressType": "IPv4AddressType",
    "antiDdosPackageId": "AntiDDoSPackageId",
}
_INTERNET_FLAGS = {"publicIpAssigned": "PublicIpAssigned", "isKeepEip": "IsKeepEIP"}
_SERVICES = {
    "enhancedSecurityService": "SecurityService",
    "enhancedMonitorService": "MonitorService",
    "enhancedAutomationToolsService": "AutomationToolsService",
}
_DISK = {"systemDiskType": "DiskType", "systemDiskSize": "DiskSize"}
_LOGIN = {"password": "Password", "keyIds": "KeyIds"}
_DATA_DISK = {
    "diskType": "DiskType",
    "diskSize": "DiskSize",
    "snapshotId": "SnapshotId",
    "deleteWithInstance": "DeleteWithInstance",
}
_NAMES = ("hostNameSettings", "instanceNameSettings")


def _parts(props: Props) -> dict[str, tuple[frozenset[str], Any]]:
    """Nested parameter -> the properties that it is made of, and its value: an update sends those that changed."""
    services = given(props, _SERVICES)
    disks: list[Props] = props.get("dataDisks") or []
    return {
        "SystemDisk": (frozenset(_DISK), arguments.nonzero(props, _DISK)),
        "DataDisks": (frozenset({"dataDisks"}), [_data_disk(each) for each in disks] or None),
        "InternetAccessible": (
            frozenset({*_INTERNET, *_INTERNET_FLAGS}),
            arguments.nonzero(props, _INTERNET) | given(props, _INTERNET_FLAGS),
        ),
        "LoginSettings": (
            frozenset({*_LOGIN, "keepImageLogin"}),
            arguments.nonzero(props, {**_LOGIN, "keepImageLogin": "KeepImageLogin"}),
        ),
        "EnhancedService": (frozenset(_SERVICES), {api: {"Enabled": on} for api, on in services.items()}),
        "InstanceTags": (frozenset({"instanceTags"}), tag_list(props.get("instanceTags"))),
        **{
            f"{name[:1].upper()}{name[1:]}": (frozenset({name}), arguments.pascal(props.get(name)) or None)
            for name in _NAMES
        },
    }


def _data_disk(disk: Props) -> dict[str, Any]:
    return {
        "DiskType": disk.get("diskType", "CLOUD_PREMIUM"),
        "DiskSize": disk.get("diskSize", 0),
        "SnapshotId": disk.get("snapshotId") or None,
        "DeleteWithInstance": bool(disk.get("deleteWithInstance")),
    }


def _charge(props: Props) -> dict[str, Any]:
    kind = props.get("instanceChargeType") or _POSTPAID
    charge: dict[str, Any] = {"InstanceChargeType": kind}
    if kind == "SPOTPAID":
        options = {"MaxPrice": props.get("spotMaxPrice", ""), "SpotInstanceType": props.get("spotInstanceType", "")}
        charge["InstanceMarketOptions"] = {"MarketType": "spot", "SpotOptions": options}
    if kind == "PREPAID":
        charge["InstanceChargePrepaid"] = {
            "Period": props.get("instanceChargeTypePrepaidPeriod", 0),
            "RenewFlag": props.get("instanceChargeTypePrepaidRenewFlag", ""),
        }
    return charge


@resource("tencentcloud:As/scalingConfig:ScalingConfig")
class ScalingConfig(Handler):
    """Id: `asc-…`."""

    kind = "as.config"
    key = ("LaunchConfigurationId",)
    write_only = ("password", "instanceChargeTypePrepaidPeriod", "keepImageLogin", "instanceNameSettings")

    def check(self, props: Props) -> dict[str, str]:
        """Lengths and ranges."""
        found = arguments.faults(
            props,
            {
                "configurationName": arguments.NAME,
                "systemDiskType": arguments.one_of(
                    "LOCAL_BASIC", "LOCAL_SSD", "LOCAL_NVME", *(f"CLOUD_{each}" for each in _DISKS)
                ),
                "systemDiskSize": arguments.between(50, 500),
                "internetChargeType": arguments.one_of(
                    "BANDWIDTH_PREPAID",
                    "TRAFFIC_POSTPAID_BY_HOUR",
                    "BANDWIDTH_POSTPAID_BY_HOUR",
                    "BANDWIDTH_PACKAGE",
                ),
                "diskTypePolicy": arguments.one_of("ORIGINAL", "AUTOMATIC"),
                "password": arguments.length(8, 16),
            },
        )
        if "password" in found:
            found["password"] = "must have 8 to 16 characters of at least two classes"
        return found

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateLaunchConfiguration, SetId."""
        if not props.get("imageId") and not props.get("imageFamily"):
            raise ProviderError("one of `image_id` or `image_family` must be set")
        params = arguments.nonzero(props, {**_PLAIN, "projectId": "ProjectId"})
        params |= {name: value for name, (_, value) in _parts(props).items()} | _charge(props)
        params["Tags"] = tagged("launch-configuration", props.get("tags"))
        made = cloud.call("as", "CreateLaunchConfiguration", params, retry_s=RETRY_S)
        config_id: str = made["LaunchConfigurationId"]
        partial.id(config_id)
        return Created(config_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeLaunchConfigurations. Password and login are never read."""
        found = cloud.call("as", "DescribeLaunchConfigurations", {"LaunchConfigurationIds": [id]})
        doc = next(iter(found["LaunchConfigurationSet"]), None)
        if doc is None:
            return None
        internet, service = doc["InternetAccessible"], doc["EnhancedService"]
        disks: list[dict[str, Any]] = doc.get("DataDisks") or []
        shown = arguments.shown(doc, _PLAIN) | arguments.shown(doc["SystemDisk"], _DISK)
        shown |= arguments.shown(internet, {**_INTERNET, **_INTERNET_FLAGS})
        shown |= {name: service[api]["Enabled"] for name, api in _SERVICES.items()}
        shown |= {
            "status": doc["LaunchConfigurationStatus"],
            "projectId": doc["ProjectId"],
            "dataDisks": [arguments.shown(each, _DATA_DISK) for each in disks],
            "keyIds": doc["LoginSettings"].get("KeyIds") or None,
            "instanceTags": tag_map(doc.get("InstanceTags")),
            "disasterRecoverGroupIds": doc.get("DisasterRecoverGroupIds") or [],
        }
        if props.get("instanceChargeType") or doc["InstanceChargeType"] != _POSTPAID:
            shown["instanceChargeType"] = doc["InstanceChargeType"]
        if doc.get("HostNameSettings"):
            names = {"hostName": "HostName", "hostNameStyle": "HostNameStyle"}
            shown["hostNameSettings"] = arguments.shown(doc["HostNameSettings"], names)
        if doc.get("Tags"):
            shown["tags"] = tag_map(doc["Tags"])
        return shown

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """What changed, in place; what runs stays as it is. An argument that was emptied is not sent."""
        changed = changed or frozenset(new)
        if "projectId" in changed and new.get("projectId", 0) != old.get("projectId", 0):
            raise ProviderError("`project_id` do not support change now.")
        write_tags(cloud, "as", "launch-configuration", id, old.get("tags"), new.get("tags"))
        names = {name: api for name, api in _PLAIN.items() if name in changed}
        params = {"LaunchConfigurationId": id, **arguments.nonzero(new, names)}
        kept = {name: False for name in ("enhancedAutomationToolsService",) if name in old}
        params |= {name: value for name, (made_of, value) in _parts(kept | new).items() if changed & made_of}
        if "instanceChargeType" in changed:
            params |= _charge(new)
        cloud.call("as", "ModifyLaunchConfigurationAttributes", params, retry_s=RETRY_S)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteLaunchConfiguration, repeated while a group uses it."""
        cloud.call("as", "DeleteLaunchConfiguration", {"LaunchConfigurationId": id}, retry_s=RETRY_S)
