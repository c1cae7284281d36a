"""A cluster's API server, asked by the sandbox itself: from inside the cluster's host, as one who may do all."""

import http.client
import json
import ssl
from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any, cast

from sandbox.substrate import ledger
from sandbox.substrate.clusters import pki
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import namespaces

PORT = 6443
TIMEOUT_S = 15.0
MANAGER = "sanmen"
"""By whom fields that `apply` sets are managed."""
KIND = "cluster"
"""The ledger's records of clusters: {"host", "address"}."""


class ApiError(SubstrateError):
    """The API server refused. `status`: of the answer; 0: there was none."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def place(cluster: str) -> tuple[str, IPv4Address]:
    """The host of a cluster's control plane, and its address. Raises SubstrateError if there is no such cluster."""
    record = ledger.find(KIND, cluster)
    if record is None:
        raise SubstrateError(f"there is no cluster {cluster!r}")
    return record["host"], IPv4Address(record["address"])


def request(
    cluster: str,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    content_type: str = "application/json",
    timeout_s: float = TIMEOUT_S,
) -> dict[str, Any]:
    """Ask for a path and return the object that was answered; an answer without one: {}. Raises ApiError."""
    host, address = place(cluster)
    admin = pki.issued(cluster, *pki.ADMIN)
    context = ssl.create_default_context(cadata=pki.ca(cluster))
    context.load_cert_chain(admin.certificate, admin.key)
    asked = f"{cluster}: {method} {path}"

    def ask() -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection(str(address), PORT, context=context, timeout=timeout_s)
        try:
            headers = {"Content-Type": content_type, "Accept": "application/json"}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(f"{asked}: {error}") from error
        finally:
            connection.close()

    status, data = namespaces.inside(host, ask)
    try:
        told = cast(dict[str, Any], json.loads(data))
    except ValueError:
        told = {}
    if status >= 400:
        raise ApiError(f"{asked}: {told.get('message') or data[:200].decode(errors='replace')}", status)
    return told


def apply(cluster: str, path: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Bring the object at a path to have these fields, made if missing; fields of others stay. Returns the object."""
    query = f"{path}?fieldManager={MANAGER}&force=true"
    return request(cluster, "PATCH", query, wanted, content_type="application/apply-patch+yaml")


def delete(cluster: str, path: str) -> None:
    """Delete the object at a path. Gone already: nothing."""
    try:
        request(cluster, "DELETE", path)
    except ApiError as error:
        if error.status != http.client.NOT_FOUND:
            raise


def ready(cluster: str) -> bool:
    """Whether the API server says that it is ready."""
    try:
        request(cluster, "GET", "/readyz", timeout_s=2)
    except ApiError:
        return False
    return True
