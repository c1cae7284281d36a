"""What the controller brings into a cluster: the custom resource that users write their listeners' settings in."""

from collections.abc import Mapping
from typing import Any

from sandbox.in_cluster.service_controller.service_config import GROUP, KIND, PLURAL, VERSION

RESOURCE: Mapping[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"{PLURAL}.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": KIND, "listKind": f"{KIND}List", "plural": PLURAL, "singular": KIND.lower()},
        "versions": [
            {
                "name": VERSION,
                "served": True,
                "storage": True,
                # Whatever is written is kept as it is: the controller says in an event what is wrong with it.
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
"""The definition of TkeServiceConfig."""
