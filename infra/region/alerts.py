"""Recording rules and first alerts of a cell. Each alert has a severity and a runbook that exists."""

from dataclasses import dataclass

RUNBOOKS = "docs/runbooks"
RECORDING = """\
name: sanmen
interval: 30s
rules:
- record: sanmen:up:ratio
  expr: avg by (job) (up)
- record: sanmen:requests:rate1m
  expr: sum by (route, status) (rate(sanmen_requests_total[1m]))
- record: sanmen:errors:ratio5m
  expr: >-
    sum(rate(sanmen_requests_total{status=~"5.."}[5m])) / clamp_min(sum(rate(sanmen_requests_total[5m])), 0.001)
- record: sanmen:time_to_first_token:p95
  expr: >-
    histogram_quantile(0.95, sum by (le) (rate(gen_ai_server_time_to_first_token_seconds_bucket[5m])))
- record: sanmen:cpu:ratio
  expr: 1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[2m]))
"""
"""Group of recording rules, as Prometheus reads it."""


@dataclass(frozen=True, kw_only=True)
class Alert:
    """`name` in kebab case is also its runbook: docs/runbooks/<name>.md. `duration` like `2m`."""

    name: str
    expression: str
    duration: str
    severity: str
    summary: str

    @property
    def runbook(self) -> str:
        """Path of the runbook in this repository."""
        return f"{RUNBOOKS}/{self.name}.md"


ALERTS = (
    Alert(
        name="gateway-down",
        expression='sum(up{job="gateway"}) < 1 or absent(up{job="gateway"})',
        duration="1m",
        severity="page",
        summary="No gateway of the region answers: its clients move to the other regions.",
    ),
    Alert(
        name="gateway-missing",
        expression='avg(up{job="gateway"}) < 0.67',
        duration="5m",
        severity="ticket",
        summary="A third of the region's gateways is away and not coming back.",
    ),
    Alert(
        name="error-ratio-high",
        expression="sanmen:errors:ratio5m > 0.05",
        duration="5m",
        severity="page",
        summary="More than 5 % of requests end in a server error.",
    ),
    Alert(
        name="redis-down",
        expression="min(sanmen_redis_up) < 1",
        duration="1m",
        severity="page",
        summary="Redis is away: some gateways enforce their part of the limits alone.",
    ),
    Alert(
        name="redis-memory-high",
        expression="max(redis_memory_used_bytes / redis_memory_max_bytes) > 0.8 and max(redis_memory_max_bytes) > 0",
        duration="10m",
        severity="ticket",
        summary="Redis is at 80 % of its memory; it refuses writes when full.",
    ),
    Alert(
        name="cpu-high",
        expression="avg(sanmen:cpu:ratio) > 0.85",
        duration="10m",
        severity="ticket",
        summary="The region's machines are busy though scaling should have added some.",
    ),
)
