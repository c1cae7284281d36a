"""Tcr/namespace and Tcr/repository. What the official provider does, call by call: docs/fidelity/tcr.md."""

from collections.abc import Iterable
from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Doc,
    Handler,
    Partial,
    Props,
    ProviderError,
    resource,
)
from sandbox.plugins.tencentcloud.resources import arguments
from sandbox.plugins.tencentcloud.resources.tcr import registry

_PAGE = 200
_GONE_S = 180.0


def _named(cloud: Cloud, action: str, answer: str, request: dict[str, Any], name: str) -> dict[str, Any] | None:
    """The one of this name among all that the action lists; None too when the registry instance is gone."""
    offset = 0
    while True:
        try:
            page = cloud.call("tcr", action, {**request, "Offset": offset, "Limit": _PAGE})[answer]
        except CloudError as error:
            if error.code != "ResourceNotFound":
                raise
            return None
        found: dict[str, Any] | None = next((each for each in page if each["Name"] == name), None)
        if found is not None or len(page) < _PAGE:
            return found
        offset += _PAGE


class _Content(Handler):
    """What a registry holds: the cloud keeps it by its path."""

    def identify(self, doc: Doc) -> Iterable[str]:
        """`<instance>#<namespace>` or `<instance>#<namespace>#<name>`."""
        return ("#".join(doc["_id"].split("/", 2)),)


@resource("tencentcloud:Tcr/namespace:Namespace")
class Namespace(_Content):
    """Id: `<instance>#<name>`."""

    kind = "tcr.namespace"

    def _request(self, props: Props) -> dict[str, Any]:
        """Switches go over the wire always; create and update send the same."""
        items: list[Props] = props.get("cveWhitelistItems") or []
        return {
            "RegistryId": props["instanceId"],
            "NamespaceName": props["name"],
            "IsPublic": bool(props.get("isPublic")),
            "IsAutoScan": bool(props.get("isAutoScan")),
            "IsPreventVUL": bool(props.get("isPreventVul")),
            "Severity": props.get("severity") or None,
            "CVEWhitelistItems": [{"CVEID": each.get("cveId", "")} for each in items] or None,
        }

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateNamespace."""
        cloud.call("tcr", "CreateNamespace", self._request(props))
        id = f"{props['instanceId']}#{props['name']}"
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """Its entry in DescribeNamespaces."""
        instance, name = id.split("#")
        request = {"RegistryId": instance, "NamespaceName": name}
        found = _named(cloud, "DescribeNamespaces", "NamespaceList", request, name)
        if found is None:
            return None
        items: list[dict[str, Any]] = found.get("CVEWhitelistItems") or []
        return {
            "instanceId": instance,
            "name": name,
            "isPublic": found["Public"],
            "isAutoScan": found["AutoScan"],
            "isPreventVul": found["PreventVUL"],
            "severity": found["Severity"],
            "cveWhitelistItems": [{"cveId": each["CVEID"]} for each in items],
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """ModifyNamespace, all of it."""
        cloud.call("tcr", "ModifyNamespace", self._request(new))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteNamespace, then wait until it is gone."""
        instance, name = id.split("#")
        cloud.call("tcr", "DeleteNamespace", {"RegistryId": instance, "NamespaceName": name})
        cloud.wait(lambda: self.read(cloud, id, {}) is None, {True}, _GONE_S, what=f"deletion of {id}")


@resource("tencentcloud:Tcr/repository:Repository")
class Repository(_Content):
    """Id: `<instance>#<namespace>#<name>`."""

    kind = "tcr.repository"

    def check(self, props: Props) -> dict[str, str]:
        """Lengths."""
        return arguments.faults(
            props, {"briefDesc": arguments.length(1, 100), "description": arguments.length(1, 1000)}
        )

    def _request(self, props: Props) -> dict[str, Any]:
        texts = arguments.nonzero(props, {"briefDesc": "BriefDescription", "description": "Description"})
        return {**self._place(props["instanceId"], props["namespaceName"], props["name"]), **texts}

    def _place(self, instance: str, namespace: str, name: str) -> dict[str, Any]:
        return {"RegistryId": instance, "NamespaceName": namespace, "RepositoryName": name}

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateRepository."""
        cloud.call("tcr", "CreateRepository", self._request(props))
        id = f"{props['instanceId']}#{props['namespaceName']}#{props['name']}"
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """Its entry in DescribeRepositories, which is named with its namespace; the instance knows the host."""
        instance, namespace, name = id.split("#")
        request = self._place(instance, namespace, name)
        found = _named(cloud, "DescribeRepositories", "RepositoryList", request, f"{namespace}/{name}")
        if found is None:
            return None
        host = registry(cloud, instance)
        if host is None:
            raise ProviderError(f"cannot find instance {instance}")
        return {
            "instanceId": instance,
            "namespaceName": namespace,
            "name": name,
            "briefDesc": found["BriefDescription"],
            "description": found["Description"],
            "createTime": found["CreationTime"],
            "updateTime": found["UpdateTime"],
            "isPublic": found["Public"],
            "url": f"{host['PublicDomain']}/{namespace}/{name}",
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """ModifyRepository: both descriptions; one that was emptied is not sent."""
        cloud.call("tcr", "ModifyRepository", self._request(new))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteRepository, then wait until it is gone."""
        instance, namespace, name = id.split("#")
        cloud.call("tcr", "DeleteRepository", self._place(instance, namespace, name))
        request = self._place(instance, namespace, name)

        def gone() -> bool:
            return _named(cloud, "DescribeRepositories", "RepositoryList", request, f"{namespace}/{name}") is None

        cloud.wait(gone, {True}, _GONE_S, what=f"deletion of {id}")
