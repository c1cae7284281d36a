"""Secrets as they lie in etcd: in clear or under a key, changed while the cluster runs.

The API server writes with the first provider of its configuration and reads with any. So a changed key comes first,
all secrets are written anew, and only then the key before it goes. What is still to do stands on disk, so that an
interrupted change is completed by the next `ensure`.
"""

import base64
import binascii
import hashlib
import http.client
import json
from pathlib import Path
from typing import Any, cast

from sandbox import layout
from sandbox.substrate import files
from sandbox.substrate.clusters import api
from sandbox.substrate.clusters.api import ApiError
from sandbox.substrate.errors import SubstrateError

_IN_CLEAR: dict[str, Any] = {"identity": {}}
_PAGE = 200
_KEY_BYTES = 32


def path(cluster: str) -> Path:
    """The configuration that the API server reads."""
    return layout.STATE / "clusters" / cluster / "encryption.json"


def _rewritten(cluster: str) -> Path:
    """Says by its content with which provider all secrets are written."""
    return path(cluster).with_suffix(".done")


def configure(cluster: str, key: str | None) -> str:
    """Have the API server write secrets with this key (base64 of 32 bytes), or in clear, from its next start on.

    Returns a text that is another when it must be started anew for that. Raises SubstrateError for what is no key.
    """
    first = _provider(key)
    before = _providers(cluster)
    wanted = [first, *(each for each in before if each != first)]
    if _IN_CLEAR not in wanted:
        wanted.append(_IN_CLEAR)
    _write(cluster, wanted)
    return _fingerprint(first)


def complete(cluster: str) -> None:
    """Once the API server runs with what `configure` said: write all secrets anew, and forget the key before."""
    first = _providers(cluster)[0]
    done = _rewritten(cluster)
    if done.exists() and done.read_text() == _fingerprint(first):
        return
    _rewrite(cluster)
    _write(cluster, [first] if first == _IN_CLEAR else [first, _IN_CLEAR])
    files.write(done, _fingerprint(first))


def _provider(key: str | None) -> dict[str, Any]:
    if key is None:
        return _IN_CLEAR
    try:
        long_enough = len(base64.b64decode(key, validate=True)) == _KEY_BYTES
    except binascii.Error:
        long_enough = False
    if not long_enough:
        raise SubstrateError(f"the key that secrets are encrypted with is not base64 of {_KEY_BYTES} bytes")
    # A name of its own lets the API server tell keys apart.
    name = hashlib.sha256(key.encode()).hexdigest()[:12]
    return {"secretbox": {"keys": [{"name": name, "secret": key}]}}


def _providers(cluster: str) -> list[dict[str, Any]]:
    if not path(cluster).exists():
        return []
    return cast(list[dict[str, Any]], json.loads(path(cluster).read_text())["resources"][0]["providers"])


def _write(cluster: str, providers: list[dict[str, Any]]) -> None:
    settings: dict[str, object] = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": ["secrets"], "providers": providers}],
    }
    files.write(path(cluster), json.dumps(settings))


def _fingerprint(provider: dict[str, Any]) -> str:
    """Tells providers apart, and nothing of a key."""
    return hashlib.sha256(json.dumps(provider).encode()).hexdigest()[:16]


def _rewrite(cluster: str) -> None:
    following = ""
    while True:
        page = api.request(cluster, "GET", f"/api/v1/secrets?limit={_PAGE}&continue={following}")
        for secret in page["items"]:
            _write_anew(cluster, secret)
        following = page["metadata"].get("continue", "")
        if not following:
            return


def _write_anew(cluster: str, secret: dict[str, Any]) -> None:
    about = secret["metadata"]
    try:
        api.request(cluster, "PUT", f"/api/v1/namespaces/{about['namespace']}/secrets/{about['name']}", secret)
    except ApiError as error:
        # Written or deleted by somebody else meanwhile.
        if error.status not in (http.client.CONFLICT, http.client.NOT_FOUND):
            raise
