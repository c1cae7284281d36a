"""All types of Prometheus that a stack has."""

from tests.sandbox.plugins.provider_run import TAGS, Run


def live(run: Run) -> None:
    """An instance with an agent, a job and two kinds of rules."""
    vpc_id, subnet_id = run.network()
    place = {"vpcId": vpc_id, "subnetId": subnet_id, "zone": "ap-beijing-3"}
    owner = run.create("Monitor/tmpInstance", instanceName="p", dataRetentionTime=15, tags=TAGS, **place)
    owner.change(dataRetentionTime=30, tags={"a": "b"})
    owner.refresh()
    own = {"instanceId": owner.id}
    agent = run.create("Monitor/tmpCvmAgent", **own, name="a")
    agent.refresh()
    job = run.create("Monitor/tmpScrapeJob", **own, agentId=agent.outputs["agentId"], config="job_name: one\n")
    job.change(config="job_name: two\n")
    job.refresh()
    group = "name: g\nrules:\n  - record: job:up:sum\n    expr: sum by (job) (up)\n"
    recording = run.create("Monitor/tmpRecordingRule", **own, name="g", group=group, ruleState=2)
    recording.change(group=group.replace("sum by", "max by"))
    recording.refresh()
    alert = run.create(
        "Monitor/tmpAlertRule",
        **own,
        ruleName="down",
        expr="up == 0",
        duration="1m",
        ruleState=2,
        receivers=["n"],
        labels=[{"key": "severity", "value": "page"}],
        annotations=[{"key": "summary", "value": "s"}],
    )
    alert.change(ruleState=3, labels=[])
    alert.refresh()
    for made in (alert, recording, job, agent, owner):
        made.delete()
