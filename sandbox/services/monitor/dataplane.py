"""What the documents of a TMP instance mean for its Prometheus."""

import base64
from typing import Any

import yaml

from sandbox.api.actions import Context
from sandbox.api.errors import ApiError
from sandbox.api.kinds import Kind
from sandbox.api.locks import holding
from sandbox.api.store import Doc, Store
from sandbox.services import plane
from sandbox.services.cvm.kinds import INSTANCE
from sandbox.services.monitor.kinds import ALERT, ENABLED, JOB, PROMETHEUS, RECORDING, RUNNING, parts
from sandbox.services.params import Params
from sandbox.substrate import specs
from sandbox.substrate.errors import SubstrateError

PORT = 9090
_applied: dict[str, specs.Metrics] = {}
"""What each Prometheus was given last by this process: the reconciler asks again only for what changed."""


def apply(store: Store, id: str) -> None:
    """Bring a Prometheus to what the documents say. Raises SubstrateError with what it does not accept."""
    with holding(PROMETHEUS.name, id):
        doc = PROMETHEUS.anywhere(store, id)
        if doc is None or doc["InstanceStatus"] > RUNNING:
            return
        wanted = to_spec(store, doc)
        if _applied.get(id) != wanted:
            plane.current().ensure(wanted)
            _applied[id] = wanted


def forget(id: str) -> None:
    """Stop a Prometheus. Accepts what is already gone."""
    with holding(PROMETHEUS.name, id):
        _applied.pop(id, None)
        plane.current().remove(specs.Metrics, id)


def keep(ctx: Context, kind: Kind, doc: Doc) -> None:
    """Write a part of an instance, new or changed, and apply it. What Prometheus does not accept is put back: ApiError.

    The caller holds the instance's lock.
    """
    id = str(doc[kind.key])
    before = kind.find(ctx, id)
    ctx.store.put(kind.name, id, doc, ctx.region)
    try:
        apply(ctx.store, doc["_prometheus"])
    except SubstrateError as error:
        if before is None:
            kind.drop(ctx, id)
        else:
            kind.save(ctx.store, before)
        raise ApiError("InvalidParameterValue", f"Prometheus does not accept it: {error}") from error


def forget_rules(ctx: Context, kind: Kind, asked: Params) -> None:
    """Drop the rules that a request names; one that is gone is accepted."""
    id = asked["InstanceId"]
    PROMETHEUS.need(ctx, id)
    with holding(PROMETHEUS.name, id):
        for doc in parts(ctx.store, kind, id):
            if doc["RuleId"] in asked["RuleIds"]:
                kind.drop(ctx, doc["RuleId"])
        apply(ctx.store, id)


def to_spec(store: Store, doc: Doc) -> specs.Metrics:
    """The substrate's Prometheus."""
    id = doc["InstanceId"]
    return specs.Metrics(
        name=id,
        host=id,
        port=PORT,
        retention_days=doc["DataRetentionTime"],
        scrapes=tuple(scrape(store, doc, job["Config"]) for job in parts(store, JOB, id)),
        rules=tuple(_rules(store, id)),
    )


def _rules(store: Store, id: str) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = []
    for rule in parts(store, RECORDING, id):
        if rule["RuleState"] == ENABLED:
            groups += _named(rule["RuleId"], yaml.safe_load(base64.b64decode(rule["Group"])))
    alerts = [_alert(rule) for rule in parts(store, ALERT, id) if rule["RuleState"] == ENABLED]
    if alerts:
        groups.append({"name": "alerts", "rules": alerts})
    return groups


def _named(prefix: str, text: Any) -> list[dict[str, Any]]:
    """The groups of a rule text: `groups:`, one group, or a list of groups. Names are made unique by a prefix."""
    found = text.get("groups", [text]) if isinstance(text, dict) else text  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]  # YAML
    groups: list[dict[str, Any]] = list(found)  # pyright: ignore[reportUnknownArgumentType]  # YAML
    return [group | {"name": f"{prefix}-{group.get('name', 'rules')}"} for group in groups]


def _alert(rule: Doc) -> dict[str, Any]:
    alert: dict[str, Any] = {"alert": rule["RuleName"], "expr": rule["Expr"]}
    if rule.get("Duration"):
        alert["for"] = rule["Duration"]
    for key, field in (("labels", "Labels"), ("annotations", "Annotations")):
        alert[key] = {pair["Key"]: pair["Value"] for pair in rule.get(field) or ()}
    return alert


def scrape(store: Store, doc: Doc, config: str) -> dict[str, Any]:
    """A scrape job as Prometheus reads it: `cvm_sd_configs`, which only TMP knows, become the targets found now."""
    job: dict[str, Any] = dict(yaml.safe_load(config))
    searches: list[dict[str, Any]] = job.pop("cvm_sd_configs", [])
    if searches:
        found = [group for search in searches for group in _machines(store, doc, search)]
        job["static_configs"] = [*job.get("static_configs", []), *found]
    return job


def _machines(store: Store, doc: Doc, search: dict[str, Any]) -> list[dict[str, Any]]:
    region = search.get("region", doc["_region"])
    groups: list[dict[str, Any]] = []
    for machine in store.list(INSTANCE.name, region):
        address = (machine.get("PrivateIpAddresses") or [None])[0]
        if not address or machine["VirtualPrivateCloud"]["VpcId"] != doc["VpcId"] or not _wanted(machine, search):
            continue
        ports: list[int] = search.get("ports", [80])
        groups.append({"targets": [f"{address}:{port}" for port in ports], "labels": _labels(machine, region, address)})
    return sorted(groups, key=lambda group: group["targets"])


def _field(machine: Doc, name: str) -> object:
    """What a filter of that name looks at; None for a filter that there is not."""
    place, network = machine["Placement"], machine["VirtualPrivateCloud"]
    return {
        "instance-name": machine.get("InstanceName"),
        "instance-id": machine["InstanceId"],
        "instance-state": machine["InstanceState"],
        "zone": place["Zone"],
        "vpc-id": network["VpcId"],
        "subnet-id": network["SubnetId"],
    }.get(name)


def _wanted(machine: Doc, search: dict[str, Any]) -> bool:
    for each in search.get("filters", []):
        name, values = each["name"], each.get("values", [])
        if name.startswith("tag:"):
            tags = {tag["Key"]: tag["Value"] for tag in machine.get("Tags") or ()}
            if tags.get(name[4:]) not in values:
                return False
        elif _field(machine, name) not in values:
            return False
    return True


def _labels(machine: Doc, region: str, address: str) -> dict[str, str]:
    labels = {
        "__meta_cvm_instance_id": machine["InstanceId"],
        "__meta_cvm_instance_name": machine.get("InstanceName") or "",
        "__meta_cvm_instance_state": machine.get("InstanceState") or "",
        "__meta_cvm_instance_type": machine.get("InstanceType") or "",
        "__meta_cvm_private_ip": address,
        "__meta_cvm_region": region,
        "__meta_cvm_zone": machine["Placement"]["Zone"],
        "__meta_cvm_vpc_id": machine["VirtualPrivateCloud"]["VpcId"],
        "__meta_cvm_subnet_id": machine["VirtualPrivateCloud"]["SubnetId"],
    }
    for tag in machine.get("Tags") or ():
        labels["__meta_cvm_tag_" + "".join(c if c.isalnum() else "_" for c in tag["Key"])] = tag["Value"]
    return labels
