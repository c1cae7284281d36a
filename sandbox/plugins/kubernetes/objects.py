"""What a preview does to a Kubernetes object: names, defaults, secrets, and what a change means.

Source: docs/sources.md, engine, restating the official provider.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Any

from sandbox.plugins.protocol.values import (
    UNKNOWN,
    Secret,
    Values,
    has_unknown,
    is_list,
    is_mapping,
    plain,
)

AUTO_NAMED = "pulumi.com/autonamed"
SUFFIX_DIGITS = 8
DEFAULT_NAMESPACE = "default"
CLUSTER_WIDE = frozenset({"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Namespace", "StorageClass"})
"""Known kinds without a namespace."""
REPLACED_BY = {
    "ConfigMap": ("binaryData", "data", "immutable"),
    "DaemonSet": ("spec.selector",),
    "Deployment": ("spec.selector",),
    "Job": ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    "Pod": ("spec",),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
    "Secret": ("data", "immutable", "stringData", "type"),
    "Service": ("spec.clusterIP",),
    "StatefulSet": (
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
}
"""Kind -> paths whose change needs a new object; name and namespace always do."""
ALWAYS = ("apiVersion", "kind", "metadata.name", "metadata.namespace")


@dataclass(frozen=True)
class Kind:
    """`kubernetes:<group>/<version>:<kind>`. The core group is called `core` in tokens and nothing in objects."""

    api_version: str
    name: str

    @classmethod
    def of(cls, token: str) -> "Kind":
        """The kind a type token stands for."""
        _, group, name = token.split(":", 2)
        return cls(group.removeprefix("core/"), name)


def completed(kind: Kind, logical: str, news: Values, olds: Values, namespace: str, seed: bytes) -> Values:
    """The inputs with apiVersion, kind, a name and a namespace; the data of a Secret encoded and marked secret."""
    inputs = {**news, "apiVersion": news.get("apiVersion") or kind.api_version, "kind": news.get("kind") or kind.name}
    metadata = inputs.get("metadata")
    if metadata is None or is_mapping(metadata):
        inputs["metadata"] = _metadata(kind, logical, _mapping(metadata), olds, namespace, seed)
    return _secret_data(inputs) if kind.name == "Secret" else inputs


def _metadata(kind: Kind, logical: str, metadata: Values, olds: Values, namespace: str, seed: bytes) -> Values:
    if metadata.get("name") is None:
        old = plain(olds.get("metadata"))
        name = _member(old, "name") if _is_auto_named(old) else None
        metadata["name"] = name or f"{logical}-{hashlib.sha256(seed + logical.encode()).hexdigest()[:SUFFIX_DIGITS]}"
        annotations = metadata.get("annotations")
        if annotations is None or is_mapping(annotations):
            metadata["annotations"] = {**_mapping(annotations), AUTO_NAMED: "true"}
    if kind.name not in CLUSTER_WIDE and not metadata.get("namespace"):
        metadata["namespace"] = namespace
    return metadata


def _secret_data(inputs: Values) -> Values:
    """`stringData` becomes `data`, as the API server would do; what is unknown stays where it is."""
    texts, data = plain(inputs.get("stringData")), inputs.get("data")
    if is_mapping(texts) and not has_unknown(texts) and all(isinstance(text, str) for text in texts.values()):
        encoded = {key: base64.b64encode(str(text).encode()).decode() for key, text in texts.items()}
        data = {**_mapping(plain(data)), **encoded}
        inputs = {name: value for name, value in inputs.items() if name != "stringData"}
    result: Values = {**inputs} if data is None else {**inputs, "data": data}
    for name in ("data", "stringData"):
        if result.get(name) is not None and not isinstance(result[name], Secret):
            result[name] = Secret(plain(result[name]))
    return result


def changes(old: Any, new: Any, path: str = "") -> list[tuple[str, str]]:
    """Differences as (path, kind), kind one of add, delete, update. Lists are compared by index."""
    if is_mapping(old) and is_mapping(new):
        found: list[tuple[str, str]] = []
        for key in sorted({*old, *new}):
            found += changes(old.get(key), new.get(key), _below(path, key))
        return found
    if is_list(old) and is_list(new):
        found = []
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            found += changes(before, after, f"{path}[{index}]")
        return found
    if old == new and new is not UNKNOWN:
        return []
    return [(path, "add" if old is None else "delete" if new is None else "update")]


def replaces(kind: Kind, path: str) -> bool:
    """True if a change at this path needs a new object."""
    return any(re.match(rf"{re.escape(root)}(?:$|[.\[])", path) for root in (*ALWAYS, *REPLACED_BY.get(kind.name, ())))


def keeps_its_name(old: Values, new: Values) -> bool:
    """True if the program chose the name and keeps it: the old object must go before the new one can come."""
    before, after = old.get("metadata"), new.get("metadata")
    if _is_auto_named(after):
        return False
    return all(_member(before, name) == _member(after, name) for name in ("name", "namespace"))


def _is_auto_named(metadata: Any) -> bool:
    return _member(_member(metadata, "annotations"), AUTO_NAMED) == "true"


def _member(value: Any, name: str) -> Any:
    """An object's member; None where there is no object."""
    return value.get(name) if is_mapping(value) else None


def _mapping(value: Any) -> Values:
    """A copy of an object; empty where there is none."""
    return dict(value) if is_mapping(value) else {}


def _below(path: str, key: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w]*", key):
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key
