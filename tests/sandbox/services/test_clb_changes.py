"""Every change that the plugin's handlers make to a load balancer: it holds, and the next preview shows none."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from sandbox.plugins.tencentcloud.errors import CloudError, ProviderError
from tests.sandbox.certificates import self_signed
from tests.sandbox.world import REGION, World, world

INSTANCE, LISTENER = "tencentcloud:Clb/instance:Instance", "tencentcloud:Clb/listener:Listener"
RULE, REDIRECTION = "tencentcloud:Clb/listenerRule:ListenerRule", "tencentcloud:Clb/redirection:Redirection"
CONFIG = "tencentcloud:Clb/customizedConfigV2:CustomizedConfigV2"
BINDING = "tencentcloud:Clb/customizedConfigAttachment:CustomizedConfigAttachment"
UPLOADED = "tencentcloud:Ssl/certificate:Certificate"


@pytest.fixture
def edge(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as made:
        yield made


def public(edge: World, **more: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """(id, outputs, inputs) of a public balancer."""
    vpc_id, _ = edge.network()
    inputs = {"clbName": "in", "networkType": "OPEN", "dynamicVip": True, "vpcId": vpc_id} | more
    id, outputs = edge.up(INSTANCE, **inputs)
    return id, outputs, inputs


@pytest.mark.parametrize(
    "changes",
    [
        {"clbName": "other"},
        {"internetBandwidthMaxOut": 200, "internetChargeType": "TRAFFIC_POSTPAID_BY_HOUR"},
        {"loadBalancerPassToTarget": True},
        {"deleteProtect": True},
        {"slaType": "clb.c3.small"},
        {"projectId": 7},
        {"tags": {"env": "dev"}},
        {"targetRegionInfoRegion": REGION, "targetRegionInfoVpcId": "vpc-other"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_balancer_takes_each_change_alone(edge: World, changes: dict[str, Any]) -> None:
    id, outputs, inputs = public(edge)
    changed = edge.change(INSTANCE, id, outputs, **(inputs | changes))
    assert {name: changed[name] for name in changes} == changes


def test_a_name_that_only_contains_the_wanted_one_is_free(edge: World) -> None:
    public(edge, clbName="ingress-2")
    vpc_id, _ = edge.network("10.21.0.0/16")
    edge.up(INSTANCE, clbName="ingress", networkType="OPEN", vpcId=vpc_id)


def test_an_internal_balancer_reads_without_what_only_public_ones_have(edge: World) -> None:
    vpc_id, subnet = edge.network()
    inputs = {"clbName": "in", "networkType": "INTERNAL", "vpcId": vpc_id, "subnetId": subnet}
    _, outputs = edge.up(INSTANCE, **inputs)
    assert outputs["vip"] == outputs["clbVips"][0]
    assert "eipAddressId" not in outputs
    with pytest.raises(ProviderError, match="INTERNAL network_type do not support this setting: vipIsp"):
        edge.up(INSTANCE, **(inputs | {"clbName": "b"}), vipIsp="BGP")


def test_a_tcp_listener_is_checked_with_what_the_provider_fills_in(edge: World) -> None:
    lb, _, _ = public(edge)
    inputs = {"clbId": lb, "listenerName": "t", "port": 9000, "protocol": "TCP", "healthCheckSwitch": True}
    id, outputs = edge.up(LISTENER, **inputs, snatEnable=True)
    assert outputs["snatEnable"]
    (check,) = [route.check for listener in edge.plane.balancers[lb].listeners for route in listener.routes]
    assert check is not None
    assert check.kind == "tcp"
    changed = edge.change(LISTENER, id, outputs, **inputs, snatEnable=True, healthCheckTimeOut=3, idleConnectTimeout=60)
    assert (changed["healthCheckTimeOut"], changed["idleConnectTimeout"]) == (3, 60)
    edge.down(LISTENER, id, changed)
    with pytest.raises(CloudError, match="ListenerIdNotFound"):
        edge.down(LISTENER, id, changed)


def test_a_listener_keeps_its_health_check_when_its_name_changes(edge: World) -> None:
    lb, _, _ = public(edge)
    inputs = {"clbId": lb, "port": 9000, "protocol": "TCP"}
    id, outputs = edge.up(LISTENER, **inputs, listenerName="a")
    changed = edge.change(LISTENER, id, outputs, **inputs, listenerName="b")
    assert {name: value for name, value in changed.items() if name.startswith("health")} == {
        name: value for name, value in outputs.items() if name.startswith("health")
    } | {"healthCheckHttpPath": ""}


def rules(edge: World, lb: str) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """(inputs, id, outputs) of a rule of two domains on port 80."""
    _, listener = edge.up(LISTENER, clbId=lb, listenerName="http", port=80, protocol="HTTP")
    inputs = {"clbId": lb, "listenerId": listener["listenerId"], "url": "/"}
    id, outputs = edge.up(RULE, **inputs, domains=["a.test", "b.test"], http2Switch=False)
    return inputs, id, outputs


def test_a_rule_of_several_domains_is_found_renamed_and_given_another_url(edge: World) -> None:
    lb, _, _ = public(edge)
    inputs, id, outputs = rules(edge, lb)
    outputs = edge.change(RULE, id, outputs, **inputs, domains=["b.test", "c.test"], http2Switch=False)
    assert sorted(outputs["domains"]) == ["b.test", "c.test"]
    inputs |= {"url": "/v1", "quic": True}
    more = {"scheduler": "LEAST_CONN", "healthCheckSwitch": True, "healthCheckHttpPath": "/live"}
    outputs = edge.change(RULE, id, outputs, **inputs, domains=["b.test", "c.test"], http2Switch=False, **more)
    (route, _) = edge.plane.balancers[lb].listeners[0].routes
    assert (route.path, route.balance, route.check.path if route.check else "") == ("/v1", "leastconn", "/live")
    edge.down(RULE, id, outputs)
    with pytest.raises(CloudError, match="LocationNotFound"):
        edge.down(RULE, id, outputs)


def test_a_configuration_moves_from_place_to_place_and_changes_under_way(edge: World) -> None:
    lb, _, _ = public(edge)
    inputs, _, _ = rules(edge, lb)
    content = {"configName": "c", "configType": "SERVER", "configContent": "proxy_read_timeout 600s;"}
    config, config_out = edge.up(CONFIG, **content)
    place = {"loadBalancerId": lb, "listenerId": inputs["listenerId"]}
    wanted = {"configId": config_out["configId"], "bindLists": [{**place, "domain": "a.test"}]}
    bound, bound_out = edge.up(BINDING, **wanted)
    assert bound_out["bindLists"] == [{**place, "domain": "a.test", "locationId": ""}]
    assert edge.plane.balancers[lb].listeners[0].read_timeout_s == 600
    bound_out = edge.change(BINDING, bound, bound_out, **(wanted | {"bindLists": [{**place, "domain": "b.test"}]}))
    edge.change(CONFIG, config, config_out, **(content | {"configContent": "proxy_read_timeout 700s;"}))
    assert edge.plane.balancers[lb].listeners[0].read_timeout_s == 700
    edge.down(BINDING, bound, bound_out)
    with pytest.raises(ProviderError, match="does not exist"):
        edge.agreed(BINDING, bound, wanted)
    edge.down(CONFIG, config, config_out)


def test_an_automatic_redirection_makes_its_source_and_all_of_its_domain_go_at_once(edge: World) -> None:
    chain, key = self_signed("a.test")
    certificate, uploaded = edge.up(UPLOADED, type="SVR", cert=chain, key=key)
    edge.change(UPLOADED, certificate, uploaded, type="SVR", cert=chain, key=key, name="n", projectId=3)
    lb, _, _ = public(edge)
    secure = {"certificateId": certificate, "certificateSslMode": "UNIDIRECTIONAL"}
    _, listener = edge.up(LISTENER, clbId=lb, listenerName="s", port=443, protocol="HTTPS", **secure)
    place = {"clbId": lb, "listenerId": listener["listenerId"], "domain": "a.test"}
    _, first = edge.up(RULE, **place, url="/")
    edge.up(RULE, **place, url="/v1")
    id, outputs = edge.up(
        REDIRECTION,
        clbId=lb,
        targetListenerId=listener["listenerId"],
        targetRuleId=first["ruleId"],
        isAutoRewrite=True,
        deleteAllAutoRewrite=True,
    )
    assert len(edge.call("clb", "DescribeRewrite", LoadBalancerId=lb)["RewriteSet"]) == 2
    edge.down(REDIRECTION, id, outputs)
    assert edge.call("clb", "DescribeRewrite", LoadBalancerId=lb)["RewriteSet"] == []


def test_targets_are_described_with_their_rule(edge: World) -> None:
    vpc_id, subnet = edge.network()
    lb, _ = edge.up(INSTANCE, clbName="in", networkType="OPEN", vpcId=vpc_id)
    inputs, _, outputs = rules(edge, lb)
    machine = edge.machine(vpc_id, subnet, "10.20.0.9")
    place = {"LoadBalancerId": lb, "ListenerId": inputs["listenerId"]}
    target = {"InstanceId": machine, "Port": 8080}
    edge.clb("RegisterTargets", **place, LocationId=outputs["ruleId"], Targets=[target])
    (listener,) = edge.call("clb", "DescribeTargets", LoadBalancerId=lb)["Listeners"]
    (rule,) = listener["Rules"]
    assert [(each["InstanceId"], each["PrivateIpAddresses"]) for each in rule["Targets"]] == [(machine, ["10.20.0.9"])]
