"""Registry instances and what is in them, through the official SDK; the data plane is only recorded here."""

import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from sandbox.api.actions import Context
from sandbox.layout import REGIONS
from sandbox.services.tcr import dataplane
from tests.sandbox.local_cloud import LocalCloud, local_cloud
from tests.sandbox.recording import Recording


@pytest.fixture
def recorded() -> Recording:
    return Recording()


@pytest.fixture
def cloud(tmp_path: Path, recorded: Recording) -> Generator[LocalCloud]:
    with local_cloud(tmp_path, substrate=recorded) as running:
        yield running


def call(cloud: LocalCloud, action: str, **params: Any) -> dict[str, Any]:
    return cloud.call("tcr", action, params)


def code_of(cloud: LocalCloud, action: str, **params: Any) -> str | None:
    with pytest.raises(TencentCloudSDKException) as caught:
        call(cloud, action, **params)
    return caught.value.code


def status(cloud: LocalCloud, id: str) -> str:
    return call(cloud, "DescribeInstances", Registryids=[id])["Registries"][0]["Status"]


@pytest.fixture
def registry(cloud: LocalCloud) -> str:
    id = call(cloud, "CreateInstance", RegistryName="sanmen-images", RegistryType="basic")["RegistryId"]
    cloud.until(lambda: status(cloud, id) == "Running", "the registry")
    return id


def open_endpoint(cloud: LocalCloud, id: str) -> None:
    call(cloud, "ManageExternalEndpoint", RegistryId=id, Operation="Create")
    where = {"RegistryId": id}
    cloud.until(lambda: call(cloud, "DescribeExternalEndpointStatus", **where)["Status"] == "Opened", "the endpoint")


def test_a_registry_stands_on_a_public_address_of_its_region(
    cloud: LocalCloud, registry: str, recorded: Recording
) -> None:
    found = call(cloud, "DescribeInstances", Registryids=[registry])["Registries"][0]
    assert found["PublicDomain"] == "sanmen-images.tencentcloudcr.com"
    assert not [name for name in found if name.startswith("_")]
    host = recorded.hosts[registry]
    assert host.public in REGIONS["ap-beijing"].public
    spec = recorded.registries[registry]
    assert (spec.host, spec.domain) == (registry, "sanmen-images.tencentcloudcr.com")
    assert spec.users, "without a user the registry would be open to all"
    (zone,) = (zone for zone in recorded.zones if zone.domain == "tencentcloudcr.com")
    assert [(record.name, record.value) for record in zone.records] == [("sanmen-images", str(host.public))]


def test_a_token_lets_its_user_in(cloud: LocalCloud, registry: str, recorded: Recording) -> None:
    token = call(cloud, "CreateInstanceToken", RegistryId=registry, TokenType="longterm", Desc="ci")
    assert recorded.registries[registry].users[token["Username"]] == token["Token"]
    assert call(cloud, "DescribeInstanceToken", RegistryId=registry)["TotalCount"] == 1
    call(cloud, "DeleteInstanceToken", RegistryId=registry, TokenId=token["TokenId"])
    assert token["Username"] not in recorded.registries[registry].users


def test_the_public_endpoint_admits_only_its_list(cloud: LocalCloud, registry: str, recorded: Recording) -> None:
    ranges = {
        "RegistryId": registry,
        "SecurityGroupPolicySet": [{"CidrBlock": "198.19.0.0/16", "Description": "clients"}],
    }
    assert code_of(cloud, "CreateMultipleSecurityPolicy", **ranges) == "FailedOperation"
    open_endpoint(cloud, registry)
    assert recorded.firewalls[registry].ingress == ()
    call(cloud, "CreateMultipleSecurityPolicy", **ranges)
    assert [str(rule.peers[0]) for rule in recorded.firewalls[registry].ingress] == ["198.19.0.0/16"]
    call(cloud, "DeleteMultipleSecurityPolicy", **ranges)
    assert recorded.firewalls[registry].ingress == ()


def test_a_namespace_goes_after_its_repositories(cloud: LocalCloud, registry: str) -> None:
    call(cloud, "CreateNamespace", RegistryId=registry, NamespaceName="sanmen", IsPublic=False)
    again = code_of(cloud, "CreateNamespace", RegistryId=registry, NamespaceName="sanmen", IsPublic=False)
    assert again == "InvalidParameter.ErrNamespaceExist"
    where = {"RegistryId": registry, "NamespaceName": "sanmen"}
    call(cloud, "CreateRepository", RepositoryName="gateway", **where)
    listed = call(cloud, "DescribeRepositories", **where)["RepositoryList"]
    assert [each["Name"] for each in listed] == ["sanmen/gateway"]
    assert code_of(cloud, "DeleteNamespace", **where) == "FailedOperation.PreconditionFailed"
    call(cloud, "DeleteRepository", RepositoryName="gateway", **where)
    call(cloud, "DeleteNamespace", **where)
    assert call(cloud, "DescribeNamespaces", RegistryId=registry, All=True)["TotalCount"] == 0


def test_a_deleted_registry_leaves_nothing(cloud: LocalCloud, registry: str, recorded: Recording) -> None:
    call(cloud, "CreateNamespace", RegistryId=registry, NamespaceName="sanmen", IsPublic=False)
    call(cloud, "DeleteInstance", RegistryId=registry)
    cloud.until(lambda: not call(cloud, "DescribeInstances")["Registries"], "the deletion")
    assert not recorded.registries
    assert not recorded.hosts
    assert not cloud.store.list("public_address")
    assert not cloud.store.list("tcr.namespace")


@pytest.mark.parametrize("name", ["abc", "Upper-case", "-dash-first", "x" * 51])
def test_bad_names_are_refused(cloud: LocalCloud, name: str) -> None:
    wrong = code_of(cloud, "CreateInstance", RegistryName=name, RegistryType="basic")
    assert wrong == "InvalidParameter.ErrorRegistryName"


def test_names_are_unique_among_all_regions(cloud: LocalCloud, registry: str) -> None:
    params = {"RegistryName": "sanmen-images", "RegistryType": "basic"}
    with pytest.raises(TencentCloudSDKException) as caught:
        cloud.call("tcr", "CreateInstance", params, region="ap-shanghai")
    assert caught.value.code == "InvalidParameter.ErrorNameExists"


def test_a_page_longer_than_the_service_gives_is_cut_and_not_refused(cloud: LocalCloud, registry: str) -> None:
    for number in range(101):
        call(cloud, "CreateNamespace", RegistryId=registry, NamespaceName=f"n{number}", IsPublic=False)
    answer = call(cloud, "DescribeNamespaces", RegistryId=registry, Offset=0, Limit=200)
    assert (len(answer["NamespaceList"]), answer["TotalCount"]) == (100, 101)


@pytest.fixture
def account(cloud: LocalCloud, registry: str) -> dict[str, Any]:
    call(cloud, "CreateNamespace", RegistryId=registry, NamespaceName="sanmen", IsPublic=False)
    permissions = [{"Resource": "sanmen", "Actions": ["tcr:PullRepository"]}]
    return call(cloud, "CreateServiceAccount", RegistryId=registry, Name="pull", Permissions=permissions, Duration=1)


def test_a_service_account_logs_in_while_it_may(
    cloud: LocalCloud, registry: str, account: dict[str, Any], recorded: Recording
) -> None:
    assert account["Name"] == "tcr$pull"
    where = {"RegistryId": registry, "Name": "tcr$pull"}

    def password() -> str | None:
        return recorded.registries[registry].users.get("tcr$pull")

    assert password() == account["Password"]
    call(cloud, "ModifyServiceAccountPassword", RegistryId=registry, Name="pull", Random=False, Password="Word-2-word")
    assert password() == "Word-2-word"
    call(cloud, "ModifyServiceAccount", **where, Disable=True)
    assert password() is None
    call(cloud, "ModifyServiceAccount", **where, Disable=False)
    assert password() == "Word-2-word"
    call(cloud, "ModifyServiceAccount", **where, ExpiresAt=int(time.time() * 1000) + 300)
    cloud.until(lambda: password() is None, "the account's end")
    (shown,) = call(cloud, "DescribeServiceAccounts", RegistryId=registry)["ServiceAccounts"]
    assert shown["Permissions"] == [{"Resource": "sanmen", "Actions": ["tcr:PullRepository"]}]
    assert "Password" not in shown
    call(cloud, "DeleteServiceAccount", **where)
    assert call(cloud, "DescribeServiceAccounts", RegistryId=registry)["ServiceAccounts"] == []


@pytest.mark.parametrize(
    ("action", "changes", "code"),
    [
        ("CreateServiceAccount", {"Name": "tcr$pull"}, "InvalidParameter.ErrUserExist"),
        ("CreateServiceAccount", {"Name": "Upper"}, "InvalidParameter.ErrorNameIllegal"),
        (
            "CreateServiceAccount",
            {"Permissions": [{"Resource": "other", "Actions": ["tcr:PullRepository"]}]},
            "ResourceNotFound.ErrNoNamespace",
        ),
        (
            "CreateServiceAccount",
            {"Permissions": [{"Resource": "sanmen", "Actions": ["tcr:Everything"]}]},
            "InvalidParameterValue",
        ),
        ("ModifyServiceAccountPassword", {"Password": "lower-case-1"}, "InvalidParameter.ErrorTcrInvalidParameter"),
        ("DeleteServiceAccount", {"Name": "nobody"}, "ResourceNotFound.TcrResourceNotFound"),
    ],
)
def test_wrong_service_accounts_are_refused(
    cloud: LocalCloud, registry: str, account: dict[str, Any], action: str, changes: dict[str, Any], code: str
) -> None:
    asked: dict[str, Any] = {"RegistryId": registry, "Name": "push" if action.startswith("Create") else "pull"}
    if action == "CreateServiceAccount":
        asked["Permissions"] = [{"Resource": "sanmen", "Actions": ["tcr:PullRepository"]}]
    assert code_of(cloud, action, **asked | changes) == code


def test_registries_stand_again_after_a_restart_of_the_machine(
    cloud: LocalCloud, registry: str, recorded: Recording
) -> None:
    before = recorded.hosts[registry], recorded.registries[registry]
    recorded.hosts.clear()
    recorded.registries.clear()
    dataplane.restore(Context(store=cloud.store))
    assert (recorded.hosts[registry], recorded.registries[registry]) == before


def test_what_is_paid_before_is_told_apart(cloud: LocalCloud) -> None:
    wanted = {"RegistryName": "paid-before", "RegistryType": "basic", "RegistryChargeType": 1}
    assert code_of(cloud, "CreateInstance", **wanted) == "MissingParameter"
    id = call(cloud, "CreateInstance", **wanted, RegistryChargePrepaid={"Period": 1, "RenewFlag": 1})["RegistryId"]
    found = call(cloud, "DescribeInstances", Registryids=[id])["Registries"][0]
    assert (found["PayMod"], found["RenewFlag"]) == (1, 1)
