"""The region service 2022-06-27: regions and zones. Source: docs/sources.md, regions."""

from typing import Any

from tencentcloud.region.v20220627 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.layout import REGIONS
from sandbox.services.places import PLACES, zone_number, zone_title, zones

PRODUCTS = ("as", "cam", "cbs", "clb", "cls", "cvm", "kms", "monitor", "redis", "ssl", "ssm", "tcr", "tke", "vpc")


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
    regions = [{"Region": id, "RegionName": PLACES[id].title, "RegionState": "AVAILABLE"} for id in REGIONS]
    return {"TotalCount": len(regions), "RegionSet": regions}


@action
def describe_zones(ctx: Context, request: models.DescribeZonesRequest) -> dict[str, Any]:
    """The zones on sale of the region in X-TC-Region; of all if it names none."""
    _check_product(request.Product)
    wanted = ctx.headers.get("x-tc-region", "")
    found = [
        {
            "Zone": zone,
            "ZoneName": zone_title(zone),
            "ZoneId": str(zone_number(zone)),
            "ZoneState": "AVAILABLE",
        }
        for region in REGIONS
        for zone in zones(region)
        if wanted in ("", region)
    ]
    return {"TotalCount": len(found), "ZoneSet": found}
