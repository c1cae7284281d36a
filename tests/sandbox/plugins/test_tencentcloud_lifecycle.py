"""Create, read, update and delete, over gRPC, with made-up handlers."""

import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from sandbox.plugins.protocol.values import UNKNOWN, Secret, decode
from tests.sandbox.plugins.plugin_driver import SANDBOX, Plugin

VPC = "tencentcloud:Vpc/instance:Instance"
REDIS = "tencentcloud:Redis/instance:Instance"
INPUTS = {"name": "core", "cidrBlock": "10.0.0.0/16", "isMulticast": True}


def cloud_of(folder: Path) -> dict[str, Any]:
    """The made-up cloud."""
    return json.loads((folder / "cloud.json").read_text())


def half_made_in(error: Any) -> Any:
    """The detail that makes the engine keep a resource whose create failed."""
    details: dict[Any, Any] = dict(error.trailing_metadata() or ())
    if "grpc-status-details-bin" not in details:
        return None
    status = status_pb2.Status.FromString(details["grpc-status-details-bin"])
    assert status.message == error.details()
    half_made = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(half_made)
    return half_made


def test_a_preview_promises_the_inputs_and_nothing_else(tencentcloud: Plugin) -> None:
    id, outputs = tencentcloud.create(VPC, {**INPUTS, "name": UNKNOWN}, preview=True)
    assert id == ""
    assert outputs == {**INPUTS, "name": UNKNOWN}


def test_a_create_returns_what_the_cloud_says(fake: Plugin) -> None:
    id, outputs = fake.create(VPC, INPUTS)
    assert id == "vpc-00000000"
    assert outputs == {**INPUTS, "createTime": "2026-11-01 00:00:00"}


def test_numbers_reach_the_handler_as_integers(fake: Plugin, tmp_path: Path) -> None:
    fake.create(REDIS, {"memSize": 1024.0, "availabilityZone": "z", "password": Secret("p")})
    assert '"memSize": 1024,' in (tmp_path / "cloud.json").read_text()


def test_what_reads_never_return_is_kept_and_comes_back_as_a_secret(fake: Plugin) -> None:
    inputs = {"memSize": 1024, "availabilityZone": "z", "password": Secret("p")}
    id, outputs = fake.create(REDIS, inputs)
    assert outputs["password"] == Secret("p")
    assert outputs["ip"] == "10.0.0.9"
    answer = fake.read(REDIS, id, outputs, inputs)
    assert decode(answer.properties)["password"] == Secret("p")
    assert decode(answer.inputs) == inputs


def test_unknown_values_are_refused_in_a_real_run(fake: Plugin) -> None:
    with pytest.raises(grpc.RpcError, match=r"cidrBlock unknown in a real run"):
        fake.create(VPC, {**INPUTS, "cidrBlock": UNKNOWN})


def test_an_api_error_is_shown_as_the_official_provider_shows_it(fake: Plugin, tmp_path: Path) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        fake.create(VPC, {**INPUTS, "name": "orphan"})
    assert failed.value.details() == ("[TencentCloudSDKError] Code=LimitExceeded, Message=too many, RequestId=req-1")
    assert failed.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert half_made_in(failed.value) is None


def test_a_create_that_fails_after_its_id_is_known_leaves_a_repairable_resource(fake: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        fake.create(VPC, {**INPUTS, "name": "half-made"})
    half_made = half_made_in(failed.value)
    assert half_made is not None
    assert half_made.id == "vpc-00000000"
    assert decode(half_made.properties)["createTime"] == "2026-11-01 00:00:00"
    assert list(half_made.reasons) == [
        "[TencentCloudSDKError] Code=UnauthorizedOperation, Message=no tags for you, RequestId=req-2"
    ]


def test_a_mistake_in_a_handler_says_so(fake: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        fake.create(VPC, {**INPUTS, "name": "bug"})
    assert failed.value.code() == grpc.StatusCode.UNKNOWN
    assert "a mistake in the sandbox's tencentcloud plugin: ZeroDivisionError" in str(failed.value.details())


def test_an_update_tells_the_handler_what_changed(fake: Plugin, tmp_path: Path) -> None:
    id, outputs = fake.create(VPC, INPUTS)
    after = fake.update(VPC, id, outputs, {**INPUTS, "name": "edge", "tags": {"a": "b"}})
    assert after == {**INPUTS, "name": "edge", "tags": {"a": "b"}, "createTime": "2026-11-01 00:00:00"}
    assert cloud_of(tmp_path)[id]["_changed"] == ["name", "tags"]


def test_a_preview_of_an_update_keeps_what_the_cloud_filled_in(tencentcloud: Plugin) -> None:
    state = {**INPUTS, "createTime": "2026-11-01 00:00:00"}
    assert tencentcloud.update(VPC, "vpc-1", state, {**INPUTS, "name": "edge"}, preview=True) == {
        **state,
        "name": "edge",
    }


def test_an_immutable_argument_passes_the_preview_and_fails_the_update(fake: Plugin, tmp_path: Path) -> None:
    id, outputs = fake.create(VPC, INPUTS)
    news = {**INPUTS, "isMulticast": False}
    assert fake.changes(VPC, outputs, news) == {"isMulticast": "UPDATE"}
    assert fake.update(VPC, id, outputs, news, preview=True)["isMulticast"] is False
    before = cloud_of(tmp_path)
    with pytest.raises(grpc.RpcError) as refused:
        fake.update(VPC, id, outputs, news)
    assert refused.value.details() == "argument `is_multicast` cannot be changed"
    assert cloud_of(tmp_path) == before


def test_a_refresh_brings_the_drift_into_state_and_inputs(fake: Plugin, tmp_path: Path) -> None:
    id, outputs = fake.create(VPC, INPUTS)
    drifted = cloud_of(tmp_path)
    drifted[id]["name"] = "renamed by hand"
    (tmp_path / "cloud.json").write_text(json.dumps(drifted))
    answer = fake.read(VPC, id, outputs, INPUTS)
    assert answer.id == id
    assert decode(answer.inputs) == {**INPUTS, "name": "renamed by hand"}
    assert decode(answer.properties)["name"] == "renamed by hand"


def test_a_refresh_of_what_is_gone_answers_neither_id_nor_properties(fake: Plugin) -> None:
    answer = fake.read(VPC, "vpc-99999999", INPUTS, INPUTS)
    assert answer.id == ""
    assert not answer.HasField("properties")


def test_an_import_finds_the_arguments_by_itself(fake: Plugin) -> None:
    id, _ = fake.create(VPC, INPUTS)
    assert decode(fake.read(VPC, id).inputs) == INPUTS


def test_deleting_what_is_gone_already_is_what_its_handler_makes_of_it(fake: Plugin) -> None:
    id, outputs = fake.create(VPC, INPUTS)
    fake.delete(VPC, id, outputs)
    with pytest.raises(grpc.RpcError, match="Code=ResourceNotFound"):
        fake.delete(VPC, id, outputs)


def test_a_type_without_a_handler_previews_and_then_says_that_it_is_missing(fake: Plugin) -> None:
    token = "tencentcloud:Tdmq/rabbitmqVipInstance:RabbitmqVipInstance"
    assert fake.create(token, {"clusterName": "a"}, preview=True)[1] == {"clusterName": "a"}
    with pytest.raises(grpc.RpcError, match=r"the sandbox does not provide tencentcloud:Tdmq/"):
        fake.create(token, {"clusterName": "a"})


def test_without_an_endpoint_a_real_run_says_what_to_do(start: Any) -> None:
    folder = Path(__file__).parent
    plugin = start(str(folder / "fake_cloud.py"), FAKE_CLOUD="/nonexistent", **SANDBOX | {"TENCENTCLOUD_DOMAIN": ""})
    plugin.configure(region="ap-beijing")
    with pytest.raises(grpc.RpcError) as refused:
        plugin.create(VPC, INPUTS)
    assert "TENCENTCLOUD_DOMAIN is not set" in str(refused.value.details())


def test_without_a_pair_of_keys_it_refuses_to_begin_in_the_official_words(start: Any) -> None:
    plugin = start("-m", "sandbox.plugins.tencentcloud", TENCENTCLOUD_SECRET_ID="id")
    with pytest.raises(grpc.RpcError, match=r"Please set your `secret_id` and `secret_key`") as refused:
        plugin.configure()
    assert refused.value.code() is grpc.StatusCode.UNKNOWN  # pyright: ignore[reportAttributeAccessIssue]
    plugin.configure(secretKey="any")


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"region": "ap-beijing", "version": "0.2.3", "protocol": "HTTP"}, {}),
        ({"region": UNKNOWN}, {}),
        ({"protocol": "http"}, {"protocol": "expected HTTP or HTTPS, got 'http'"}),
    ],
)
def test_provider_arguments_are_checked(tencentcloud: Plugin, arguments: Any, found: dict[str, str]) -> None:
    assert check_config(tencentcloud, arguments) == found


def test_provider_arguments_that_would_do_nothing_are_refused(tencentcloud: Plugin) -> None:
    failures = check_config(tencentcloud, {"regoin": "ap-beijing", "assumeRole": {"roleArn": "x"}})
    assert set(failures) == {"regoin", "assumeRole"}


def check_config(plugin: Plugin, arguments: Any) -> dict[str, str]:
    """Argument -> reason."""
    from sandbox.plugins.protocol.values import encode

    answer = plugin.stub.CheckConfig(provider_pb2.CheckRequest(urn="urn", news=encode(arguments), olds=encode({})))
    assert decode(answer.inputs) == arguments
    return {failure.property: failure.reason for failure in answer.failures}


def test_a_lookup_the_sandbox_does_not_have_is_refused(tencentcloud: Plugin) -> None:
    request = provider_pb2.InvokeRequest(tok="tencentcloud:Images/getInstance:getInstance")
    with pytest.raises(grpc.RpcError, match=r"does not provide the lookup tencentcloud:Images/getInstance"):
        tencentcloud.stub.Invoke(request)


def test_cancel_answers_at_once(start: Any) -> None:
    plugin = start("-m", "sandbox.plugins.tencentcloud")
    plugin.stub.Cancel(empty_pb2.Empty(), timeout=5)
