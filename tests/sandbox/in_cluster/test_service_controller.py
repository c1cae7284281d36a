"""The Service controller over the sandbox's real API: what a round makes of Services, pods and mishaps."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from lightkube.resources.core_v1 import Service

from sandbox.in_cluster import objects
from sandbox.in_cluster.service_controller import wishes
from sandbox.in_cluster.service_controller.cloud import CloudError
from sandbox.in_cluster.service_controller.listeners import OWN_NAME
from tests.sandbox.in_cluster.stage import CLUSTER, HOST, OTHER_HOST, Stage, make_pod
from tests.sandbox.world import world

ONE, TWO = "10.20.0.11", "10.20.0.12"


@pytest.fixture
def stage(tmp_path: Path) -> Generator[Stage]:
    with world(tmp_path) as made:
        yield Stage(made)


def delete(service: Service) -> None:
    objects.meta(service).deletionTimestamp = "2026-01-02T00:00:00Z"  # pyright: ignore[reportAttributeAccessIssue]


def test_a_service_gets_a_listener_with_its_certificate_and_its_ready_pods(stage: Stage) -> None:
    service = stage.service(**stage.configure(scheduler="LEAST_CONN", healthCheck={"enable": True, "httpCode": 2}))
    stage.pods(make_pod("a", ONE), make_pod("b", TWO, ready=False))
    assert not stage.controller.round().failed
    (listener,) = stage.listeners()
    (rule,) = listener["Rules"]
    assert (listener["Port"], listener["Protocol"], listener["KeepaliveEnable"]) == (443, "HTTPS", 1)
    assert (
        rule["Certificate"]["CertId"] == stage.cluster.secrets[objects.Key("sanmen", HOST)]["qcloud_cert_id"].decode()
    )
    assert (rule["Domain"], rule["Url"], rule["Scheduler"], rule["Http2"]) == (HOST, "/", "LEAST_CONN", True)
    assert rule["HealthCheck"]["HttpCode"] == 2
    assert stage.weights() == {f"{ONE}:8080": 10}
    assert stage.tags()["tke-clusterId"] == CLUSTER
    assert stage.cluster.ingress[objects.key(service)][0]["hostname"].startswith(stage.balancer)


def test_a_second_round_changes_nothing(stage: Stage) -> None:
    stage.service(HOST, OTHER_HOST, **stage.configure(healthCheck={"enable": True, "intervalTime": 7}))
    stage.pods(make_pod("a", ONE))
    stage.controller.round()
    before = stage.listeners()
    # Any change of the load balancer would meet this.
    for action in ("CreateListener", "ModifyListener", "CreateRule", "ModifyRule", "RegisterTargets"):
        stage.world.api.faults.add({"service": "clb", "action": action})
    assert not stage.controller.round().failed
    assert stage.listeners() == before


def test_two_hosts_have_a_rule_and_a_certificate_each(stage: Stage) -> None:
    stage.service(HOST, OTHER_HOST)
    stage.pods(make_pod("a", ONE))
    stage.controller.round()
    (listener,) = stage.listeners()
    certificates = {rule["Domain"]: rule["Certificate"]["CertId"] for rule in listener["Rules"]}
    assert set(certificates) == {HOST, OTHER_HOST}
    assert len(set(certificates.values())) == 2
    assert stage.weights(HOST) == stage.weights(OTHER_HOST) == {f"{ONE}:8080": 10}


def test_a_pod_that_is_being_deleted_drains_and_goes_when_it_is_gone(stage: Stage) -> None:
    stage.service()
    stage.pods(make_pod("a", ONE), make_pod("b", TWO))
    stage.controller.round()
    stage.pods(make_pod("a", ONE, leaving=True, ready=False), make_pod("b", TWO))
    stage.controller.round()
    assert stage.weights() == {f"{ONE}:8080": 0, f"{TWO}:8080": 10}
    stage.pods(make_pod("b", TWO))
    stage.controller.round()
    assert stage.weights() == {f"{TWO}:8080": 10}


def test_without_grace_a_pod_that_is_being_deleted_goes_at_once(stage: Stage) -> None:
    stage.service(**{wishes.GRACEFUL: "false"})
    stage.pods(make_pod("a", ONE))
    stage.controller.round()
    stage.pods(make_pod("a", ONE, leaving=True))
    stage.controller.round()
    assert stage.weights() == {}


def test_more_pods_than_one_call_takes_are_bound(stage: Stage) -> None:
    stage.service()
    stage.pods(*(make_pod(f"p{number}", f"10.20.0.{number}") for number in range(100, 145)))
    stage.controller.round()
    assert len(stage.weights()) == 45


def test_a_deleted_service_leaves_the_balancer_without_listener_and_mark(stage: Stage) -> None:
    service = stage.service()
    stage.pods(make_pod("a", ONE))
    stage.controller.round()
    theirs = stage.world.clb("CreateListener", LoadBalancerId=stage.balancer, Ports=[80], Protocol="HTTP")
    delete(service)
    stage.controller.round()
    assert [each["ListenerId"] for each in stage.listeners()] == theirs["ListenerIds"]
    assert "tke-clusterId" not in stage.tags()
    assert stage.cluster.held == {}


@pytest.mark.parametrize("action", ["CreateListener", "CreateRule", "RegisterTargets"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_call_is_made_good_by_the_next_round(stage: Stage, action: str, when: str) -> None:
    stage.service()
    stage.pods(make_pod("a", ONE))
    stage.world.api.faults.add({"service": "clb", "action": action, "when": when})
    assert stage.controller.round().failed
    assert "EnsureLoadBalancerFailed" in stage.cluster.warnings
    assert not stage.controller.round().failed
    (listener,) = stage.listeners()
    assert [rule["Domain"] for rule in listener["Rules"]] == [HOST]
    assert stage.weights() == {f"{ONE}:8080": 10}


def test_a_service_stays_until_its_balancer_is_free_of_it(stage: Stage) -> None:
    service = stage.service()
    stage.controller.round()
    delete(service)
    stage.world.api.faults.add({"service": "clb", "action": "DeleteListener"})
    assert stage.controller.round().failed
    assert stage.cluster.held
    stage.controller.round()
    assert stage.listeners() == []
    assert stage.cluster.held == {}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"scheduler": "RANDOM"}, "scheduler"),
        ({"healthCheck": {"enable": True, "intervalTime": 1}}, "intervalTime"),
        ({"healthCheck": {"enable": True, "timeout": 5}}, "below intervalTime, 5"),
        ({"balance": "WRR"}, "balance"),
    ],
)
def test_a_bad_configuration_is_told_and_nothing_is_made(stage: Stage, rule: dict[str, Any], said: str) -> None:
    stage.service(**stage.configure(**rule))
    stage.pods(make_pod("a", ONE))
    stage.controller.round()
    assert said in stage.cluster.warnings["ServiceConfigInvalid"]
    assert stage.listeners() == []
    assert stage.tags() == {}


def test_a_configuration_that_became_bad_leaves_what_serves(stage: Stage) -> None:
    stage.service(**stage.configure(scheduler="WRR"))
    stage.pods(make_pod("a", ONE))
    stage.controller.round()
    before = stage.listeners()
    stage.configure(scheduler="RANDOM")
    stage.controller.round()
    assert stage.listeners() == before
    assert stage.weights() == {f"{ONE}:8080": 10}


def test_a_certificate_that_does_not_exist_makes_nothing(stage: Stage) -> None:
    stage.cluster.secrets[objects.Key("sanmen", HOST)] = {"qcloud_cert_id": b"gone1234"}
    stage.service()
    stage.controller.round()
    assert "gone1234" in stage.cluster.warnings["CertificateMissing"]
    assert stage.listeners() == []


def test_a_balancer_of_another_vpc_is_refused(stage: Stage) -> None:
    other = stage.make_balancer(stage.world.vpc("10.30.0.0/16"))
    stage.service(balancer=other)
    stage.controller.round()
    assert other in stage.cluster.warnings["LoadBalancerInOtherVpc"]
    assert stage.world.call("clb", "DescribeListeners", LoadBalancerId=other)["Listeners"] == []


def test_a_balancer_of_another_cluster_is_refused(stage: Stage) -> None:
    tag = {"TagKey": "tke-clusterId", "TagValue": "cls-other"}
    resource = f"qcs::clb:ap-beijing:uin/:clb/{stage.balancer}"
    stage.world.call("tag", "ModifyResourceTags", Resource=resource, ReplaceTags=[tag])
    stage.service()
    stage.controller.round()
    assert "cls-other" in stage.cluster.warnings["LoadBalancerInUse"]
    assert stage.listeners() == []


def test_a_port_that_another_listener_has_is_refused_and_stays_its(stage: Stage) -> None:
    stage.world.clb("CreateListener", LoadBalancerId=stage.balancer, Ports=[443], Protocol="TCP")
    before = stage.listeners()
    stage.service()
    stage.controller.round()
    assert "443" in stage.cluster.warnings["PortTaken"]
    assert stage.listeners() == before


def test_two_services_cannot_share_a_balancer_and_the_older_has_it(stage: Stage) -> None:
    stage.service()
    stage.service(name="younger")
    stage.controller.round()
    assert "sanmen/gateway" in stage.cluster.warnings["LoadBalancerInUse"]
    assert [each["ListenerName"] for each in stage.listeners()] == [OWN_NAME]


def test_a_gate_opens_when_the_balancer_calls_the_pod_healthy(stage: Stage) -> None:
    stage.service()
    stage.pods(make_pod("a", ONE, gated=True))
    assert stage.controller.round().waiting
    route = stage.listeners()[0]["Rules"][0]["LocationId"]
    target = f"ip-{ONE.replace('.', '-')}-8080"
    stage.world.plane.health = {stage.balancer: {route: {target: False}}}
    assert stage.controller.round().waiting
    stage.world.plane.health = {stage.balancer: {route: {target: True}}}
    assert not stage.controller.round().waiting
    assert not stage.controller.round().waiting


def test_a_cloud_that_cannot_be_asked_is_an_error_of_the_round(stage: Stage) -> None:
    stage.service()
    stage.world.api.faults.add({"service": "tag", "action": "GetResources"})
    with pytest.raises(CloudError):
        stage.controller.round()
