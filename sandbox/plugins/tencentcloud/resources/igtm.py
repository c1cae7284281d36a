"""Global traffic (Igtm/*). Source: docs/sources.md, provider."""

from collections.abc import Mapping
from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    resource,
)

_INSTANCE = {
    "domain": "Domain",
    "accessType": "AccessType",
    "globalTtl": "GlobalTtl",
    "packageType": "PackageType",
    "instanceName": "InstanceName",
    "accessDomain": "AccessDomain",
    "accessSubDomain": "AccessSubDomain",
    "remark": "Remark",
    "resourceId": "ResourceId",
}
_MONITOR = {
    "monitorName": "MonitorName",
    "checkProtocol": "CheckProtocol",
    "checkInterval": "CheckInterval",
    "timeout": "Timeout",
    "failTimes": "FailTimes",
    "failRate": "FailRate",
    "detectorStyle": "DetectorStyle",
    "detectorGroupIds": "DetectorGroupIds",
    "pingNum": "PingNum",
    "tcpPort": "TcpPort",
    "host": "Host",
    "path": "Path",
    "returnCodeThreshold": "ReturnCodeThreshold",
    "enableRedirect": "EnableRedirect",
    "enableSni": "EnableSni",
    "packetLossRate": "PacketLossRate",
    "continuePeriod": "ContinuePeriod",
}


def _request(props: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {parameter: props.get(name) for name, parameter in names.items()}


def _ask(cloud: Cloud, action: str, params: Mapping[str, Any]) -> dict[str, Any] | None:
    """The answer, or None if the API says that there is no such thing."""
    try:
        return cloud.call("igtm", action, params)
    except CloudError as error:
        if error.matches("ResourceNotFound"):
            return None
        raise


def _expect_success(answer: Mapping[str, Any] | None) -> None:
    """A refused delete comes as a good answer with another `Msg`."""
    if answer is not None and answer.get("Msg") != "success":
        raise ProviderError(str(answer.get("Msg")))


@resource("tencentcloud:Igtm/instance:Instance")
class Instance(Handler):
    """An instance; it cannot be deleted."""

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """In a bought package."""
        id = cloud.call("igtm", "CreateInstance", _request(props, _INSTANCE))["InstanceId"]
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """By id."""
        answer = _ask(cloud, "DescribeInstanceDetail", {"InstanceId": id})
        if answer is None:
            return None
        found = answer["Instance"]
        read = {name: found[key] for name, key in _INSTANCE.items()}
        return read | {"instanceId": id, "remark": found["Remark"] or props.get("remark")}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """All of its configuration."""
        config = _request(new, {k: v for k, v in _INSTANCE.items() if k not in ("packageType", "resourceId")})
        cloud.call("igtm", "ModifyInstanceConfig", {"InstanceId": id, "InstanceConfig": config})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Always refused."""
        raise ProviderError(
            "tencentcloud igtm instance not supported delete, please contact the work order for processing"
        )


@resource("tencentcloud:Igtm/addressPool:AddressPool")
class AddressPool(Handler):
    """A pool: id = its number."""

    def _request(self, props: Props) -> dict[str, Any]:
        names = {"addr": "Addr", "isEnable": "IsEnable", "location": "Location", "weight": "Weight"}
        return {
            "PoolName": props["poolName"],
            "TrafficStrategy": props["trafficStrategy"],
            "MonitorId": props.get("monitorId"),
            "AddressSet": [_request(address, names) for address in props["addressSets"]],
        }

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The id is the answer's."""
        id = str(cloud.call("igtm", "CreateAddressPool", self._request(props))["AddressPoolId"])
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """With what is computed per address."""
        answer = _ask(cloud, "DescribeAddressPoolDetail", {"PoolId": int(id)})
        if answer is None:
            return None
        pool = answer["AddressPool"]
        read: Props = {
            "poolId": int(id),
            "poolName": pool["PoolName"],
            "trafficStrategy": pool["TrafficStrategy"],
            "addressSets": [self._address(address) for address in answer["AddressSet"]],
        }
        return read | ({"monitorId": pool["MonitorId"]} if pool.get("MonitorId") else {})

    def _address(self, found: dict[str, Any]) -> Props:
        answer: Props = {
            "addr": found["Addr"],
            "isEnable": found["IsEnable"],
            "addressId": found["AddressId"],
            "status": found["Status"],
            "createdOn": found["CreatedOn"],
            "updatedOn": found["UpdatedOn"],
        }
        optional = (("location", "Location"), ("weight", "Weight"))
        return answer | {name: found[key] for name, key in optional if found.get(key)}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """The whole pool."""
        _expect_success(cloud.call("igtm", "ModifyAddressPool", {"PoolId": int(id), **self._request(new)}))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Refused while a strategy names it."""
        _expect_success(_ask(cloud, "DeleteAddressPool", {"PoolId": int(id)}))


@resource("tencentcloud:Igtm/monitor:Monitor")
class Monitor(Handler):
    """A monitor: id = its number."""

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """Values are checked by the API alone."""
        id = str(cloud.call("igtm", "CreateMonitor", _request(props, _MONITOR))["MonitorId"])
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """By id."""
        answer = _ask(cloud, "DescribeMonitorDetail", {"MonitorId": int(id)})
        if answer is None:
            return None
        found = answer["MonitorDetail"]
        read: Props = {name: found[key] for name, key in _MONITOR.items() if found.get(key) is not None}
        return read | {"monitorId": int(id)}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """The whole monitor."""
        _expect_success(cloud.call("igtm", "ModifyMonitor", {"MonitorId": int(id), **_request(new, _MONITOR)}))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Refused while a pool names it."""
        _expect_success(_ask(cloud, "DeleteMonitor", {"MonitorId": int(id)}))


@resource("tencentcloud:Igtm/strategy:Strategy")
class Strategy(Handler):
    """A strategy: id `<instance>#<strategyId>`."""

    def _request(self, props: Props) -> dict[str, Any]:
        return {
            "InstanceId": props["instanceId"],
            "StrategyName": props["strategyName"],
            "Source": [_request(source, {"dnsLineId": "DnsLineId", "name": "Name"}) for source in props["sources"]],
            "MainAddressPoolSet": [self._group(group) for group in props["mainAddressPoolSets"]],
            "FallbackAddressPoolSet": [self._group(group) for group in props["fallbackAddressPoolSets"]],
            "KeepDomainRecords": props.get("keepDomainRecords"),
            "SwitchPoolType": props.get("switchPoolType"),
        }

    def _group(self, group: Props) -> dict[str, Any]:
        pools = [_request(pool, {"poolId": "PoolId", "weight": "Weight"}) for pool in group["addressPools"]]
        names = {"minSurviveNum": "MinSurviveNum", "trafficStrategy": "TrafficStrategy"}
        return {"AddressPools": pools, **_request(group, names)}

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The id is the answer's."""
        number = cloud.call("igtm", "CreateStrategy", self._request(props))["StrategyId"]
        id = f"{props['instanceId']}#{number}"
        partial.id(id)
        return Created(id)

    def _place(self, id: str) -> dict[str, Any]:
        instance, number = id.split("#")
        return {"InstanceId": instance, "StrategyId": int(number)}

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """By id."""
        answer = _ask(cloud, "DescribeStrategyDetail", self._place(id))
        if answer is None:
            return None
        found = answer["StrategyDetail"]
        return {
            "instanceId": found["InstanceId"],
            "strategyId": found["StrategyId"],
            "strategyName": found["Name"],
            "sources": [{"dnsLineId": s["DnsLineId"], "name": s["Name"]} for s in found["Source"]],
            "mainAddressPoolSets": [self._read_group(group) for group in found["MainAddressPoolSet"]],
            "fallbackAddressPoolSets": [self._read_group(group) for group in found["FallbackAddressPoolSet"]],
            "keepDomainRecords": found["KeepDomainRecords"],
            "switchPoolType": found["SwitchPoolType"],
        }

    def _read_group(self, group: dict[str, Any]) -> Props:
        return {
            "addressPools": [{"poolId": p["PoolId"], "weight": p["Weight"]} for p in group["AddressPools"]],
            "mainAddressPoolId": group["MainAddressPoolId"],
            "minSurviveNum": group["MinSurviveNum"],
            "trafficStrategy": group["TrafficStrategy"],
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """The whole strategy."""
        _expect_success(cloud.call("igtm", "ModifyStrategy", {**self._request(new), **self._place(id)}))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """A refusal comes as text."""
        _expect_success(_ask(cloud, "DeleteStrategy", self._place(id)))
