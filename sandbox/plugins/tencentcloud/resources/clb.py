"""Load balancers (Clb/*), as the official provider drives them. Source: docs/sources.md, provider."""

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    given,
    resource,
    tag_map,
    write_tags,
)

WAIT_S, CREATE_WAIT_S = 720.0, 900.0
TARGETS_AT_ONCE = 20
NEW_IN_LISTENER_ID = "1.47"
"""The provider version since which composite ids are refused where a plain one is wanted."""
_writes = threading.Lock()


@contextmanager
def writing() -> Generator[None]:
    """The official provider makes its CLB writes one after another, whatever the engine's parallelism."""
    with _writes:
        yield


def perform(cloud: Cloud, action: str, params: Mapping[str, Any], timeout_s: float = WAIT_S) -> dict[str, Any]:
    """Call an action and wait for its task. Raises ProviderError with the request id when the task fails."""
    answer = cloud.call("clb", action, params)
    task = answer["RequestId"]

    def state() -> int:
        return int(cloud.call("clb", "DescribeTaskStatus", {"TaskId": task})["Status"])

    if cloud.wait(state, (0, 1), timeout_s, what=f"CLB task {task}") == 1:
        raise ProviderError(f"CLB task status is 1(failed), requestId is {task}")
    return answer


def plain(props: Props, *names: str) -> dict[str, str]:
    """Preview-time reasons for composite ids where plain ones are wanted."""
    return {name: _composite(name, props[name]) for name in names if "#" in str(props.get(name) or "")}


def _composite(name: str, value: str) -> str:
    return (
        f"{value} is the composite id of a listener or rule: since {NEW_IN_LISTENER_ID} `{name}` takes the plain id; "
        "use the `listenerId` or `ruleId` output"
    )


def in_range(props: Props, name: str, low: int, high: int) -> dict[str, str]:
    """A reason if a number is outside its range."""
    value = props.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and not low <= value <= high:
        return {name: f"expected {name} to be in the range ({low} - {high}), got {value}"}
    return {}


def one_of(props: Props, name: str, *allowed: str) -> dict[str, str]:
    """A reason if a text is not allowed."""
    value = props.get(name)
    if value is not None and value not in allowed:
        return {name: f"expected {name} to be one of {list(allowed)}, got {value}"}
    return {}


def find_balancer(cloud: Cloud, id: str) -> dict[str, Any] | None:
    """The load balancer as the API tells it, or None."""
    found = cloud.call("clb", "DescribeLoadBalancers", {"LoadBalancerIds": [id]})["LoadBalancerSet"]
    return found[0] if found else None


def find_listener(cloud: Cloud, balancer_id: str, id: str) -> dict[str, Any] | None:
    """The listener as the API tells it, or None."""
    try:
        answer = cloud.call("clb", "DescribeListeners", {"LoadBalancerId": balancer_id, "ListenerIds": [id]})
    except CloudError as error:
        if error.matches("InvalidParameter"):
            return None
        raise
    return answer["Listeners"][0] if answer["Listeners"] else None


def rules_of(listener: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """A listener's rules; none for a listener that is gone."""
    rules: list[dict[str, Any]] = (listener.get("Rules") if listener else None) or []
    return rules


_INTERNAL_REFUSES = (
    "targetRegionInfoRegion",
    "targetRegionInfoVpcId",
    "vipIsp",
    "addressIpVersion",
    "internetChargeType",
    "internetBandwidthMaxOut",
    "masterZoneId",
    "zoneId",
    "slaveZoneId",
)


@resource("tencentcloud:Clb/instance:Instance")
class Instance(Handler):
    """A load balancer."""

    immutable = (
        "snatIps",
        "dynamicVip",
        "masterZoneId",
        "slaveZoneId",
        "addressIpVersion",
        "bandwidthPackageId",
        "zoneId",
    )
    write_only = ("bandwidthPackageId", "deleteProtect", "dynamicVip", "snatIps")

    def check(self, props: Props) -> dict[str, str]:
        """Preview-time validators."""
        name = props.get("clbName")
        reasons = one_of(props, "networkType", "OPEN", "INTERNAL")
        reasons |= in_range(props, "internetBandwidthMaxOut", 1, 2048)
        if isinstance(name, str) and not 1 <= len(name) <= 60:
            reasons["clbName"] = f"expected length of clbName to be in the range (1 - 60), got {name}"
        return reasons

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The id is known only when the task has ended: a failure before leaves an orphan."""
        self._check_apply(props)
        with writing():
            self._refuse_same_name(cloud, props["clbName"])
            answer = cloud.call("clb", "CreateLoadBalancer", self._request(props))
            id = self._await_id(cloud, answer["RequestId"])
            partial.id(id)
            if props.get("securityGroups"):
                params = {"LoadBalancerId": id, "SecurityGroups": props["securityGroups"]}
                perform(cloud, "SetLoadBalancerSecurityGroups", params)
            if props.get("logSetId"):
                params = {"LoadBalancerId": id, "LogSetId": props["logSetId"], "LogTopicId": props["logTopicId"]}
                perform(cloud, "SetLoadBalancerClsLog", params)
            if props.get("targetRegionInfoRegion"):
                perform(cloud, "ModifyLoadBalancerAttributes", {"LoadBalancerId": id, **_target_region(props)})
            if props.get("deleteProtect"):
                perform(cloud, "ModifyLoadBalancerAttributes", {"LoadBalancerId": id, "DeleteProtect": True})
        return Created(id)

    def _check_apply(self, props: Props) -> None:
        if props["networkType"] == "INTERNAL":
            for name in _INTERNAL_REFUSES:
                if props.get(name) is not None:
                    raise ProviderError(f"INTERNAL network_type do not support this setting: {name}")
        if bool(props.get("logSetId")) != bool(props.get("logTopicId")):
            raise ProviderError("log_set_id and log_topic_id must be set together")
        if bool(props.get("targetRegionInfoRegion")) != bool(props.get("targetRegionInfoVpcId")):
            raise ProviderError("region and vpc_id must be set at same time")
        if props.get("bandwidthPackageId") and props.get("internetChargeType") != "BANDWIDTH_PACKAGE":
            raise ProviderError("internet_charge_type must be `BANDWIDTH_PACKAGE` when bandwidth_package_id was set")

    def _refuse_same_name(self, cloud: Cloud, name: str) -> None:
        same = cloud.call("clb", "DescribeLoadBalancers", {"LoadBalancerName": name})["LoadBalancerSet"]
        if same:
            raise ProviderError(f"Same CLB name `{name}` exists!")

    def _request(self, props: Props) -> dict[str, Any]:
        request = given(
            props,
            {
                "networkType": "LoadBalancerType",
                "clbName": "LoadBalancerName",
                "projectId": "ProjectId",
                "vpcId": "VpcId",
                "subnetId": "SubnetId",
                "addressIpVersion": "AddressIPVersion",
                "masterZoneId": "MasterZoneId",
                "slaveZoneId": "SlaveZoneId",
                "zoneId": "ZoneId",
                "vipIsp": "VipIsp",
                "vip": "Vip",
                "bandwidthPackageId": "BandwidthPackageId",
                "slaType": "SlaType",
                "snatPro": "SnatPro",
                "dynamicVip": "DynamicVip",
                "loadBalancerPassToTarget": "LoadBalancerPassToTarget",
            },
        )
        request |= _internet("InternetAccessible", props)
        if props.get("clusterId"):
            request["ClusterIds"] = [props["clusterId"]]
        if props.get("snatIps"):
            request["SnatIps"] = [given(ip, {"subnetId": "SubnetId", "ip": "Ip"}) for ip in props["snatIps"]]
        tags: Mapping[str, str] = props.get("tags") or {}
        if tags:
            request["Tags"] = [{"TagKey": key, "TagValue": value} for key, value in sorted(tags.items())]
        return request

    def _await_id(self, cloud: Cloud, task: str) -> str:
        answer: dict[str, Any] = {}

        def state() -> int:
            answer.update(cloud.call("clb", "DescribeTaskStatus", {"TaskId": task}))
            return int(answer["Status"])

        if cloud.wait(state, (0, 1), CREATE_WAIT_S, what=f"CLB task {task}") == 1:
            raise ProviderError(f"CLB task status is 1(failed), requestId is {task}")
        return str(answer["LoadBalancerIds"][0])

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """All that the API tells; zones as the provider folds them."""
        found = find_balancer(cloud, id)
        if found is None:
            return None
        internet: dict[str, Any] = found.get("NetworkAttributes") or {}
        region: dict[str, Any] = found.get("TargetRegionInfo") or {}
        master: dict[str, Any] = found.get("MasterZone") or {}
        backups: list[dict[str, Any]] = found.get("BackupZoneSet") or []
        vips: list[str] = found.get("LoadBalancerVips") or []
        opened = found["LoadBalancerType"] == "OPEN"
        return {
            "networkType": found["LoadBalancerType"],
            "clbName": found["LoadBalancerName"],
            "clbVips": vips,
            "vip": vips[0] if vips else "",
            "domain": found.get("LoadBalancerDomain") or "",
            "vpcId": found["VpcId"],
            "subnetId": found.get("SubnetId") or None,
            "projectId": found.get("ProjectId") or 0,
            "securityGroups": found.get("SecureGroups") or [],
            "vipIsp": found.get("VipIsp") or "",
            "addressIpVersion": found.get("AddressIPVersion") or "",
            "addressIpv6": found.get("AddressIPv6") or "",
            "ipv6Mode": found.get("IPv6Mode") or "",
            "internetChargeType": internet.get("InternetChargeType", ""),
            "internetBandwidthMaxOut": internet.get("InternetMaxBandwidthOut", 0),
            "loadBalancerPassToTarget": bool(found.get("LoadBalancerPassToTarget")),
            "snatPro": bool(found.get("SnatPro")) or props.get("snatPro"),
            "slaType": found.get("SlaType") or "",
            # The provider reads one zone into both.
            "masterZoneId": master.get("Zone", "") if opened else "",
            "zoneId": master.get("Zone", "") if opened else "",
            "slaveZoneId": backups[0]["Zone"] if opened and backups else "",
            "targetRegionInfoRegion": region.get("Region", ""),
            "targetRegionInfoVpcId": region.get("VpcId", ""),
            "logSetId": found.get("LogSetId") or None,
            "logTopicId": found.get("LogTopicId") or None,
            "eipAddressId": "",
            "tags": tag_map(found.get("Tags")) or (props.get("tags") and {}),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Attributes in one call each, as the provider groups them."""
        everything = not changed
        with writing():
            request: dict[str, Any] = {}
            if "clbName" in changed:
                self._refuse_same_name(cloud, new["clbName"])
            if "clbName" in changed or everything:
                request["LoadBalancerName"] = new["clbName"]
            if {"internetBandwidthMaxOut", "internetChargeType"} & changed:
                request |= _internet("InternetChargeInfo", new)
            if {"targetRegionInfoRegion", "targetRegionInfoVpcId"} & changed:
                request |= _target_region(new)
            for name, parameter in (
                ("loadBalancerPassToTarget", "LoadBalancerPassToTarget"),
                ("snatPro", "SnatPro"),
                ("deleteProtect", "DeleteProtect"),
            ):
                if name in changed or everything:
                    request[parameter] = bool(new.get(name))
            if request:
                perform(cloud, "ModifyLoadBalancerAttributes", {"LoadBalancerId": id, **request})
            if "slaType" in changed:
                sla = {"LoadBalancerId": id, "SlaType": new["slaType"]}
                perform(cloud, "ModifyLoadBalancerSla", {"LoadBalancerSla": [sla]})
            if "securityGroups" in changed or everything:
                groups: list[str] = new.get("securityGroups") or []
                params = {"LoadBalancerId": id, "SecurityGroups": groups}
                perform(cloud, "SetLoadBalancerSecurityGroups", params)
            if {"logSetId", "logTopicId"} & changed or (everything and new.get("logSetId")):
                logs = {"LogSetId": new.get("logSetId") or "", "LogTopicId": new.get("logTopicId") or ""}
                perform(cloud, "SetLoadBalancerClsLog", {"LoadBalancerId": id, **logs})
            if "tags" in changed:
                write_tags(cloud, "clb", "clb", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Refused by the API while deletion protection is on."""
        with writing():
            _tolerant(
                lambda: perform(cloud, "DeleteLoadBalancer", {"LoadBalancerIds": [id]}), "InvalidParameter.LBIdNotFound"
            )


def _tolerant(call: Callable[[], object], *codes: str) -> None:
    try:
        call()
    except CloudError as error:
        if not error.matches(*codes):
            raise


def _internet(key: str, props: Props) -> dict[str, Any]:
    names = {"internetChargeType": "InternetChargeType", "internetBandwidthMaxOut": "InternetMaxBandwidthOut"}
    values = given(props, names)
    return {key: values} if values else {}


def _target_region(props: Props) -> dict[str, Any]:
    region = {"Region": props["targetRegionInfoRegion"], "VpcId": props["targetRegionInfoVpcId"]}
    return {"TargetRegionInfo": region}
