"""The API server of a cluster, from a kubeconfig file, through the proxy that it names."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import msgspec
import yaml
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.core.resource import NamespacedResource, Resource
from lightkube.types import PatchType

from sandbox.in_cluster.objects import Key

_T = TypeVar("_T", bound=Resource)
EVERYWHERE = "*"
"""All namespaces."""
WATCH_S = 240
"""How long one watch lasts before another takes its place."""


class Api:
    """Typed access to objects. Methods raise ApiError for an answer, httpx2.HTTPError for none."""

    def __init__(self, kubeconfig: Path, field_manager: str) -> None:
        """field_manager: who writes, as the objects' managed fields say. Raises OSError, ValueError: no good file."""
        given: Any = yaml.safe_load(kubeconfig.read_text())
        proxy = next((each["cluster"].get("proxy-url") for each in given["clusters"]), None)
        # lightkube's signatures have bare dictionaries: what strict types can say of them is said here.
        self._client: Any = Client(
            KubeConfig.from_file(kubeconfig),
            timeout=httpx2.Timeout(10.0),
            field_manager=field_manager,
            trust_env=False,
            proxy=proxy,
        )

    def list(self, kind: type[_T]) -> list[_T]:
        """All objects of a kind, in all namespaces."""
        return list(self._client.list(kind, **_everywhere(kind)))

    def find(self, kind: type[_T], key: Key) -> _T | None:
        """An object; None: there is none."""
        try:
            return self._client.get(kind, key.name, **_namespaced(key))
        except ApiError as error:
            return none_if_missing(error)

    def create(self, item: _T) -> _T:
        """Make an object."""
        return self._client.create(item)

    def apply(self, item: Resource) -> None:
        """Bring an object to what it says, whoever wrote it before (server-side apply)."""
        self._client.apply(item, force=True)

    def patch(self, kind: type[_T], key: Key, change: Mapping[str, Any], *, strategic: bool = False) -> _T | None:
        """Change an object; None: there is none. strategic: lists of named things are merged by name."""
        how = PatchType.STRATEGIC if strategic else PatchType.MERGE
        try:
            return self._client.patch(kind, key.name, dict(change), patch_type=how, **_namespaced(key))
        except ApiError as error:
            return none_if_missing(error)

    def follow(self, kind: type[Resource], changed: Callable[[], None]) -> None:
        """Call `changed` at every change of a kind's objects, and when some may have been missed, from a thread.

        It ends with the process. What fails is tried again: a watch only says that it is worth looking.
        """
        thread = threading.Thread(target=self._watch, args=(kind, changed), name=f"watch-{kind.__name__}", daemon=True)
        thread.start()

    def _watch(self, kind: type[Resource], changed: Callable[[], None]) -> None:
        pause = threading.Event()
        while True:
            try:
                # Without a version the watch begins with all that is there: nothing between two watches is missed.
                for _ in self._client.watch(kind, server_timeout=WATCH_S, **_everywhere(kind)):
                    changed()
            # A server that dies may leave half a line.
            except (ApiError, httpx2.HTTPError, msgspec.MsgspecError):
                pause.wait(1.0)


def _everywhere(kind: type[Resource]) -> dict[str, str]:
    return {"namespace": EVERYWHERE} if issubclass(kind, NamespacedResource) else {}


def _namespaced(key: Key) -> dict[str, str]:
    return {"namespace": key.namespace} if key.namespace else {}


def none_if_missing(error: ApiError) -> None:
    """Raise what is not 'there is no such object'."""
    if error.status.code != 404:
        raise error
