"""Tcr/instance. What the official provider does, call by call: docs/fidelity/tcr.md."""

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
    tag_map,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import arguments

_RUNNING_S = 900.0
_TYPE_S = 360.0
_GONE_S = 180.0
_PREPAID = 2
"""Value of `registryChargeType`. On the wire it, `PayMod` and the renewal flag are one less than the properties."""


def registry(cloud: Cloud, id: str) -> dict[str, Any] | None:
    """The registry instance, or None."""
    try:
        return next(iter(cloud.call("tcr", "DescribeInstances", {"Registryids": [id]})["Registries"]), None)
    except CloudError as error:
        if error.code != "ResourceNotFound":
            raise
        return None


def _endpoint(cloud: Cloud, id: str) -> str:
    return str(cloud.call("tcr", "DescribeExternalEndpointStatus", {"RegistryId": id})["Status"])


def _ranges(props: Props) -> dict[tuple[str, str], dict[str, Any]]:
    """The ranges of clients as the program gives them, and as the API takes them: numbered only if they were read."""
    policies: list[Props] = props.get("securityPolicies") or []
    return {
        (str(each.get("cidrBlock", "")), str(each.get("description") or "")): {
            "CidrBlock": each.get("cidrBlock", ""),
            "Description": each.get("description") or "",
            "PolicyIndex": each.get("index") or 0,
            "PolicyVersion": each.get("version") or "",
        }
        for each in policies
    }


def _prepaid(props: Props) -> dict[str, int]:
    flag: int = props.get("instanceChargeTypePrepaidRenewFlag") or 0
    return {"Period": props.get("instanceChargeTypePrepaidPeriod") or 0, "RenewFlag": flag - 1}


@resource("tencentcloud:Tcr/instance:Instance")
class Instance(Handler):
    """Id: `tcr-…`, known before the instance runs."""

    kind = "tcr.registry"
    key = ("RegistryId",)
    write_only = ("deleteBucket", "instanceChargeTypePrepaidPeriod")

    def check(self, props: Props) -> dict[str, str]:
        """Charge types."""
        return arguments.faults(
            props,
            {
                "registryChargeType": arguments.one_of(1, _PREPAID),
                "instanceChargeTypePrepaidRenewFlag": arguments.one_of(1, 2, 3),
            },
        )

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateInstance, SetId, wait until it runs, then its public endpoint and its tags."""
        if props.get("securityPolicies") and not props.get("openPublicOperation"):
            raise ProviderError("`open_public_operation` must be `true` if `security_policy` set")
        self._refuse_replicas(props)
        charge: int = props.get("registryChargeType", 1)
        request: dict[str, Any] = {
            "RegistryName": props["name"],
            "RegistryType": props["instanceType"],
            "RegistryChargeType": charge - 1,
        }
        if charge == _PREPAID:
            if not (props.get("instanceChargeTypePrepaidPeriod") and props.get("instanceChargeTypePrepaidRenewFlag")):
                raise ProviderError(
                    "Must set instance_charge_type_prepaid_period and instance_charge_type_prepaid_renew_flag "
                    "when registry_charge_type is postpaid"
                )
            request["RegistryChargePrepaid"] = _prepaid(props)
        id = str(cloud.call("tcr", "CreateInstance", request)["RegistryId"])
        partial.id(id)
        self._bring_up(cloud, id, {}, props)
        write_tags(cloud, "tcr", "instance", id, None, props.get("tags"))
        return Created(id)

    def _refuse_replicas(self, props: Props) -> None:
        if props.get("replications"):
            raise ProviderError("`replications`: the sandbox does not provide replicas of registries yet")

    def _bring_up(self, cloud: Cloud, id: str, before: Props, wanted: Props) -> None:
        def running() -> bool:
            found = registry(cloud, id)
            if found is None:
                raise ProviderError("create tcr instance fail")
            return found["Status"] == "Running"

        cloud.wait(running, (True,), _RUNNING_S, what=f"registry instance {id}")
        if bool(wanted.get("openPublicOperation")) != bool(before.get("openPublicOperation")):
            self._open(cloud, id, wanted)
        if _ranges(wanted).keys() != _ranges(before).keys():
            self._admit(cloud, id, before, wanted)

    def _open(self, cloud: Cloud, id: str, props: Props) -> None:
        operation = "Create" if props.get("openPublicOperation") else "Delete"
        request = {"RegistryId": id, "Operation": operation}
        cloud.call("tcr", "ManageExternalEndpoint", request)

    def _admit(self, cloud: Cloud, id: str, old: Props, new: Props) -> None:
        """Bring the list of clients from `old` to `new`, once the endpoint is open. Neither change is repeated."""

        def opened() -> bool:
            status = _endpoint(cloud, id)
            if status not in ("Opening", "Opened"):
                raise ProviderError(f"unexpected external endpoint status: `{status}`")
            return status == "Opened"

        cloud.wait(opened, (True,), _RUNNING_S, what=f"public endpoint of {id}")
        before, after = _ranges(old), _ranges(new)
        for verb, ranges, others in (("Delete", before, after), ("Create", after, before)):
            if entries := [ranges[each] for each in sorted(ranges.keys() - others.keys())]:
                request = {"RegistryId": id, "SecurityGroupPolicySet": entries}
                cloud.call("tcr", f"{verb}MultipleSecurityPolicy", request, retry_s=0)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """Instance, endpoint, clients and replicas; when it is paid until is told for prepaid ones only."""
        found = registry(cloud, id)
        if found is None:
            return None
        endpoint = _endpoint(cloud, id)
        listed = cloud.call("tcr", "DescribeSecurityPolicies", {"RegistryId": id})
        policies: list[dict[str, Any]] = listed.get("SecurityPolicySet") or []
        cloud.call("tcr", "DescribeReplicationInstances", {"RegistryId": id, "Limit": 100})
        prepaid = {}
        if found["PayMod"] == _PREPAID - 1:
            prepaid = {
                "instanceChargeTypePrepaidRenewFlag": found["RenewFlag"] + 1,
                "expiredAt": found["ExpiredAt"],
            }
        return {
            "name": found["RegistryName"],
            "instanceType": found["RegistryType"],
            "registryChargeType": found["PayMod"] + 1,
            "status": found["Status"],
            "publicDomain": found["PublicDomain"],
            "publicStatus": endpoint,
            "internalEndPoint": found["InternalEndpoint"],
            "openPublicOperation": endpoint in ("Opening", "Opened"),
            "securityPolicies": [
                {
                    "cidrBlock": policy["CidrBlock"],
                    "description": policy["Description"],
                    "index": policy["PolicyIndex"],
                    "version": policy["PolicyVersion"],
                }
                for policy in policies
            ],
            "replications": [],
            "tags": tag_map(found["TagSpecification"]["Tags"]),
            **prepaid,
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Endpoint, clients, tags, type, prepaid period. Another charge type is never sent: it stays a change."""
        self._refuse_replicas(new)
        if not changed:
            self._bring_up(cloud, id, self.read(cloud, id, old) or {}, new)
        if "openPublicOperation" in changed:
            self._open(cloud, id, new)
        if "securityPolicies" in changed:
            self._admit(cloud, id, old, new)
        write_tags(cloud, "tcr", "instance", id, old.get("tags"), new.get("tags"))
        if "instanceType" in changed:
            wanted = new["instanceType"]
            cloud.call("tcr", "ModifyInstance", {"RegistryId": id, "RegistryType": wanted}, retry_s=0)
            cloud.wait(
                lambda: (registry(cloud, id) or {}).get("RegistryType"), {wanted, None}, _TYPE_S, what=f"type of {id}"
            )
        if "instanceChargeTypePrepaidPeriod" in changed:
            self._renew(cloud, id, new)

    def _renew(self, cloud: Cloud, id: str, new: Props) -> None:
        charge = new.get("registryChargeType", 1)
        if charge != _PREPAID:
            raise ProviderError(
                "Only the postpaid user allows changing the `instance_charge_type_prepaid_period`! "
                f"The current charge type is: [{charge}]."
            )
        request = {"RegistryId": id, "RegistryChargePrepaid": _prepaid(new), "Flag": 0}
        cloud.call("tcr", "RenewInstance", request)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Asks for replicas first, then DeleteInstance, then waits until it is gone."""
        cloud.call("tcr", "DescribeReplicationInstances", {"RegistryId": id}, retry_s=0)
        request = {"RegistryId": id, "DeleteBucket": bool(props.get("deleteBucket"))}
        cloud.call("tcr", "DeleteInstance", request)
        cloud.wait(lambda: registry(cloud, id) is None, {True}, _GONE_S, what=f"deletion of registry instance {id}")
