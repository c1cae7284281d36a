"""The metadata service of instances, `http://metadata.tencentyun.com/latest/…`.

A router's namespace forwards requests here with its name and the instance's address.
Source of the paths: docs/sources.md, machines.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.api import credentials
from sandbox.api.actions import Account
from sandbox.api.store import Store

KEY_SECONDS = 7200
_RENEW_SECONDS = 900
"""A key with less time left is not handed out again."""
_TRUSTED_SERVICE = "cvm.qcloud.com"


Lookup = Callable[[Store, str, str], tuple[dict[str, Any], str] | None]
"""(store, router, address) -> the instance behind that address, and its region."""
_lookups: list[Lookup] = []


def instances_are_found_by(lookup: Lookup) -> Lookup:
    """Register how instances are found: the service whose documents they are does."""
    _lookups.append(lookup)
    return lookup


RoleLookup = Callable[[Store, str], Mapping[str, Any] | None]
"""(store, name) -> the role of this name."""
_role_lookups: list[RoleLookup] = []


def roles_are_found_by(lookup: RoleLookup) -> RoleLookup:
    """Register how roles are found: the service whose documents they are does."""
    _role_lookups.append(lookup)
    return lookup


def role_keys(store: Store, instance: Mapping[str, Any], role_name: str) -> dict[str, Any] | None:
    """The temporary key of the instance's role; None if the instance does not have it or CVM may not assume it."""
    if not role_name or instance.get("CamRoleName") != role_name:
        return None
    role = next(filter(None, (lookup(store, role_name) for lookup in _role_lookups)), None)
    if role is None or _TRUSTED_SERVICE not in role["PolicyDocument"]:
        return None
    session = str(instance["InstanceId"])
    with store.lock:
        key = credentials.current(store, str(role["RoleId"]), session, _RENEW_SECONDS)
        if key is None:
            key = credentials.issue(store, role, session, KEY_SECONDS)
    expiration = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(key["ExpiredTime"]))
    return {**key, "Expiration": expiration, "Code": "Success"}


def _network(instance: Mapping[str, Any]) -> dict[str, Any]:
    vpc: Mapping[str, Any] = instance.get("VirtualPrivateCloud") or {}
    return {
        "primary-local-ipv4": _first(instance.get("PrivateIpAddresses")),
        "vpc-id": vpc.get("VpcId"),
        "subnet-id": vpc.get("SubnetId"),
        "public-ipv4s": _first(instance.get("PublicIpAddresses")),
    }


def _first(values: list[str] | None) -> str | None:
    return values[0] if values else None


def _tree(instance: Mapping[str, Any], region: str, account: Account) -> dict[str, Any]:
    placement: Mapping[str, Any] = instance.get("Placement") or {}
    mac = instance.get("_mac")
    return {
        "app-id": account.app_id,
        "as-group-id": instance.get("_scaling_group"),
        "instance-id": instance.get("InstanceId"),
        "instance-name": instance.get("InstanceName"),
        "local-ipv4": _first(instance.get("PrivateIpAddresses")),
        "public-ipv4": _first(instance.get("PublicIpAddresses")),
        "mac": mac,
        "uuid": instance.get("Uuid"),
        "hostname": instance.get("HostName"),
        "instance": {
            "image-id": instance.get("ImageId"),
            "instance-type": instance.get("InstanceType"),
            "security-group": ",".join(instance.get("SecurityGroupIds") or []) or None,
        },
        "network": {"interfaces": {"macs": {mac: _network(instance)} if mac else None}},
        "payment": {
            "charge-type": instance.get("InstanceChargeType"),
            "create-time": instance.get("CreatedTime"),
            "termination-time": instance.get("ExpiredTime"),
        },
        "placement": {"region": region, "zone": placement.get("Zone")},
    }


def _render(node: Any) -> str | None:
    if isinstance(node, dict):
        entries: dict[str, Any] = node  # pyright: ignore[reportUnknownVariableType]  # a tree of this module
        names = [
            f"{name}/" if isinstance(value, dict) else name for name, value in entries.items() if value is not None
        ]
        return "\n".join(names)
    return None if node is None else str(node)


def answer(store: Store, account: Account, router: str, ip: str, path: str) -> str | None:
    """The text behind a path below /latest/, or None (404): unknown instance, path or role."""
    found = next(filter(None, (lookup(store, router, ip) for lookup in _lookups)), None)
    if found is None:
        return None
    instance, region = found
    parts = [part for part in path.split("/") if part][1:]
    if parts[:1] == ["user-data"]:
        return instance.get("_user_data")
    if parts[:1] != ["meta-data"]:
        return None
    if parts[1:3] == ["cam", "security-credentials"]:
        if len(parts) == 3:
            return instance.get("CamRoleName")
        keys = role_keys(store, instance, parts[3])
        return None if keys is None else json.dumps(keys)
    node: Any = _tree(instance, region, account)
    for part in parts[1:]:
        node = node.get(part) if isinstance(node, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return _render(node)
