"""The real engine, the real language host and a small program over the tencentcloud plugin with made-up handlers."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.plugins.engine_project import Run, make_project, make_runner

PROGRAM = """
import pulumi, pulumi_kubernetes as k8s, tencentcloud_iac_pulumi as tc
beijing = pulumi.ResourceOptions(provider=tc.Provider("bj", region="ap-beijing"))
vpc = tc.vpc.Instance("core", name=NAME, cidr_block=CIDR, opts=beijing)
redis = tc.redis.Instance("cache", availability_zone="ap-beijing-3", mem_size=1024, type_id=16,
    password=pulumi.Output.secret("hunter2"), vpc_id=vpc.id, opts=beijing)
pulumi.export("vpc", vpc.id)
pulumi.export("created", vpc.create_time)
pulumi.export("ip", redis.ip)
"""
KUBERNETES = """
cluster = pulumi.ResourceOptions(provider=k8s.Provider("k", kubeconfig="{}"))
k8s.core.v1.ConfigMap("settings", data={"vpc": vpc.id}, opts=cluster)
k8s.core.v1.Secret("secret", string_data={"a": "b"}, opts=cluster)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a stack `local`."""
    return make_project(tmp_path)


@pytest.fixture
def pulumi(project: Path) -> Run:
    """Runs `pulumi <words>` on the stack: pulumi("preview", NAME="core", CIDR="10.0.0.0/16")."""
    run = make_runner(project)

    def on_program(*words: str, program: str = PROGRAM, **names: str) -> subprocess.CompletedProcess[str]:
        return run(*words, program=program, **{"NAME": "core", "CIDR": "10.0.0.0/16", **names})

    return on_program


def document(done: subprocess.CompletedProcess[str]) -> Any:
    """The JSON a command printed."""
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_preview_shows_the_program_and_knows_nothing_the_cloud_decides(pulumi: Run) -> None:
    steps = document(pulumi("preview", "--json", program=PROGRAM + KUBERNETES))["steps"]
    created = {step["urn"].split("::")[2]: step["newState"] for step in steps}
    assert {step["op"] for step in steps} == {"create"}
    redis = created["tencentcloud:Redis/instance:Instance"]["inputs"]
    assert redis["password"] == "[secret]"
    assert redis["vpcId"] == "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    assert redis["name"].startswith("cache-")
    assert created["kubernetes:core/v1:Secret"]["inputs"]["data"] == "[secret]"


def test_what_is_up_does_not_change_and_what_is_down_is_gone(pulumi: Run, project: Path) -> None:
    up = pulumi("up", "--yes", "--skip-preview")
    assert up.returncode == 0, up.stdout + up.stderr
    outputs = document(pulumi("stack", "output", "--json"))
    assert outputs == {"vpc": "vpc-00000000", "created": "2026-11-01 00:00:00", "ip": "10.0.0.9"}
    assert "hunter2" not in (project / "backend" / ".pulumi" / "stacks" / "engine-run" / "local.json").read_text()
    for command in (("preview",), ("refresh", "--yes")):
        again = pulumi(*command, "--expect-no-changes")
        assert again.returncode == 0, again.stdout + again.stderr
    destroy = pulumi("destroy", "--yes", "--skip-preview")
    assert destroy.returncode == 0, destroy.stdout + destroy.stderr
    assert json.loads((project / "cloud.json").read_text()) == {}


def test_a_half_made_resource_is_repaired_by_the_next_run(pulumi: Run, project: Path) -> None:
    up = pulumi("up", "--yes", "--skip-preview", NAME="half-made")
    assert up.returncode != 0
    assert "Code=UnauthorizedOperation, Message=no tags for you" in up.stdout + up.stderr
    cloud = json.loads((project / "cloud.json").read_text())
    (project / "cloud.json").write_text(json.dumps({**cloud, "repaired": True}))
    up = pulumi("up", "--yes", "--skip-preview", NAME="half-made")
    assert up.returncode == 0, up.stdout + up.stderr
    assert [key for key in json.loads((project / "cloud.json").read_text()) if key.startswith("vpc-")] == [
        "vpc-00000000"
    ]


def test_a_change_that_forces_a_new_vpc_is_shown_and_done_as_a_replacement(pulumi: Run, project: Path) -> None:
    pulumi("up", "--yes", "--skip-preview")
    steps = document(pulumi("preview", "--json", CIDR="10.9.0.0/16"))["steps"]
    vpc = next(step for step in steps if "Vpc/instance" in step["urn"])
    assert vpc["replaceReasons"] == ["cidrBlock"]
    up = pulumi("up", "--yes", "--skip-preview", CIDR="10.9.0.0/16")
    assert up.returncode == 0, up.stdout + up.stderr
    cidrs = [
        thing["cidrBlock"]
        for thing in json.loads((project / "cloud.json").read_text()).values()
        if "cidrBlock" in thing
    ]
    assert cidrs == ["10.9.0.0/16"]


def test_a_mistake_in_the_program_ends_the_preview_with_one_clear_line(pulumi: Run) -> None:
    done = pulumi("preview", NAME="hey!")
    assert done.returncode != 0
    assert "has a problem: no exclamation marks" in done.stdout + done.stderr


def test_a_kubernetes_object_of_a_cluster_that_is_not_there_fails_a_real_run(pulumi: Run) -> None:
    done = pulumi("up", "--yes", "--skip-preview", program=PROGRAM + KUBERNETES)
    assert done.returncode != 0
    assert "configured Kubernetes cluster is unreachable" in done.stdout + done.stderr
