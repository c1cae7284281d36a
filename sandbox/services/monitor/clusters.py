"""What TMP keeps about TKE clusters: recorded only, as no cluster is scraped by the sandbox's TMP yet."""

from typing import Any

import yaml
from tencentcloud.monitor.v20180724 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import page
from sandbox.api.store import Doc
from sandbox.services.monitor import dataplane
from sandbox.services.monitor.inventory import (
    CLUSTER_AGENT,
    CLUSTER_CONFIG,
    RULE_YAML,
    parts,
    prometheus,
    running,
)
from sandbox.services.params import given, public, stamp

_ITEMS = ("ServiceMonitors", "PodMonitors", "RawJobs")


def _key(prometheus_id: str, cluster_type: str, cluster_id: str) -> str:
    return f"{prometheus_id}/{cluster_type}/{cluster_id}"


@action
def create_cluster_agent(ctx: Context, request: models.CreatePrometheusClusterAgentRequest) -> dict[str, Any]:
    """Bind clusters."""
    asked = given(request)
    with ctx.store.lock:
        running(ctx, asked["InstanceId"])
        for agent in asked["Agents"]:
            id = _key(asked["InstanceId"], agent["ClusterType"], agent["ClusterId"])
            cluster = ctx.store.find("tke.cluster", agent["ClusterId"])
            if cluster is None:
                raise ApiError("InvalidParameterValue", f"The cluster `{agent['ClusterId']}` does not exist.")
            doc: Doc = {
                "ClusterType": agent["ClusterType"],
                "ClusterId": agent["ClusterId"],
                "ClusterName": cluster.get("ClusterName", ""),
                "Status": "normal",
                "Region": agent["Region"],
                "VpcId": cluster.get("ClusterNetworkSettings", {}).get("VpcId", ""),
                "ExternalLabels": agent.get("ExternalLabels", []),
                "EnableExternal": agent.get("EnableExternal", False),
                "FailedReason": "",
                "Name": "",
                "DesiredAgentNum": 1,
                "ReadyAgentNum": 1,
                "_prometheus": asked["InstanceId"],
                "_id": id,
            }
            ctx.store.put(CLUSTER_AGENT, id, doc, ctx.region)
    return {}


@action
def describe_cluster_agents(ctx: Context, request: models.DescribePrometheusClusterAgentsRequest) -> dict[str, Any]:
    """By cluster id or type."""
    asked = given(request)
    prometheus(ctx, asked["InstanceId"])
    docs = [
        doc
        for doc in parts(ctx.store, CLUSTER_AGENT, asked["InstanceId"])
        if doc["ClusterId"] in asked.get("ClusterIds", [doc["ClusterId"]])
        and doc["ClusterType"] in asked.get("ClusterTypes", [doc["ClusterType"]])
    ]
    found = page(docs, request.Offset, request.Limit)
    return {"Agents": [public(doc) for doc in found], "Total": len(docs), "IsFirstBind": not docs}


@action
def delete_cluster_agents(ctx: Context, request: models.DeletePrometheusClusterAgentRequest) -> dict[str, Any]:
    """Unbind clusters."""
    asked = given(request)
    for agent in asked["Agents"]:
        ctx.store.delete(CLUSTER_AGENT, _key(asked["InstanceId"], agent["ClusterType"], agent["ClusterId"]))
    return {}


@action
def create_config(ctx: Context, request: models.CreatePrometheusConfigRequest) -> dict[str, Any]:
    """Monitors and raw jobs of a cluster, by name; each text is YAML."""
    return _set_config(ctx, given(request))


@action
def modify_config(ctx: Context, request: models.ModifyPrometheusConfigRequest) -> dict[str, Any]:
    """Those given replace those of their names."""
    return _set_config(ctx, given(request))


def _set_config(ctx: Context, asked: dict[str, Any]) -> dict[str, Any]:
    with ctx.store.lock:
        prometheus(ctx, asked["InstanceId"])
        id = _key(asked["InstanceId"], asked["ClusterType"], asked["ClusterId"])
        doc = ctx.store.find(CLUSTER_CONFIG, id) or {kind: [] for kind in _ITEMS}
        for kind in _ITEMS:
            for item in asked.get(kind, []):
                _check_yaml(item["Config"])
                doc[kind] = [old for old in doc[kind] if old["Name"] != item["Name"]] + [item]
        ctx.store.put(CLUSTER_CONFIG, id, doc | {"_prometheus": asked["InstanceId"], "_id": id}, ctx.region)
    return {}


def _check_yaml(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ApiError("InvalidParameterValue", f"The text is no YAML: {error}") from error


@action
def describe_config(ctx: Context, request: models.DescribePrometheusConfigRequest) -> dict[str, Any]:
    """All of a cluster's."""
    asked = given(request)
    prometheus(ctx, asked["InstanceId"])
    id = _key(asked["InstanceId"], asked["ClusterType"], asked["ClusterId"])
    doc = ctx.store.find(CLUSTER_CONFIG, id) or {kind: [] for kind in _ITEMS}
    return public(doc) | {"Config": "", "Probes": [], "ImageNeedUpdate": False}


@action
def delete_config(ctx: Context, request: models.DeletePrometheusConfigRequest) -> dict[str, Any]:
    """Those named."""
    asked = given(request)
    id = _key(asked["InstanceId"], asked["ClusterType"], asked["ClusterId"])
    with ctx.store.lock:
        doc = ctx.store.find(CLUSTER_CONFIG, id)
        if doc is not None:
            for kind in _ITEMS:
                doc[kind] = [item for item in doc[kind] if item["Name"] not in asked.get(kind, [])]
            ctx.store.put(CLUSTER_CONFIG, id, doc)
    return {}


@action
def create_rule_yaml(ctx: Context, request: models.CreatePrometheusRecordRuleYamlRequest) -> dict[str, Any]:
    """A PrometheusRule object; its metadata name is its name."""
    asked = given(request)
    text: Any = _check_yaml(asked["Content"])
    try:
        name = str(asked.get("Name") or text["metadata"]["name"])
    except (KeyError, TypeError):
        raise ApiError("InvalidParameterValue", "`Content` is a PrometheusRule with `metadata.name`.") from None
    with ctx.store.lock:
        running(ctx, asked["InstanceId"])
        id = f"{asked['InstanceId']}/{name}"
        before = ctx.store.find(RULE_YAML, id)
        doc = {"Name": name, "Content": asked["Content"], "UpdateTime": stamp(ctx), "TemplateId": "", "ClusterId": ""}
        ctx.store.put(RULE_YAML, id, doc | {"_prometheus": asked["InstanceId"], "_id": id}, ctx.region)
    dataplane.accept(ctx.store, asked["InstanceId"], RULE_YAML, id, before)
    return {}


@action
def modify_rule_yaml(ctx: Context, request: models.ModifyPrometheusRecordRuleYamlRequest) -> dict[str, Any]:
    """Another text."""
    asked = given(request)
    _check_yaml(asked["Content"])
    with ctx.store.lock:
        id = f"{asked['InstanceId']}/{asked['Name']}"
        before = ctx.store.get(RULE_YAML, id)
        ctx.store.put(RULE_YAML, id, before | {"Content": asked["Content"], "UpdateTime": stamp(ctx)})
    dataplane.accept(ctx.store, asked["InstanceId"], RULE_YAML, id, before)
    return {}


@action
def describe_rule_yaml(ctx: Context, request: models.DescribePrometheusRecordRulesRequest) -> dict[str, Any]:
    """By the filter Name."""
    asked = given(request)
    prometheus(ctx, asked["InstanceId"])
    names = {value for each in asked.get("Filters", []) if each["Name"] == "Name" for value in each["Values"]}
    docs = [doc for doc in parts(ctx.store, RULE_YAML, asked["InstanceId"]) if not names or doc["Name"] in names]
    return {"Records": [public(doc) for doc in page(docs, request.Offset, request.Limit)], "Total": len(docs)}


@action
def delete_rule_yaml(ctx: Context, request: models.DeletePrometheusRecordRuleYamlRequest) -> dict[str, Any]:
    """Those named."""
    asked = given(request)
    for name in asked["Names"]:
        ctx.store.delete(RULE_YAML, f"{asked['InstanceId']}/{name}")
    dataplane.apply(ctx.store, asked["InstanceId"])
    return {}
