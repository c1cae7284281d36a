"""What keeps a group's count: one step per group at a time, again and again.

CREATING -> (IN_LAUNCHING_HOOK) -> IN_SERVICE -> (IN_TERMINATING_HOOK) -> TERMINATING -> gone. A step only looks at
what is stored and at what runs, so it goes on where it was after a restart.
"""

import logging
import secrets
import time
from collections.abc import Mapping

from sandbox.api.actions import Context, Order, every, restores
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.layout import REGIONS
from sandbox.services import plane
from sandbox.services.autoscaling import activities, balancers
from sandbox.services.autoscaling.kinds import COMING, CONFIG, GOING, GROUP, MEMBER, hooks, members
from sandbox.services.autoscaling.members import begin_termination, choose
from sandbox.services.cvm import machines
from sandbox.services.cvm.kinds import INSTANCE
from sandbox.services.params import stamp_utc
from sandbox.services.vpc.kinds import SUBNET
from sandbox.substrate.errors import SubstrateError

log = logging.getLogger(__name__)
PERIOD_S = 0.5
LONGEST_PAUSE_S = 60.0
IMMEDIATE_TRIES = 5
"""Launches in a row that IMMEDIATE_RETRY tries before it waits for a change of the group."""


@restores(Order.SERVERS)
def begin_grace_anew(ctx: Context) -> None:
    """After a restart of the machine its members boot again: until they serve they are not called unhealthy."""
    with ctx.store.lock:
        for member in MEMBER.all(ctx.store):
            if member["LifeCycleState"] == "IN_SERVICE":
                MEMBER.save(ctx.store, {**member, "_since": time.time()})


@every(PERIOD_S)
def reconcile(ctx: Context) -> None:
    """One step of every group."""
    running: Mapping[str, bool] | None = None
    for region in REGIONS:
        here = ctx.within(region)
        for doc in GROUP.list(here):
            if running is None:
                running = plane.current().machines_running()
            try:
                step(here, doc, running)
            except (ApiError, SubstrateError) as error:
                log.warning("%s: %s", doc["AutoScalingGroupId"], error)


def step(ctx: Context, doc: Doc, running: Mapping[str, bool]) -> None:
    """Bring a group one step nearer to its desired capacity. `running`: host name -> whether its machine runs."""
    for member in members(ctx.store, doc["AutoScalingGroupId"]):
        state = member["LifeCycleState"]
        if state in COMING:
            _come(ctx, doc, member)
        elif state in GOING:
            _go(ctx, doc, member, running)
        else:
            _check_alive(ctx, doc, member, running)
    if doc["EnabledStatus"] == "ENABLED":
        _replace_unhealthy(ctx, doc)
        _count(ctx, doc)


def _put(ctx: Context, member: Doc, **changes: object) -> None:
    with ctx.store.lock:
        now = MEMBER.anywhere(ctx.store, member["InstanceId"])
        if now is not None and now["LifeCycleState"] == member["LifeCycleState"]:
            MEMBER.save(ctx.store, {**now, **changes})


def _come(ctx: Context, doc: Doc, member: Doc) -> None:
    instance = INSTANCE.anywhere(ctx.store, member["InstanceId"])
    if instance is None or instance["InstanceState"] in ("LAUNCH_FAILED", "TERMINATING"):
        reason = (instance or {}).get("LatestOperationErrorMsg") or "the instance is gone"
        _forget(ctx, member, f"The instance {member['InstanceId']} could not be launched: {reason}")
        _pause(ctx, doc["AutoScalingGroupId"])
        return
    if instance["InstanceState"] != "RUNNING":
        return
    if member["LifeCycleState"] == "CREATING" and hooks(ctx.store, doc["AutoScalingGroupId"], "INSTANCE_LAUNCHING"):
        _put(ctx, member, LifeCycleState="IN_LAUNCHING_HOOK", _since=time.time())
        return
    if member["LifeCycleState"] == "IN_LAUNCHING_HOOK":
        result = _hook_result(ctx, doc, member, "INSTANCE_LAUNCHING")
        if result is None:
            return
        if result == "ABANDON":
            activities.end(ctx, member["_activity"], "A lifecycle hook abandoned the launch.")
            begin_termination(ctx, doc, [member], "SCALE_IN", "A lifecycle hook abandoned the launch.", hooked=False)
            return
    balancers.put_behind(ctx.store, doc, member["InstanceId"])
    _put(ctx, member, LifeCycleState="IN_SERVICE", HealthStatus="HEALTHY", _since=time.time())
    activities.end(ctx, member["_activity"])
    with ctx.store.lock:
        now = GROUP.anywhere(ctx.store, doc["AutoScalingGroupId"])
        if now is not None and now["_failures"]:
            GROUP.save(ctx.store, {**now, "_failures": 0, "_retry_at": 0.0})


def _hook_result(ctx: Context, doc: Doc, member: Doc, transition: str) -> str | None:
    """CONTINUE or ABANDON; None while a hook still holds the member."""
    if member.get("_completed"):
        return str(member["_completed"])
    holding = hooks(ctx.store, doc["AutoScalingGroupId"], transition)
    waited_s = time.time() - member["_since"]
    if any(waited_s < hook["HeartbeatTimeout"] for hook in holding):
        return None
    results = {hook["DefaultResult"] for hook in holding}
    return "ABANDON" if "ABANDON" in results else "CONTINUE"


def _forget(ctx: Context, member: Doc, error: str = "") -> None:
    MEMBER.drop(ctx, member["InstanceId"])
    activities.end(ctx, member["_activity"], error)


def _pause(ctx: Context, group_id: str) -> None:
    """Wait before the next launch, as the retry policy says."""
    with ctx.store.lock:
        doc = GROUP.anywhere(ctx.store, group_id)
        if doc is None:
            return
        failures = doc["_failures"] + 1
        pause_s = 1.0
        if doc["RetryPolicy"] == "INCREMENTAL_INTERVALS":
            pause_s = min(2.0**failures, LONGEST_PAUSE_S)
        elif doc["RetryPolicy"] == "NO_RETRY" or failures >= IMMEDIATE_TRIES:
            pause_s = float("1e12")
        GROUP.save(ctx.store, {**doc, "_failures": failures, "_retry_at": time.time() + pause_s})


def _go(ctx: Context, doc: Doc, member: Doc, running: Mapping[str, bool]) -> None:
    instance = INSTANCE.anywhere(ctx.store, member["InstanceId"])
    if instance is None:
        balancers.take_away(ctx.store, doc, member["InstanceId"])
        _forget(ctx, member)
        return
    if not member["_drained"]:
        if running.get(instance["_host"]):
            balancers.put_behind(ctx.store, doc, member["InstanceId"], drain=True)
        _put(ctx, member, _drained=True)
    if member["LifeCycleState"] == "IN_TERMINATING_HOOK":
        if running.get(instance["_host"]) and _hook_result(ctx, doc, member, "INSTANCE_TERMINATING") is None:
            return
        _put(ctx, member, LifeCycleState="TERMINATING")
    balancers.take_away(ctx.store, doc, member["InstanceId"])
    machines.terminate(ctx, member["InstanceId"])


def _check_alive(ctx: Context, doc: Doc, member: Doc, running: Mapping[str, bool]) -> None:
    """An instance that ended, or was terminated by hand, goes at once."""
    instance = INSTANCE.anywhere(ctx.store, member["InstanceId"])
    if instance is None or instance["InstanceState"] == "TERMINATING" or not running.get(instance["_host"]):
        cause = f"The instance {member['InstanceId']} does not run any more."
        begin_termination(ctx, doc, [member], "REPLACE_MONITOR_UNHEALTHY_INSTANCE", cause, hooked=False)


def _replace_unhealthy(ctx: Context, doc: Doc) -> None:
    """One instance that its load balancer calls dead, if the settings say so and nothing else is under way."""
    if doc["HealthCheckType"] != "CLB":
        return
    inside = members(ctx.store, doc["AutoScalingGroupId"])
    busy = any(member["LifeCycleState"] in COMING for member in inside)
    grace_s = doc["LoadBalancerHealthCheckGracePeriod"]
    for member in inside:
        if member["LifeCycleState"] != "IN_SERVICE" or time.time() - member["_since"] < grace_s:
            continue
        failing = balancers.unhealthy(ctx.store, doc, member["InstanceId"])
        status = "CLB_UNHEALTHY" if failing else "HEALTHY"
        if status != member["HealthStatus"]:
            _put(ctx, member, HealthStatus=status)
        if failing and not busy and doc["ServiceSettings"]["ReplaceLoadBalancerUnhealthy"]:
            cause = f"The instance {member['InstanceId']} fails its load balancer's checks."
            begin_termination(ctx, doc, [member], "REPLACE_LOAD_BALANCER_UNHEALTHY_INSTANCE", cause)
            return


def _count(ctx: Context, doc: Doc) -> None:
    with ctx.store.lock:
        now = GROUP.anywhere(ctx.store, doc["AutoScalingGroupId"])
        if now is None:
            return
        inside = members(ctx.store, now["AutoScalingGroupId"])
        staying = [member for member in inside if member["LifeCycleState"] not in GOING]
        missing = now["DesiredCapacity"] - len(staying)
        if missing < 0:
            cause = f"The desired capacity is {now['DesiredCapacity']}, there are {len(staying)} instances."
            chosen = choose(now, inside, -missing)
            if chosen:
                begin_termination(ctx, now, chosen, "SCALE_IN", cause)
            return
    if missing > 0 and time.time() >= now["_retry_at"]:
        for _ in range(missing):
            if not _launch(ctx, now):
                return


def _subnets(ctx: Context, doc: Doc) -> list[Doc]:
    """The group's subnets, the one to try first first."""
    subnets = [found for each in doc["SubnetIdSet"] if (found := SUBNET.find(ctx, each)) is not None]
    if doc["MultiZoneSubnetPolicy"] == "EQUALITY":
        inside = members(ctx.store, doc["AutoScalingGroupId"])
        zones = [member["Zone"] for member in inside if member["LifeCycleState"] not in GOING]
        subnets.sort(key=lambda subnet: zones.count(subnet["Zone"]))
    return subnets


def _launch(ctx: Context, doc: Doc) -> bool:
    """Start one more instance in the first subnet that takes it; False if none does."""
    config = CONFIG.need(ctx, doc["LaunchConfigurationId"])
    error: ApiError | None = None
    for subnet in _subnets(ctx, doc):
        try:
            instance_id = machines.run(ctx, _launch_of(doc, config, subnet))
        except ApiError as refused:
            error = refused
            continue
        _add(ctx, doc, config, subnet, instance_id)
        return True
    reason = str(error) if error else "no subnet of the group exists"
    activity = activities.begin(ctx, doc, "SCALE_OUT", "The group has too few instances.", [])
    activities.end(ctx, activity, reason)
    _pause(ctx, doc["AutoScalingGroupId"])
    return False


def _launch_of(doc: Doc, config: Doc, subnet: Doc) -> machines.Launch:
    internet = config["InternetAccessible"]
    names = config.get("InstanceNameSettings") or {"InstanceName": f"as-{doc['AutoScalingGroupName']}"}
    hosts = config.get("HostNameSettings") or {"HostName": ""}
    suffix = f"-{secrets.token_hex(3)}"
    unique = hosts.get("HostNameStyle") == "UNIQUE"
    return machines.Launch(
        image_id=config["ImageId"],
        size=config["InstanceTypes"][0],
        zone=subnet["Zone"],
        vpc_id=doc["VpcId"],
        subnet_id=subnet["SubnetId"],
        name=names["InstanceName"] + (suffix if names.get("InstanceNameStyle") == "UNIQUE" else ""),
        hostname=hosts["HostName"] + (suffix if unique else ""),
        group_ids=tuple(config["SecurityGroupIds"]),
        user_data=config["UserData"],
        role=config["CamRoleName"],
        public_ip=bool(internet["PublicIpAssigned"]),
        bandwidth=internet["InternetMaxBandwidthOut"],
        scaling_group=doc["AutoScalingGroupId"],
        tags=tuple(config["InstanceTags"]),
        extra={"SystemDisk": config["SystemDisk"]},
    )


def _add(ctx: Context, doc: Doc, config: Doc, subnet: Doc, instance_id: str) -> None:
    cause = f"The desired capacity is {doc['DesiredCapacity']}."
    member: Doc = {
        "InstanceId": instance_id,
        "AutoScalingGroupId": doc["AutoScalingGroupId"],
        "AutoScalingGroupName": doc["AutoScalingGroupName"],
        "LaunchConfigurationId": config["LaunchConfigurationId"],
        "LaunchConfigurationName": config["LaunchConfigurationName"],
        "LifeCycleState": "CREATING",
        "HealthStatus": "HEALTHY",
        "ProtectedFromScaleIn": False,
        "Zone": subnet["Zone"],
        "CreationType": "AUTO_CREATION",
        "AddTime": stamp_utc(ctx),
        "InstanceType": config["InstanceTypes"][0],
        "VersionNumber": config["VersionNumber"],
        "WarmupStatus": "NO_NEED_WARMUP",
        "_activity": activities.begin(ctx, doc, "SCALE_OUT", cause, [instance_id]),
        "_since": time.time(),
        "_drained": False,
        "_completed": None,
    }
    MEMBER.create(ctx, member)
