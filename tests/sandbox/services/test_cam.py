"""Roles and policies, through the official SDK."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.sandbox.local_cloud import LocalCloud, local_cloud

ACCOUNT = "100000000001"
TRUST = json.dumps(
    {
        "version": "2.0",
        "statement": [{"effect": "allow", "action": "sts:AssumeRole", "principal": {"qcs": [f"uin/{ACCOUNT}"]}}],
    }
)
POLICY = json.dumps({"version": "2.0", "statement": [{"effect": "allow", "action": "ssm:*", "resource": ["*"]}]})


@pytest.fixture
def cloud(tmp_path: Path) -> Generator[LocalCloud]:
    with local_cloud(tmp_path) as running:
        yield running


def call(cloud: LocalCloud, action: str, **params: Any) -> dict[str, Any]:
    return cloud.call("cam", action, params, region="")


def code_of(cloud: LocalCloud, action: str, **params: Any) -> str | None:
    with pytest.raises(TencentCloudSDKException) as caught:
        call(cloud, action, **params)
    return caught.value.code


def test_a_role_lives_from_create_to_delete(cloud: LocalCloud) -> None:
    id = call(cloud, "CreateRole", RoleName="r", PolicyDocument=TRUST, Tags=[{"Key": "env", "Value": "x"}])["RoleId"]
    role = call(cloud, "GetRole", RoleName="r")["RoleInfo"]
    assert (role["RoleId"], role["SessionDuration"], role["Tags"]) == (id, 7200, [{"Key": "env", "Value": "x"}])
    call(cloud, "UpdateRoleDescription", RoleId=id, Description="d")
    call(cloud, "UpdateRoleSessionDuration", RoleId=int(id), SessionDuration=3600)
    changed = call(cloud, "GetRole", RoleId=id)["RoleInfo"]
    assert (changed["Description"], changed["SessionDuration"]) == ("d", 3600)
    listed = call(cloud, "DescribeRoleList", Page=1, Rp=200, Tags=[{"Key": "env", "Value": "x"}])
    assert [each["RoleId"] for each in listed["List"]] == [id]
    assert code_of(cloud, "DescribeRoleList", Page=1, Rp=201) == "InvalidParameter.ParamError"
    call(cloud, "DeleteRole", RoleId=id)
    assert code_of(cloud, "GetRole", RoleId=id) == "InvalidParameter.RoleNotExist"


def test_names_are_unique(cloud: LocalCloud) -> None:
    call(cloud, "CreateRole", RoleName="r", PolicyDocument=TRUST)
    call(cloud, "CreatePolicy", PolicyName="p", PolicyDocument=POLICY)
    assert code_of(cloud, "CreateRole", RoleName="r", PolicyDocument=TRUST) == "InvalidParameter.RoleNameInUse"
    again = code_of(cloud, "CreatePolicy", PolicyName="p", PolicyDocument=POLICY)
    assert again == "FailedOperation.PolicyNameInUse"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("no json", "InvalidParameter.PolicyDocumentError"),
        ('{"version": "1.0", "statement": []}', "InvalidParameter.VersionError"),
        ('{"version": "2.0", "statement": [{"effect": "maybe"}]}', "InvalidParameter.EffectError"),
        ('{"version": "2.0", "statement": [{"effect": "allow"}]}', "InvalidParameter.ActionMiss"),
        ('{"version": "2.0", "statement": [{"effect": "allow", "action": "*"}]}', "InvalidParameter.ResourceError"),
    ],
)
def test_policy_documents_are_read(cloud: LocalCloud, document: str, code: str) -> None:
    assert code_of(cloud, "CreatePolicy", PolicyName="p", PolicyDocument=document) == code


def test_attachments_follow_role_and_policy(cloud: LocalCloud) -> None:
    role = call(cloud, "CreateRole", RoleName="r", PolicyDocument=TRUST)["RoleId"]
    own = call(cloud, "CreatePolicy", PolicyName="p", PolicyDocument=POLICY)["PolicyId"]
    preset = call(cloud, "ListPolicies", Scope="QCS", Keyword="QcloudSSMReadOnly")["List"][0]["PolicyId"]
    for policy in (own, preset):
        call(cloud, "AttachRolePolicy", PolicyId=policy, AttachRoleId=role)
    listed = call(cloud, "ListAttachedRolePolicies", RoleId=role, Page=1, Rp=10)["List"]
    assert [(each["PolicyId"], each["PolicyType"]) for each in listed] == [(own, "User"), (preset, "QCS")]
    call(cloud, "DetachRolePolicy", PolicyId=preset, DetachRoleId=role)
    call(cloud, "DeletePolicy", PolicyId=[own])
    assert call(cloud, "ListAttachedRolePolicies", RoleId=role, Page=1, Rp=10)["TotalNum"] == 0


def test_a_missing_policy_has_the_code_that_each_action_documents(cloud: LocalCloud) -> None:
    role = call(cloud, "CreateRole", RoleName="r", PolicyDocument=TRUST)["RoleId"]
    assert code_of(cloud, "GetPolicy", PolicyId=7) == "ResourceNotFound.PolicyIdNotFound"
    assert code_of(cloud, "AttachRolePolicy", PolicyId=7, AttachRoleId=role) == "InvalidParameter.PolicyIdNotExist"
    assert code_of(cloud, "DetachRolePolicy", PolicyId=7, DetachRoleId=role) == "InvalidParameter.PolicyIdNotExist"


def test_a_policy_takes_no_name_that_is_in_use(cloud: LocalCloud) -> None:
    for name in ("p", "q"):
        call(cloud, "CreatePolicy", PolicyName=name, PolicyDocument=POLICY)
    id = call(cloud, "ListPolicies", Scope="Local", Keyword="q")["List"][0]["PolicyId"]
    assert code_of(cloud, "UpdatePolicy", PolicyId=id, PolicyName="p") == "FailedOperation.PolicyNameInUse"
    call(cloud, "UpdatePolicy", PolicyId=id, PolicyName="q", Description="d")
    assert call(cloud, "GetPolicy", PolicyId=id)["Description"] == "d"


def test_the_clouds_own_policies_cannot_be_deleted(cloud: LocalCloud) -> None:
    assert code_of(cloud, "DeletePolicy", PolicyId=[1]) == "FailedOperation.Unmodifiable"


def test_the_account_has_its_numbers(cloud: LocalCloud) -> None:
    answer = call(cloud, "GetUserAppId")
    assert (answer["AppId"], answer["Uin"], answer["OwnerUin"]) == (1300000001, ACCOUNT, ACCOUNT)


def test_a_role_that_trusts_the_account_can_be_assumed(cloud: LocalCloud) -> None:
    call(cloud, "CreateRole", RoleName="r", PolicyDocument=TRUST)
    preset = call(cloud, "ListPolicies", Keyword="AdministratorAccess")["List"][0]["PolicyId"]
    call(cloud, "AttachRolePolicy", PolicyId=preset, AttachRoleName="r")
    arn = f"qcs::cam::uin/{ACCOUNT}:roleName/r"
    answer = cloud.call("sts", "AssumeRole", {"RoleArn": arn, "RoleSessionName": "s"}, region="")
    keys = answer["Credentials"]
    credential = Credential(keys["TmpSecretId"], keys["TmpSecretKey"], keys["Token"])
    caller = cloud.call("sts", "GetCallerIdentity", region="", credential=credential)
    assert (caller["Type"], caller["UserId"].endswith(":s")) == ("AssumedRole", True)
