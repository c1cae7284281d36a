"""What an unfinished `pulumi up` made in the cloud and could not write down.

A create whose answer got lost (the engine was killed, the API died) leaves a resource that the state does not know. The
next run would make it again and be told that its name, port or range is taken, for ever. On the real cloud a person
looks and imports or deletes it; here it is seconds old, holds nothing, and is removed.

Only what the plugin made since the last complete run is looked at, never what a person made with another client, and
only kinds that the program makes.
"""

import json
import threading
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from sandbox import layout
from sandbox.api.store import Store
from sandbox.plugins.tencentcloud import resources
from sandbox.plugins.tencentcloud.cloud import CLIENT, Cloud
from sandbox.plugins.tencentcloud.errors import ProviderError
from sandbox.plugins.tencentcloud.handler import HANDLERS
from sandbox.plugins.tencentcloud.settings import DEFAULT_REGION, Settings
from sandbox.substrate import files

MARK = layout.STATE / "unfinished.json"
"""Stands while the cloud may hold what the state does not: {"since": number of the last document before}."""
PASSES = 3
"""What is in use in the first pass may be free in the next."""


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """A resource of the cloud that no state knows. `id`: as the plugin writes it."""

    token: str
    id: str
    region: str

    def __str__(self) -> str:
        return f"{self.token.split(':')[1]} {self.id}{f' ({self.region})' if self.region else ''}"


def begin() -> bool:
    """Mark that a run has begun; True if the one before did not come to its end."""
    if MARK.exists():
        return True
    store = Store(layout.DATABASE)
    try:
        files.write(MARK, json.dumps({"since": store.last()}))
    finally:
        store.close()
    return False


def end() -> None:
    """The state knows all there is."""
    MARK.unlink(missing_ok=True)


def anything_new() -> bool:
    """Whether the cloud has documents of such kinds that were made since the last complete run."""
    return bool(_new())


def find(state: Mapping[str, Any]) -> list[Leftover]:
    """What was made since the last complete run and is not in the exported `state`; the newest first."""
    resources.load()
    known = {(each["type"], each.get("id")) for each in state["deployment"].get("resources") or ()}
    found = [*_parts(known), *_new()]
    return [each for each in found if (each.token, each.id) not in known]


def remove(found: list[Leftover], variables: Mapping[str, str]) -> tuple[list[Leftover], dict[Leftover, str]]:
    """Delete through the API, as the plugin would. Returns what is gone, and what is not with the reason."""
    clouds: dict[str, Cloud] = {}
    gone: list[Leftover] = []
    waiting: dict[Leftover, str] = dict.fromkeys(found, "")
    for _ in range(PASSES):
        for each in list(waiting):
            cloud = clouds.setdefault(each.region, _cloud(each.region, variables))
            try:
                _delete(each, cloud)
            except ProviderError as error:
                waiting[each] = str(error)
            else:
                del waiting[each]
                gone.append(each)
    return gone, waiting


def _new() -> list[Leftover]:
    if not MARK.exists():
        return []
    resources.load()
    tokens = {handler.kind: token for token, handler in HANDLERS.items() if handler.kind and not handler.whole}
    store = Store(layout.DATABASE)
    try:
        made = store.since(json.loads(MARK.read_text())["since"], CLIENT)
    finally:
        store.close()
    return [
        Leftover(token=tokens[kind], id=id, region=region)
        for kind, region, doc in reversed(made)
        if kind in tokens
        for id in HANDLERS[tokens[kind]].identify(doc)
    ]


def _parts(known: Set[tuple[str, object]]) -> list[Leftover]:
    """What is to the cloud a part of another resource, of all those that the state knows."""
    store = Store(layout.DATABASE)
    try:
        return [
            Leftover(token=token, id=id, region=store.region_of(whole.kind, str(doc[whole.key[-1]])) or "")
            for token, handler in HANDLERS.items()
            if handler.whole
            for whole in (HANDLERS[handler.whole],)
            for doc in store.list(whole.kind)
            if any((handler.whole, id) in known for id in whole.identify(doc))
            for id in handler.identify(doc)
        ]
    finally:
        store.close()


def _cloud(region: str, variables: Mapping[str, str]) -> Cloud:
    settings = Settings.of({"region": region or DEFAULT_REGION}, variables)
    return settings.cloud(threading.Event(), lambda _text: None)


def _delete(leftover: Leftover, cloud: Cloud) -> None:
    handler = HANDLERS[leftover.token]
    if handler.deletable:
        handler.discard(cloud, leftover.id)
    else:
        _strike_out(leftover)


def _strike_out(leftover: Leftover) -> None:
    store = Store(layout.DATABASE)
    try:
        store.delete(HANDLERS[leftover.token].kind, leftover.id)
    finally:
        store.close()
