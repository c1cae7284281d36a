"""Eip/instance and Eip/association. Source: docs/sources.md, network."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    given,
    read_tags,
    resource,
    tag_list,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import shapes

WAIT_S = 180.0
_PERIODS = (*range(1, 13), 24, 36)
MUTEX = ("DesOperation.MutexTaskRunning", "OperationDenied.MutexTaskRunning")


def find(cloud: Cloud, id: str) -> dict[str, Any] | None:
    """The address, or None."""
    filters = {"Filters": shapes.by_filter("address-id", id)}
    return shapes.one(cloud, "vpc", "DescribeAddresses", filters, "AddressSet")


def status(cloud: Cloud, id: str) -> str:
    """Its status; GONE if there is none."""
    return (find(cloud, id) or {"AddressStatus": "GONE"})["AddressStatus"]


def wait_task(cloud: Cloud, number: str) -> None:
    """Wait for an address task. Raises ProviderError when it failed."""

    def result() -> str:
        return cloud.call("vpc", "DescribeTaskResult", {"TaskId": int(number)})["Result"]

    if cloud.wait(result, ("SUCCESS", "FAILED"), WAIT_S, what=f"task {number}") == "FAILED":
        raise ProviderError(f"eip task {number} failed")


@resource("tencentcloud:Eip/instance:Instance")
class Eip(Handler):
    """An elastic address."""

    kind = "eip"
    key = ("AddressId",)
    immutable = ("bandwidthPackageId", "antiDdosPackageId", "egress")
    write_only = ("anycastZone", "internetServiceProvider", "prepaidPeriod", "autoRenewFlag", "applicableForClb")

    def check(self, props: Props) -> dict[str, str]:
        """Kinds and ranges."""
        return shapes.faults(
            props,
            {
                "name": shapes.NAME,
                "type": shapes.one_of("EIP", "AnycastEIP", "HighQualityEIP", "AntiDDoSEIP"),
                "internetChargeType": shapes.one_of(
                    "BANDWIDTH_PACKAGE",
                    "BANDWIDTH_POSTPAID_BY_HOUR",
                    "BANDWIDTH_PREPAID_BY_MONTH",
                    "TRAFFIC_POSTPAID_BY_HOUR",
                ),
                "prepaidPeriod": shapes.one_of(*_PERIODS),
                "autoRenewFlag": shapes.one_of(0, 1, 2),
            },
        )

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """AllocateAddresses, wait for its task, SetId, wait until it is made, tags."""
        params = given(
            props,
            {
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
            },
        )
        made = cloud.call("vpc", "AllocateAddresses", params | {"Tags": tag_list(props.get("tags"))})
        wait_task(cloud, made["TaskId"])
        eip_id: str = made["AddressSet"][0]
        partial.id(eip_id)
        cloud.wait(lambda: status(cloud, eip_id), lambda now: now != "CREATING", WAIT_S, what=f"{eip_id} made")
        return Created(eip_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeAddresses."""
        doc = find(cloud, id)
        if doc is None:
            return None
        return {
            "name": doc["AddressName"],
            "type": doc["AddressType"],
            "publicIp": doc["AddressIp"],
            "status": doc["AddressStatus"],
            "internetChargeType": doc["InternetChargeType"],
            "internetMaxBandwidthOut": doc["Bandwidth"],
            "bandwidthPackageId": doc.get("BandwidthPackageId") or "",
            "egress": doc["Egress"],
            "antiDdosPackageId": doc.get("AntiDDoSPackageId") or "",
            "cdcId": doc.get("DedicatedClusterId") or None,
            "tags": read_tags(cloud, "vpc", "eip", id),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Name, charge type or bandwidth, tags."""
        if "name" in changed:
            cloud.call("vpc", "ModifyAddressAttribute", {"AddressId": id, "AddressName": new.get("name", "")})
        mbps = new.get("internetMaxBandwidthOut")
        if "internetChargeType" in changed and new.get("internetChargeType"):
            charge = {"InternetChargeType": new["internetChargeType"], "InternetMaxBandwidthOut": mbps or 1}
            cloud.call("vpc", "ModifyAddressInternetChargeType", {"AddressId": id, **charge})
        elif "internetMaxBandwidthOut" in changed and mbps is not None:
            params = {"AddressIds": [id], "InternetMaxBandwidthOut": mbps}
            wait_task(cloud, cloud.call("vpc", "ModifyAddressesBandwidth", params)["TaskId"])
        write_tags(cloud, "vpc", "eip", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Disassociate if bound, ReleaseAddresses, wait until it is gone."""
        now = find(cloud, id)
        if now is None:
            return
        if now["AddressStatus"] == "BIND" and now["InstanceType"] != "NAT":
            unbind(cloud, id)
        shapes.delete(cloud, "vpc", "ReleaseAddresses", {"AddressIds": [id]}, patient=True)
        cloud.wait(lambda: status(cloud, id), ("GONE",), WAIT_S, what=f"{id} released")


def unbind(cloud: Cloud, id: str) -> None:
    """DisassociateAddress and wait until nobody holds it."""
    cloud.call("vpc", "DisassociateAddress", {"AddressId": id}, retry=lambda error: error.code in MUTEX)
    cloud.wait(lambda: status(cloud, id), ("UNBIND", "GONE"), WAIT_S, what=f"{id} UNBIND")


@resource("tencentcloud:Eip/association:Association")
class Association(Handler):
    """An address on an instance; id `<eip>::<instance>` or `<eip>::<eni>::<private ip>`."""

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """AssociateAddress and wait; the id is set only after the wait."""
        eip_id = props["eipId"]
        now = status(cloud, eip_id)
        if now == "GONE":
            raise ProviderError(f"eip {eip_id} is not found")
        if now != "UNBIND":
            raise ProviderError(f"eip status is illegal {now}")
        instance_id, eni = props.get("instanceId"), props.get("networkInterfaceId")
        if not instance_id and not eni:
            raise ProviderError("instance_id or network_interface_id is needed: nothing was associated")
        params = given(
            props,
            {"instanceId": "InstanceId", "networkInterfaceId": "NetworkInterfaceId", "privateIp": "PrivateIpAddress"},
        )
        cloud.call("vpc", "AssociateAddress", {"AddressId": eip_id, **params})
        cloud.wait(lambda: status(cloud, eip_id), ("BIND", "BIND_ENI"), WAIT_S, what=f"{eip_id} BIND")
        return Created(f"{eip_id}::{instance_id}" if instance_id else f"{eip_id}::{eni}::{props.get('privateIp')}")

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """Gone when the address is gone or held by another."""
        eip_id, _, holder = id.partition("::")
        doc = find(cloud, eip_id)
        if doc is None or holder.split("::")[0] not in (doc["InstanceId"], doc["NetworkInterfaceId"]):
            return None
        return {
            "eipId": eip_id,
            "instanceId": doc["InstanceId"],
            "networkInterfaceId": doc["NetworkInterfaceId"],
            "privateIp": doc["PrivateAddressIp"],
            "cdcId": "",
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Everything replaces."""

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DisassociateAddress."""
        eip_id = id.partition("::")[0]
        if status(cloud, eip_id) not in ("GONE", "UNBIND"):
            unbind(cloud, eip_id)
