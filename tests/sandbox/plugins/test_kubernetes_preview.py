"""What the kubernetes plugin does in a preview, and that it does nothing else."""

import base64
import re
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from sandbox.plugins.kubernetes.fields import FIELDS_FILE
from sandbox.plugins.kubernetes.generate import generate
from sandbox.plugins.protocol.values import UNKNOWN, Secret, Values, encode
from tests.sandbox.plugins.conftest import Start
from tests.sandbox.plugins.plugin_driver import Plugin

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
SECRET = "kubernetes:core/v1:Secret"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


@pytest.fixture(scope="module")
def kubernetes(start: Start) -> Plugin:
    """Configured with a cluster that does not exist."""
    plugin = start("-m", "sandbox.plugins.kubernetes")
    answer = plugin.configure(kubeconfig="apiVersion: v1", namespace="gateway")
    assert answer.acceptSecrets
    assert answer.supportsPreview
    return plugin


def deployment(**spec: Any) -> Values:
    """A small one."""
    labels = {"app": "gateway"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "nginx", "image": UNKNOWN}]}}
    return {"metadata": {"name": "gw"}, "spec": {"selector": {"matchLabels": labels}, "template": pod, **spec}}


def test_the_field_table_is_that_of_the_installed_package() -> None:
    assert FIELDS_FILE.read_text(encoding="utf-8") == generate(), "run python -m sandbox.plugins.kubernetes.generate"


def test_the_plugin_has_the_official_version(kubernetes: Plugin) -> None:
    assert kubernetes.stub.GetPluginInfo(empty_pb2.Empty()).version == "4.34.2"


def test_an_object_gets_its_kind_its_namespace_and_a_name(kubernetes: Plugin) -> None:
    inputs, failures = kubernetes.check(CONFIG_MAP, {"data": {"a": "b"}}, name="settings")
    assert failures == {}
    assert (inputs["apiVersion"], inputs["kind"]) == ("v1", "ConfigMap")
    assert inputs["metadata"]["namespace"] == "gateway"
    assert re.fullmatch(r"settings-[0-9a-f]{8}", inputs["metadata"]["name"])
    assert inputs["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}
    again, _ = kubernetes.check(CONFIG_MAP, {"data": {"a": "c"}}, inputs, name="settings")
    assert again["metadata"]["name"] == inputs["metadata"]["name"]


def test_a_cluster_wide_object_has_no_namespace(kubernetes: Plugin) -> None:
    inputs, _ = kubernetes.check("kubernetes:core/v1:Namespace", {"metadata": {"name": "gw"}})
    assert inputs["metadata"] == {"name": "gw"}


def test_a_mistyped_field_fails_the_preview(kubernetes: Plugin) -> None:
    _, failures = kubernetes.check(DEPLOYMENT, deployment(replcas=2))
    assert failures == {"spec.replcas": "DeploymentSpec has no field 'replcas'; did you mean 'replicas'?"}


def test_a_missing_field_and_a_wrong_type_fail_the_preview(kubernetes: Plugin) -> None:
    broken = deployment(replicas="two")
    broken["spec"]["template"]["spec"]["containers"] = [{"image": "x"}]
    _, failures = kubernetes.check(DEPLOYMENT, broken)
    assert failures == {
        "spec.replicas": "expected an int",
        "spec.template.spec.containers[0].name": "Container needs 'name'",
    }


def test_an_object_of_an_unknown_kind_passes(kubernetes: Plugin) -> None:
    _, failures = kubernetes.check("kubernetes:example.org/v1:Thing", {"whatever": 1})
    assert failures == {}


def test_the_data_of_a_secret_is_encoded_and_secret(kubernetes: Plugin) -> None:
    inputs, failures = kubernetes.check(SECRET, {"metadata": {"name": "s"}, "stringData": {"key": "hunter2"}})
    assert failures == {}
    assert inputs["data"] == Secret({"key": base64.b64encode(b"hunter2").decode()})
    assert "stringData" not in inputs


def test_unknown_secret_text_stays_where_it_is_and_is_secret(kubernetes: Plugin) -> None:
    inputs, _ = kubernetes.check(SECRET, {"metadata": {"name": "s"}, "stringData": {"key": UNKNOWN}})
    assert inputs["stringData"] == Secret({"key": UNKNOWN})


def test_a_changed_selector_replaces_and_the_old_one_goes_first(kubernetes: Plugin) -> None:
    old = deployment()
    new = deployment(selector={"matchLabels": {"app": "other"}}, replicas=3)
    for each in (old, new):
        each["spec"]["template"]["spec"]["containers"][0]["image"] = "i"
    assert kubernetes.changes(DEPLOYMENT, old, new) == {
        "spec.replicas": "ADD",
        "spec.selector.matchLabels.app": "UPDATE_REPLACE",
    }
    assert kubernetes.diff(DEPLOYMENT, old, new).deleteBeforeReplace
    assert kubernetes.changes(DEPLOYMENT, old, old) == {}


def test_a_preview_shows_the_object_as_it_is(kubernetes: Plugin) -> None:
    id, outputs = kubernetes.create(DEPLOYMENT, deployment(), preview=True)
    assert (id, outputs) == ("", deployment())


@pytest.mark.parametrize("call", ["create", "update", "read", "delete"])
def test_everything_real_is_refused_in_one_sentence(kubernetes: Plugin, call: str) -> None:
    calls = {
        "create": lambda: kubernetes.create(DEPLOYMENT, {}),
        "update": lambda: kubernetes.update(DEPLOYMENT, "gw", {}, {}),
        "read": lambda: kubernetes.read(DEPLOYMENT, "gw"),
        "delete": lambda: kubernetes.delete(DEPLOYMENT, "gw", {}),
    }
    with pytest.raises(grpc.RpcError) as refused:
        calls[call]()
    assert refused.value.details() == (
        "this kubernetes plugin only previews so far: run TKE stacks against the real cloud with the official plugin"
    )


@pytest.mark.parametrize(
    ("new", "replaced"),
    [("server: https://a\ntoken: 2", []), ("server: https://b\ntoken: 1", ["kubeconfig"]), (UNKNOWN, ["kubeconfig"])],
)
def test_another_cluster_replaces_everything_and_another_token_nothing(
    kubernetes: Plugin, new: Any, replaced: list[str]
) -> None:
    old = encode({"kubeconfig": Secret("server: https://a\ntoken: 1")})
    request = provider_pb2.DiffRequest(urn="u", old_inputs=old, olds=old, news=encode({"kubeconfig": new}))
    answer = kubernetes.stub.DiffConfig(request)
    assert list(answer.diffs) == ["kubeconfig"]
    assert list(answer.replaces) == replaced
