"""The documents of the TCR service. What is in an instance is kept under `<instance>/<name>`, in `_id`."""

from sandbox.api.kinds import Kind, TagNames
from sandbox.api.store import Docs, Store

REGISTRY = Kind(
    name="tcr.registry",
    key="RegistryId",
    noun="registry instance",
    tags=TagNames(service="tcr", prefix="instance", field="_tags"),
)
NAMESPACE = Kind(name="tcr.namespace", key="_id", noun="namespace", missing="ResourceNotFound.ErrNoNamespace")
REPOSITORY = Kind(name="tcr.repository", key="_id", noun="repository", missing="ResourceNotFound.ErrNoRepo")
TOKEN = Kind(name="tcr.token", key="_id", noun="token", missing="ResourceNotFound.TcrResourceNotFound")
ACCOUNT = Kind(name="tcr.account", key="_id", noun="service account", missing="ResourceNotFound.TcrResourceNotFound")
POLICY = Kind(name="tcr.policy", key="_id", noun="range of clients")
ATTACHMENT = Kind(name="tcr.attachment", key="_id", noun="attachment of a VPC")
PARTS = (NAMESPACE, REPOSITORY, TOKEN, ACCOUNT, POLICY, ATTACHMENT)
"""What goes with its instance."""


def of_registry(store: Store, kind: Kind, registry: str) -> Docs:
    """The documents of a kind that belong to a registry instance."""
    return [doc for doc in kind.all(store) if doc["_id"].startswith(f"{registry}/")]
