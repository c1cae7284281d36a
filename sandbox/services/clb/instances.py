"""Load balancers themselves."""

import secrets
from ipaddress import IPv4Address
from typing import Any

from tencentcloud.clb.v20180317 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.services import cls
from sandbox.services.clb import dataplane, quota, tasks
from sandbox.services.clb.inventory import idle
from sandbox.services.clb.kinds import LOAD_BALANCER
from sandbox.services.params import check_name, check_one_of, given, public, stamp
from sandbox.services.places import check_zone, zone_name, zone_number
from sandbox.services.vpc import addresses, networks
from sandbox.services.vpc.kinds import SECURITY_GROUP, SUBNET, VPC, of_vpc

SLA_TYPES = (
    "SLA",
    "clb.c1.small",
    "clb.c2.medium",
    "clb.c3.small",
    "clb.c3.medium",
    "clb.c4.small",
    "clb.c4.medium",
    "clb.c4.large",
    "clb.c4.xlarge",
)
_CHARGES = (
    "TRAFFIC_POSTPAID_BY_HOUR",
    "BANDWIDTH_POSTPAID_BY_HOUR",
    "BANDWIDTH_PACKAGE",
    "BANDWIDTH_PREPAID",
    "TRAFFIC_PREPAID",
)
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


@networks.occupies
def balancers_in(ctx: Context, vpc_id: str) -> list[str]:
    """The load balancers of a VPC, those that are being made too."""
    return [doc["LoadBalancerId"] for doc in of_vpc(ctx.store, LOAD_BALANCER, vpc_id)]


@action
def create_load_balancer(ctx: Context, request: models.CreateLoadBalancerRequest) -> dict[str, Any]:
    """One load balancer, or `Number` of them; ready when the task has ended."""
    asked = given(request)
    _check(ctx, asked)
    ids: list[str] = []
    with ctx.store.lock:
        for _ in range(int(asked.get("Number", 1))):
            quota.take(ctx, "TOTAL_OPEN_CLB_QUOTA" if _is_open(asked) else "TOTAL_INTERNAL_CLB_QUOTA")
            doc = _new(ctx, asked)
            LOAD_BALANCER.create(ctx, doc)
            ids.append(doc["LoadBalancerId"])
        tasks.begin(ctx, ids, "create")
    return {"LoadBalancerIds": ids, "DealName": ctx.request_id}


def _is_open(asked: dict[str, Any]) -> bool:
    return bool(asked["LoadBalancerType"] == "OPEN")


def _check(ctx: Context, asked: dict[str, Any]) -> None:
    check_one_of("LoadBalancerType", asked["LoadBalancerType"], ("OPEN", "INTERNAL"))
    check_name("LoadBalancerName", asked.get("LoadBalancerName", "lb"), 80)
    check_one_of("SlaType", asked.get("SlaType", "SLA"), SLA_TYPES)
    check_one_of("AddressIPVersion", asked.get("AddressIPVersion", "IPV4").upper(), ("IPV4",))
    check_one_of("VipIsp", asked.get("VipIsp", "BGP"), ("BGP", "CMCC", "CTCC", "CUCC"))
    if not 1 <= int(asked.get("Number", 1)) <= 20:
        raise ApiError("InvalidParameterValue", f"`Number` is {asked['Number']}; allowed: 1 to 20.")
    if not asked.get("VpcId"):
        raise ApiError("MissingParameter", "`VpcId` is needed: the sandbox's account has no default VPC.")
    if VPC.find(ctx, asked["VpcId"]) is None:
        raise ApiError("InvalidParameterValue", f"The VPC `{asked['VpcId']}` does not exist in {ctx.region}.")
    if asked.get("VipIsp", "BGP") != "BGP" and "BandwidthPackageId" not in asked:
        raise ApiError("InvalidParameterValue", "`VipIsp` other than BGP needs `BandwidthPackageId`.")
    _check_internet(asked)
    if _is_open(asked):
        zones = [_zone(ctx, asked[key]) for key in ("MasterZoneId", "SlaveZoneId") if asked.get(key)]
        if "SlaveZoneId" in asked and (len(zones) != 2 or zones[0] == zones[1]):
            raise ApiError("InvalidParameterValue", "`SlaveZoneId` needs a `MasterZoneId` that is another zone.")
    elif not asked.get("SubnetId"):
        raise ApiError("MissingParameter", "`SubnetId` is needed for an INTERNAL load balancer.")
    else:
        subnet = SUBNET.find(ctx, asked["SubnetId"])
        if subnet is None or subnet["VpcId"] != asked["VpcId"]:
            raise ApiError("InvalidParameterValue", f"The subnet `{asked['SubnetId']}` is not in `{asked['VpcId']}`.")


def _check_internet(asked: dict[str, Any]) -> None:
    internet = asked.get("InternetAccessible", {})
    check_one_of("InternetChargeType", internet.get("InternetChargeType", _CHARGES[0]), _CHARGES)
    highest = 61440 if asked.get("SlaType") else 2048
    bandwidth = int(internet.get("InternetMaxBandwidthOut", 10))
    if not 1 <= bandwidth <= highest:
        message = f"`InternetMaxBandwidthOut` is {bandwidth}; allowed: 1 to {highest} Mbps."
        raise ApiError("InvalidParameterValue", message)


def _zone(ctx: Context, given_zone: str) -> str:
    """`ap-beijing-3` or `800003` -> `ap-beijing-3`."""
    name = zone_name(int(given_zone)) if given_zone.isdigit() else given_zone
    check_zone(ctx.region, name or given_zone, "InvalidParameterValue")
    return str(name)


def _zone_info(zone: str) -> dict[str, Any]:
    region = zone.rpartition("-")[0]
    return {"ZoneId": zone_number(zone), "Zone": zone, "ZoneName": zone, "ZoneRegion": region, "LocalZone": False}


def _new(ctx: Context, asked: dict[str, Any]) -> Doc:
    id = ctx.store.new_id("lb")
    region, vpc_id = ctx.region, asked["VpcId"]
    internet = {"InternetChargeType": _CHARGES[0], "InternetMaxBandwidthOut": 10} | asked.get("InternetAccessible", {})
    doc: Doc = {
        "LoadBalancerId": id,
        "LoadBalancerName": asked.get("LoadBalancerName", id),
        "LoadBalancerType": asked["LoadBalancerType"],
        "Forward": 1,
        "Domain": "",
        "LoadBalancerDomain": "",
        "LoadBalancerVips": [],
        "Status": 0,
        "CreateTime": stamp(ctx),
        "StatusTime": stamp(ctx),
        "ProjectId": asked.get("ProjectId", 0),
        "VpcId": vpc_id,
        "SubnetId": asked.get("SubnetId", ""),
        "SecureGroups": [],
        "TargetRegionInfo": {"Region": region, "VpcId": vpc_id},
        "AddressIPVersion": "ipv4",
        "Isolation": 0,
        "ChargeType": "POSTPAID_BY_HOUR",
        "LogSetId": "",
        "LogTopicId": "",
        "LoadBalancerPassToTarget": bool(asked.get("LoadBalancerPassToTarget", False)),
        "SnatPro": bool(asked.get("SnatPro", False)),
        "SnatIps": asked.get("SnatIps", []),
        "SlaType": asked.get("SlaType", ""),
        "AttributeFlags": [],
        "IsBlock": False,
        "Tags": asked.get("Tags", []),
        "_region": region,
        "_task": "",
    }
    return doc | (_open(ctx, asked, id, internet) if _is_open(asked) else _internal(ctx, asked, id))


def _open(ctx: Context, asked: dict[str, Any], id: str, internet: dict[str, Any]) -> Doc:
    zones = [_zone(ctx, asked[key]) for key in ("MasterZoneId", "SlaveZoneId") if asked.get(key)]
    zones = zones or [_zone(ctx, asked["ZoneId"])] if asked.get("ZoneId") else zones
    word = "".join(secrets.choice(_BASE36) for _ in range(16))
    leg: IPv4Address = dataplane.free_leg(ctx.store, asked["VpcId"])
    return {
        "LoadBalancerDomain": f"{id}-{word}.clb.{ctx.region}.tencentclb.com",
        "VipIsp": asked.get("VipIsp", "BGP"),
        "OpenBgp": 0,
        "NetworkAttributes": internet,
        "MasterZone": _zone_info(zones[0]) if zones else None,
        "BackupZoneSet": [_zone_info(zone) for zone in zones[1:]],
        "Zones": zones,
        "_vip": str(addresses.take_public(ctx.store, ctx.region, id)),
        "_private": str(leg),
        "_subnet": dataplane.legs_subnet(asked["VpcId"]),
    }


def _internal(ctx: Context, asked: dict[str, Any], id: str) -> Doc:
    vip = str(addresses.take_private(ctx.store, asked["SubnetId"], id, asked.get("Vip")))
    zone = SUBNET.need(ctx, asked["SubnetId"])["Zone"]
    return {
        "LoadBalancerVips": [vip],
        "MasterZone": _zone_info(zone),
        "BackupZoneSet": [],
        "Zones": [zone],
        "NetworkAttributes": None,
        "_vip": None,
        "_private": vip,
        "_subnet": asked["SubnetId"],
    }


_FILTERS = {
    "loadbalancer-id": "LoadBalancerId",
    "load-balancer-id": "LoadBalancerId",
    "load-balancer-name": "LoadBalancerName",
    "vpc-id": "VpcId",
    "charge-type": "ChargeType",
    "internet-charge-type": "NetworkAttributes.InternetChargeType",
    "master-zone-id": "MasterZone.Zone",
    "project-id": "ProjectId",
    "zones": "Zones",
}
_EXACT = {
    "LoadBalancerType": "LoadBalancerType",
    "Domain": "LoadBalancerDomain",
    "ProjectId": "ProjectId",
    "VpcId": "VpcId",
}


def _asked_for(doc: Doc, asked: dict[str, Any]) -> bool:
    if asked.get("LoadBalancerIds") and doc["LoadBalancerId"] not in asked["LoadBalancerIds"]:
        return False
    if any(key in asked and doc[field] != asked[key] for key, field in _EXACT.items()):
        return False
    if asked.get("LoadBalancerVips") and not set(asked["LoadBalancerVips"]) & set(doc["LoadBalancerVips"]):
        return False
    if asked.get("SecurityGroup") and asked["SecurityGroup"] not in doc["SecureGroups"]:
        return False
    master: dict[str, Any] = doc["MasterZone"] or {}
    if asked.get("MasterZone") and asked["MasterZone"] != master.get("Zone"):
        return False
    if asked.get("LoadBalancerName", "") not in doc["LoadBalancerName"]:
        return False
    word = asked.get("SearchKey", "")
    return word in doc["LoadBalancerName"] or word in doc["LoadBalancerDomain"] or word in doc["LoadBalancerVips"]


@action
def describe_load_balancers(ctx: Context, request: models.DescribeLoadBalancersRequest) -> dict[str, Any]:
    """Newest first, as the cloud sorts; ids that do not exist are left out, and a name may be a part of one."""
    asked = given(request)
    docs = [
        doc
        for doc in reversed(LOAD_BALANCER.list(ctx))
        if _asked_for(doc, asked) and matches(doc, request.Filters, _FILTERS)
    ]
    found = page(docs, request.Offset, request.Limit)
    return {"TotalCount": len(docs), "LoadBalancerSet": [public(doc) for doc in found]}


@action
def modify_load_balancer_attributes(
    ctx: Context, request: models.ModifyLoadBalancerAttributesRequest
) -> dict[str, Any]:
    """Name, bandwidth, deletion protection, whether targets trust the load balancer, target region."""
    asked = given(request)
    with ctx.store.lock:
        doc = idle(ctx, asked["LoadBalancerId"])
        if "LoadBalancerName" in asked:
            check_name("LoadBalancerName", asked["LoadBalancerName"], 80)
        if "InternetChargeInfo" in asked:
            _check_internet({"SlaType": doc["SlaType"], "InternetAccessible": asked["InternetChargeInfo"]})
            doc["NetworkAttributes"] = (doc["NetworkAttributes"] or {}) | asked["InternetChargeInfo"]
        for key in ("LoadBalancerName", "LoadBalancerPassToTarget", "SnatPro"):
            doc[key] = asked.get(key, doc[key])
        if "TargetRegionInfo" in asked:
            doc["TargetRegionInfo"] = doc["TargetRegionInfo"] | asked["TargetRegionInfo"]
        if "DeleteProtect" in asked:
            doc["AttributeFlags"] = ["DeleteProtect"] if asked["DeleteProtect"] else []
        LOAD_BALANCER.save(ctx.store, doc)
        tasks.begin(ctx, [doc["LoadBalancerId"]])
    return {"DealName": ctx.request_id}


@action
def modify_load_balancer_sla(ctx: Context, request: models.ModifyLoadBalancerSlaRequest) -> dict[str, Any]:
    """Another performance class; it only reads back."""
    changes: list[dict[str, Any]] = given(request)["LoadBalancerSla"]
    with ctx.store.lock:
        for change in changes:
            check_one_of("SlaType", change["SlaType"], SLA_TYPES)
            doc = idle(ctx, change["LoadBalancerId"])
            LOAD_BALANCER.save(ctx.store, doc | {"SlaType": change["SlaType"]})
        tasks.begin(ctx, [change["LoadBalancerId"] for change in changes])
    return {}


@action
def modify_load_balancers_project(ctx: Context, request: models.ModifyLoadBalancersProjectRequest) -> dict[str, Any]:
    """Another project; it only reads back."""
    asked = given(request)
    with ctx.store.lock:
        for doc in [idle(ctx, id) for id in asked["LoadBalancerIds"]]:
            LOAD_BALANCER.save(ctx.store, doc | {"ProjectId": asked["ProjectId"]})
        tasks.begin(ctx, asked["LoadBalancerIds"])
    return {}


@action
def set_load_balancer_security_groups(
    ctx: Context, request: models.SetLoadBalancerSecurityGroupsRequest
) -> dict[str, Any]:
    """Replace the security groups (none: everybody may come)."""
    asked = given(request)
    groups: list[str] = asked.get("SecurityGroups", [])
    with ctx.store.lock:
        doc = idle(ctx, asked["LoadBalancerId"])
        for group in groups:
            if SECURITY_GROUP.find(ctx, group) is None:
                raise ApiError("InvalidParameterValue", f"The security group `{group}` does not exist in {ctx.region}.")
        LOAD_BALANCER.save(ctx.store, doc | {"SecureGroups": groups})
        tasks.begin(ctx, [doc["LoadBalancerId"]])
    return {}


@action
def set_load_balancer_cls_log(ctx: Context, request: models.SetLoadBalancerClsLogRequest) -> dict[str, Any]:
    """Where the access log goes; empty values switch it off. The topic must be in the log set."""
    asked = given(request)
    with ctx.store.lock:
        doc = idle(ctx, asked["LoadBalancerId"])
        topic = cls.TOPIC.anywhere(ctx.store, asked["LogTopicId"]) if asked["LogTopicId"] else None
        if asked["LogTopicId"] and (topic is None or topic["LogsetId"] != asked["LogSetId"]):
            message = f"The log topic `{asked['LogTopicId']}` is not in log set `{asked['LogSetId']}`."
            raise ApiError("InvalidParameterValue", message)
        changed = doc | {"LogSetId": asked["LogSetId"], "LogTopicId": asked["LogTopicId"]}
        LOAD_BALANCER.save(ctx.store, changed)
        tasks.begin(ctx, [doc["LoadBalancerId"]])
    return {}


@action
def delete_load_balancer(ctx: Context, request: models.DeleteLoadBalancerRequest) -> dict[str, Any]:
    """With its listeners and rules. Refused while deletion protection is on."""
    ids: list[str] = given(request)["LoadBalancerIds"]
    with ctx.store.lock:
        for id in ids:
            if "DeleteProtect" in idle(ctx, id)["AttributeFlags"]:
                message = f"The load balancer `{id}` has deletion protection on; switch it off first."
                raise ApiError("OperationDenied", message)
        tasks.begin(ctx, ids, "delete")
    return {}
