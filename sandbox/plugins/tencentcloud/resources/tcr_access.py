"""Tcr/serviceAccount and Tcr/vpcAttachment. What the official provider does, call by call: docs/fidelity/tcr.md."""

from collections.abc import Iterable
from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    Created,
    Doc,
    Handler,
    Partial,
    Props,
    ProviderError,
    given,
    read_tags,
    resource,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import arguments
from sandbox.plugins.tencentcloud.resources.tcr import registry

PREFIX = "tcr$"
"""What the cloud puts before an account's name. The provider sends it in some requests and not in others."""
_NUMBERS = {"duration": "Duration", "expiresAt": "ExpiresAt", "disable": "Disable"}


def _account(props: Props) -> dict[str, Any]:
    permissions = [{"Resource": each["resource"], "Actions": each["actions"]} for each in props["permissions"]]
    texts = arguments.nonzero(props, {"description": "Description"})
    return {"Permissions": permissions, **texts, **given(props, _NUMBERS)}


@resource("tencentcloud:Tcr/serviceAccount:ServiceAccount")
class ServiceAccount(Handler):
    """Id: `<instance>#<name>`, the name without the cloud's prefix. The password is told once, at creation."""

    kind = "tcr.account"
    immutable = ("registryId", "name")
    write_only = ("duration",)

    def identify(self, doc: Doc) -> Iterable[str]:
        """The document's own id, as the provider writes it."""
        return (doc["_id"].replace("/", "#"),)

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateServiceAccount, tags, and the password if it is a chosen one."""
        name = props["name"]
        request = {"RegistryId": props["registryId"], "Name": name, **_account(props)}
        made = cloud.call("tcr", "CreateServiceAccount", request)
        if name not in made["Name"]:
            raise ProviderError(f"the account {made['Name']} was made, not {name}")
        id = f"{props['registryId']}#{name}"
        partial.id(id)
        write_tags(cloud, "tcr", "instance", id, None, props.get("tags"))
        chosen = self._choose_password(cloud, props) if props.get("password") else made["Password"]
        partial.tell(password=chosen)
        return Created(id)

    def _choose_password(self, cloud: Cloud, props: Props) -> str:
        request = {"RegistryId": props["registryId"], "Name": props["name"], "Random": False}
        request["Password"] = props["password"]
        return str(cloud.call("tcr", "ModifyServiceAccountPassword", request)["Password"])

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """Its entry in the first page of DescribeServiceAccounts."""
        instance, name = id.split("#")
        listed = cloud.call("tcr", "DescribeServiceAccounts", {"RegistryId": instance})["ServiceAccounts"]
        found = next((each for each in listed if each["Name"] == PREFIX + name), None)
        if found is None:
            return None
        shown = arguments.shown(found, {"description": "Description", "expiresAt": "ExpiresAt", "disable": "Disable"})
        return shown | {
            "registryId": instance,
            "name": name,
            "permissions": [
                {"resource": each["Resource"], "actions": each["Actions"]} for each in found["Permissions"]
            ],
            "tags": read_tags(cloud, "tcr", "instance", id),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """ModifyServiceAccount as a whole, by the name with the prefix; then tags and password."""
        if not changed or changed & {"permissions", "description", *_NUMBERS}:
            kept = given(old, {name: name for name in ("expiresAt", "disable")})
            request = {"RegistryId": new["registryId"], "Name": PREFIX + new["name"], **_account(kept | new)}
            cloud.call("tcr", "ModifyServiceAccount", request)
        write_tags(cloud, "tcr", "instance", id, old.get("tags"), new.get("tags"))
        if new.get("password") and (not changed or "password" in changed):
            self._choose_password(cloud, new)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteServiceAccount, by the name with the prefix; nothing is awaited."""
        instance, name = id.split("#")
        cloud.call("tcr", "DeleteServiceAccount", {"RegistryId": instance, "Name": PREFIX + name})


_SEEN_S = 180.0
_ADDRESS_S = 540.0
_DNS = {"enablePublicDomainDns": True, "enableVpcDomainDns": False}
"""Switch -> whether it is about the public name (or the one with `-vpc`)."""


@resource("tencentcloud:Tcr/vpcAttachment:VpcAttachment")
class VpcAttachment(Handler):
    """Id: `<instance>#<vpc>#<subnet>`."""

    kind = "tcr.attachment"

    def identify(self, doc: Doc) -> Iterable[str]:
        """The document's own id has no subnet in it."""
        return (f"{doc['_id'].replace('/', '#')}#{doc['SubnetId']}",)

    def _request(self, id: str, operation: str, props: Props) -> dict[str, Any]:
        """The region goes over the wire also when it is not given: 0 and an empty text."""
        instance, vpc, subnet = id.split("#")
        return {
            "RegistryId": instance,
            "VpcId": vpc,
            "SubnetId": subnet,
            "Operation": operation,
            "RegionId": props.get("regionId") or 0,
            "RegionName": props.get("regionName") or "",
        }

    def _find(self, cloud: Cloud, id: str) -> dict[str, Any] | None:
        instance, vpc, subnet = id.split("#")
        if registry(cloud, instance) is None:
            return None
        listed = cloud.call("tcr", "DescribeInternalEndpoints", {"RegistryId": instance})["AccessVpcSet"]
        return next((each for each in listed if (each["VpcId"], each["SubnetId"]) == (vpc, subnet)), None)

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """ManageInternalEndpoint; then, once it has an address, the names that lead to it."""
        id = f"{props['instanceId']}#{props['vpcId']}#{props['subnetId']}"
        cloud.call("tcr", "ManageInternalEndpoint", self._request(id, "Create", props))
        partial.id(id)
        cloud.wait(lambda: self._find(cloud, id) is not None, (True,), _SEEN_S, what=id)
        for name in _DNS:
            if props.get(name):
                self._lead(cloud, id, name, props)
        return Created(id)

    def _lead(self, cloud: Cloud, id: str, name: str, props: Props) -> None:
        """Make a name lead to the address inside the VPC, or stop that."""

        def address() -> str:
            return (self._find(cloud, id) or {}).get("AccessIp") or ""

        found = cloud.wait(address, bool, _ADDRESS_S, what=f"the address of {id}")
        action = "CreateInternalEndpointDns" if props.get(name) else "DeleteInternalEndpointDns"
        request = {**self._place(id, found, public=_DNS[name]), "RegionName": props.get("regionName") or ""}
        cloud.call("tcr", action, request)

    def _place(self, id: str, address: str, *, public: bool) -> dict[str, Any]:
        instance, vpc, _ = id.split("#")
        return {"InstanceId": instance, "VpcId": vpc, "EniLBIp": address, "UsePublicDomain": public}

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """Its entry in DescribeInternalEndpoints; the names only once there is an address."""
        found = self._find(cloud, id)
        if found is None:
            return None
        instance, vpc, subnet = id.split("#")
        shown = {"instanceId": instance, "vpcId": vpc, "subnetId": subnet} | arguments.shown(
            found, {"status": "Status", "accessIp": "AccessIp"}
        )
        if found["AccessIp"]:
            for name, public in _DNS.items():
                asked = {"VpcSet": [self._place(id, found["AccessIp"], public=public)]}
                answer = cloud.call("tcr", "DescribeInternalEndpointDnsStatus", asked)
                shown[name] = answer["VpcSet"][0]["Status"] == "ENABLED"
        return shown

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """The names alone: all else replaces, and another region is not sent."""
        for name in _DNS:
            if name in changed or (not changed and bool(new.get(name)) != bool(old.get(name))):
                self._lead(cloud, id, name, new)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """ManageInternalEndpoint, then wait until it is gone."""
        cloud.call("tcr", "ManageInternalEndpoint", self._request(id, "Delete", props))
        cloud.wait(lambda: self._find(cloud, id) is None, (True,), _SEEN_S, what=f"deletion of {id}")
