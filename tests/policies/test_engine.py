"""The pack in the real engine: what it refuses ends the preview, and what it allows does not."""

from pathlib import Path

import pytest

from sandbox import layout
from tests.sandbox.plugins.engine_project import Run, make_project, make_runner

PROGRAM = """
import pulumi, tencentcloud_iac_pulumi as tc
opts = pulumi.ResourceOptions(provider=tc.Provider("p", region=REGION))
balancer = tc.clb.Instance("lb", clb_name="lb", network_type="OPEN", master_zone_id="ap-beijing-3",
    slave_zone_id="ap-beijing-5", opts=opts)
listener = tc.clb.Listener("http", listener_name="http", clb_id=balancer.id, protocol="HTTP", port=80, opts=opts)
target = tc.clb.Listener("https", listener_name="https", clb_id=balancer.id, protocol="HTTPS", port=443,
    keepalive_enable=1, opts=opts)
custom = tc.clb.CustomizedConfigV2("tuning", config_name="tuning", config_type="SERVER",
    config_content=f"ssl_protocols {TLS};\\nproxy_read_timeout 600s;", opts=opts)
tc.clb.CustomizedConfigAttachment("tuned", config_id=custom.config_id, opts=opts, bind_lists=[
    dict(load_balancer_id=balancer.id, listener_id=target.listener_id, domain="a.test")])
if REDIRECTS == "yes":
    source = tc.clb.ListenerRule("source", clb_id=balancer.id, listener_id=listener.listener_id, domain="a.test",
        url="/", opts=opts)
    tc.clb.Redirection("redirect", clb_id=balancer.id, source_listener_id=listener.listener_id,
        source_rule_id=source.rule_id, target_listener_id=target.listener_id, target_rule_id="loc-1", opts=opts)
"""
GOOD = {"REGION": "ap-beijing", "TLS": "TLSv1.2 TLSv1.3", "REDIRECTS": "yes"}
PREVIEW = ("preview", "--policy-pack", str(layout.CHECKOUT / "policies"))


@pytest.fixture
def pulumi(tmp_path: Path) -> Run:
    """Runs the engine on a small project."""
    return make_runner(make_project(tmp_path))


def test_a_program_that_keeps_the_rules_previews(pulumi: Run) -> None:
    done = pulumi(*PREVIEW, program=PROGRAM, **GOOD)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[mandatory]" not in done.stdout


@pytest.mark.parametrize(
    ("bad", "rule", "finding"),
    [
        ({"TLS": "TLSv1 TLSv1.2"}, "tls-is-modern", "configContent admits TLSv1"),
        ({"REGION": "ap-hongkong"}, "region-is-mainland", "provider p is in ap-hongkong"),
        ({"REDIRECTS": "no"}, "plain-http-only-redirects", "port 80 has no redirection to HTTPS"),
    ],
)
def test_a_broken_rule_ends_the_preview_and_names_resource_and_reason(
    pulumi: Run, bad: dict[str, str], rule: str, finding: str
) -> None:
    done = pulumi(*PREVIEW, program=PROGRAM, **{**GOOD, **bad})
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert f"[mandatory]  {rule}" in said
    assert finding in said


def test_the_read_timeout_is_held_against_the_stacks_own_longest_stream(pulumi: Run) -> None:
    load = ("--config", 'sanmen:load={"longest_stream_s": 900}')
    done = pulumi(*PREVIEW, *load, program=PROGRAM, **GOOD)
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert "proxy_read_timeout 600 s: it cuts streams, which may last 900 s" in said
