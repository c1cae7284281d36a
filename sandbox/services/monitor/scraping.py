"""CVM agents and their scrape jobs."""

from typing import Any

import yaml
from tencentcloud.monitor.v20180724 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.locks import holding
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services.monitor import dataplane
from sandbox.services.monitor.kinds import AGENT, JOB, PROMETHEUS, part, parts, running
from sandbox.services.params import check_name, given, public


@action
def create_agent(ctx: Context, request: models.CreatePrometheusAgentRequest) -> dict[str, Any]:
    """An agent; in the sandbox Prometheus itself does its work."""
    asked = given(request)
    check_name("Name", asked["Name"], 64)
    with holding(PROMETHEUS.name, asked["InstanceId"]):
        owner = running(ctx, asked["InstanceId"])
        id = ctx.store.new_id("agent")
        doc: Doc = {
            "AgentId": id,
            "Name": asked["Name"],
            "InstanceId": asked["InstanceId"],
            "Ipv4": owner["IPv4Address"],
            "HeartbeatTime": ctx.now().isoformat(timespec="seconds"),
            "LastError": "",
            "AgentVersion": "sandbox",
            "Status": 2,
            "_prometheus": asked["InstanceId"],
            "_id": id,
        }
        AGENT.create(ctx, doc)
    return {"AgentId": id}


@action
def describe_agents(ctx: Context, request: models.DescribePrometheusAgentsRequest) -> dict[str, Any]:
    """By name or id."""
    asked = given(request)
    PROMETHEUS.need(ctx, asked["InstanceId"])
    docs = [
        doc
        for doc in parts(ctx.store, AGENT, asked["InstanceId"])
        if doc["AgentId"] in asked.get("AgentIds", [doc["AgentId"]]) and asked.get("Name", "") in doc["Name"]
    ]
    found = page(docs, request.Offset, request.Limit)
    return {"AgentSet": [public(doc) for doc in found], "TotalCount": len(docs)}


def _job_name(config: str) -> str:
    try:
        job: Any = yaml.safe_load(config)
    except yaml.YAMLError as error:
        raise ApiError("InvalidParameterValue", f"`Config` is no YAML: {error}") from error
    if not isinstance(job, dict) or not isinstance(job.get("job_name"), str):  # pyright: ignore[reportUnknownMemberType]  # YAML
        raise ApiError("InvalidParameterValue", "`Config` is one scrape job: a mapping with `job_name`.")
    return str(job["job_name"])  # pyright: ignore[reportUnknownArgumentType]  # YAML


def _check_name(ctx: Context, prometheus_id: str, name: str, own: str = "") -> None:
    for other in parts(ctx.store, JOB, prometheus_id):
        if other["Name"] == name and other["JobId"] != own:
            raise ApiError("FailedOperation", f"The job name `{name}` is that of `{other['JobId']}`.")


@action
def create_job(ctx: Context, request: models.CreatePrometheusScrapeJobRequest) -> dict[str, Any]:
    """A scrape job; its targets are scraped when this returns."""
    asked = given(request)
    owner, name = asked["InstanceId"], _job_name(asked.get("Config", ""))
    with holding(PROMETHEUS.name, owner):
        running(ctx, owner)
        part(ctx, AGENT, owner, asked["AgentId"])
        _check_name(ctx, owner, name)
        id = ctx.store.new_id("job")
        doc = {"JobId": id, "Name": name, "AgentId": asked["AgentId"], "Config": asked["Config"]}
        dataplane.keep(ctx, JOB, doc | {"_prometheus": owner, "_id": id})
    return {"JobId": id}


@action
def update_job(ctx: Context, request: models.UpdatePrometheusScrapeJobRequest) -> None:
    """Another configuration."""
    asked = given(request)
    name = _job_name(asked["Config"])
    with holding(PROMETHEUS.name, asked["InstanceId"]):
        doc = part(ctx, JOB, asked["InstanceId"], asked["JobId"])
        _check_name(ctx, asked["InstanceId"], name, asked["JobId"])
        dataplane.keep(ctx, JOB, doc | {"Name": name, "Config": asked["Config"]})


@action
def describe_jobs(ctx: Context, request: models.DescribePrometheusScrapeJobsRequest) -> dict[str, Any]:
    """An agent's jobs."""
    asked = given(request)
    PROMETHEUS.need(ctx, asked["InstanceId"])
    docs = [
        doc
        for doc in parts(ctx.store, JOB, asked["InstanceId"])
        if doc["AgentId"] == asked.get("AgentId", doc["AgentId"])
        and doc["JobId"] in asked.get("JobIds", [doc["JobId"]])
        and asked.get("Name", "") in doc["Name"]
    ]
    found = page(docs, request.Offset, request.Limit)
    return {"ScrapeJobSet": [public(doc) for doc in found], "TotalCount": len(docs)}


@action
def delete_jobs(ctx: Context, request: models.DeletePrometheusScrapeJobsRequest) -> None:
    """Those named."""
    asked = given(request)
    with holding(PROMETHEUS.name, asked["InstanceId"]):
        for id in asked["JobIds"]:
            part(ctx, JOB, asked["InstanceId"], id)
        for id in asked["JobIds"]:
            JOB.drop(ctx, id)
        dataplane.apply(ctx.store, asked["InstanceId"])
