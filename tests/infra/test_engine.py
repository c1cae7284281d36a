"""What the program relies on in the real engine, and no recording stand-in can show."""

import json
from pathlib import Path

from infra.region.ingress import CLUSTER_MARK
from tests.sandbox.plugins.engine_project import make_project, make_runner

PROGRAM = """
import pulumi, tencentcloud_iac_pulumi as tc
provider = tc.Provider("bj", region="ap-beijing")
tc.vpc.Instance("core", name="core", cidr_block="10.0.0.0/16", tags={"env": ENV},
    opts=pulumi.ResourceOptions(provider=provider, ignore_changes=[IGNORED]))
"""


def test_a_tag_that_a_cluster_sets_stays_while_the_program_changes_others(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    cloud, run = project / "cloud.json", make_runner(project)

    def pulumi(*words: str, env: str) -> None:
        done = run(*words, program=PROGRAM, ENV=env, IGNORED=CLUSTER_MARK)
        assert done.returncode == 0, done.stdout + done.stderr

    def tags() -> dict[str, str]:
        return json.loads(cloud.read_text())["vpc-00000000"]["tags"]

    pulumi("up", "--yes", "--skip-preview", env="prod")
    marked = json.loads(cloud.read_text())
    marked["vpc-00000000"]["tags"]["tke-clusterId"] = "cls-1"
    cloud.write_text(json.dumps(marked))
    pulumi("refresh", "--yes", env="prod")
    pulumi("preview", "--expect-no-changes", env="prod")
    pulumi("up", "--yes", "--skip-preview", env="staging")
    assert tags() == {"env": "staging", "tke-clusterId": "cls-1"}
