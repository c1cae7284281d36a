"""Load balancers (Clb/instance), as the official provider drives them. Source: docs/fidelity/clb.md."""

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
    read_tags,
    resource,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources.clb_calls import (
    GONE,
    OPERATING,
    all_pages,
    await_task,
    in_range,
    nonzero,
    one_of,
    perform,
    writing,
)
from sandbox.plugins.tencentcloud.schema import planned, schema

TOKEN = "tencentcloud:Clb/instance:Instance"
CREATE_WAIT_S, ADDRESS_WAIT_S = 900.0, 300.0
_PUBLIC_ONLY = (
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
_CREATED = {
    "networkType": "LoadBalancerType",
    "clbName": "LoadBalancerName",
    "vpcId": "VpcId",
    "subnetId": "SubnetId",
    "vipIsp": "VipIsp",
    "vip": "Vip",
    "slaType": "SlaType",
    "addressIpVersion": "AddressIPVersion",
    "masterZoneId": "MasterZoneId",
    "zoneId": "ZoneId",
    "slaveZoneId": "SlaveZoneId",
    "eipAddressId": "EipAddressId",
}
_CREATED_EVEN_ZERO = {
    "projectId": "ProjectId",
    "snatPro": "SnatPro",
    "loadBalancerPassToTarget": "LoadBalancerPassToTarget",
    "dynamicVip": "DynamicVip",
}
_READ = {
    "networkType": "LoadBalancerType",
    "clbName": "LoadBalancerName",
    "subnetId": "SubnetId",
    "vpcId": "VpcId",
    "projectId": "ProjectId",
    "domain": "LoadBalancerDomain",
    "slaType": "SlaType",
    "vipIsp": "VipIsp",
    "loadBalancerPassToTarget": "LoadBalancerPassToTarget",
    "logSetId": "LogSetId",
    "logTopicId": "LogTopicId",
}


@resource(TOKEN)
class Instance(Handler):
    """A load balancer."""

    kind = "clb.load_balancer"
    key = ("LoadBalancerId",)
    immutable = (
        "snatIps",
        "dynamicVip",
        "masterZoneId",
        "slaveZoneId",
        "addressIpVersion",
        "bandwidthPackageId",
        "zoneId",
    )
    write_only = ("bandwidthPackageId", "deleteProtect", "dynamicVip")

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
        with writing():
            _refuse_same_name(cloud, props["clbName"])
            answer = cloud.call("clb", "CreateLoadBalancer", _request(props))
            ids = await_task(cloud, answer["RequestId"], CREATE_WAIT_S)
            if len(ids) != 1:
                raise ProviderError("load balancer id is nil")
            partial.id(ids[0])
            if props.get("securityGroups"):
                _change(cloud, "SetLoadBalancerSecurityGroups", ids[0], SecurityGroups=props["securityGroups"])
            if props.get("logSetId"):
                if not props.get("logTopicId"):
                    raise ProviderError("log_topic_id and log_set_id must be set together.")
                _set_log(cloud, ids[0], props)
            if props.get("targetRegionInfoRegion"):
                passes = bool(props.get("loadBalancerPassToTarget"))
                changes = {"TargetRegionInfo": _target_region(props), "LoadBalancerPassToTarget": passes}
                _change(cloud, "ModifyLoadBalancerAttributes", ids[0], **changes)
            if props.get("deleteProtect"):
                _change(cloud, "ModifyLoadBalancerAttributes", ids[0], DeleteProtect=True)
        return Created(ids[0])

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """All that the API tells; the master zone is read into two properties, as the provider does."""
        listed = cloud.call("clb", "DescribeLoadBalancers", {"LoadBalancerIds": [id]})["LoadBalancerSet"]
        if not listed:
            return None
        found: dict[str, Any] = listed[0]
        vips: list[str] = found.get("LoadBalancerVips") or []
        answer: Props = {name: found[key] for name, key in _READ.items() if found.get(key) is not None} | {
            "clbVips": vips,
            "securityGroups": found.get("SecureGroups") or [],
            "ipv6Mode": found.get("IPv6Mode") or "",
            "addressIpv6": found.get("AddressIPv6") or "",
            "snatIps": props.get("snatIps") or [],
            "targetRegionInfoRegion": found["TargetRegionInfo"].get("Region", ""),
            "targetRegionInfoVpcId": found["TargetRegionInfo"].get("VpcId", ""),
            "tags": read_tags(cloud, "clb", "clb", id),
        }
        answer |= _read_network(found)
        if vips:
            answer["vip"] = vips[0]
        if props.get("snatPro"):
            answer["snatPro"] = found.get("SnatPro")
        if found["LoadBalancerType"] == "INTERNAL":
            query = {"Filters": [{"Name": "instance-id", "Values": [id]}]}
            addresses = cloud.call("vpc", "DescribeAddresses", query)["AddressSet"]
            answer |= {"eipAddressId": addresses[0]["AddressId"]} if len(addresses) == 1 else {}
        return answer

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Attributes in one call, then what has an action of its own."""
        everything = not changed
        wanted = planned(schema()[TOKEN], old, new)
        with writing():
            if "clbName" in changed:
                _refuse_same_name(cloud, new["clbName"])
            attributes = _attributes(wanted, changed, everything)
            if attributes:
                _change(cloud, "ModifyLoadBalancerAttributes", id, **attributes)
            if "slaType" in changed:
                sla = {"LoadBalancerId": id, "SlaType": new["slaType"]}
                perform(cloud, "ModifyLoadBalancerSla", {"LoadBalancerSla": [sla]})
            if "securityGroups" in changed or everything:
                groups: list[str] = wanted.get("securityGroups") or []
                _change(cloud, "SetLoadBalancerSecurityGroups", id, SecurityGroups=groups)
            if {"logSetId", "logTopicId"} & changed or (everything and new.get("logSetId")):
                _set_log(cloud, id, new)
            if "projectId" in changed:
                params = {"LoadBalancerIds": [id], "ProjectId": new.get("projectId") or 0}
                perform(cloud, "ModifyLoadBalancersProject", params, anew=True)
            if "eipAddressId" in changed:
                _move_address(cloud, id, old.get("eipAddressId"), new.get("eipAddressId"))
            if "tags" in changed:
                write_tags(cloud, "clb", "clb", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Repeated while it is being changed. Refused by the API while deletion protection is on."""
        with writing():
            try:
                params = {"LoadBalancerIds": [id]}
                perform(cloud, "DeleteLoadBalancer", params, anew=True, retry=lambda error: error.code == OPERATING)
            except CloudError as error:
                if error.code != GONE:
                    raise


def _refuse_same_name(cloud: Cloud, name: str) -> None:
    """The API may answer with names that only contain this one."""
    found = all_pages(cloud, "DescribeLoadBalancers", {"LoadBalancerName": name}, "LoadBalancerSet")
    if any(each["LoadBalancerName"] == name for each in found):
        raise ProviderError(f"Same CLB name `{name}` exists!")


def _request(props: Props) -> dict[str, Any]:
    if props["networkType"] == "INTERNAL":
        for name in _PUBLIC_ONLY:
            if props.get(name):
                raise ProviderError(f"INTERNAL network_type do not support this setting: {name}")
    if bool(props.get("targetRegionInfoRegion")) != bool(props.get("targetRegionInfoVpcId")):
        raise ProviderError("region and vpc_id must be set at same time")
    request = nonzero(props, _CREATED) | given(props, _CREATED_EVEN_ZERO)
    internet = _internet(props)
    if internet:
        request["InternetAccessible"] = internet
        if props.get("bandwidthPackageId"):
            if props.get("internetChargeType") != "BANDWIDTH_PACKAGE":
                raise ProviderError("internet_charge_type must `BANDWIDTH_PACKAGE` when bandwidth_package_id was set")
            request["BandwidthPackageId"] = props["bandwidthPackageId"]
    if props.get("clusterId"):
        request["ClusterIds"] = [props["clusterId"]]
    if props.get("snatIps"):
        request["SnatIps"] = [nonzero(ip, {"subnetId": "SubnetId", "ip": "Ip"}) for ip in props["snatIps"]]
    tags: dict[str, str] = props.get("tags") or {}
    if tags:
        request["Tags"] = [{"TagKey": key, "TagValue": value} for key, value in sorted(tags.items())]
    return request


def _internet(props: Props) -> dict[str, Any]:
    names = {"internetChargeType": "InternetChargeType", "internetBandwidthMaxOut": "InternetMaxBandwidthOut"}
    return nonzero(props, names)


def _target_region(props: Props) -> dict[str, Any]:
    return {"Region": props["targetRegionInfoRegion"], "VpcId": props["targetRegionInfoVpcId"]}


def _attributes(wanted: Props, changed: frozenset[str], everything: bool) -> dict[str, Any]:
    """What ModifyLoadBalancerAttributes is to change."""
    request: dict[str, Any] = {}
    if "clbName" in changed or everything:
        request["LoadBalancerName"] = wanted["clbName"]
    for names, parameter, value in (
        ({"targetRegionInfoRegion", "targetRegionInfoVpcId"}, "TargetRegionInfo", _target_region),
        ({"internetBandwidthMaxOut", "internetChargeType"}, "InternetChargeInfo", _internet),
    ):
        if names & changed:
            if wanted["networkType"] == "INTERNAL":
                raise ProviderError(f"INTERNAL network_type do not support this operation with {min(names)}")
            request[parameter] = value(wanted)
    for name, parameter in (
        ("loadBalancerPassToTarget", "LoadBalancerPassToTarget"),
        ("snatPro", "SnatPro"),
        ("deleteProtect", "DeleteProtect"),
    ):
        if name in changed or (everything and wanted.get(name) is not None):
            request[parameter] = bool(wanted.get(name))
    return request


def _read_network(found: dict[str, Any]) -> Props:
    """Zones, address version and charges, which the API leaves out where they have no meaning."""
    answer: Props = {}
    version = found.get("AddressIPVersion")
    if version is not None:
        full = version == "ipv6" and found.get("IPv6Mode") == "IPv6FullChain"
        answer["addressIpVersion"] = found["IPv6Mode"] if full else version
    internet: dict[str, Any] = found.get("NetworkAttributes") or {}
    if internet:
        answer["internetChargeType"] = internet.get("InternetChargeType", "")
        answer["internetBandwidthMaxOut"] = internet.get("InternetMaxBandwidthOut", 0)
    if found.get("MasterZone"):
        answer["masterZoneId"] = answer["zoneId"] = found["MasterZone"].get("Zone", "")
    if found.get("BackupZoneSet"):
        answer["slaveZoneId"] = found["BackupZoneSet"][0].get("Zone", "")
    if found.get("ClusterIds"):
        answer["clusterId"] = found["ClusterIds"][0]
    return answer


def _change(cloud: Cloud, action: str, id: str, **params: Any) -> None:
    perform(cloud, action, {"LoadBalancerId": id, **params}, anew=True)


def _set_log(cloud: Cloud, id: str, props: Props) -> None:
    """Empty ids switch the access log off."""
    where = {"LogSetId": props.get("logSetId") or "", "LogTopicId": props.get("logTopicId") or ""}
    _change(cloud, "SetLoadBalancerClsLog", id, **where)


def _move_address(cloud: Cloud, id: str, old: str | None, new: str | None) -> None:
    """Take one address off the balancer and give it another, each waited for."""
    for address, action, more, wanted in (
        (old, "DisassociateAddress", {}, "UNBIND"),
        (new, "AssociateAddress", {"InstanceId": id}, "BIND"),
    ):
        if not address:
            continue
        query = {"AddressIds": [address]}
        cloud.call("vpc", action, {"AddressId": address, **more})

        def state(query: dict[str, Any] = query) -> str:
            return str(cloud.call("vpc", "DescribeAddresses", query)["AddressSet"][0]["AddressStatus"])

        cloud.wait(state, (wanted,), ADDRESS_WAIT_S, what=f"address {address}")
