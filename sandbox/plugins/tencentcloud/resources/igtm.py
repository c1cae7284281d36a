"""Global traffic (Igtm/*). Source: docs/fidelity/igtm.md.

No code of an error means gone: a thing is gone when a good answer has no detail.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.plugins.tencentcloud.handler import Cloud, Created, Handler, Partial, Props, ProviderError, resource

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
_MONITOR_COMPUTED = {
    "pingNum": "PingNum",
    "tcpPort": "TcpPort",
    "path": "Path",
    "returnCodeThreshold": "ReturnCodeThreshold",
    "enableRedirect": "EnableRedirect",
    "enableSni": "EnableSni",
    "packetLossRate": "PacketLossRate",
    "continuePeriod": "ContinuePeriod",
}
"""What the cloud fills in: a change sends it back as it was read."""
_MONITOR = {
    "monitorName": "MonitorName",
    "checkProtocol": "CheckProtocol",
    "checkInterval": "CheckInterval",
    "timeout": "Timeout",
    "failTimes": "FailTimes",
    "failRate": "FailRate",
    "detectorStyle": "DetectorStyle",
    "detectorGroupIds": "DetectorGroupIds",
    "host": "Host",
} | _MONITOR_COMPUTED
_ADDRESS = {"addr": "Addr", "isEnable": "IsEnable", "location": "Location", "weight": "Weight"}
_ADDRESS_READ = _ADDRESS | {
    "addressId": "AddressId",
    "status": "Status",
    "createdOn": "CreatedOn",
    "updatedOn": "UpdatedOn",
}
_SOURCE = {"dnsLineId": "DnsLineId", "name": "Name"}
_POOL = {"poolId": "PoolId", "weight": "Weight"}
_GROUP_COMPUTED = {
    "mainAddressPoolId": "MainAddressPoolId",
    "minSurviveNum": "MinSurviveNum",
    "trafficStrategy": "TrafficStrategy",
}
_GROUPS = {"mainAddressPoolSets": "MainAddressPoolSet", "fallbackAddressPoolSets": "FallbackAddressPoolSet"}


def _request(props: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Parameters; empty texts are unset."""
    return {key: props[name] for name, key in names.items() if props.get(name) not in (None, "")}


def _nonzero(props: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {key: props[name] for name, key in names.items() if props.get(name)}


def _read(found: Mapping[str, Any], names: Mapping[str, str]) -> Props:
    return {name: found[key] for name, key in names.items() if found.get(key) is not None}


def _expect_success(answer: Mapping[str, Any]) -> None:
    """A refused change can come as a good answer with another `Msg`."""
    if answer.get("Msg") != "success":
        raise ProviderError(str(answer.get("Msg")))


@resource("tencentcloud:Igtm/instance:Instance")
class Instance(Handler):
    """An instance; it cannot be deleted."""

    kind = "igtm.instance"
    key = ("InstanceId",)
    deletable = False

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """In a bought package."""
        id = cloud.call("igtm", "CreateInstance", _request(props, _INSTANCE))["InstanceId"]
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """By id."""
        found = cloud.call("igtm", "DescribeInstanceDetail", {"InstanceId": id}).get("Instance")
        return None if found is None else _read(found, _INSTANCE | {"instanceId": "InstanceId"})

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

    kind = "igtm.pool"
    key = ("PoolId",)

    def _request(self, props: Props, before: Sequence[Props] = ()) -> dict[str, Any]:
        return {
            "PoolName": props["poolName"],
            "TrafficStrategy": props["trafficStrategy"],
            "MonitorId": props.get("monitorId"),
            "AddressSet": [self._address(address, before) for address in props["addressSets"]],
        }

    def _address(self, address: Props, before: Sequence[Props]) -> dict[str, Any]:
        """A weight that is not given is sent as 0; the id of an address that did not change goes with it."""
        wanted = {"Weight": 0} | _request(address, _ADDRESS)
        same = next((old for old in before if {"Weight": 0} | _request(old, _ADDRESS) == wanted), None)
        return wanted | (_request(same, {"addressId": "AddressId"}) if same else {})

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The id is the answer's."""
        id = str(cloud.call("igtm", "CreateAddressPool", self._request(props))["AddressPoolId"])
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """With what is computed per address. The provider never takes a pool for gone."""
        answer = cloud.call("igtm", "DescribeAddressPoolDetail", {"PoolId": int(id)})
        names = {
            "poolName": "PoolName",
            "trafficStrategy": "TrafficStrategy",
            "monitorId": "MonitorId",
            "poolId": "PoolId",
        }
        addresses = [_read(address, _ADDRESS_READ) for address in answer.get("AddressSet") or ()]
        return _read(answer.get("AddressPool") or {}, names) | ({"addressSets": addresses} if addresses else {})

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """The whole pool."""
        request = self._request(new, old.get("addressSets") or ())
        cloud.call("igtm", "ModifyAddressPool", {"PoolId": int(id), **request})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Refused while a strategy names it."""
        _expect_success(cloud.call("igtm", "DeleteAddressPool", {"PoolId": int(id)}))


@resource("tencentcloud:Igtm/monitor:Monitor")
class Monitor(Handler):
    """A monitor: id = its number."""

    kind = "igtm.monitor"
    key = ("MonitorId",)

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """Values are checked by the API alone."""
        id = str(cloud.call("igtm", "CreateMonitor", _request(props, _MONITOR))["MonitorId"])
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """By id."""
        found = cloud.call("igtm", "DescribeMonitorDetail", {"MonitorId": int(id)}).get("MonitorDetail")
        return None if found is None else _read(found, _MONITOR | {"monitorId": "MonitorId"})

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """The whole monitor."""
        wanted = {name: old.get(name) for name in _MONITOR_COMPUTED} | new
        _expect_success(cloud.call("igtm", "ModifyMonitor", {"MonitorId": int(id), **_request(wanted, _MONITOR)}))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Refused while a pool names it."""
        _expect_success(cloud.call("igtm", "DeleteMonitor", {"MonitorId": int(id)}))


@resource("tencentcloud:Igtm/strategy:Strategy")
class Strategy(Handler):
    """A strategy: id `<instance>#<strategyId>`."""

    kind = "igtm.strategy"
    key = ("InstanceId", "StrategyId")

    def _request(self, props: Props, old: Props | None = None) -> dict[str, Any]:
        names = {
            "strategyName": "StrategyName",
            "keepDomainRecords": "KeepDomainRecords",
            "switchPoolType": "SwitchPoolType",
        }
        groups = {key: self._groups(props[name], (old or {}).get(name) or ()) for name, key in _GROUPS.items()}
        return {
            "Source": [_request(source, _SOURCE) for source in props["sources"]],
            **groups,
            **_request(props, names),
        }

    def _groups(self, groups: Sequence[Props], before: Sequence[Props]) -> list[dict[str, Any]]:
        """What the cloud filled in for a level goes back with the level that stands in its place."""
        answer: list[dict[str, Any]] = []
        for place, group in enumerate(groups):
            old = before[place] if place < len(before) else {}
            pools = [{"PoolId": pool["poolId"], **_nonzero(pool, _POOL)} for pool in group["addressPools"]]
            kept = {name: old.get(name) for name in _GROUP_COMPUTED}
            answer.append({"AddressPools": pools, **_nonzero(kept | group, _GROUP_COMPUTED)})
        return answer

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The id is the answer's."""
        request = {"InstanceId": props["instanceId"], **self._request(props)}
        id = f"{props['instanceId']}#{cloud.call('igtm', 'CreateStrategy', request)['StrategyId']}"
        partial.id(id)
        return Created(id)

    def _place(self, id: str) -> dict[str, Any]:
        instance, number = id.split("#")
        return {"InstanceId": instance, "StrategyId": int(number)}

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """By id; empty lists are not read."""
        found = cloud.call("igtm", "DescribeStrategyDetail", self._place(id)).get("StrategyDetail")
        if found is None:
            return None
        names = {
            "instanceId": "InstanceId",
            "strategyId": "StrategyId",
            "strategyName": "Name",
            "keepDomainRecords": "KeepDomainRecords",
            "switchPoolType": "SwitchPoolType",
        }
        lists = {"sources": [_read(source, _SOURCE) for source in found.get("Source") or ()]}
        lists |= {name: [self._read_group(group) for group in found.get(key) or ()] for name, key in _GROUPS.items()}
        return _read(found, names) | {name: each for name, each in lists.items() if each}

    def _read_group(self, group: dict[str, Any]) -> Props:
        return {
            "addressPools": [_read(pool, _POOL) for pool in group["AddressPools"]],
            **_read(group, _GROUP_COMPUTED),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """The whole strategy."""
        _expect_success(cloud.call("igtm", "ModifyStrategy", {**self._request(new, old), **self._place(id)}))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """A refusal comes as text."""
        _expect_success(cloud.call("igtm", "DeleteStrategy", self._place(id)))
