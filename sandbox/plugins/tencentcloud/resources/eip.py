"""Eip/instance. Source: docs/fidelity/vpc.md."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    read_tags,
    resource,
    tag_list,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import arguments
from sandbox.plugins.tencentcloud.resources.network_calls import DELETE_S, set_only

WAIT_S = 180.0
_PERIODS = (*range(1, 13), 24, 36)
PREPAID = "BANDWIDTH_PREPAID_BY_MONTH"
MUTEX = ("DesOperation.MutexTaskRunning", "OperationDenied.MutexTaskRunning")
"""What an address answers that is being changed."""
_ALLOCATED = {
    "type": "AddressType",
    "anycastZone": "AnycastZone",
    "internetServiceProvider": "InternetServiceProvider",
    "internetChargeType": "InternetChargeType",
    "internetMaxBandwidthOut": "InternetMaxBandwidthOut",
    "bandwidthPackageId": "BandwidthPackageId",
    "egress": "Egress",
    "antiDdosPackageId": "AntiDDoSPackageId",
    "name": "AddressName",
    "cdcId": "DedicatedClusterId",
}


def find(cloud: Cloud, id: str) -> dict[str, Any]:
    """The address; empty when it is gone. It may be one of a dedicated cluster, which has to be asked for."""
    ids = {"AddressIds": [id]}
    dedicated = ids | {"Filters": [{"Name": "business-type", "Values": ["CDC"]}]}
    for params in (ids, dedicated):
        found: list[dict[str, Any]] = cloud.call("vpc", "DescribeAddresses", params)["AddressSet"]
        if found:
            return found[0]
    return {}


def wait_task(cloud: Cloud, number: str | None) -> str:
    """Wait for an address task, if there is one; its result."""
    if not number:
        return "SUCCESS"

    def result() -> str:
        return cloud.call("vpc", "DescribeTaskResult", {"TaskId": int(number)}).get("Result") or ""

    return cloud.wait(result, lambda now: now != "RUNNING", WAIT_S, what=f"task {number}")


@resource("tencentcloud:Eip/instance:Instance")
class Eip(Handler):
    """An elastic address."""

    kind = "eip"
    key = ("AddressId",)
    immutable = ("bandwidthPackageId", "antiDdosPackageId", "egress")
    write_only = ("anycastZone", "internetServiceProvider", "prepaidPeriod", "autoRenewFlag", "applicableForClb")

    def check(self, props: Props) -> dict[str, str]:
        """Kinds and ranges."""
        return arguments.faults(
            props, {"prepaidPeriod": arguments.one_of(*_PERIODS), "autoRenewFlag": arguments.one_of(0, 1, 2)}
        )

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """AllocateAddresses, SetId, wait for its task and until it is made."""
        params = set_only({api: props.get(name) for name, api in _ALLOCATED.items()})
        params["Tags"] = tag_list(props.get("tags"))
        if props.get("internetChargeType") == PREPAID:
            renewal = {"Period": props.get("prepaidPeriod") or 0, "AutoRenewFlag": props.get("autoRenewFlag") or 0}
            params["AddressChargePrepaid"] = renewal
        made = cloud.call("vpc", "AllocateAddresses", params)
        eip_id: str = made["AddressSet"][0]
        partial.id(eip_id)
        if wait_task(cloud, made.get("TaskId")) == "FAILED":
            raise ProviderError("eip task is failed")
        cloud.wait(lambda: self._made(cloud, eip_id), lambda now: now != "CREATING", WAIT_S, what=f"{eip_id} made")
        return Created(eip_id)

    def _made(self, cloud: Cloud, id: str) -> str | None:
        found = find(cloud, id)
        if not found:
            raise ProviderError(f"{id} was gone while it was created")
        return found.get("AddressStatus")

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeAddresses, tags, and DescribeBandwidthPackages for the package that the address is in."""
        doc = find(cloud, id)
        if not doc:
            return None
        tags = read_tags(cloud, "vpc", "eip", id)
        filters = [{"Name": "resource.resource-id", "Values": [id]}]
        packages = cloud.call("vpc", "DescribeBandwidthPackages", {"Filters": filters}, retry_s=0)
        listed: list[dict[str, Any]] = packages.get("BandwidthPackageSet") or []
        found = {
            "name": doc.get("AddressName"),
            "type": doc.get("AddressType"),
            "publicIp": doc.get("AddressIp"),
            "status": doc.get("AddressStatus"),
            "internetChargeType": doc.get("InternetChargeType"),
            "internetMaxBandwidthOut": doc.get("Bandwidth"),
            "bandwidthPackageId": listed[0].get("BandwidthPackageId") if listed else None,
            "egress": doc.get("Egress"),
            "antiDdosPackageId": doc.get("AntiDDoSPackageId"),
            "cdcId": doc.get("DedicatedClusterId"),
            "tags": tags,
        }
        return {name: value for name, value in found.items() if value is not None}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Name, charge type with the bandwidth, bandwidth, tags. No call is repeated, no task waited for."""
        if "name" in changed:
            name = {"AddressId": id, "AddressName": new.get("name") or ""}
            cloud.call("vpc", "ModifyAddressAttribute", name, retry_s=0)
        kept = {**old, **new}
        mbps, charge = kept.get("internetMaxBandwidthOut"), kept.get("internetChargeType")
        if "internetChargeType" in changed and mbps and charge:
            params = {"AddressId": id, "InternetChargeType": charge, "InternetMaxBandwidthOut": mbps}
            cloud.call("vpc", "ModifyAddressInternetChargeType", params, retry_s=0)
        if "internetMaxBandwidthOut" in changed and mbps:
            params = {"AddressIds": [id], "InternetMaxBandwidthOut": mbps}
            cloud.call("vpc", "ModifyAddressesBandwidth", params, retry_s=0)
        write_tags(cloud, "vpc", "eip", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Free it if something holds it, ReleaseAddresses, wait until it is gone."""
        self._free(cloud, id)
        cloud.call("vpc", "ReleaseAddresses", {"AddressIds": [id]}, retry_s=DELETE_S, retry=_busy)
        cloud.wait(lambda: find(cloud, id), lambda now: not now, WAIT_S, what=f"{id} released")

    def _free(self, cloud: Cloud, id: str) -> None:
        doc = find(cloud, id)
        if not doc or doc["AddressStatus"] == "UNBIND":
            return
        holder = doc.get("InstanceId") or ""
        if holder.startswith("nat-"):
            address = {"NatGatewayId": holder, "PublicIpAddresses": [doc["AddressIp"]]}
            cloud.call("vpc", "DisassociateNatGatewayAddress", address, retry=_busy)
        made = cloud.call("vpc", "DisassociateAddress", {"AddressId": id}, retry=_busy)
        wait_task(cloud, made.get("TaskId"))


def _busy(error: CloudError) -> bool:
    return error.code in MUTEX
