"""Regions and zones as the cloud names and numbers them. Source: docs/sources.md, regions.

What stands behind a region in the sandbox is in `sandbox.layout`.
"""

from dataclasses import dataclass

from sandbox.api.errors import ApiError
from sandbox.layout import REGIONS


@dataclass(frozen=True, kw_only=True)
class Place:
    """A region. number: its id in old interfaces. zone_prefix: its zones' numeric ids are 100000 x this + their number.

    part: the part of the country it is in, which is a line of DNS too.
    """

    number: int
    zone_prefix: int
    part: str
    city: str

    @property
    def title(self) -> str:
        """Its name as shown."""
        return f"{self.part}地区({self.city})"


PLACES = {
    "ap-beijing": Place(number=8, zone_prefix=8, part="华北", city="北京"),
    "ap-shanghai": Place(number=4, zone_prefix=2, part="华东", city="上海"),
    "ap-guangzhou": Place(number=1, zone_prefix=1, part="华南", city="广州"),
}
"""Shanghai's zones do not begin with its region's number."""
_DIGITS = "零一二三四五六七八九"


def zones(region: str) -> list[str]:
    """The zones of a region that are on sale."""
    return [f"{region}-{number}" for number in REGIONS[region].zones]


def zone_title(zone: str) -> str:
    """`ap-beijing-3` -> 北京三区."""
    region, _, number = zone.rpartition("-")
    return f"{PLACES[region].city}{_DIGITS[int(number)]}区"


def zone_number(zone: str) -> int:
    """`ap-beijing-3` -> 800003. Raises ValueError if it is no zone's name."""
    region, _, number = zone.rpartition("-")
    if region not in PLACES or not number.isdigit():
        raise ValueError(zone)
    return PLACES[region].zone_prefix * 100000 + int(number)


def zone_name(number: int) -> str | None:
    """800003 -> `ap-beijing-3`; None if no region has this prefix."""
    for region, place in PLACES.items():
        if number // 100000 == place.zone_prefix:
            return f"{region}-{number % 100000}"
    return None


def check_zone(region: str, zone: str, code: str = "InvalidParameterValue.UnavailableZone") -> None:
    """Raise `code` unless the zone is in the region and on sale."""
    if zone not in zones(region):
        sale = ", ".join(zones(region))
        raise ApiError(code, f"The zone `{zone}` is not on sale in {region}. On sale: {sale}.")
