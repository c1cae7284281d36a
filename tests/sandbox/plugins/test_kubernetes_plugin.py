"""The Kubernetes plugin that previews are made with is the official one, of the version that the program asks for."""

from typing import Any

import pytest

from sandbox.plugins.protocol import ask
from sandbox.plugins.protocol.values import UNKNOWN
from sandbox.toolchain import local_bin
from sandbox.toolchain.programs import KUBERNETES_PLUGIN
from tests.sandbox.plugins.kubernetes_schema import Schema

DEPLOYMENT = "kubernetes:apps/v1:Deployment"


def deployment(container: dict[str, Any], **spec: Any) -> dict[str, Any]:
    labels = {"app": "gateway"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {"metadata": {"name": "gw"}, "spec": {"selector": {"matchLabels": labels}, "template": pod, **spec}}


def test_the_plugin_has_the_version_of_the_table() -> None:
    assert ask.version(local_bin.PLUGIN) == KUBERNETES_PLUGIN.version


@pytest.mark.parametrize(
    ("values", "faults"),
    [
        (deployment({"name": "nginx", "image": UNKNOWN, "ports": [{"containerPort": 80}]}), {}),
        (deployment({"name": "nginx"}, replcas=2), {"spec.replcas": "no such field"}),
        (deployment({"name": "nginx"}, replicas="two"), {"spec.replicas": "integer is wanted"}),
        (deployment({"image": "x"}), {"spec.template.spec.containers[0].name": "missing"}),
        (deployment({"name": "n", "livenessProbe": {"httpGet": {"port": True}}}),
         {"spec.template.spec.containers[0].livenessProbe.httpGet.port": "integer is wanted"}),
        ({"spec": []}, {"spec": "an object is wanted"}),
    ],
)  # fmt: skip
def test_its_schema_tells_what_is_wrong_in_an_object(
    kubernetes_schema: Schema, values: dict[str, Any], faults: dict[str, str]
) -> None:
    assert kubernetes_schema.faults(DEPLOYMENT, values) == faults
