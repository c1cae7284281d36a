"""`make up` that does not come to its end, and the next one, which does."""

import os
import signal
from pathlib import Path

from sandbox import layout
from tests.drills import stage
from tests.end_to_end.conftest import run


def test_an_interrupted_up_ends_quietly_and_a_killed_one_is_mended(nothing: None, tmp_path: Path) -> None:
    with stage.going_up(tmp_path) as first:
        first.wait_for(r"Clb:Instance \S+ creating")
        assert first.interrupt() != 0
    assert "sanmen: interrupted; 'make up' goes on from here" in first.said()
    assert "Traceback" not in first.said()
    assert stage.engines() == []
    assert stage.pending() == []

    # A group is made and its answer hangs: whenever the engine is killed, it waits for that.
    group = {"service": "as", "action": "CreateAutoScalingGroup", "do": "timeout", "seconds": 60, "when": "after"}
    stage.set_faults([group])
    with stage.going_up(tmp_path) as second:
        second.wait_for(r"As:ScalingGroup \S+ creating")
        for words in (("make", "up"), ("make", "down")):
            refused = run(*words)
            assert refused.returncode != 0
            assert "another sandbox command is at work on this machine (process" in refused.stderr
        for pid in stage.engines():
            os.kill(pid, signal.SIGKILL)
        assert second.process.wait(60) != 0
    assert "Traceback" not in second.said()
    assert stage.pending() != []

    assert "the last run was killed while it made" in stage.up_completes()
    stage.until(lambda: stage.pids("sandbox.plugins") == [], 10, lambda: "a plugin lives on")
    stage.assert_complete()


def test_down_ends_the_engine_of_an_up_that_was_killed(nothing: None, tmp_path: Path) -> None:
    with stage.going_up(tmp_path) as killed:
        killed.wait_for(r"Vpc:Instance \S+ creating")
        (command,) = stage.pids("-m sandbox up")
        os.kill(command, signal.SIGKILL)
        assert killed.process.wait(60) != 0
    assert stage.engines() != []
    stage.down()
    assert stage.engines() == []
    assert stage.pids("sandbox.plugins") == []
    assert not layout.STATE.exists()


def test_lost_answers_and_a_cloud_that_dies_cost_another_run_and_nothing_twice(nothing: None) -> None:
    stage.set_faults(
        [
            {"service": "cam", "action": "CreateRole", "when": "after"},
            {"service": "kms", "action": "CreateKey", "when": "after"},
            {"service": "dnspod", "action": "CreateDomain", "when": "after"},
            {"service": "vpc", "action": "CreateVpc", "nth": 2, "do": "kill", "when": "after"},
            {"service": "clb", "action": "CreateLoadBalancer", "nth": 2, "do": "kill", "when": "after"},
            {"service": "clb", "action": "ManualRewrite", "when": "after"},
            {"service": "redis", "action": "CreateInstances", "do": "timeout", "seconds": 2, "when": "after"},
        ]
    )
    runs = [stage.up()]
    while runs[-1].returncode and len(runs) < 10:
        # What failed says so in the cloud's words, with the request's number; nothing else is a reason to fail.
        assert "RequestId=" in runs[-1].stdout, runs[-1].stdout + runs[-1].stderr
        runs.append(stage.up())
    assert runs[-1].returncode == 0, runs[-1].stdout + runs[-1].stderr
    assert len(runs) > 1
    assert stage.faults_left() == []
    stage.assert_complete()
