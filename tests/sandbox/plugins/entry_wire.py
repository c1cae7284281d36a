"""A public entry with all resource types of CLB and SSL, step by step, and what a plugin asks of the API for it.

`recorded/entry.json` holds the requests of the official plugin 0.2.3, unchanged, that was driven through these steps
against the sandbox. It is never edited by hand.
"""

import json
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from sandbox.api import validation
from tests.sandbox.certificates import self_signed
from tests.sandbox.world import REGION, World

RECORDED = Path(__file__).parent / "recorded" / "entry.json"
DOMAIN = "api.sanmen.test"
Up = Callable[..., tuple[str, dict[str, Any]]]
"""(token, **inputs) -> (id, outputs)."""
Made = tuple[str, str, dict[str, Any], dict[str, Any]]
"""Token, id, outputs, inputs."""

CHANGES: dict[str, dict[str, Any]] = {
    "Ssl/certificate:Certificate": {"name": "other"},
    "Ssl/freeCertificate:FreeCertificate": {"alias": "other"},
    "Clb/instance:Instance": {"internetBandwidthMaxOut": 200, "clbName": "other", "tags": {"env": "x"}},
    "Clb/listener:Listener": {"listenerName": "other"},
    "Clb/listenerRule:ListenerRule": {"scheduler": "WRR"},
    "Clb/customizedConfigV2:CustomizedConfigV2": {"configContent": "proxy_read_timeout 700s;"},
}
"""Type -> what an update changes."""


def prepare(edge: World) -> tuple[str, str]:
    """What others make: a zone, a network and a security group. (VPC, group)."""
    edge.call("dnspod", "CreateDomain", Domain="sanmen.test")
    vpc_id, _ = edge.network()
    group = edge.call("vpc", "CreateSecurityGroup", GroupName="g", GroupDescription="g")["SecurityGroup"]
    return vpc_id, group["SecurityGroupId"]


def build(vpc_id: str, group: str, make: Up) -> list[Made]:
    """Make it all, in the program's order."""
    made: list[Made] = []

    def up(kind: str, **inputs: Any) -> tuple[str, dict[str, Any]]:
        id, outputs = make(f"tencentcloud:{kind}", **inputs)
        made.append((f"tencentcloud:{kind}", id, outputs, inputs))
        return id, outputs

    certificate = _certificates(up)
    lb, _ = up(
        "Clb/instance:Instance",
        clbName="in",
        networkType="OPEN",
        dynamicVip=True,
        vpcId=vpc_id,
        masterZoneId=f"{REGION}-3",
        slaveZoneId=f"{REGION}-4",
        internetChargeType="TRAFFIC_POSTPAID_BY_HOUR",
        internetBandwidthMaxOut=100,
        slaType="clb.c2.medium",
        securityGroups=[group],
        loadBalancerPassToTarget=True,
        deleteProtect=False,
        tags={"env": "local"},
    )
    _, plain = up("Clb/listener:Listener", clbId=lb, listenerName="http", port=80, protocol="HTTP")
    place = {"clbId": lb, "domain": DOMAIN, "url": "/"}
    _, source = up("Clb/listenerRule:ListenerRule", **place, listenerId=plain["listenerId"], healthCheckSwitch=False)
    secure, target = _secure(up, lb, certificate, place)
    up(
        "Clb/redirection:Redirection",
        clbId=lb,
        isAutoRewrite=False,
        sourceListenerId=plain["listenerId"],
        sourceRuleId=source["ruleId"],
        targetListenerId=secure,
        targetRuleId=target,
    )
    text = "ssl_protocols TLSv1.2 TLSv1.3;\nproxy_read_timeout 600s;"
    _, config = up("Clb/customizedConfigV2:CustomizedConfigV2", configName="c", configType="SERVER", configContent=text)
    bind = {"loadBalancerId": lb, "listenerId": secure, "domain": DOMAIN}
    kind = "Clb/customizedConfigAttachment:CustomizedConfigAttachment"
    up(kind, configId=config["configId"], bindLists=[bind])
    return made


def _certificates(up: Up) -> str:
    chain, key = self_signed(DOMAIN)
    uploaded = {"type": "SVR", "cert": chain.strip(), "key": key.strip(), "tags": {"env": "local"}}
    certificate, _ = up("Ssl/certificate:Certificate", name="c", **uploaded)
    up(
        "Ssl/freeCertificate:FreeCertificate",
        alias="f",
        domain=DOMAIN,
        dvAuthMethod="DNS_AUTO",
        packageType="83",
        validityPeriod="3",
        csrEncryptAlgo="RSA",
        csrKeyParameter="2048",
    )
    return certificate


def _secure(up: Up, lb: str, certificate: str, place: dict[str, Any]) -> tuple[str, str]:
    """(listener, rule) on 443; and a listener of layer 4, whose health check is its own."""
    _, secure = up(
        "Clb/listener:Listener",
        clbId=lb,
        listenerName="https",
        port=443,
        protocol="HTTPS",
        certificateSslMode="UNIDIRECTIONAL",
        certificateId=certificate,
        keepaliveEnable=1,
    )
    _, rule = up(
        "Clb/listenerRule:ListenerRule",
        **place,
        listenerId=secure["listenerId"],
        scheduler="LEAST_CONN",
        forwardType="HTTP",
        targetType="NODE",
        http2Switch=True,
        healthCheckSwitch=True,
        healthCheckType="HTTP",
        healthCheckHttpMethod="GET",
        healthCheckHttpPath="/readyz",
        healthCheckHttpDomain=DOMAIN,
        healthCheckHttpCode=2,
        healthCheckIntervalTime=5,
        healthCheckTimeOut=2,
        healthCheckHealthNum=2,
        healthCheckUnhealthNum=2,
    )
    tcp = {"listenerName": "tcp", "port": 9000, "protocol": "TCP", "healthCheckSwitch": True, "snatEnable": True}
    up("Clb/listener:Listener", clbId=lb, **tcp)
    return secure["listenerId"], rule["ruleId"]


@contextmanager
def wire() -> Generator[list[list[Any]]]:
    """What is asked meanwhile: [action, parameters] each, ids and keys by their kind. Looks at one task are one."""
    asked: list[list[Any]] = []
    really = validation.build

    def build(given: Any, model: Any) -> Any:
        entry = [model.__name__.removesuffix("Request"), _anonymous(given)]
        if entry[0] != "DescribeTaskStatus" or entry not in asked[-1:]:
            asked.append(entry)
        return really(given, model)

    with mock.patch.object(validation, "build", build):
        yield asked


def _anonymous(given: Any) -> Any:
    text = json.dumps(given, sort_keys=True, ensure_ascii=False)
    text = re.sub(r'"TaskId": "[^"]+"', '"TaskId": "task"', text)
    text = re.sub(r"\b(lb|lbl|loc|pz|vpc|sg)-[a-z0-9]{8}\b", r"\1-id", text)
    text = re.sub(r"-----BEGIN.*?-----END [A-Z ]+-----", "PEM", text)
    text = re.sub(r'("(?:CertificateId|CertId)": )"[^"]+"', r'\1"certificate"', text)
    text = re.sub(r"(certificate/)[A-Za-z0-9]{8}", r"\1id", text)
    return json.loads(re.sub(r'"ResourceIds": \["[A-Za-z0-9]{8}"\]', '"ResourceIds": ["certificate"]', text))
