"""Load balancers: control plane, what it means for the data plane, and the plugin's resources."""

from collections.abc import Generator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from sandbox.api.errors import ApiError
from sandbox.plugins.tencentcloud.errors import CloudError, ProviderError
from sandbox.plugins.tencentcloud.handler import HANDLERS
from sandbox.services.clb import dataplane, directives, targets
from sandbox.substrate import specs
from tests.sandbox.certificates import self_signed
from tests.sandbox.world import REGION, World, world

INSTANCE, LISTENER = "tencentcloud:Clb/instance:Instance", "tencentcloud:Clb/listener:Listener"
RULE = "tencentcloud:Clb/listenerRule:ListenerRule"
CONFIG = "tencentcloud:Clb/customizedConfigV2:CustomizedConfigV2"
BINDING = "tencentcloud:Clb/customizedConfigAttachment:CustomizedConfigAttachment"
REDIRECTION = "tencentcloud:Clb/redirection:Redirection"
DOMAIN = "api.sanmen.test"


@pytest.fixture
def edge(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as made:
        yield made


def balancer(edge: World, vpc_id: str, **more: Any) -> str:
    asked = {"LoadBalancerType": "OPEN", "LoadBalancerName": "lb", "VpcId": vpc_id, "MasterZoneId": f"{REGION}-3"}
    return edge.clb("CreateLoadBalancer", **(asked | more))["LoadBalancerIds"][0]


def described(edge: World, id: str) -> dict[str, Any]:
    return edge.call("clb", "DescribeLoadBalancers", LoadBalancerIds=[id])["LoadBalancerSet"][0]


def http_rule(edge: World, id: str, port: int = 80, **rule: Any) -> tuple[str, str]:
    listener = edge.clb("CreateListener", LoadBalancerId=id, Ports=[port], Protocol="HTTP")["ListenerIds"][0]
    rules = [{"Domain": DOMAIN, "Url": "/", **rule}]
    location = edge.clb("CreateRule", LoadBalancerId=id, ListenerId=listener, Rules=rules)["LocationIds"][0]
    return listener, location


def test_a_public_balancer_has_a_domain_and_no_address_and_answers_by_name(edge: World) -> None:
    vpc_id, _ = edge.network()
    id = balancer(edge, vpc_id)
    doc = described(edge, id)
    assert doc["Status"] == 1
    assert doc["LoadBalancerVips"] == []
    name, _, zone = doc["LoadBalancerDomain"].partition(".clb.")
    assert name.startswith(f"{id}-")
    assert len(name) == len(id) + 1 + 16
    assert zone == f"{REGION}.tencentclb.com"
    records = {f"{r.name}.{z.domain}": r.value for z in edge.plane.zones for r in z.records}
    host = edge.plane.hosts[id]
    assert records[doc["LoadBalancerDomain"]] == str(host.public)
    assert host.private in dataplane.LEGS


def test_an_internal_balancer_stands_in_its_subnet(edge: World) -> None:
    vpc_id, subnet = edge.network()
    id = balancer(edge, vpc_id, LoadBalancerType="INTERNAL", SubnetId=subnet)
    assert described(edge, id)["LoadBalancerVips"] == [str(edge.plane.hosts[id].private)]
    assert edge.plane.hosts[id].public is None


def test_a_wrong_zone_is_refused_and_says_which_are_on_sale(edge: World) -> None:
    vpc_id, _ = edge.network()
    with pytest.raises(TencentCloudSDKException, match=r"ap-beijing-1.*On sale: ap-beijing-2"):
        balancer(edge, vpc_id, MasterZoneId="ap-beijing-1")


def test_deletion_protection_holds_until_it_is_off_and_then_nothing_is_left(edge: World) -> None:
    vpc_id, _ = edge.network()
    id = balancer(edge, vpc_id)
    edge.clb("ModifyLoadBalancerAttributes", LoadBalancerId=id, DeleteProtect=True)
    with pytest.raises(TencentCloudSDKException, match="deletion protection"):
        edge.call("clb", "DeleteLoadBalancer", LoadBalancerIds=[id])
    edge.clb("ModifyLoadBalancerAttributes", LoadBalancerId=id, DeleteProtect=False)
    edge.clb("DeleteLoadBalancer", LoadBalancerIds=[id])
    assert edge.plane.hosts == {}
    assert edge.plane.balancers == {}
    assert all(zone.domain != "tencentclb.com" for zone in edge.plane.zones)
    assert edge.call("clb", "DescribeLoadBalancers")["TotalCount"] == 0


def test_a_second_change_while_a_task_runs_is_refused(edge: World) -> None:
    vpc_id, _ = edge.network()
    id = balancer(edge, vpc_id)
    edge.call("clb", "ModifyLoadBalancerAttributes", LoadBalancerId=id, LoadBalancerName="a")
    with pytest.raises(TencentCloudSDKException) as refused:
        edge.call("clb", "ModifyLoadBalancerAttributes", LoadBalancerId=id, LoadBalancerName="b")
    assert refused.value.get_code() == "FailedOperation.ResourceInOperating"


def test_targets_reach_the_data_plane_with_address_and_weight_and_zero_drains(edge: World) -> None:
    vpc_id, subnet = edge.network()
    id = balancer(edge, vpc_id)
    listener, location = http_rule(edge, id)
    machine = edge.machine(vpc_id, subnet, "10.20.0.9")
    place = {"LoadBalancerId": id, "ListenerId": listener, "LocationId": location}
    edge.clb("RegisterTargets", **place, Targets=[{"InstanceId": machine, "Port": 8080}])
    (target,) = edge.plane.balancers[id].listeners[0].routes[0].targets
    assert (target.address, target.port, target.weight) == (IPv4Address("10.20.0.9"), 8080, 10)
    edge.clb("ModifyTargetWeight", **place, Targets=[{"InstanceId": machine, "Port": 8080}], Weight=0)
    assert edge.plane.balancers[id].listeners[0].routes[0].targets[0].weight == 0
    edge.clb("DeregisterTargets", **place, Targets=[{"InstanceId": machine, "Port": 8080}])
    assert edge.plane.balancers[id].listeners[0].routes[0].targets == ()


def test_a_redirection_has_the_code_that_was_asked_for(edge: World) -> None:
    vpc_id, _ = edge.network()
    id = balancer(edge, vpc_id)
    (source, origin), (target, aim) = http_rule(edge, id), http_rule(edge, id, 8443)
    ends = {"LoadBalancerId": id, "SourceListenerId": source, "TargetListenerId": target}
    pair = {"SourceLocationId": origin, "TargetLocationId": aim, "RewriteCode": 302}
    edge.clb("ManualRewrite", **ends, RewriteInfos=[pair])
    (route,) = edge.plane.balancers[id].listeners[0].routes
    assert (route.redirect_port, route.redirect_code) == (8443, 302)


def test_target_health_is_what_the_data_plane_says(edge: World) -> None:
    vpc_id, subnet = edge.network()
    id = balancer(edge, vpc_id)
    listener, location = http_rule(edge, id)
    machine = edge.machine(vpc_id, subnet, "10.20.0.9")
    targets.register(edge.api.store, id, listener, location, [{"InstanceId": machine, "Port": 8080, "Weight": 10}])

    def detail() -> str:
        found = edge.call("clb", "DescribeTargetHealth", LoadBalancerIds=[id])["LoadBalancers"][0]
        return str(found["Listeners"][0]["Rules"][0]["Targets"][0]["HealthStatusDetail"])

    assert detail() == "Unknown"
    assert targets.healthy(edge.api.store, id, listener, location, machine) is None
    edge.plane.health[id] = {location: {f"{machine}-8080": False}}
    assert detail() == "Dead"
    assert targets.healthy(edge.api.store, id, listener, location, machine) is False
    edge.plane.health[id] = {location: {f"{machine}-8080": True}}
    assert detail() == "Alive"
    targets.forget_instance(edge.api.store, machine)
    assert edge.plane.balancers[id].listeners[0].routes[0].targets == ()


def test_health_check_defaults_and_code_bits(edge: World) -> None:
    vpc_id, _ = edge.network()
    id = balancer(edge, vpc_id)
    http_rule(edge, id, HealthCheck={"HttpCode": 2, "HttpCheckPath": "/readyz", "HttpCheckMethod": "GET"})
    check = edge.plane.balancers[id].listeners[0].routes[0].check
    assert check == specs.Check(path="/readyz", host=DOMAIN, method="GET", codes=(2,), interval_s=5, timeout_s=2)
    found = edge.call("clb", "DescribeListeners", LoadBalancerId=id)["Listeners"][0]["Rules"][0]["HealthCheck"]
    assert (found["UnHealthNum"], found["HttpCode"]) == (3, 2)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("proxy_buffering off;", "proxy_buffering is not supported"),
        ("proxy_read_timeout 3601s;", "30s to 3600s"),
        ("ssl_protocols TLSv1.4;", "TLSv1.2 TLSv1.3"),
        ("client_max_body_size 512M;", "proxy_request_buffering off"),
        ("keepalive_timeout 75", "does not end with `;`"),
        ("server_tokens off;server_tokens on;", "given twice"),
    ],
)
def test_a_directive_that_the_cloud_does_not_take_is_named(content: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint):
        directives.parse(content)


def certificate(edge: World) -> str:
    chain, key = self_signed(DOMAIN)
    request = {"CertificatePublicKey": chain, "CertificatePrivateKey": key, "CertificateType": "SVR"}
    return edge.call("ssl", "UploadCertificate", **request)["CertificateId"]


def test_the_whole_entry_goes_up_without_differences_and_down_in_order(edge: World) -> None:
    vpc_id, _ = edge.network()
    group = edge.call("vpc", "CreateSecurityGroup", GroupName="g", GroupDescription="g")["SecurityGroup"]
    lb, lb_out = edge.up(
        INSTANCE,
        clbName="in",
        networkType="OPEN",
        dynamicVip=True,
        vpcId=vpc_id,
        masterZoneId=f"{REGION}-3",
        slaveZoneId=f"{REGION}-4",
        internetChargeType="TRAFFIC_POSTPAID_BY_HOUR",
        internetBandwidthMaxOut=100,
        securityGroups=[group["SecurityGroupId"]],
        loadBalancerPassToTarget=True,
        tags={"env": "local"},
    )
    assert lb_out["domain"].endswith(f".clb.{REGION}.tencentclb.com")
    assert lb_out["clbVips"] == []
    assert lb_out["tags"] == {"env": "local"}
    cert = certificate(edge)
    secure, secure_out = edge.up(
        LISTENER,
        clbId=lb,
        listenerName="https",
        port=443,
        protocol="HTTPS",
        certificateSslMode="UNIDIRECTIONAL",
        certificateId=cert,
        keepaliveEnable=1,
    )
    assert secure == f"{lb}#{secure_out['listenerId']}"
    rule, rule_out = edge.up(
        RULE,
        clbId=lb,
        listenerId=secure_out["listenerId"],
        domain=DOMAIN,
        url="/",
        http2Switch=True,
        forwardType="HTTP",
        healthCheckSwitch=True,
        healthCheckHttpPath="/readyz",
        healthCheckHttpCode=2,
        healthCheckHttpMethod="GET",
    )
    content = "ssl_protocols TLSv1.2 TLSv1.3;\nproxy_read_timeout 600s;\nkeepalive_timeout 300s;"
    config, config_out = edge.up(CONFIG, configName="llm", configType="SERVER", configContent=content)
    bind = {"loadBalancerId": lb, "listenerId": secure_out["listenerId"], "domain": DOMAIN}
    bound, bound_out = edge.up(BINDING, configId=config_out["configId"], bindLists=[bind])
    plain, plain_out = edge.up(LISTENER, clbId=lb, listenerName="http", port=80, protocol="HTTP")
    first, first_out = edge.up(RULE, clbId=lb, listenerId=plain_out["listenerId"], domain=DOMAIN, url="/")
    redirect, redirect_out = edge.up(
        REDIRECTION,
        clbId=lb,
        sourceListenerId=plain_out["listenerId"],
        sourceRuleId=first_out["ruleId"],
        targetListenerId=secure_out["listenerId"],
        targetRuleId=rule_out["ruleId"],
    )
    spec = {listener.port: listener for listener in edge.plane.balancers[lb].listeners}
    assert spec[443].tls_versions == ("TLSv1.2", "TLSv1.3")
    assert (spec[443].read_timeout_s, spec[443].keepalive_s, spec[443].http2) == (600, 300, True)
    assert spec[443].target_keepalive
    assert "BEGIN PRIVATE KEY" in spec[443].certificates[0]
    assert spec[80].routes[0].redirect_port == 443
    with pytest.raises(CloudError, match=rf"used by load balancer {lb}"):
        edge.down("tencentcloud:Ssl/certificate:Certificate", cert, {})
    with pytest.raises(CloudError, match="unbind it first"):
        edge.down(CONFIG, config, config_out)
    for token, id, outputs in (
        (REDIRECTION, redirect, redirect_out),
        (BINDING, bound, bound_out),
        (CONFIG, config, config_out),
        (RULE, first, first_out),
        (LISTENER, plain, plain_out),
        (RULE, rule, rule_out),
        (LISTENER, secure, secure_out),
        (INSTANCE, lb, lb_out),
    ):
        edge.down(token, id, outputs)
    edge.down("tencentcloud:Ssl/certificate:Certificate", cert, {})
    assert edge.plane.hosts == {}


def test_a_name_that_is_taken_and_a_composite_id_are_refused_in_the_providers_words(edge: World) -> None:
    vpc_id, _ = edge.network()
    id = balancer(edge, vpc_id, LoadBalancerName="taken")
    with pytest.raises(ProviderError, match="Same CLB name `taken` exists!"):
        edge.up(INSTANCE, clbName="taken", networkType="OPEN", vpcId=vpc_id)
    reasons = HANDLERS[RULE].check({"clbId": id, "listenerId": f"{id}#lbl-1", "url": "/"})
    assert "1.47" in reasons["listenerId"]


def test_a_task_whose_data_plane_fails_ends_as_failed_and_leaves_an_orphan(edge: World) -> None:
    vpc_id, _ = edge.network()
    edge.plane.refuses = lambda spec: "no room" if isinstance(spec, specs.Balancer) else None
    with pytest.raises(ProviderError, match=r"CLB task status is 1\(failed\)"):
        edge.up(INSTANCE, clbName="in", networkType="OPEN", vpcId=vpc_id)
    assert edge.call("clb", "DescribeLoadBalancers")["LoadBalancerSet"][0]["Status"] == 0


def test_a_region_shows_its_own_balancers_alone(edge: World) -> None:
    vpc_id, _ = edge.network()
    balancer(edge, vpc_id)
    assert edge.api.call("clb", "DescribeLoadBalancers", region="ap-shanghai")["TotalCount"] == 0
