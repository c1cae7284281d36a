"""Where the handlers of load balancers repeat a call, and where they let its error through, as the provider does."""

from typing import Any

import pytest

from sandbox.plugins.tencentcloud import resources
from sandbox.plugins.tencentcloud.cloud import Cloud
from sandbox.plugins.tencentcloud.errors import CloudError
from sandbox.plugins.tencentcloud.handler import HANDLERS, Handler, Partial
from sandbox.plugins.tencentcloud.resources.clb_calls import perform
from tests.sandbox.plugins.test_tencentcloud_cloud import Api, api, cloud, error

__all__ = ["api"]
BUSY = error("FailedOperation.ResourceInOperating")
THROTTLED = error("RequestLimitExceeded")
DONE = {"Status": 0, "LoadBalancerIds": ["lb-1"]}
BIND = [{"loadBalancerId": "lb-1", "listenerId": "lbl-1", "domain": "a.test"}]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANMEN_TIME_SCALE", "0.01")
    resources.load()


def handler(kind: str) -> Handler:
    return HANDLERS[f"tencentcloud:Clb/{kind}:{kind[0].upper()}{kind[1:]}"]


def asked(api: Api) -> list[str]:
    return [action for action, _, _ in api.asked]


def test_a_configuration_that_meets_a_changing_balancer_fails_at_once(api: Api) -> None:
    api.answers = [BUSY, {}, DONE]
    with pytest.raises(CloudError, match="ResourceInOperating"):
        handler("customizedConfigAttachment").create(cloud(api), {"configId": "pz-1", "bindLists": BIND}, Partial())
    api.asked.clear()
    api.answers = [BUSY, {}, DONE]
    with pytest.raises(CloudError, match="ResourceInOperating"):
        handler("customizedConfigAttachment").delete(cloud(api), "pz-1", {"bindLists": BIND})
    assert asked(api) == ["DisassociateCustomizedConfig"]


def test_a_configuration_does_not_wait_for_the_row_of_the_others(api: Api) -> None:
    from sandbox.plugins.tencentcloud.resources.clb_calls import writing

    api.answers = [{}, DONE]
    with writing():  # a listener is being made
        handler("customizedConfigAttachment").create(cloud(api), {"configId": "pz-1", "bindLists": BIND}, Partial())
    assert asked(api) == ["AssociateCustomizedConfig", "DescribeTaskStatus"]
    assert api.asked[0][2]["BindList"] == [
        {"LoadBalancerId": "lb-1", "ListenerId": "lbl-1", "Domain": "a.test", "LocationId": ""}
    ]


@pytest.mark.parametrize(
    ("kind", "id", "action"),
    [
        ("listener", "lb-1#lbl-1", "DeleteListener"),
        ("listenerRule", "lb-1#lbl-1#loc-1", "DeleteRule"),
        ("redirection", "loc-1#loc-2#lbl-1#lbl-2#lb-1", "DeleteRewrite"),
    ],
)
def test_what_is_in_a_row_is_not_repeated_either_when_somebody_else_changes_the_balancer(
    api: Api, kind: str, id: str, action: str
) -> None:
    api.answers = [BUSY, {}, DONE]
    with pytest.raises(CloudError, match="ResourceInOperating"):
        handler(kind).delete(cloud(api), id, {})
    assert asked(api) == [action]


def test_a_balancer_that_is_being_changed_is_deleted_later_and_one_that_is_gone_is_a_success(api: Api) -> None:
    api.answers = [BUSY, BUSY, {}, DONE]
    handler("instance").delete(cloud(api), "lb-1", {})
    assert asked(api) == ["DeleteLoadBalancer"] * 3 + ["DescribeTaskStatus"]
    api.answers = [error("InvalidParameter.LBIdNotFound")]
    handler("instance").delete(cloud(api), "lb-1", {})
    api.answers = [error("InvalidParameter.SomethingElse")]
    with pytest.raises(CloudError, match="SomethingElse"):
        handler("instance").delete(cloud(api), "lb-1", {})


def test_a_rule_whose_listener_still_works_is_made_again_by_the_words_of_the_error(api: Api) -> None:
    listener: dict[str, Any] = {"Listeners": [{"Protocol": "HTTP", "Rules": []}]}
    made = {"Listeners": [{"Protocol": "HTTP", "Rules": [{"LocationId": "loc-1", "Domain": "a.test", "Url": "/"}]}]}
    working = {"Error": {"Code": "FailedOperation", "Message": "Your task is working (listener)"}}
    api.answers = [listener, working, {}, DONE, made]
    props: dict[str, Any] = {"clbId": "lb-1", "listenerId": "lbl-1", "domain": "a.test", "url": "/"}
    assert handler("listenerRule").create(cloud(api), props, Partial()).id == "lb-1#lbl-1#loc-1"
    assert asked(api).count("CreateRule") == 2
    assert "HealthCheck" not in api.asked[1][2]["Rules"][0]


def test_a_throttled_look_at_a_task_begins_with_the_call_again_or_fails_it(api: Api) -> None:
    def calls(*, anew: bool) -> list[str]:
        api.asked.clear()
        api.answers = [{}, THROTTLED, {}, DONE]
        connected: Cloud = cloud(api)
        perform(connected, "ModifyLoadBalancerAttributes", {"LoadBalancerId": "lb-1"}, anew=anew)
        return asked(api)

    assert calls(anew=True) == ["ModifyLoadBalancerAttributes", "DescribeTaskStatus"] * 2
    with pytest.raises(CloudError, match="RequestLimitExceeded"):
        calls(anew=False)


def test_a_free_certificate_is_never_asked_for_twice(api: Api) -> None:
    free = HANDLERS["tencentcloud:Ssl/freeCertificate:FreeCertificate"]
    api.answers = [THROTTLED, {"CertificateId": "c"}]
    with pytest.raises(CloudError, match="RequestLimitExceeded"):
        free.create(cloud(api), {"domain": "a.test", "dvAuthMethod": "DNS_AUTO"}, Partial())
    api.answers = [error("FailedOperation.CertificateNotFound")]
    with pytest.raises(CloudError, match="CertificateNotFound"):
        free.read(cloud(api), "c", {})
