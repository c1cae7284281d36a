"""Regions, zones, instance types and images on sale."""

from collections.abc import Iterator
from typing import Any

from tencentcloud.cvm.v20170312 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.layout import REGIONS
from sandbox.services.cvm.offers import IMAGES, SIZES
from sandbox.services.params import given
from sandbox.services.places import PLACES, check_zone, zone_number, zone_title, zones


@action
def describe_regions(ctx: Context, request: models.DescribeRegionsRequest) -> dict[str, Any]:
    """The three regions."""
    found = [{"Region": name, "RegionName": PLACES[name].title, "RegionState": "AVAILABLE"} for name in REGIONS]
    return {"TotalCount": len(found), "RegionSet": found}


@action
def describe_zones(ctx: Context, request: models.DescribeZonesRequest) -> dict[str, Any]:
    """The zones of the region that are on sale, with their numeric ids."""
    found = [
        {
            "Zone": zone,
            "ZoneName": zone_title(zone),
            "ZoneId": str(zone_number(zone)),
            "ZoneState": "AVAILABLE",
        }
        for zone in zones(ctx.region)
    ]
    return {"TotalCount": len(found), "ZoneSet": found}


_TYPE_FILTERS = {
    "zone": "Zone",
    "instance-family": "InstanceFamily",
    "instance-type": "InstanceType",
    "instance-charge-type": "InstanceChargeType",
}


def _types(region: str) -> Iterator[Doc]:
    for zone in zones(region):
        for size in SIZES.values():
            yield {
                "Zone": zone,
                "InstanceType": size.name,
                "InstanceFamily": size.family,
                "InstanceChargeType": "POSTPAID_BY_HOUR",
                "cpu": size.cpu,
                "memory": size.memory,
            }


@action
def describe_zone_instance_config_infos(
    ctx: Context, request: models.DescribeZoneInstanceConfigInfosRequest
) -> dict[str, Any]:
    """Every type in every zone with its stock; prices are not known here."""
    return {
        "InstanceTypeQuotaSet": [
            {
                "Zone": each["Zone"],
                "InstanceType": each["InstanceType"],
                "InstanceFamily": each["InstanceFamily"],
                "InstanceChargeType": "POSTPAID_BY_HOUR",
                "Cpu": each["cpu"],
                "Memory": each["memory"],
                "TypeName": f"标准型{each['InstanceFamily']}",
                "Status": "SELL",
                "StatusCategory": "EnoughStock",
                "Gpu": 0,
                "Fpga": 0,
                "GpuCount": 0,
                "Externals": {"StorageBlockAttr": {}},
                "Price": {},
            }
            for each in _types(ctx.region)
            if matches(each, request.Filters, _TYPE_FILTERS)
        ]
    }


_IMAGE_FILTERS = {
    "image-id": "ImageId",
    "image-type": "ImageType",
    "image-name": "ImageName",
    "platform": "Platform",
    "image-state": "ImageState",
}


@action
def describe_images(ctx: Context, request: models.DescribeImagesRequest) -> dict[str, Any]:
    """The gateway's image and the usual public ones. Only the gateway's can be booted in the sandbox."""
    wanted: list[str] = given(request).get("ImageIds", [])
    for image_id in wanted:
        check_image(image_id)
    found: list[Doc] = [
        {
            "ImageId": image.id,
            "OsName": image.os_name,
            "ImageType": image.kind,
            "CreatedTime": "2026-01-01T00:00:00Z",
            "ImageName": image.name,
            "ImageDescription": "",
            "ImageSize": image.size,
            "Architecture": "x86_64",
            "ImageState": "NORMAL",
            "Platform": image.platform,
            "ImageCreator": ctx.account.uin if image.kind == "PRIVATE_IMAGE" else "",
            "ImageSource": "CREATE_IMAGE" if image.kind == "PRIVATE_IMAGE" else "OFFICIAL",
            "SyncPercent": 100,
            "IsSupportCloudinit": True,
        }
        for image in IMAGES.values()
        if not wanted or image.id in wanted
    ]
    found = [doc for doc in found if matches(doc, request.Filters, _IMAGE_FILTERS)]
    return {"TotalCount": len(found), "ImageSet": page(found, request.Offset, request.Limit)}


def check_image(image_id: str) -> None:
    """Raise InvalidImageId.NotFound for an image that is not listed."""
    if image_id not in IMAGES:
        raise ApiError("InvalidImageId.NotFound", f"The image `{image_id}` does not exist.")


def check_size(name: str) -> None:
    """Raise InvalidInstanceType.NotFound... for a type that is not on sale."""
    if name not in SIZES:
        message = f"The instance type `{name}` is not on sale; see DescribeZoneInstanceConfigInfos."
        raise ApiError("InvalidParameterValue.InstanceTypeNotFound", message)


def check_place(region: str, zone: str) -> None:
    """Raise InvalidParameterValue.ZoneNotSupported unless the zone is in the region and on sale."""
    check_zone(region, zone, "InvalidParameterValue.ZoneNotSupported")
