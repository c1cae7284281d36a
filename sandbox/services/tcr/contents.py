"""Namespaces and repositories of a registry instance."""

import re
from typing import Any

from tencentcloud.tcr.v20190924 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.services.params import given
from sandbox.services.tcr.instances import listed, running
from sandbox.services.tcr.kinds import NAMESPACE, REGISTRY, REPOSITORY, of_registry

_NAMESPACE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,28})[a-z0-9]", re.ASCII)
_REPOSITORY_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._/-]{0,198}[a-z0-9])?", re.ASCII)
_SETTINGS: dict[str, tuple[str, Any]] = {
    "IsPublic": ("Public", False),
    "IsAutoScan": ("AutoScan", False),
    "IsPreventVUL": ("PreventVUL", False),
    "Severity": ("Severity", ""),
    "CVEWhitelistItems": ("CVEWhitelistItems", []),
}
"""Parameter -> field and its value when it is not given."""


def _time(ctx: Context) -> str:
    return ctx.now().isoformat(timespec="seconds")


@action
def create_namespace(ctx: Context, request: models.CreateNamespaceRequest) -> None:
    """2 to 30 characters; the instance runs."""
    asked = given(request)
    name = asked["NamespaceName"]
    if not _NAMESPACE_NAME.fullmatch(name):
        message = f"The namespace name `{name}` must have 2 to 30 lower-case letters, digits, . - _."
        raise ApiError("InvalidParameter.ErrorNameIllegal", message)
    with ctx.store.lock:
        registry = running(ctx, asked["RegistryId"])["RegistryId"]
        if NAMESPACE.find(ctx, f"{registry}/{name}") is not None:
            raise ApiError("InvalidParameter.ErrNamespaceExist", f"The namespace `{name}` exists in `{registry}`.")
        doc: Doc = {
            "_id": f"{registry}/{name}",
            "Name": name,
            "CreationTime": _time(ctx),
            "NamespaceId": ctx.store.number(NAMESPACE.name),
            "Metadata": [],
            **{field: asked.get(parameter, unset) for parameter, (field, unset) in _SETTINGS.items()},
        }
        NAMESPACE.create(ctx, doc | {"Public": asked["IsPublic"]})


@action
def describe_namespaces(ctx: Context, request: models.DescribeNamespacesRequest) -> dict[str, Any]:
    """Those whose name holds NamespaceName; All: on one page."""
    asked = given(request)
    registry = REGISTRY.need(ctx, asked["RegistryId"])["RegistryId"]
    part = asked.get("NamespaceName", "")
    found = [doc for doc in of_registry(ctx.store, NAMESPACE, registry) if part in doc["Name"]]
    return {"NamespaceList": listed(found, asked), "TotalCount": len(found)}


@action
def modify_namespace(ctx: Context, request: models.ModifyNamespaceRequest) -> None:
    """What is given changes."""
    asked = given(request)
    with ctx.store.lock:
        registry = running(ctx, asked["RegistryId"])["RegistryId"]
        doc = NAMESPACE.need(ctx, f"{registry}/{asked['NamespaceName']}")
        changes = {field: asked[name] for name, (field, _) in _SETTINGS.items() if name in asked}
        NAMESPACE.save(ctx.store, doc | changes)


@action
def delete_namespace(ctx: Context, request: models.DeleteNamespaceRequest) -> None:
    """Its repositories must be gone."""
    asked = given(request)
    with ctx.store.lock:
        registry = running(ctx, asked["RegistryId"])["RegistryId"]
        doc = NAMESPACE.need(ctx, f"{registry}/{asked['NamespaceName']}")
        if any(each["Namespace"] == doc["Name"] for each in of_registry(ctx.store, REPOSITORY, registry)):
            message = f"The namespace `{doc['Name']}` still has repositories."
            raise ApiError("FailedOperation.PreconditionFailed", message)
        NAMESPACE.drop(ctx, doc["_id"])


def _repository(ctx: Context, asked: dict[str, Any]) -> Doc:
    registry = running(ctx, asked["RegistryId"])["RegistryId"]
    return REPOSITORY.need(ctx, f"{registry}/{asked['NamespaceName']}/{asked['RepositoryName']}")


@action
def create_repository(ctx: Context, request: models.CreateRepositoryRequest) -> None:
    """In a namespace that exists."""
    asked = given(request)
    name = asked["RepositoryName"]
    if not _REPOSITORY_NAME.fullmatch(name):
        message = f"The repository name `{name}` must have 1 to 200 lower-case letters, digits, . - _ /."
        raise ApiError("InvalidParameter.ErrorNameIllegal", message)
    with ctx.store.lock:
        registry = running(ctx, asked["RegistryId"])["RegistryId"]
        namespace = NAMESPACE.need(ctx, f"{registry}/{asked['NamespaceName']}")
        id = f"{namespace['_id']}/{name}"
        if REPOSITORY.find(ctx, id) is not None:
            raise ApiError("InvalidParameter.ErrRepoExist", f"The repository `{namespace['Name']}/{name}` exists.")
        doc = {
            "_id": id,
            "Name": f"{namespace['Name']}/{name}",
            "Namespace": namespace["Name"],
            "CreationTime": _time(ctx),
            "UpdateTime": _time(ctx),
            "Public": namespace["Public"],
            "Description": asked.get("Description", ""),
            "BriefDescription": asked.get("BriefDescription", ""),
        }
        REPOSITORY.create(ctx, doc)


@action
def describe_repositories(ctx: Context, request: models.DescribeRepositoriesRequest) -> dict[str, Any]:
    """Of the instance or a namespace; those whose name holds RepositoryName."""
    asked = given(request)
    registry = REGISTRY.need(ctx, asked["RegistryId"])["RegistryId"]
    namespace, part = asked.get("NamespaceName", ""), asked.get("RepositoryName", "")
    found = [
        doc
        for doc in of_registry(ctx.store, REPOSITORY, registry)
        if namespace in ("", doc["Namespace"]) and part in doc["Name"]
    ]
    return {"RepositoryList": listed(found, asked), "TotalCount": len(found)}


@action
def modify_repository(ctx: Context, request: models.ModifyRepositoryRequest) -> None:
    """The descriptions."""
    asked = given(request)
    with ctx.store.lock:
        doc = _repository(ctx, asked)
        changes = {name: asked[name] for name in ("Description", "BriefDescription") if name in asked}
        REPOSITORY.save(ctx.store, doc | changes | {"UpdateTime": _time(ctx)})


@action
def delete_repository(ctx: Context, request: models.DeleteRepositoryRequest) -> None:
    """Its images stay in the registry's storage until the instance goes."""
    with ctx.store.lock:
        REPOSITORY.drop(ctx, _repository(ctx, given(request))["_id"])
