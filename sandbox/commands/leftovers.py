"""What an unfinished `pulumi up` made in the cloud and could not write down.

A create whose answer got lost (the engine was killed, the API died) leaves a resource that the state does not know. The
next run would make it again and be told that its name, port or range is taken, for ever. On the real cloud a person
looks and imports or deletes it; here it is seconds old, holds nothing, and is removed.

Only what the plugin made since the last complete run is looked at, never what a person made with another client, and
only kinds that the program makes.
"""

import json
import threading
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from sandbox import layout
from sandbox.api.store import Doc, Store
from sandbox.plugins.tencentcloud import resources
from sandbox.plugins.tencentcloud.cloud import CLIENT, Cloud
from sandbox.plugins.tencentcloud.errors import ProviderError
from sandbox.plugins.tencentcloud.handler import HANDLERS
from sandbox.plugins.tencentcloud.settings import DEFAULT_REGION, Settings
from sandbox.substrate import files

MARK = layout.STATE / "unfinished.json"
"""Stands while the cloud may hold what the state does not: {"since": number of the last document before}."""
ROUTE_TABLE = "tencentcloud:Route/table:Table"
ROUTE = "tencentcloud:Route/tableEntry:TableEntry"
RULE = "tencentcloud:Clb/listenerRule:ListenerRule"
REDIRECTION = "tencentcloud:Clb/redirection:Redirection"
PASSES = 3
"""What is in use in the first pass may be free in the next."""


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """A resource of the cloud that no state knows. `id`: as the plugin writes it."""

    kind: str
    token: str
    id: str
    region: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id}{f' ({self.region})' if self.region else ''}"


def _clb(doc: Doc) -> str:
    return f"{doc['_lb']}#{doc['ListenerId']}"


def _monitor(doc: Doc) -> str:
    return f"{doc['_prometheus']}#{doc['_id']}"


def _member(key: str) -> Callable[[Doc], str]:
    return lambda doc: str(doc[key])


KINDS: Mapping[str, tuple[str, Callable[[Doc], str]]] = {
    "as.config": ("As/scalingConfig:ScalingConfig", _member("LaunchConfigurationId")),
    "as.group": ("As/scalingGroup:ScalingGroup", _member("AutoScalingGroupId")),
    "as.hook": ("As/lifecycleHook:LifecycleHook", _member("LifecycleHookId")),
    "as.policy": ("As/scalingPolicy:ScalingPolicy", _member("AutoScalingPolicyId")),
    "cam.policy": ("Cam/policy:Policy", _member("PolicyId")),
    "cam.role": ("Cam/role:Role", _member("RoleId")),
    "clb.config": ("Clb/customizedConfigV2:CustomizedConfigV2", lambda d: f"{d['UconfigId']}#{d['ConfigType']}"),
    "clb.listener": ("Clb/listener:Listener", _clb),
    "clb.load_balancer": ("Clb/instance:Instance", _member("LoadBalancerId")),
    "clb.rule": ("Clb/listenerRule:ListenerRule", lambda doc: f"{_clb(doc)}#{doc['LocationId']}"),
    "cls.index": ("Cls/index:Index", _member("TopicId")),
    "cls.logset": ("Cls/logset:Logset", _member("LogsetId")),
    "cls.topic": ("Cls/topic:Topic", _member("TopicId")),
    "dnspod.domain": ("Dnspod/domainInstance:DomainInstance", _member("Domain")),
    "dnspod.record": ("Dnspod/record:Record", lambda doc: f"{doc['_domain']}#{doc['RecordId']}"),
    "eip": ("Eip/instance:Instance", _member("AddressId")),
    "flow_log": ("Vpc/flowLog:FlowLog", lambda doc: f"{doc['FlowLogId']}#{doc['VpcId']}"),
    "igtm.instance": ("Igtm/instance:Instance", _member("InstanceId")),
    "igtm.monitor": ("Igtm/monitor:Monitor", _member("MonitorId")),
    "igtm.pool": ("Igtm/addressPool:AddressPool", _member("PoolId")),
    "igtm.strategy": ("Igtm/strategy:Strategy", lambda doc: f"{doc['InstanceId']}#{doc['StrategyId']}"),
    "kms.key": ("Kms/key:Key", _member("KeyId")),
    "monitor.agent": ("Monitor/tmpCvmAgent:TmpCvmAgent", _monitor),
    "monitor.alert_rule": ("Monitor/tmpAlertRule:TmpAlertRule", _monitor),
    "monitor.prometheus": ("Monitor/tmpInstance:TmpInstance", _member("InstanceId")),
    "monitor.recording_rule": ("Monitor/tmpRecordingRule:TmpRecordingRule", _monitor),
    "monitor.scrape_job": (
        "Monitor/tmpScrapeJob:TmpScrapeJob",
        lambda doc: f"{doc['JobId']}#{doc['_prometheus']}#{doc['AgentId']}",
    ),
    "nat": ("Nat/gateway:Gateway", _member("NatGatewayId")),
    "redis.instance": ("Redis/instance:Instance", _member("InstanceId")),
    "redis.template": ("Redis/paramTemplate:ParamTemplate", _member("TemplateId")),
    "route_table": ("Route/table:Table", _member("RouteTableId")),
    "security_group": ("Security/group:Group", _member("SecurityGroupId")),
    "ssl.certificate": ("Ssl/freeCertificate:FreeCertificate", _member("CertificateId")),
    "ssm.secret": ("Ssm/secret:Secret", _member("SecretName")),
    "ssm.version": ("Ssm/secretVersion:SecretVersion", lambda doc: f"{doc['SecretName']}#{doc['VersionId']}"),
    "subnet": ("Subnet/instance:Instance", _member("SubnetId")),
    "tcr.namespace": ("Tcr/namespace:Namespace", lambda doc: f"{doc['RegistryId']}#{doc['Name']}"),
    "tcr.registry": ("Tcr/instance:Instance", _member("RegistryId")),
    "tcr.repository": ("Tcr/repository:Repository", lambda d: f"{d['RegistryId']}#{d['Name'].replace('/', '#', 1)}"),
    "vpc": ("Vpc/instance:Instance", _member("VpcId")),
}
"""Kind of document -> the resource type without its package, and the id the plugin gives it.

Not here: what is set anew without harm (rule sets, attachments).
"""


def begin() -> bool:
    """Mark that a run has begun; True if the one before did not come to its end."""
    if MARK.exists():
        return True
    store = Store(layout.DATABASE)
    try:
        files.write(MARK, json.dumps({"since": store.last()}))
    finally:
        store.close()
    return False


def end() -> None:
    """The state knows all there is."""
    MARK.unlink(missing_ok=True)


def anything_new() -> bool:
    """Whether the cloud has documents of such kinds that were made since the last complete run."""
    return bool(_new())


def find(state: Mapping[str, Any]) -> list[Leftover]:
    """What was made since the last complete run and is not in the exported `state`; the newest first."""
    known = {(each["type"], each.get("id")) for each in state["deployment"].get("resources") or ()}
    found = [*_parts(known), *(_leftover(kind, region, doc) for kind, region, doc in _new())]
    return [each for each in found if (each.token, each.id) not in known]


def remove(found: list[Leftover], variables: Mapping[str, str]) -> tuple[list[Leftover], dict[Leftover, str]]:
    """Delete through the API, as the plugin would. Returns what is gone, and what is not with the reason."""
    resources.load()
    clouds: dict[str, Cloud] = {}
    gone: list[Leftover] = []
    waiting: dict[Leftover, str] = dict.fromkeys(found, "")
    for _ in range(PASSES):
        for each in list(waiting):
            cloud = clouds.setdefault(each.region, _cloud(each.region, variables))
            try:
                _delete(each, cloud)
            except ProviderError as error:
                waiting[each] = str(error)
            else:
                del waiting[each]
                gone.append(each)
    return gone, waiting


def _new() -> list[tuple[str, str, Doc]]:
    if not MARK.exists():
        return []
    store = Store(layout.DATABASE)
    try:
        made = store.since(json.loads(MARK.read_text())["since"], CLIENT)
    finally:
        store.close()
    return [(kind, region, doc) for kind, region, doc in reversed(made) if kind in KINDS and not _is_the_clouds(doc)]


def _parts(known: Set[tuple[str, object]]) -> list[Leftover]:
    """What is a resource to the plugin, but to the cloud a part of another: routes, and rules that redirect.

    All of those whose whole the state knows, as they have no time of their own.
    """
    store = Store(layout.DATABASE)
    try:
        tables = [doc for doc in store.list("route_table") if (ROUTE_TABLE, doc["RouteTableId"]) in known]
        routes = [
            Leftover(
                kind="route",
                token=ROUTE,
                id=f"{route['RouteId']}.{table['RouteTableId']}",
                region=store.region_of("route_table", table["RouteTableId"]) or "",
            )
            for table in tables
            for route in table["RouteSet"]
        ]
        rules = [doc for doc in store.list("clb.rule") if (RULE, KINDS["clb.rule"][1](doc)) in known]
        redirections = [
            Leftover(
                kind="clb.redirection",
                token=REDIRECTION,
                id=_redirection(doc),
                region=store.region_of("clb.rule", doc["LocationId"]) or "",
            )
            for doc in rules
            if doc["RewriteTarget"]
        ]
    finally:
        store.close()
    return routes + redirections


def _redirection(rule: Doc) -> str:
    target = rule["RewriteTarget"]
    ends = (rule["LocationId"], target["TargetLocationId"], rule["ListenerId"], target["TargetListenerId"], rule["_lb"])
    return "#".join(ends)


def _is_the_clouds(doc: Doc) -> bool:
    """Made by the cloud beside something else, or on its way out."""
    by_itself = doc.get("Main") or doc.get("DefaultNS") or str(doc.get("Name", "")).startswith("_dnsauth")
    return bool(by_itself) or doc.get("KeyState") == "PendingDelete" or doc.get("Status") == "PendingDelete"


def _leftover(kind: str, region: str, doc: Doc) -> Leftover:
    token, id_of = KINDS[kind]
    return Leftover(kind=kind, token=f"tencentcloud:{token}", id=id_of(doc), region=region)


def _cloud(region: str, variables: Mapping[str, str]) -> Cloud:
    settings = Settings.of({"region": region or DEFAULT_REGION}, variables)
    return settings.cloud(threading.Event(), lambda _text: None)


def _delete(leftover: Leftover, cloud: Cloud) -> None:
    if leftover.kind == "igtm.instance":  # no action deletes one: its owner asks the cloud's support
        _strike_out(leftover)
        return
    handler = HANDLERS[leftover.token]
    properties = handler.read(cloud, leftover.id, {})
    if leftover.kind == "kms.key":  # deleted only after days, it would keep the alias for as long
        cloud.call("kms", "UpdateAlias", {"KeyId": leftover.id, "Alias": f"lost-{leftover.id}"})
    if properties is not None:
        handler.delete(cloud, leftover.id, {**properties, "forceDelete": True, "deleteBucket": True})


def _strike_out(leftover: Leftover) -> None:
    store = Store(layout.DATABASE)
    try:
        store.delete(leftover.kind, leftover.id)
    finally:
        store.close()
