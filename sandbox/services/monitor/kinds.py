"""The documents of TMP and how they are found.

An instance is shaped as models.PrometheusInstancesItem. What belongs to one names it in `_prometheus` and its own id in
`_id`; it changes while `locks.holding(PROMETHEUS.name, <the instance>)` is held.
"""

from sandbox.api.actions import Context
from sandbox.api.errors import ApiError
from sandbox.api.kinds import Kind, TagNames
from sandbox.api.store import Doc, Docs, Store

PROMETHEUS = Kind(
    name="monitor.prometheus",
    key="InstanceId",
    noun="Prometheus instance",
    tags=TagNames(service="monitor", prefix="prom-instance", field="TagSpecification"),
)
AGENT = Kind(name="monitor.agent", key="AgentId", noun="agent")
JOB = Kind(name="monitor.scrape_job", key="JobId", noun="scrape job")
RECORDING = Kind(name="monitor.recording_rule", key="RuleId", noun="recording rule")
ALERT = Kind(name="monitor.alert_rule", key="RuleId", noun="alert rule")
PARTS = (AGENT, JOB, RECORDING, ALERT)
CREATING, RUNNING, ABNORMAL, ISOLATED = 1, 2, 3, 6
ENABLED, DISABLED = 2, 3
"""States of rules."""


def running(ctx: Context, id: str) -> Doc:
    """The instance, if it runs. Raises ApiError FailedOperation."""
    doc = PROMETHEUS.need(ctx, id)
    if doc["InstanceStatus"] != RUNNING:
        raise ApiError(
            "FailedOperation", f"The Prometheus instance `{id}` does not run (status {doc['InstanceStatus']})."
        )
    return doc


def parts(store: Store, kind: Kind, prometheus_id: str) -> Docs:
    """What of a kind belongs to an instance."""
    return [doc for doc in kind.all(store) if doc["_prometheus"] == prometheus_id]


def part(ctx: Context, kind: Kind, prometheus_id: str, id: str) -> Doc:
    """One part of an instance. Raises ApiError ResourceNotFound."""
    doc = kind.find(ctx, id)
    if doc is None or doc["_prometheus"] != prometheus_id:
        raise ApiError("ResourceNotFound", f"The {kind.noun} `{id}` is not one of `{prometheus_id}`.")
    return doc


def check_state(state: int) -> None:
    """Raise ApiError InvalidParameterValue for what is no state of a rule."""
    if state not in (ENABLED, DISABLED):
        raise ApiError("InvalidParameterValue", f"`RuleState` is {state}; allowed: 2 (on), 3 (off).")
