"""Security/group and Security/groupRuleSet. Source: docs/sources.md, network."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    read_tags,
    resource,
    write_tags,
)
from sandbox.plugins.tencentcloud.resources import shapes

DIRECTIONS = {"ingresses": "Ingress", "egresses": "Egress"}
_COUNTED = ("CVM", "CLB", "CDB", "ENI", "SG")
_PEERS = ("cidrBlock", "ipv6CidrBlock", "sourceSecurityId", "addressTemplateId", "addressTemplateGroup")
_SERVICES = ("serviceTemplateId", "serviceTemplateGroup")
RELEASE_S = 18.0
"""How long a delete waits for users to go, in real seconds; the official provider waits three minutes."""


@resource("tencentcloud:Security/group:Group")
class Group(Handler):
    """A security group."""

    kind = "security_group"
    key = ("SecurityGroupId",)

    def check(self, props: Props) -> dict[str, str]:
        """Lengths."""
        return shapes.faults(props, {"name": shapes.NAME, "description": shapes.length(0, 100)})

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateSecurityGroup, SetId, tags."""
        params = {
            "GroupName": props["name"],
            "GroupDescription": props.get("description") or "",
            "ProjectId": str(props.get("projectId") or 0),
        }
        group_id: str = cloud.call("vpc", "CreateSecurityGroup", params)["SecurityGroup"]["SecurityGroupId"]
        partial.id(group_id)
        write_tags(cloud, "cvm", "sg", group_id, None, props.get("tags"))
        return Created(group_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeSecurityGroups."""
        doc = shapes.one(cloud, "vpc", "DescribeSecurityGroups", {"SecurityGroupIds": [id]}, "SecurityGroupSet")
        if doc is None:
            return None
        return {
            "name": doc["SecurityGroupName"],
            "description": doc["SecurityGroupDesc"],
            "projectId": int(doc["ProjectId"]),
            "tags": read_tags(cloud, "cvm", "sg", id),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Name, description, tags."""
        if changed & {"name", "description"} or not changed:
            params = {"GroupName": new["name"], "GroupDescription": new.get("description") or ""}
            cloud.call("vpc", "ModifySecurityGroupAttribute", {"SecurityGroupId": id, **params})
        write_tags(cloud, "cvm", "sg", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Wait until nothing that is counted uses it, then DeleteSecurityGroup. Redis is not counted."""

        def used() -> int:
            doc = shapes.one(
                cloud,
                "vpc",
                "DescribeSecurityGroupAssociationStatistics",
                {"SecurityGroupIds": [id]},
                "SecurityGroupAssociationStatisticsSet",
            )
            return sum(doc[name] for name in _COUNTED) if doc else 0

        cloud.wait(used, (0,), RELEASE_S, what=f"{id} used by nothing")
        shapes.delete(cloud, "vpc", "DeleteSecurityGroup", {"SecurityGroupId": id})


@resource("tencentcloud:Security/groupRuleSet:GroupRuleSet")
class RuleSet(Handler):
    """All rules of a group; its id is the group's."""

    def check(self, props: Props) -> dict[str, str]:
        """Actions."""
        found: dict[str, str] = {}
        for name in DIRECTIONS:
            for index, rule in enumerate(props.get(name) or ()):
                if str(rule.get("action", "ACCEPT")).upper() not in ("ACCEPT", "DROP"):
                    found[name] = f"rule {index}: action is {rule['action']!r}; allowed are ACCEPT, DROP"
        return found

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """ModifySecurityGroupPolicies replaces whatever there was."""
        group_id = props["securityGroupId"]
        if _kept(cloud, group_id) is None:
            raise ProviderError(f"security group {group_id} does not exist")
        self._write(cloud, group_id, props, None)
        return Created(group_id)

    def _write(self, cloud: Cloud, group_id: str, props: Props, version: str | None) -> None:
        rules = {
            api: [_rule(name, index, rule) for index, rule in enumerate(props.get(name) or ())]
            for name, api in DIRECTIONS.items()
        }
        wanted: dict[str, Any] = {api: listed for api, listed in rules.items() if listed}
        if wanted:
            policies = {**wanted, "Version": version}
            cloud.call(
                "vpc", "ModifySecurityGroupPolicies", {"SecurityGroupId": group_id, "SecurityGroupPolicySet": policies}
            )
        else:
            _clear(cloud, group_id)
            return
        for api in DIRECTIONS.values():
            if not rules[api]:
                _remove_all(cloud, group_id, api)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeSecurityGroupPolicies. A missing group is an error, not a clean removal."""
        kept = _kept(cloud, id)
        if kept is None:
            raise ProviderError(f"security group {id} does not exist")
        return {
            "securityGroupId": id,
            "version": kept["Version"],
            **{name: [_shown(rule) for rule in kept[api]] for name, api in DIRECTIONS.items()},
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Replace all, with the version that state has plus one: rules changed by hand since are a conflict."""
        version = old.get("version")
        self._write(cloud, id, new, str(int(version) + 1) if version else None)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Version 0 clears the rules."""
        if _kept(cloud, id) is not None:
            _clear(cloud, id)


def _kept(cloud: Cloud, group_id: str) -> dict[str, Any] | None:
    found = shapes.one(cloud, "vpc", "DescribeSecurityGroups", {"SecurityGroupIds": [group_id]}, "SecurityGroupSet")
    if found is None:
        return None
    return cloud.call("vpc", "DescribeSecurityGroupPolicies", {"SecurityGroupId": group_id})["SecurityGroupPolicySet"]


def _clear(cloud: Cloud, group_id: str) -> None:
    empty = {"SecurityGroupId": group_id, "SecurityGroupPolicySet": {"Version": "0"}}
    cloud.call("vpc", "ModifySecurityGroupPolicies", empty)


def _remove_all(cloud: Cloud, group_id: str, direction: str) -> None:
    """A direction that is left empty is emptied by index."""
    rules: list[dict[str, Any]] = (_kept(cloud, group_id) or {}).get(direction) or []
    if rules:
        gone = {direction: [{"PolicyIndex": rule["PolicyIndex"]} for rule in rules]}
        params = {"SecurityGroupId": group_id, "SecurityGroupPolicySet": gone}
        cloud.call("vpc", "DeleteSecurityGroupPolicies", params)


def _rule(name: str, index: int, rule: Props) -> dict[str, Any]:
    """A rule as the API takes it. Raises ProviderError for what excludes each other."""
    peers = [key for key in _PEERS if rule.get(key)]
    services = [key for key in _SERVICES if rule.get(key)]
    if len(peers) > 1:
        raise ProviderError(f"conflict at {name}.{index}, cannot set {','.join(peers)} in time")
    ports = [key for key in ("protocol", "port") if rule.get(key)]
    if len(services) > 1 or (services and ports):
        raise ProviderError(f"conflict at {name}.{index}, cannot set {','.join(services + ports)} in time")
    made: dict[str, Any] = {
        "Action": rule["action"],
        "CidrBlock": rule.get("cidrBlock"),
        "Ipv6CidrBlock": rule.get("ipv6CidrBlock"),
        "SecurityGroupId": rule.get("sourceSecurityId"),
        "PolicyDescription": rule.get("description"),
    }
    if rule.get("addressTemplateId") or rule.get("addressTemplateGroup"):
        made["AddressTemplate"] = {
            "AddressId": rule.get("addressTemplateId"),
            "AddressGroupId": rule.get("addressTemplateGroup"),
        }
    if services:
        made["ServiceTemplate"] = {
            "ServiceId": rule.get("serviceTemplateId"),
            "ServiceGroupId": rule.get("serviceTemplateGroup"),
        }
    else:
        made |= {"Protocol": rule.get("protocol") or "ALL", "Port": rule.get("port") or "ALL"}
    return {key: value for key, value in made.items() if value}


def _shown(rule: dict[str, Any]) -> Props:
    return {
        "policyIndex": rule["PolicyIndex"],
        "action": rule["Action"],
        "cidrBlock": rule["CidrBlock"] or None,
        "ipv6CidrBlock": rule["Ipv6CidrBlock"] or None,
        "sourceSecurityId": rule["SecurityGroupId"] or None,
        "description": rule["PolicyDescription"] or None,
        "protocol": rule["Protocol"].upper(),
        "port": rule["Port"],
    }
