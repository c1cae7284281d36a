"""Lookups: what the TKE flavour asks about the listener that the cluster's controller makes."""

import threading
from collections.abc import Mapping
from typing import Any

import grpc
import pytest

from sandbox.plugins.protocol.stubs import provider_pb2
from sandbox.plugins.protocol.values import encode
from sandbox.plugins.tencentcloud.cloud import Cloud, Credentials
from sandbox.plugins.tencentcloud.endpoint import Endpoint
from sandbox.plugins.tencentcloud.invokes import invoke
from tests.sandbox.plugins.plugin_driver import Plugin

LISTENERS = "tencentcloud:Clb/getListeners:getListeners"
RULES = "tencentcloud:Clb/getListenerRules:getListenerRules"


def rule(id: str, domain: str) -> dict[str, Any]:
    return {"LocationId": id, "Domain": domain, "Domains": [domain], "Url": "/", "Scheduler": "LEAST_CONN"}


HTTP: dict[str, Any] = {
    "ListenerId": "lbl-plain",
    "ListenerName": "a",
    "Protocol": "HTTP",
    "Port": 80,
    "SniSwitch": 0,
    "Rules": [],
}
HTTPS: dict[str, Any] = {
    "SniSwitch": 0,
    "ListenerId": "lbl-tls",
    "ListenerName": "b",
    "Protocol": "HTTPS",
    "Port": 443,
    "Rules": [rule("loc-1", "api.a.test"), rule("loc-2", "api.b.test")],
}


class Balancer(Cloud):
    """The API of a cloud with one balancer."""

    def call(self, service: str, action: str, params: Mapping[str, Any] | None = None, **_: Any) -> dict[str, Any]:
        assert (service, action) == ("clb", "DescribeListeners")
        asked = params or {}
        assert asked["LoadBalancerId"] == "lb-1"
        found = [
            one
            for one in (HTTP, HTTPS)
            if one["ListenerId"] in asked.get("ListenerIds", [one["ListenerId"]])
            and one["Protocol"] == asked.get("Protocol", one["Protocol"])
            and one["Port"] == asked.get("Port", one["Port"])
        ]
        return {"Listeners": found, "TotalCount": len(found)}


def cloud() -> Cloud:
    return Balancer(
        region="ap-beijing",
        endpoint=Endpoint(protocol="http", domain=""),
        credentials=Credentials(secret_id="", secret_key="", token=""),
        stopped=threading.Event(),
    )


def test_the_controllers_listener_is_found_by_protocol_and_port() -> None:
    found = invoke(LISTENERS, {"clbId": "lb-1", "protocol": "HTTPS", "port": 443}, cloud)
    assert [one["listenerId"] for one in found["listenerLists"]] == ["lbl-tls"]
    assert invoke(LISTENERS, {"clbId": "lb-1", "port": 8443}, cloud)["listenerLists"] == []


def test_the_rule_of_a_host_is_found() -> None:
    asked = {"clbId": "lb-1", "listenerId": "lbl-tls", "domain": "api.b.test", "url": "/"}
    found = invoke(RULES, asked, cloud)
    assert [one["ruleId"] for one in found["ruleLists"]] == ["loc-2"]
    assert invoke(RULES, {**asked, "domain": "api.c.test"}, cloud)["ruleLists"] == []


@pytest.mark.parametrize("token", [LISTENERS, RULES])
def test_a_lookup_in_a_preview_without_a_cloud_says_what_to_do(tencentcloud: Plugin, token: str) -> None:
    request = provider_pb2.InvokeRequest(tok=token, args=encode({"clbId": "lb-1", "listenerId": "lbl-tls"}))
    with pytest.raises(grpc.RpcError, match=r"no cloud is configured: TENCENTCLOUD_DOMAIN is not set"):
        tencentcloud.stub.Invoke(request)
