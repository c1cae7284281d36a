"""Instances learn who they are, and get the keys of their role; the keys are good for what the role may do."""

import json
import time
from typing import Any

import httpx
import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from sandbox.api import credentials
from tests.sandbox.local_cloud import LocalCloud

"""Registered by their import."""
TRUST = {"effect": "allow", "action": "name/sts:AssumeRole", "principal": {"service": "cvm.qcloud.com"}}
BASE = "/latest/meta-data"


def get(cloud: LocalCloud, path: str, router: str = "vpc-r", ip: str = "10.0.0.5") -> httpx.Response:
    transport = httpx.HTTPTransport(uds=str(cloud.socket))
    with httpx.Client(transport=transport, base_url="http://metadata") as client:
        return client.get(path, headers={"X-Sanmen-Router": router, "X-Forwarded-For": ip})


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"version": "2.0", "statement": list(statements)})


@pytest.fixture
def instance(cloud: LocalCloud) -> LocalCloud:
    """A cloud with one instance that has a role, and two secrets."""
    doc = {
        "InstanceId": "ins-1",
        "PrivateIpAddresses": ["10.0.0.5"],
        "Placement": {"Zone": "ap-beijing-3"},
        "CamRoleName": "gateway",
        "_router": "vpc-r",
    }
    cloud.store.put("cvm.instance", "ins-1", doc, "ap-beijing")
    cloud.call("cam", "CreateRole", {"RoleName": "gateway", "PolicyDocument": policy(TRUST)}, region="")
    for name in ("wanted", "other"):
        secret = {"SecretName": name, "VersionId": "v1", "SecretString": f"{name}-value"}
        cloud.call("ssm", "CreateSecret", secret)
    return cloud


def allow(cloud: LocalCloud, *statements: dict[str, Any]) -> None:
    document = policy(*statements)
    id = cloud.call("cam", "CreatePolicy", {"PolicyName": "p", "PolicyDocument": document}, region="")["PolicyId"]
    cloud.call("cam", "AttachRolePolicy", {"PolicyId": id, "AttachRoleName": "gateway"}, region="")


def role_credential(cloud: LocalCloud) -> Credential:
    keys = get(cloud, f"{BASE}/cam/security-credentials/gateway").json()
    assert keys["Code"] == "Success"
    assert keys["ExpiredTime"] > time.time() + 600
    return Credential(keys["TmpSecretId"], keys["TmpSecretKey"], keys["Token"])


def read(cloud: LocalCloud, name: str, credential: Credential) -> str:
    params = {"SecretName": name, "VersionId": "v1"}
    return cloud.call("ssm", "GetSecretValue", params, credential=credential)["SecretString"]


def code_of(cloud: LocalCloud, name: str, credential: Credential) -> str | None:
    with pytest.raises(TencentCloudSDKException) as caught:
        read(cloud, name, credential)
    return caught.value.code


def test_an_instance_learns_its_id_and_place(instance: LocalCloud) -> None:
    assert get(instance, f"{BASE}/instance-id").text == "ins-1"
    assert get(instance, f"{BASE}/placement/zone").text == "ap-beijing-3"
    assert get(instance, f"{BASE}/placement/region").text == "ap-beijing"
    assert "placement/" in get(instance, f"{BASE}/").text.splitlines()


@pytest.mark.parametrize("path", ["nothing", "public-ipv4", "cam/security-credentials/another"])
def test_what_an_instance_does_not_have_is_not_found(instance: LocalCloud, path: str) -> None:
    assert get(instance, f"{BASE}/{path}").status_code == 404


def test_nobody_else_is_an_instance(instance: LocalCloud) -> None:
    assert get(instance, f"{BASE}/instance-id", ip="10.0.0.6").status_code == 404
    assert get(instance, f"{BASE}/instance-id", router="vpc-other").status_code == 404
    forged = {"X-Sanmen-Router": "vpc-r", "X-Forwarded-For": "10.0.0.5"}
    assert httpx.get(f"http://{instance.address}{BASE}/instance-id", headers=forged).status_code == 404


def test_the_roles_key_reads_the_secret_that_the_policy_names_and_no_other(instance: LocalCloud) -> None:
    resource = ["qcs::ssm:ap-beijing:uin/100000000001:secret/wanted"]
    allow(instance, {"effect": "allow", "action": "ssm:GetSecretValue", "resource": resource})
    credential = role_credential(instance)
    assert read(instance, "wanted", credential) == "wanted-value"
    assert code_of(instance, "other", credential) == "AuthFailure.UnauthorizedOperation"


@pytest.mark.parametrize(
    "resource",
    [
        "*",
        "qcs::ssm:ap-beijing::secret/*",
        "qcs::ssm:*:uin/100000000001:secret/wan*",
        "qcs::ssm::uin/100000000001:secret/creatorUin/100000000001/wanted",
        "qcs::ssm:ap-beijing:uin/:secret/creatorUin/*/wanted",
    ],
)
def test_resources_may_be_patterns(instance: LocalCloud, resource: str) -> None:
    allow(instance, {"effect": "allow", "action": ["name/ssm:Get*"], "resource": resource})
    assert read(instance, "wanted", role_credential(instance)) == "wanted-value"


def test_deny_wins(instance: LocalCloud) -> None:
    allow(
        instance,
        {"effect": "allow", "action": "*", "resource": "*"},
        {"effect": "deny", "action": "ssm:GetSecretValue", "resource": "qcs::ssm:ap-beijing::secret/other"},
    )
    credential = role_credential(instance)
    assert read(instance, "wanted", credential) == "wanted-value"
    assert code_of(instance, "other", credential) == "AuthFailure.UnauthorizedOperation"


def test_a_role_without_policies_may_nothing(instance: LocalCloud) -> None:
    assert code_of(instance, "wanted", role_credential(instance)) == "AuthFailure.UnauthorizedOperation"


def test_a_temporary_key_needs_its_token_and_its_time(instance: LocalCloud) -> None:
    allow(instance, {"effect": "allow", "action": "*", "resource": "*"})
    good = role_credential(instance)
    id, key = good.secret_id, good.secret_key
    assert code_of(instance, "wanted", Credential(id, key)) == "AuthFailure.TokenFailure"
    assert code_of(instance, "wanted", Credential(id, key, "wrong")) == "AuthFailure.TokenFailure"
    doc = instance.store.get(credentials.TEMPORARY, id)
    instance.store.put(credentials.TEMPORARY, id, doc | {"ExpiredTime": int(time.time()) - 1})
    assert code_of(instance, "wanted", good) == "AuthFailure.TokenFailure"


def test_the_caller_behind_a_temporary_key_is_the_role(instance: LocalCloud) -> None:
    allow(instance, {"effect": "allow", "action": "sts:*", "resource": "*"})
    caller = instance.call("sts", "GetCallerIdentity", region="", credential=role_credential(instance))
    assert caller["Type"] == "AssumedRole"
    assert instance.call("sts", "GetCallerIdentity", region="")["AccountId"] == "100000000001"


def test_the_key_is_handed_out_again_while_it_lasts(instance: LocalCloud) -> None:
    assert role_credential(instance).secret_id == role_credential(instance).secret_id
