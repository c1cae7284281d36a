"""Tags, the way most resources of the official provider set and read them: through the tag service.

Source: docs/sources.md, provider ("Tags").
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.plugins.tencentcloud.cloud import Cloud

PAGE = 20
"""How many tags the official provider asks for at once: more than that are read in pages."""


def tag_list(tags: Mapping[str, str] | None) -> list[dict[str, str]] | None:
    """{"env": "dev"} -> [{"Key": "env", "Value": "dev"}], as create requests take them; None when there are none."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())] if tags else None


def tag_map(tags: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    """The tags of a Describe answer, [{"Key", "Value"}] or [{"TagKey", "TagValue"}], as a dict."""
    return {str(tag.get("Key", tag.get("TagKey"))): str(tag.get("Value", tag.get("TagValue"))) for tag in tags or ()}


def read_tags(cloud: Cloud, service: str, kind: str, id: str, region: str | None = None) -> dict[str, str]:
    """A resource's tags. `service`, `kind`: as in its resource name, for example `vpc`, `subnet`.

    region: the resource's; empty for a global service; default the provider's.
    """
    request = {"ServiceType": service, "ResourcePrefix": kind, "ResourceIds": [id], "Limit": PAGE}
    request["ResourceRegion"] = cloud.region if region is None else region
    found: dict[str, str] = {}
    offset, page = 0, PAGE
    while page == PAGE:
        rows = cloud.call("tag", "DescribeResourceTagsByResourceIds", {**request, "Offset": offset})["Tags"]
        found |= {row["TagKey"]: row["TagValue"] for row in rows if row["ResourceId"] == id}
        page = len(rows)
        offset += page
    return found


def write_tags(
    cloud: Cloud,
    service: str,
    kind: str,
    id: str,
    old: Mapping[str, str] | None,
    new: Mapping[str, str] | None,
    region: str | None = None,
) -> None:
    """Bring a resource's tags from `old` to `new` by ModifyResourceTags; equal ones make no call."""
    before, after = dict(old or {}), dict(new or {})
    replace = [{"TagKey": key, "TagValue": value} for key, value in sorted(after.items()) if before.get(key) != value]
    delete = [{"TagKey": key} for key in sorted(before.keys() - after.keys())]
    if not replace and not delete:
        return
    where = cloud.region if region is None else region
    cloud.call(
        "tag",
        "ModifyResourceTags",
        {
            "Resource": f"qcs::{service}:{where}:uin/:{kind}/{id}",
            "ReplaceTags": replace or None,
            "DeleteTags": delete or None,
        },
    )
