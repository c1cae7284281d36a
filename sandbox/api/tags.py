"""Tags of any resource, as the tag service keeps them.

One document of kind "tag.resource" per resource, whose id is `service/prefix/region/id`; a service reads them with
read() when its Describe answers hold tags, and writes those of a create request with write().
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.api.store import Store

KIND = "tag.resource"


def key(service: str, prefix: str, region: str, id: str) -> str:
    """The document's id. `prefix` is the resource type of the six-segment name, such as `vpc` or `clb`."""
    return f"{service}/{prefix}/{region}/{id}"


def read(store: Store, service: str, prefix: str, region: str, id: str) -> dict[str, str]:
    """Tag key -> value; empty if there are none."""
    doc = store.find(KIND, key(service, prefix, region, id))
    return {} if doc is None else dict(doc["Tags"])


def write(store: Store, service: str, prefix: str, region: str, id: str, tags: Mapping[str, str]) -> None:
    """Replace all tags of a resource."""
    if not tags:
        forget(store, service, prefix, region, id)
        return
    doc = {"Service": service, "Prefix": prefix, "Region": region, "Id": id, "Tags": dict(tags)}
    store.put(KIND, key(service, prefix, region, id), doc, region)


def forget(store: Store, service: str, prefix: str, region: str, id: str) -> None:
    """The resource is gone."""
    store.delete(KIND, key(service, prefix, region, id))


def of_request(tags: Iterable[Any] | None) -> dict[str, str]:
    """The tags of a create request, as SDK models with Key and Value or TagKey and TagValue."""
    found: dict[str, str] = {}
    for tag in tags or ():
        name = getattr(tag, "Key", None) or getattr(tag, "TagKey", "")
        found[str(name)] = str(getattr(tag, "Value", None) or getattr(tag, "TagValue", "") or "")
    return found


def as_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as a Describe answer lists them; some services say TagKey and TagValue."""
    return [{key: name, value: text} for name, text in tags.items()]
