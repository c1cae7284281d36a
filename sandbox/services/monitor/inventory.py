"""The documents of TMP and how they are found.

Kinds: `monitor.prometheus` (models.PrometheusInstancesItem), and what belongs to one, each with `_prometheus`:
`monitor.agent`, `monitor.scrape_job`, `monitor.recording_rule`, `monitor.alert_rule`, `monitor.alert_group`,
`monitor.cluster_agent`, `monitor.cluster_config`, `monitor.record_rule_yaml`.
"""

from sandbox.api.actions import Context
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc, Store
from sandbox.services.params import in_region

PROMETHEUS = "monitor.prometheus"
AGENT, JOB = "monitor.agent", "monitor.scrape_job"
RECORDING, ALERT, ALERT_GROUP = "monitor.recording_rule", "monitor.alert_rule", "monitor.alert_group"
CLUSTER_AGENT, CLUSTER_CONFIG, RULE_YAML = (
    "monitor.cluster_agent",
    "monitor.cluster_config",
    "monitor.record_rule_yaml",
)
KINDS = (AGENT, JOB, RECORDING, ALERT, ALERT_GROUP, CLUSTER_AGENT, CLUSTER_CONFIG, RULE_YAML)
CREATING, RUNNING, ISOLATED = 1, 2, 6
ENABLED, DISABLED = 2, 3
"""States of rules."""


def prometheus(ctx: Context, id: str) -> Doc:
    """The instance in this region. Raises ApiError ResourceNotFound."""
    doc = in_region(ctx, PROMETHEUS, id)
    if doc is None:
        raise ApiError("ResourceNotFound", f"The Prometheus instance `{id}` does not exist in {ctx.region}.")
    return doc


def running(ctx: Context, id: str) -> Doc:
    """The instance, if it runs. Raises ApiError FailedOperation."""
    doc = prometheus(ctx, id)
    if doc["InstanceStatus"] != RUNNING:
        raise ApiError(
            "FailedOperation", f"The Prometheus instance `{id}` does not run (status {doc['InstanceStatus']})."
        )
    return doc


def parts(store: Store, kind: str, prometheus_id: str) -> list[Doc]:
    """What of a kind belongs to an instance."""
    return [doc for doc in store.list(kind) if doc["_prometheus"] == prometheus_id]


def part(ctx: Context, kind: str, prometheus_id: str, id: str, what: str) -> Doc:
    """One part of an instance. Raises ApiError ResourceNotFound. `what`: how the error names it."""
    doc = ctx.store.find(kind, id)
    if doc is None or doc["_prometheus"] != prometheus_id:
        raise ApiError("ResourceNotFound", f"The {what} `{id}` is not one of `{prometheus_id}`.")
    return doc
