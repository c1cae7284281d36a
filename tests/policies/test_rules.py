"""Every rule with what passes, what fails and what preview cannot know."""

import base64
from copy import deepcopy
from typing import Any

import pytest
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError, unknown_checking_proxy

from policies import edge, hosts, network, redis, workloads
from policies.pack import rules
from policies.rules import Resource, ResourceRule, StackRule

RULES = {rule.name: rule for rule in rules(longest_stream_s=600)}
CONTENT = "ssl_protocols TLSv1.2 TLSv1.3;\nproxy_read_timeout 600s;"
INGRESS = {"action": "ACCEPT", "cidrBlock": "0.0.0.0/0", "protocol": "TCP", "port": "443"}
PROBE = {"httpGet": {"path": "/healthz"}, "periodSeconds": 2}
CONTAINER = {
    "name": "gateway",
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    },
    "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "1Gi"}},
    "startupProbe": PROBE,
    "readinessProbe": {**PROBE, "periodSeconds": 5},
    "livenessProbe": {**PROBE, "periodSeconds": 20},
}
POD = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [CONTAINER],
    "topologySpreadConstraints": [{"topologyKey": key} for key in workloads.SPREAD_OVER],
}
WORKLOAD = {"spec": {"template": {"spec": POD}}}
AUTOSCALER = {
    "spec": {
        "minReplicas": 3,
        "maxReplicas": 10,
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
    }
}
LISTENER = {"protocol": "HTTPS", "port": 443, "keepaliveEnable": 1}
REDIS = {
    "noAuth": False,
    "password": "p",
    "vpcId": "vpc-1",
    "subnetId": "subnet-1",
    "securityGroups": ["sg-1"],
    "availabilityZone": "ap-beijing-3",
    "replicaZoneIds": [800005],
    "forceDelete": False,
}


def encoded(text: str) -> str:
    """As user data travels."""
    return base64.b64encode(text.encode()).decode()


def changed(props: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with the value at `a.b.0.c` changed; None takes it away."""
    copy = deepcopy(props)
    inner: Any = copy
    *way, last = [int(word) if word.isdigit() else word for word in path.split(".")]
    for word in way:
        inner = inner[word]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return copy


CONTAINER_PATH = "spec.template.spec.containers.0"
# rule, type, what passes, path, values that fail, path whose unknown value ends the rule
RESOURCE_CASES: list[tuple[str, str, dict[str, Any], str, list[Any], str]] = [
    ("listener-is-https", edge.LISTENER, LISTENER, "protocol", ["TCP", "HTTP"], "protocol"),
    ("tls-is-modern", edge.CUSTOM, {"configContent": CONTENT}, "configContent",
     ["ssl_protocols TLSv1 TLSv1.2;", "proxy_read_timeout 600s;"], "configContent"),
    ("streams-are-not-cut", edge.CUSTOM, {"configContent": CONTENT}, "configContent",
     ["proxy_read_timeout 599s;", "proxy_read_timeout 3601s;", "ssl_protocols TLSv1.2;"], "configContent"),
    ("connections-are-kept", edge.LISTENER, LISTENER, "keepaliveEnable", [0, None], "keepaliveEnable"),
    ("balancer-zones-differ", edge.BALANCER, {"masterZoneId": "z-3", "slaveZoneId": "z-5"}, "slaveZoneId",
     ["z-3", None], "masterZoneId"),
    ("world-reaches-web-only", edge.GROUP_RULES, {"ingresses": [INGRESS]}, "ingresses.0.port",
     ["22", "ALL", "443,6379", "1-65535"], "ingresses.0.port"),
    ("machine-is-private", hosts.LAUNCH_CONFIGURATION, {"internetMaxBandwidthOut": 0, "publicIpAssigned": False},
     "internetMaxBandwidthOut", [5], "internetMaxBandwidthOut"),
    ("machine-is-private", hosts.MACHINE, {"allocatePublicIp": False}, "allocatePublicIp", [True], "allocatePublicIp"),
    ("machine-is-in-its-own-network", hosts.SCALING_GROUP, {"vpcId": "v", "subnetIds": ["s"]}, "subnetIds", [None], ""),
    ("user-data-holds-no-secret", hosts.LAUNCH_CONFIGURATION,
     {"userData": encoded("#cloud-config\nruncmd: [/usr/lib/sanmen/start]\n")}, "userData",
     [encoded("password: hunter22"), encoded(r'{"content": "{\"api_key\": \"hunter22\"}"}'),
       encoded("-----BEGIN PRIVATE KEY-----"), encoded("id: AKIDz8krbsJ5yKBZQpn74"),
      encoded("x: kT9vQ2mZ7pL4xW8cR1nB6yH3sJ5dF0gAeUiOqVtX"), "key=sk-abcdefghijklmnop1234"], "userData"),
    ("redis-asks-password", redis.REDIS, REDIS, "noAuth", [True], "noAuth"),
    ("redis-asks-password", redis.REDIS, REDIS, "password", [None], "noAuth"),
    ("redis-is-private", redis.REDIS, REDIS, "subnetId", [None], ""),
    ("redis-survives-a-zone", redis.REDIS, REDIS, "replicaZoneIds", [[800003], None], "availabilityZone"),
    ("redis-can-be-recovered", redis.REDIS, REDIS, "forceDelete", [True], "forceDelete"),
    ("pod-has-no-privileges", workloads.PODS[0], WORKLOAD, f"{CONTAINER_PATH}.securityContext.capabilities",
     [None, {"drop": ["ALL"], "add": ["NET_ADMIN"]}], f"{CONTAINER_PATH}.securityContext"),
    ("pod-has-no-privileges", workloads.PODS[0], WORKLOAD, f"{CONTAINER_PATH}.securityContext.readOnlyRootFilesystem",
     [False, None], f"{CONTAINER_PATH}.securityContext"),
    ("pod-has-no-privileges", workloads.PODS[0], WORKLOAD, "spec.template.spec.hostNetwork", [True], "spec"),
    ("pod-has-no-privileges", workloads.PODS[0], WORKLOAD, "spec.template.spec.securityContext.runAsNonRoot",
     [False, None], "spec"),
    ("pod-states-its-needs", workloads.PODS[0], WORKLOAD, f"{CONTAINER_PATH}.resources.limits.memory",
     ["2Gi", None], f"{CONTAINER_PATH}.resources"),
    ("pod-tells-its-state", workloads.PODS[0], WORKLOAD, f"{CONTAINER_PATH}.livenessProbe",
     [None, PROBE], f"{CONTAINER_PATH}.livenessProbe"),
    ("autoscaler-has-room", workloads.AUTOSCALER, AUTOSCALER, "spec.minReplicas", [2, None], "spec.minReplicas"),
    ("autoscaler-has-room", workloads.AUTOSCALER, AUTOSCALER, "spec.maxReplicas", [9], "spec.maxReplicas"),
    ("autoscaler-is-patient", workloads.AUTOSCALER, AUTOSCALER, "spec.behavior", [None], "spec"),
    ("budget-is-small", workloads.BUDGET, {"spec": {"maxUnavailable": "25%"}}, "spec.maxUnavailable",
     ["26%", 2, None], "spec.maxUnavailable"),
    ("pods-are-spread", workloads.PODS[0], WORKLOAD, "spec.template.spec.topologySpreadConstraints",
     [[{"topologyKey": "kubernetes.io/hostname"}], None], "spec.template.spec.topologySpreadConstraints"),
]  # fmt: skip


def resource(type: str, props: dict[str, Any], **more: Any) -> Resource:
    """As the engine shows it in prod."""
    known: dict[str, Any] = {"stack": "prod", "provider": "bj", "provider_props": {"region": "ap-beijing"}, **more}
    return Resource(type=type, name="it", props=unknown_checking_proxy(props), **known)


def findings(rule: str, found: Resource) -> list[str]:
    """What a resource rule says."""
    checked = RULES[rule]
    assert isinstance(checked, ResourceRule)
    assert checked.concerns(found.type)
    return list(checked.check(found))


@pytest.mark.parametrize(("rule", "type", "good", "path", "bad", "unknown"), RESOURCE_CASES)
def test_a_rule_passes_fails_and_does_not_guess(
    rule: str, type: str, good: dict[str, Any], path: str, bad: list[Any], unknown: str
) -> None:
    assert findings(rule, resource(type, good)) == []
    for value in bad:
        assert findings(rule, resource(type, changed(good, path, value))), value
    if unknown:
        with pytest.raises(UnknownValueError):
            findings(rule, resource(type, changed(good, unknown, UNKNOWN_STRING_VALUE)))


def test_an_unknown_password_or_network_is_still_one_that_is_given() -> None:
    for rule, name in (("redis-asks-password", "password"), ("redis-is-private", "vpcId")):
        assert findings(rule, resource(redis.REDIS, {**REDIS, name: UNKNOWN_STRING_VALUE})) == []


def test_a_finding_about_user_data_does_not_repeat_the_secret() -> None:
    found = findings("user-data-holds-no-secret", resource(hosts.MACHINE, {"userData": encoded("password: hunter22")}))
    assert len(found) == 1
    assert "hunter22" not in found[0]


def test_what_prod_forbids_dev_may() -> None:
    assert findings("redis-can-be-recovered", resource(redis.REDIS, {**REDIS, "forceDelete": True}, stack="dev")) == []
    small = changed(AUTOSCALER, "spec.minReplicas", 2)
    assert findings("autoscaler-has-room", resource(workloads.AUTOSCALER, small, stack="dev")) == []


def test_two_halves_of_the_internet_are_the_internet() -> None:
    for cidr in ("0.0.0.0/1", "128.0.0.0/1"):
        rule = {**INGRESS, "cidrBlock": cidr, "port": "22"}
        assert findings("world-reaches-web-only", resource(edge.GROUP_RULES, {"ingresses": [rule]}))
    inside = {**INGRESS, "cidrBlock": "10.0.0.0/8", "port": "22"}
    assert findings("world-reaches-web-only", resource(edge.GROUP_RULES, {"ingresses": [inside]})) == []


@pytest.mark.parametrize(("region", "count"), [("ap-beijing", 0), ("ap-hongkong", 1), (None, 1)])
def test_a_region_outside_the_mainland_is_refused(region: str | None, count: int) -> None:
    props = {"region": region} if region else {}
    found = resource(redis.REDIS, REDIS, provider_props=unknown_checking_proxy(props))
    assert len(findings("region-is-mainland", found)) == count


def test_an_unknown_region_is_not_guessed() -> None:
    props = unknown_checking_proxy({"region": UNKNOWN_STRING_VALUE})
    with pytest.raises(UnknownValueError):
        findings("region-is-mainland", resource(redis.REDIS, REDIS, provider_props=props))


def test_a_default_provider_is_refused() -> None:
    assert findings("provider-is-explicit", resource(redis.REDIS, REDIS)) == []
    assert findings("provider-is-explicit", resource(redis.REDIS, REDIS, provider="default_0_2_3"))


def test_an_old_autoscaler_is_refused_and_the_current_one_is_no_concern_of_that_rule() -> None:
    assert findings("autoscaler-is-current", resource(workloads.OLD_AUTOSCALERS[0], {}))
    rule = RULES["autoscaler-is-current"]
    assert isinstance(rule, ResourceRule)
    assert not rule.concerns(workloads.AUTOSCALER)


def stack(*resources: Resource, rule: str) -> list[str]:
    """URNs a stack rule finds fault with."""
    checked = RULES[rule]
    assert isinstance(checked, StackRule)
    return [urn for urn, _ in checked.check(resources)]


HTTPS = resource(edge.LISTENER, {"protocol": "HTTPS"}, urn="https")
HTTP = resource(edge.LISTENER, {"protocol": "HTTP"}, urn="http")
MAYBE = resource(edge.LISTENER, {"protocol": UNKNOWN_STRING_VALUE}, urn="maybe")
REDIRECT = resource(
    edge.REDIRECTION, {}, urn="redirect", needs={"sourceListenerId": ["http"], "sourceRuleId": ["http-rule"]}
)


def test_port_80_needs_a_redirection() -> None:
    rule = "plain-http-only-redirects"
    assert stack(HTTPS, HTTP, REDIRECT, rule=rule) == []
    assert stack(HTTPS, HTTP, rule=rule) == ["http"]
    with pytest.raises(UnknownValueError):
        stack(MAYBE, rule=rule)


def test_an_https_listener_needs_a_custom_configuration() -> None:
    rule = "https-listener-is-tuned"
    attachment = resource(edge.CUSTOM_ATTACHMENT, {}, urn="a", needs={"bindLists": ["https", "balancer"]})
    assert stack(HTTPS, HTTP, attachment, rule=rule) == []
    assert stack(HTTPS, rule=rule) == ["https"]
    with pytest.raises(UnknownValueError):
        stack(MAYBE, rule=rule)


def test_targets_need_a_health_check_unless_there_are_none() -> None:
    rule = "targets-are-checked"
    props = {
        "healthCheckSwitch": True,
        "healthCheckType": "HTTP",
        "healthCheckHttpPath": "/readyz",
        "healthCheckIntervalTime": 5,
    }
    redirecting = resource(edge.LISTENER_RULE, {"healthCheckSwitch": False}, urn="http-rule")
    assert stack(resource(edge.LISTENER_RULE, props, urn="r"), redirecting, REDIRECT, rule=rule) == []
    assert stack(redirecting, rule=rule) == ["http-rule"]
    for name, value in (("healthCheckIntervalTime", 16), ("healthCheckHttpPath", "/"), ("healthCheckType", "TCP")):
        assert stack(resource(edge.LISTENER_RULE, {**props, name: value}, urn="r"), rule=rule) == ["r"]
        with pytest.raises(UnknownValueError):
            stack(resource(edge.LISTENER_RULE, {**props, name: UNKNOWN_STRING_VALUE}), rule=rule)


BALANCER = resource(edge.BALANCER, {}, urn="balancer", needs={"securityGroups": ["group"]})


def group_rules(*ingresses: Any, group: str = "group") -> Resource:
    """A rule set of a security group."""
    needs = {"securityGroupId": [group]}
    return resource(edge.GROUP_RULES, {"ingresses": list(ingresses)}, urn="rules", needs=needs)


def test_the_balancers_group_admits_web_only_whatever_the_source() -> None:
    rule = "balancer-admits-web-only"
    inside = {**INGRESS, "cidrBlock": "10.0.0.0/8", "port": "9145"}
    assert stack(BALANCER, group_rules(INGRESS), rule=rule) == []
    assert stack(BALANCER, group_rules(inside), rule=rule) == ["rules"]
    assert stack(BALANCER, group_rules(inside, group="other"), rule=rule) == []
    with pytest.raises(UnknownValueError):
        stack(BALANCER, group_rules({**INGRESS, "port": UNKNOWN_STRING_VALUE}), rule=rule)


def test_the_world_reaches_the_balancers_group_only() -> None:
    rule = "world-reaches-balancers-only"
    assert stack(BALANCER, group_rules(INGRESS), rule=rule) == []
    assert stack(BALANCER, group_rules(INGRESS, group="other"), rule=rule) == ["rules"]
    with pytest.raises(UnknownValueError):
        stack(group_rules({**INGRESS, "cidrBlock": UNKNOWN_STRING_VALUE}), rule=rule)


def test_redis_needs_a_backup() -> None:
    instance = resource(redis.REDIS, REDIS, urn="redis")
    backup = resource(redis.BACKUP, {"redisId": UNKNOWN_STRING_VALUE}, needs={"redisId": ["redis"]})
    assert stack(instance, backup, rule="redis-is-backed-up") == []
    assert stack(instance, rule="redis-is-backed-up") == ["redis"]


def test_prod_needs_three_regions() -> None:
    def vpcs(*regions: str, name: str = "prod") -> list[Resource]:
        props = [unknown_checking_proxy({"region": region}) for region in regions]
        return [resource(network.VPC, {}, urn="vpc", stack=name, provider_props=each) for each in props]

    rule = "prod-has-three-regions"
    assert stack(*vpcs("ap-beijing", "ap-shanghai", "ap-guangzhou"), rule=rule) == []
    assert stack(*vpcs("ap-beijing", "ap-shanghai", "ap-shanghai"), rule=rule) == ["vpc"]
    assert stack(*vpcs("ap-beijing", name="dev"), rule=rule) == []
    with pytest.raises(UnknownValueError):
        stack(*vpcs(UNKNOWN_STRING_VALUE), rule=rule)
