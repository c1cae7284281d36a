"""The tencentcloud plugin with made-up handlers for VPCs and subnets, whose cloud is the JSON file $FAKE_CLOUD.

Run as a plugin: `python fake_cloud.py <engine address>`. What it does is steered by names: a VPC called `half-made`
fails after it has its id as long as the file has no key "repaired"; one called `orphan` fails before; `bug` raises what
no handler should.
"""

import json
import os
import threading
from pathlib import Path
from typing import Any

from sandbox.plugins.protocol.server import serve
from sandbox.plugins.tencentcloud import resources
from sandbox.plugins.tencentcloud.handler import HANDLERS, Cloud, CloudError, Created, Handler, Partial, Props
from sandbox.plugins.tencentcloud.provider import Provider

VPC = "tencentcloud:Vpc/instance:Instance"
REDIS = "tencentcloud:Redis/instance:Instance"
LOCK = threading.Lock()


def load() -> dict[str, Any]:
    """The whole cloud."""
    path = Path(os.environ["FAKE_CLOUD"])
    return json.loads(path.read_text()) if path.exists() else {}


def save(cloud: dict[str, Any]) -> None:
    """Keep it."""
    Path(os.environ["FAKE_CLOUD"]).write_text(json.dumps(cloud))


class Vpc(Handler):
    """Stores properties; the cloud adds two."""

    immutable = ("isMulticast",)

    def check(self, props: Props) -> dict[str, str]:
        return {"name": "no exclamation marks"} if "!" in str(props.get("name", "")) else {}

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        with LOCK:
            things = load()
            name = props["name"]
            if name == "orphan":
                raise CloudError("LimitExceeded", "too many", "req-1")
            if name == "bug":
                raise ZeroDivisionError("division by zero")
            id = f"vpc-{len(things):08d}"
            things[id] = {**props, "createTime": "2026-11-01 00:00:00"}
            save(things)
            partial.id(id)
            if name == "half-made" and "repaired" not in things:
                raise CloudError("UnauthorizedOperation", "no tags for you", "req-2")
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        return load().get(id)

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        with LOCK:
            things = load()
            things[id] = {**things[id], **new, "_changed": sorted(changed)}
            save(things)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        with LOCK:
            things = load()
            if things.pop(id, None) is None:
                raise CloudError("ResourceNotFound", "gone", "req-3")
            save(things)


class Redis(Vpc):
    """Has a secret, and an argument that reads never return."""

    immutable = ()
    write_only = ("password",)

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        with LOCK:
            things = load()
            things["crs-00000001"] = {**props, "password": "", "ip": "10.0.0.9", "port": 6379}
            save(things)
        return Created("crs-00000001")


if __name__ == "__main__":
    resources.load()
    HANDLERS[VPC] = Vpc()
    HANDLERS[REDIS] = Redis()
    serve(Provider)
