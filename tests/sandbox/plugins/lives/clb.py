"""A public entry: all types of CLB and SSL that a stack has."""

from typing import Any

from tests.sandbox.certificates import self_signed
from tests.sandbox.plugins.provider_run import REGION, TAGS, Made, Run

_DOMAIN = "api.sanmen.test"


def live(run: Run) -> None:
    """Certificates, a balancer with listeners of all protocols, a redirection, a configuration."""
    run.given("dnspod", "CreateDomain", Domain="sanmen.test")
    chain, key = self_signed(_DOMAIN)
    certificate = run.create("Ssl/certificate", name="c", type="SVR", cert=chain, key=key, tags=TAGS)
    free = run.create(
        "Ssl/freeCertificate",
        alias="f",
        domain=_DOMAIN,
        dvAuthMethod="DNS_AUTO",
        packageType="83",
        validityPeriod="3",
        csrEncryptAlgo="RSA",
        csrKeyParameter="2048",
    )
    balancer = _balancer(run)
    lb = {"clbId": balancer.id}
    plain = run.create("Clb/listener", **lb, listenerName="http", port=80, protocol="HTTP")
    tls = {"certificateSslMode": "UNIDIRECTIONAL", "certificateId": certificate.id, "keepaliveEnable": 1}
    secure = run.create("Clb/listener", **lb, listenerName="https", port=443, protocol="HTTPS", **tls)
    place = {**lb, "domain": _DOMAIN, "url": "/"}
    http, https = plain.outputs["listenerId"], secure.outputs["listenerId"]
    source = run.create("Clb/listenerRule", **place, listenerId=http, healthCheckSwitch=False)
    target = _checked_rule(run, {**place, "listenerId": https})
    checked = {"healthCheckSwitch": True, "snatEnable": True}
    layer4 = run.create("Clb/listener", **lb, listenerName="tcp", port=9000, protocol="TCP", **checked)
    ways: dict[str, Any] = {"sourceListenerId": http, "sourceRuleId": source.outputs["ruleId"]}
    ways |= {"targetListenerId": https, "targetRuleId": target.outputs["ruleId"]}
    redirection = run.create("Clb/redirection", **lb, **ways, isAutoRewrite=False)
    text = "ssl_protocols TLSv1.2 TLSv1.3;\nproxy_read_timeout 600s;"
    config = run.create("Clb/customizedConfigV2", configName="c", configType="SERVER", configContent=text)
    bind = {"loadBalancerId": balancer.id, "listenerId": https, "domain": _DOMAIN}
    attachment = run.create("Clb/customizedConfigAttachment", configId=config.outputs["configId"], bindLists=[bind])
    changes: list[tuple[Made, dict[str, Any]]] = [
        (certificate, {"name": "other"}),
        (free, {"alias": "other"}),
        (balancer, {"internetBandwidthMaxOut": 200, "clbName": "other", "tags": {"env": "x"}}),
        *((listener, {"listenerName": "other"}) for listener in (plain, secure, layer4)),
        *((rule, {"scheduler": "WRR"}) for rule in (source, target)),
        (config, {"configContent": "proxy_read_timeout 700s;"}),
    ]
    made = (certificate, free, balancer, plain, secure, source, target, layer4, redirection, config, attachment)
    for each in made:
        each.refresh()
    for each, change in changes:
        each.change(**change)
    for each in reversed(made):
        each.delete()


def _balancer(run: Run) -> Made:
    vpc_id, _ = run.network()
    group = run.given("vpc", "CreateSecurityGroup", GroupName="g", GroupDescription="g")["SecurityGroup"]
    return run.create(
        "Clb/instance",
        clbName="in",
        networkType="OPEN",
        dynamicVip=True,
        vpcId=vpc_id,
        masterZoneId=f"{REGION}-3",
        slaveZoneId=f"{REGION}-4",
        internetChargeType="TRAFFIC_POSTPAID_BY_HOUR",
        internetBandwidthMaxOut=100,
        slaType="clb.c2.medium",
        securityGroups=[group["SecurityGroupId"]],
        loadBalancerPassToTarget=True,
        deleteProtect=False,
        tags=TAGS,
    )


def _checked_rule(run: Run, place: dict[str, Any]) -> Made:
    return run.create(
        "Clb/listenerRule",
        **place,
        scheduler="LEAST_CONN",
        forwardType="HTTP",
        targetType="NODE",
        http2Switch=True,
        healthCheckSwitch=True,
        healthCheckType="HTTP",
        healthCheckHttpMethod="GET",
        healthCheckHttpPath="/readyz",
        healthCheckHttpDomain=_DOMAIN,
        healthCheckHttpCode=2,
        healthCheckIntervalTime=5,
        healthCheckTimeOut=2,
        healthCheckHealthNum=2,
        healthCheckUnhealthNum=2,
    )
