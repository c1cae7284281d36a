"""Kinds of values that settings are made of, and what the mainland catalogue says about regions.

Source of zones, numeric zone ids and DNS plans: docs/sources.md, regions and DNS (read November 2026).
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, StringConstraints


class Settings(BaseModel):
    """Strict: an unknown key is a mistake, `"3"` is no number, nothing changes after loading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )


class Region(StrEnum):
    """Tencent's id, the only spelling in settings, names and outputs."""

    BEIJING = "ap-beijing"
    SHANGHAI = "ap-shanghai"
    GUANGZHOU = "ap-guangzhou"


class Compute(StrEnum):
    """What runs the gateway in a region: virtual machines in a scaling group, or pods of a TKE cluster."""

    CVM = "cvm"
    TKE = "tke"


class DnsPlan(StrEnum):
    """DNSPod plan of the zone; it bounds the TTL and which lines exist."""

    FREE = "free"
    PERSONAL = "personal"
    ENTERPRISE_BASIC = "enterprise_basic"
    ENTERPRISE_STANDARD = "enterprise_standard"
    ULTIMATE = "ultimate"


class RightToUseRegion(StrEnum):
    """Where an upstream's servers stand. Only `mainland` ones serve tenants that are bound to the mainland."""

    MAINLAND = "mainland"
    ABROAD = "abroad"


@dataclass(frozen=True, kw_only=True)
class RegionFacts:
    """`zones`: numbers on sale. `numeric_base`: zone n has the numeric id base + n (what Redis asks for)."""

    short: str
    zones: tuple[int, ...]
    numeric_base: int


CATALOGUE: dict[Region, RegionFacts] = {
    Region.BEIJING: RegionFacts(short="bj", zones=(2, 3, 4, 5, 6, 7), numeric_base=800_000),
    Region.SHANGHAI: RegionFacts(short="sh", zones=(2, 3, 4, 5, 8), numeric_base=200_000),
    Region.GUANGZHOU: RegionFacts(short="gz", zones=(3, 4, 6, 7), numeric_base=100_000),
}

PLAN_MINIMUM_TTL_S: dict[DnsPlan, int] = {
    DnsPlan.FREE: 600,
    DnsPlan.PERSONAL: 120,
    DnsPlan.ENTERPRISE_BASIC: 60,
    DnsPlan.ENTERPRISE_STANDARD: 1,
    DnsPlan.ULTIMATE: 1,
}

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
"""The one-character names that an ICP number can begin with."""
ICP_FILING = re.compile(rf"^[{PROVINCES}]ICP备\d{{8,10}}号(-\d{{1,3}})?$")
ICP_LICENCE = re.compile(rf"^[{PROVINCES}](ICP证\d{{6,8}}号|B2-\d{{8}})$")
PUBLIC_SECURITY = re.compile(rf"^[{PROVINCES}]公网安备\d{{14}}号$")


def zone_number(zone: str) -> int:
    """`ap-beijing-3` -> 3."""
    return int(zone.rpartition("-")[2])


def numeric_zone_id(region: Region, zone: str) -> int:
    """The number that Redis wants for a zone: `ap-beijing-3` -> 800003."""
    return CATALOGUE[region].numeric_base + zone_number(zone)


def resource_name(env: str, region: Region, role: str) -> str:
    """`prod-bj-ingress`. A changed name is a replacement, so nothing in it may depend on order or count."""
    return f"{env}-{CATALOGUE[region].short}-{role}"


def _network(value: Any) -> IPv4Network:
    """Text -> IPv4Network, saying what a good one looks like."""
    if not isinstance(value, str):
        raise ValueError("a network address like 10.20.0.0/16 is wanted")
    try:
        return IPv4Network(value)
    except ValueError as e:
        raise ValueError(f"{value!r} is no network address like 10.20.0.0/16 ({e})") from e


def _icp_number(value: str) -> str:
    if not (ICP_FILING.match(value) or ICP_LICENCE.match(value)):
        raise ValueError(
            f"{value!r} is no ICP number: wanted <province>ICP备<8-10 digits>号[-N], <province>ICP证<digits>号 "
            "or <province>B2-<8 digits>"
        )
    return value


def _public_security_number(value: str) -> str:
    if not PUBLIC_SECURITY.match(value):
        raise ValueError(f"{value!r} is no public security number: wanted <province>公网安备<14 digits>号")
    return value


Network = Annotated[IPv4Network, PlainValidator(_network, json_schema_input_type=str)]
IcpNumber = Annotated[str, AfterValidator(_icp_number)]
PublicSecurityNumber = Annotated[str, AfterValidator(_public_security_number)]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,23}$")]
"""A short name that may become part of a resource's name."""
Domain = Annotated[
    str, StringConstraints(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$", max_length=200)
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]
Percent = Annotated[int, Field(ge=1, le=100)]
