"""The region service 2022-06-27: regions and zones. Source: docs/sources.md, regions."""

from typing import Any

from tencentcloud.region.v20220627 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.layout import REGIONS

PRODUCTS = ("as", "cam", "cbs", "clb", "cls", "cvm", "kms", "monitor", "redis", "ssl", "ssm", "tcr", "tke", "vpc")
_NAMES = {"ap-beijing": "华北地区(北京)", "ap-shanghai": "华东地区(上海)", "ap-guangzhou": "华南地区(广州)"}
_CITIES = {"ap-beijing": "北京", "ap-shanghai": "上海", "ap-guangzhou": "广州"}
_DIGITS = "零一二三四五六七八九"
_ZONE_PREFIX = {"ap-guangzhou": 100000, "ap-shanghai": 200000, "ap-beijing": 800000}


def _check_product(product: str | None) -> None:
    if not product:
        raise ApiError("MissingParameter", "The request is missing a required parameter `Product`.")
    if product not in PRODUCTS:
        raise ApiError("InvalidParameterValue", f"The product `{product}` is not one of: {', '.join(PRODUCTS)}.")


@action
def describe_products(ctx: Context, request: models.DescribeProductsRequest) -> dict[str, Any]:
    """Products that have regions."""
    products = [{"Name": name} for name in PRODUCTS]
    return {"Products": page(products, request.Offset, request.Limit), "TotalCount": len(products)}


@action
def describe_regions(ctx: Context, request: models.DescribeRegionsRequest) -> dict[str, Any]:
    """The sandbox's regions."""
    _check_product(request.Product)
    regions = [{"Region": id, "RegionName": _NAMES[id], "RegionState": "AVAILABLE"} for id in REGIONS]
    return {"TotalCount": len(regions), "RegionSet": regions}


@action
def describe_zones(ctx: Context, request: models.DescribeZonesRequest) -> dict[str, Any]:
    """The zones on sale of the region in X-TC-Region; of all if it names none."""
    _check_product(request.Product)
    wanted = ctx.headers.get("x-tc-region", "")
    zones = [
        {
            "Zone": f"{id}-{number}",
            "ZoneName": f"{_CITIES[id]}{_DIGITS[number]}区",
            "ZoneId": str(_ZONE_PREFIX[id] + number),
            "ZoneState": "AVAILABLE",
        }
        for id, plan in REGIONS.items()
        for number in plan.zones
        if wanted in ("", id)
    ]
    return {"TotalCount": len(zones), "ZoneSet": zones}
