"""Namespaces and repositories of a registry instance."""

import json
import re
from typing import Any

from tencentcloud.tcr.v20190924 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.api.validation import require
from sandbox.services.params import public
from sandbox.services.tcr import dataplane
from sandbox.services.tcr.instances import NAMESPACE, REPOSITORY, need, running

_NAMESPACE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,28})[a-z0-9]", re.ASCII)
_REPOSITORY_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._/-]{0,198}[a-z0-9])?", re.ASCII)


def _namespace(ctx: Context, registry: str, name: str | None) -> Doc:
    found = ctx.store.find(NAMESPACE, f"{registry}/{name}")
    if found is None:
        raise ApiError("ResourceNotFound.ErrNoNamespace", f"The namespace `{name}` does not exist in `{registry}`.")
    return found


def _repository(ctx: Context, registry: str, namespace: str | None, name: str | None) -> Doc:
    found = ctx.store.find(REPOSITORY, f"{registry}/{namespace}/{name}")
    if found is None:
        message = f"The repository `{namespace}/{name}` does not exist in `{registry}`."
        raise ApiError("ResourceNotFound.ErrNoRepo", message)
    return found


def _time(ctx: Context) -> str:
    return ctx.now().isoformat(timespec="seconds")


@action
def create_namespace(ctx: Context, request: models.CreateNamespaceRequest) -> None:
    """2 to 30 characters; the instance runs."""
    require(request, "NamespaceName", "IsPublic")
    name = request.NamespaceName
    if not _NAMESPACE_NAME.fullmatch(name):
        message = f"The namespace name `{name}` must have 2 to 30 lower-case letters, digits, . - _."
        raise ApiError("InvalidParameter.ErrorNameIllegal", message)
    with ctx.store.lock:
        registry = running(ctx, request.RegistryId)["RegistryId"]
        if ctx.store.find(NAMESPACE, f"{registry}/{name}") is not None:
            raise ApiError("InvalidParameter.ErrNamespaceExist", f"The namespace `{name}` exists in `{registry}`.")
        doc = {
            "RegistryId": registry,
            "Name": name,
            "CreationTime": _time(ctx),
            "Public": request.IsPublic,
            "NamespaceId": ctx.store.number(NAMESPACE),
            "AutoScan": bool(request.IsAutoScan),
            "PreventVUL": bool(request.IsPreventVUL),
            "Severity": request.Severity or "",
            "CVEWhitelistItems": _plain(request.CVEWhitelistItems),
            "Metadata": [],
        }
        ctx.store.put(NAMESPACE, f"{registry}/{name}", doc, ctx.region)


def _plain(items: list[Any] | None) -> list[Any]:
    return [json.loads(item.to_json_string()) for item in items or []]


def _without_registry(doc: Doc) -> Doc:
    return {name: value for name, value in public(doc).items() if name != "RegistryId"}


@action
def describe_namespaces(ctx: Context, request: models.DescribeNamespacesRequest) -> dict[str, Any]:
    """Those whose name holds NamespaceName; All: on one page."""
    registry = need(ctx, request.RegistryId)["RegistryId"]
    found = [
        _without_registry(doc)
        for doc in dataplane.of_registry(ctx.store, NAMESPACE, registry)
        if (request.NamespaceName or "") in doc["Name"]
    ]
    listed = found if request.All else page(found, request.Offset, request.Limit)
    return {"NamespaceList": listed, "TotalCount": len(found)}


@action
def modify_namespace(ctx: Context, request: models.ModifyNamespaceRequest) -> None:
    """What is given changes."""
    with ctx.store.lock:
        registry = running(ctx, request.RegistryId)["RegistryId"]
        doc = _namespace(ctx, registry, request.NamespaceName)
        given = {
            "Public": request.IsPublic,
            "AutoScan": request.IsAutoScan,
            "PreventVUL": request.IsPreventVUL,
            "Severity": request.Severity,
            "CVEWhitelistItems": _plain(request.CVEWhitelistItems) if request.CVEWhitelistItems is not None else None,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        ctx.store.put(NAMESPACE, f"{registry}/{doc['Name']}", doc | changes)


@action
def delete_namespace(ctx: Context, request: models.DeleteNamespaceRequest) -> None:
    """Its repositories must be gone."""
    with ctx.store.lock:
        registry = running(ctx, request.RegistryId)["RegistryId"]
        doc = _namespace(ctx, registry, request.NamespaceName)
        if any(each["_namespace"] == doc["Name"] for each in dataplane.of_registry(ctx.store, REPOSITORY, registry)):
            message = f"The namespace `{doc['Name']}` still has repositories."
            raise ApiError("FailedOperation.PreconditionFailed", message)
        ctx.store.delete(NAMESPACE, f"{registry}/{doc['Name']}")


@action
def create_repository(ctx: Context, request: models.CreateRepositoryRequest) -> None:
    """In a namespace that exists."""
    require(request, "NamespaceName", "RepositoryName")
    name = request.RepositoryName
    if not _REPOSITORY_NAME.fullmatch(name):
        message = f"The repository name `{name}` must have 1 to 200 lower-case letters, digits, . - _ /."
        raise ApiError("InvalidParameter.ErrorNameIllegal", message)
    with ctx.store.lock:
        registry = running(ctx, request.RegistryId)["RegistryId"]
        namespace = _namespace(ctx, registry, request.NamespaceName)
        id = f"{registry}/{namespace['Name']}/{name}"
        if ctx.store.find(REPOSITORY, id) is not None:
            raise ApiError("InvalidParameter.ErrRepoExist", f"The repository `{namespace['Name']}/{name}` exists.")
        doc = {
            "RegistryId": registry,
            "Name": f"{namespace['Name']}/{name}",
            "Namespace": namespace["Name"],
            "CreationTime": _time(ctx),
            "UpdateTime": _time(ctx),
            "Public": namespace["Public"],
            "Description": request.Description or "",
            "BriefDescription": request.BriefDescription or "",
            "_namespace": namespace["Name"],
        }
        ctx.store.put(REPOSITORY, id, doc, ctx.region)


@action
def describe_repositories(ctx: Context, request: models.DescribeRepositoriesRequest) -> dict[str, Any]:
    """Of the instance or a namespace; those whose name holds RepositoryName."""
    registry = need(ctx, request.RegistryId)["RegistryId"]
    found = [
        _without_registry(doc)
        for doc in dataplane.of_registry(ctx.store, REPOSITORY, registry)
        if request.NamespaceName in (None, "", doc["Namespace"]) and (request.RepositoryName or "") in doc["Name"]
    ]
    return {"RepositoryList": page(found, request.Offset, request.Limit), "TotalCount": len(found)}


@action
def modify_repository(ctx: Context, request: models.ModifyRepositoryRequest) -> None:
    """The descriptions."""
    with ctx.store.lock:
        registry = running(ctx, request.RegistryId)["RegistryId"]
        doc = _repository(ctx, registry, request.NamespaceName, request.RepositoryName)
        for name in ("Description", "BriefDescription"):
            if getattr(request, name) is not None:
                doc[name] = getattr(request, name)
        ctx.store.put(REPOSITORY, f"{registry}/{doc['Name']}", doc | {"UpdateTime": _time(ctx)})


@action
def delete_repository(ctx: Context, request: models.DeleteRepositoryRequest) -> None:
    """Its images stay in the registry's storage until the instance goes."""
    with ctx.store.lock:
        registry = running(ctx, request.RegistryId)["RegistryId"]
        doc = _repository(ctx, registry, request.NamespaceName, request.RepositoryName)
        ctx.store.delete(REPOSITORY, f"{registry}/{doc['Name']}")
