"""Clients nobody here wrote talk to the sandbox's cloud: tccli and the official Python SDK."""

import json
import re
import subprocess
from typing import Any

from sandbox import layout
from sandbox.toolchain import go_build, programs
from tests.end_to_end.conftest import Command, Sandbox, run

CLIENTS = layout.CHECKOUT / ".venv-clients" / "bin"
REGION = "ap-shanghai"


def plain_tccli(*words: str, before: str = "") -> "subprocess.CompletedProcess[str]":
    """As a person types it, after `. .sanmen/env`; `before`: what the shell does first."""
    shell = f'. .sanmen/env; PATH="{CLIENTS}:$PATH"; {before} tccli "$@"'
    return run("sh", "-euc", shell, "sh", *words)


def tccli(service: str, action: str, region: str = REGION, **parameters: Any) -> dict[str, Any]:
    words = [f"--{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in parameters.items()]
    told = plain_tccli(service, action, *words, "--region", region)
    assert told.returncode == 0, told.stdout + told.stderr
    return json.loads(told.stdout)


def test_tccli_makes_lists_and_deletes_a_vpc_and_a_security_group(sandbox: Sandbox) -> None:
    vpc = tccli("vpc", "CreateVpc", VpcName="by-hand", CidrBlock="172.16.0.0/16")["Vpc"]["VpcId"]
    group = tccli("vpc", "CreateSecurityGroup", GroupName="by-hand", GroupDescription="by hand")
    group_id = group["SecurityGroup"]["SecurityGroupId"]
    try:
        listed = tccli("vpc", "DescribeVpcs", VpcIds=[vpc])
        assert [found["VpcName"] for found in listed["VpcSet"]] == ["by-hand"]
        groups = tccli("vpc", "DescribeSecurityGroups", SecurityGroupIds=[group_id])
        assert groups["TotalCount"] == 1
        shown = run("make", "status")
        assert re.search(r"^vpc +1 +2 +1 ", shown.stdout, re.MULTILINE), shown.stdout
    finally:
        tccli("vpc", "DeleteVpc", VpcId=vpc)
        tccli("vpc", "DeleteSecurityGroup", SecurityGroupId=group_id)
    assert tccli("vpc", "DescribeVpcs", Filters=[{"Name": "vpc-id", "Values": [vpc]}])["VpcSet"] == []


def test_the_official_sdk_makes_and_deletes_a_clb_and_a_dns_record(sandbox: Sandbox) -> None:
    script = layout.CHECKOUT / "tests/end_to_end/clients/use_tencentcloud.py"
    told = run(CLIENTS / "python", script, REGION, variables=sandbox.variables)
    assert told.returncode == 0, told.stdout + told.stderr
    seen = json.loads(told.stdout)
    assert seen["balancer_domain"].endswith(f".clb.{REGION}.tencentclb.com")
    assert seen["listed"] == 1
    assert seen["left"] == 0
    assert seen["record_value"] == "198.18.0.80"
    assert seen["records_left"] == 0


def test_a_go_program_that_knows_nothing_of_the_sandbox_finds_it_by_the_systems_names(sandbox: Sandbox) -> None:
    told = run("sh", "-euc", '. .sanmen/env; exec "$1"', "sh", go_build.target(programs.GO_CLIENT))
    assert told.returncode == 0, told.stdout + told.stderr
    assert json.loads(told.stdout) == {"vpcs": ["local-gz-vpc"], "load_balancers": ["local-gz-ingress"]}


def test_who_builds_images_reaches_the_registry_with_a_token(sandbox: Sandbox, client: Command) -> None:
    (registry,) = tccli("tcr", "DescribeInstances", "ap-guangzhou")["Registries"]
    where = {"RegistryId": registry["RegistryId"]}
    url = f"https://{registry['PublicDomain']}/v2/"
    status = ("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url)
    token = tccli("tcr", "CreateInstanceToken", "ap-guangzhou", **where, TokenType="longterm", Desc="ci")
    try:
        assert client(*status).stdout == "401"
        assert client(*status, "-u", f"{token['Username']}:{token['Token']}").stdout == "200"
    finally:
        tccli("tcr", "DeleteInstanceToken", "ap-guangzhou", **where, TokenId=token["TokenId"])


def test_a_service_account_logs_in_at_the_registry_until_it_is_disabled(sandbox: Sandbox, client: Command) -> None:
    (registry,) = tccli("tcr", "DescribeInstances", "ap-guangzhou")["Registries"]
    where = {"RegistryId": registry["RegistryId"]}
    (namespace,) = tccli("tcr", "DescribeNamespaces", "ap-guangzhou", **where)["NamespaceList"]
    permissions = [{"Resource": namespace["Name"], "Actions": ["tcr:PullRepository"]}]
    made = tccli("tcr", "CreateServiceAccount", "ap-guangzhou", **where, Name="by-hand", Permissions=permissions)
    login = ("-u", f"{made['Name']}:{made['Password']}", f"https://{registry['PublicDomain']}/v2/")
    status = ("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *login)
    try:
        assert client(*status).stdout == "200"
        tccli("tcr", "ModifyServiceAccount", "ap-guangzhou", **where, Name=made["Name"], Disable=True)
        assert client(*status).stdout == "401"
    finally:
        tccli("tcr", "DeleteServiceAccount", "ap-guangzhou", **where, Name=made["Name"])


def test_a_wrong_secret_key_is_refused(sandbox: Sandbox) -> None:
    told = plain_tccli("vpc", "DescribeVpcs", "--region", REGION, before="TENCENTCLOUD_SECRET_KEY=wrong;")
    assert told.returncode != 0
    assert "AuthFailure.SignatureFailure" in told.stdout + told.stderr


def test_a_wrong_key_ends_pulumi_in_the_clouds_words(sandbox: Sandbox, pulumi: Command) -> None:
    vpc = "urn:pulumi:local::sanmen::sanmen:region:RegionCell$sanmen:region:Network$tencentcloud:Vpc/instance:Instance"
    words = ("pulumi", "--non-interactive", "refresh", "--yes", "--stack", "local", "--target", f"{vpc}::local-bj-vpc")
    refused = run(*words, variables={**sandbox.variables, "TENCENTCLOUD_SECRET_KEY": "wrong"})
    assert refused.returncode != 0
    assert "AuthFailure.SignatureFailure" in refused.stdout, refused.stdout + refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr
    assert pulumi("preview", "--stack", "local", "--expect-no-changes").returncode == 0


def test_status_shows_regions_resources_processes_and_health(sandbox: Sandbox) -> None:
    shown = run("make", "status")
    assert shown.returncode == 0, shown.stderr
    for word in (
        "ap-beijing",
        "ap-shanghai",
        "ap-guangzhou",
        "targets healthy",
        "primary crs-",
        "haproxy",
        "running",
        "vpc",
    ):
        assert word in shown.stdout, word


def test_a_second_checkout_is_told_whose_sandbox_it_is(sandbox: Sandbox, client: Command) -> None:
    code = (
        "from pathlib import Path; from sandbox import layout; layout.CHECKOUT = Path('/other/checkout');"
        "from sandbox.commands import ownership; ownership.claim()"
    )
    told = run("python", "-c", code)
    assert told.returncode != 0
    assert f"belongs to the checkout {layout.CHECKOUT}" in told.stderr
    assert "make down" in told.stderr
