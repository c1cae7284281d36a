"""Security/group and Security/groupRuleSet. Source: docs/fidelity/vpc.md."""

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
from sandbox.plugins.tencentcloud.resources.network_calls import internal

DIRECTIONS = {"ingresses": "Ingress", "egresses": "Egress"}
_COUNTED = ("CVM", "CLB", "CDB", "ENI", "SG")
_PEERS = {
    "cidrBlock": "CidrBlock",
    "ipv6CidrBlock": "Ipv6CidrBlock",
    "sourceSecurityId": "SecurityGroupId",
    "addressTemplateId": "AddressTemplate.AddressId",
    "addressTemplateGroup": "AddressTemplate.AddressGroupId",
}
_SERVICES = {
    "serviceTemplateId": "ServiceTemplate.ServiceId",
    "serviceTemplateGroup": "ServiceTemplate.ServiceGroupId",
}
_PORTS = {"protocol": "Protocol", "port": "Port"}
RELEASE_S = 18.0
"""How long a delete waits for users to go, in real seconds; the official provider waits three minutes."""


def _unless_gone(error: CloudError) -> bool:
    return error.code != "ResourceNotFound"


@resource("tencentcloud:Security/group:Group")
class Group(Handler):
    """A security group."""

    kind = "security_group"
    key = ("SecurityGroupId",)

    def check(self, props: Props) -> dict[str, str]:
        """Lengths."""
        return arguments.faults(props, {"name": arguments.NAME, "description": arguments.length(0, 100)})

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateSecurityGroup, SetId, and the tags once more."""
        params = {
            "GroupName": props["name"],
            "GroupDescription": props.get("description") or "",
            "ProjectId": str(props["projectId"]) if props.get("projectId") else None,
            "Tags": tag_list(props.get("tags")),
        }
        group_id: str = cloud.call("vpc", "CreateSecurityGroup", params)["SecurityGroup"]["SecurityGroupId"]
        partial.id(group_id)
        write_tags(cloud, "cvm", "sg", group_id, None, props.get("tags"))
        return Created(group_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeSecurityGroups."""
        try:
            found = cloud.call("vpc", "DescribeSecurityGroups", {"SecurityGroupIds": [id]}, retry=internal)
        except CloudError as error:
            if _unless_gone(error):
                raise
            return None
        if not found.get("SecurityGroupSet"):
            return None
        doc: dict[str, Any] = found["SecurityGroupSet"][0]
        return {
            "name": doc["SecurityGroupName"],
            "description": doc["SecurityGroupDesc"],
            "projectId": int(doc["ProjectId"]),
            "tags": read_tags(cloud, "cvm", "sg", id),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Name and description, what has changed of them, and tags."""
        wanted = {"name": "GroupName", "description": "GroupDescription"}
        params = {wanted[name]: new.get(name) or "" for name in wanted if name in changed or not changed}
        if params:
            cloud.call("vpc", "ModifySecurityGroupAttribute", {"SecurityGroupId": id, **params})
        write_tags(cloud, "cvm", "sg", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Wait until nothing that is counted by name uses it, then DeleteSecurityGroup; every error is repeated."""
        ids = {"SecurityGroupIds": [id]}

        def used() -> int:
            counted = cloud.call("vpc", "DescribeSecurityGroupAssociationStatistics", ids, retry=_unless_gone)
            found: list[dict[str, Any]] = counted["SecurityGroupAssociationStatisticsSet"]
            return sum(found[0][name] for name in _COUNTED) if found else 0

        cloud.wait(used, (0,), RELEASE_S, what=f"{id} used by nothing")
        cloud.call("vpc", "DeleteSecurityGroup", {"SecurityGroupId": id}, retry=_unless_gone)


@resource("tencentcloud:Security/groupRuleSet:GroupRuleSet")
class RuleSet(Handler):
    """All rules of a group; its id is the group's. No call is repeated."""

    def check(self, props: Props) -> dict[str, str]:
        """Actions."""
        found: dict[str, str] = {}
        for name in DIRECTIONS:
            for index, rule in enumerate(props.get(name) or ()):
                if str(rule.get("action", "ACCEPT")).upper() not in ("ACCEPT", "DROP"):
                    found[name] = f"rule {index}: action is {rule['action']!r}; allowed are ACCEPT, DROP"
        return found

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """ModifySecurityGroupPolicies replaces what there was in the directions that have rules."""
        group_id = props["securityGroupId"]
        self._modify(cloud, group_id, _rules(props))
        return Created(group_id)

    def _modify(self, cloud: Cloud, group_id: str, rules: dict[str, Any], **more: Any) -> None:
        params = {"SecurityGroupId": group_id, "SecurityGroupPolicySet": rules, **more}
        cloud.call("vpc", "ModifySecurityGroupPolicies", params, retry_s=0)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeSecurityGroupPolicies. A missing group is an error, not a clean removal."""
        answer = cloud.call("vpc", "DescribeSecurityGroupPolicies", {"SecurityGroupId": id}, retry_s=0)
        kept: dict[str, Any] | None = answer.get("SecurityGroupPolicySet")
        if kept is None:
            raise ProviderError(f"resource `tencentcloud_security_group_rule_set` {id} does not exist")
        shown = {name: kept.get(api) for name, api in DIRECTIONS.items()}
        rules = {name: [_shown(rule) for rule in listed] for name, listed in shown.items() if listed is not None}
        return {"securityGroupId": id, **({"version": kept["Version"]} if kept.get("Version") else {}), **rules}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Replace all, as the version that comes after the state's: rules changed by hand since are a conflict.

        A direction that is left without rules is emptied first, by the indices in the state, which is a version too.
        """
        rules = _rules({name: _filled(old.get(name) or [], new.get(name) or []) for name in DIRECTIONS})
        if not rules:
            self._modify(cloud, id, {"Version": "0"}, SortPolicys=True)
            return
        version = int(old.get("version") or 0) + 1
        for name, api in DIRECTIONS.items():
            if api not in rules and old.get(name):
                gone = {api: [{"PolicyIndex": rule["policyIndex"]} for rule in old[name]]}
                params = {"SecurityGroupId": id, "SecurityGroupPolicySet": gone}
                cloud.call("vpc", "DeleteSecurityGroupPolicies", params, retry_s=0)
                version += 1
        self._modify(cloud, id, {**rules, "Version": str(version)}, SortPolicys=True)

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Version 0 clears the rules."""
        self._modify(cloud, id, {"Version": "0"})


def _filled(old: list[Props], new: list[Props]) -> list[Props]:
    """Rules whose unset protocol and port are those of the rule that was in their place, as the engine plans them."""
    places = zip(new, [*old, *[{}] * len(new)], strict=False)
    return [{name: was[name] for name in _PORTS if was.get(name)} | rule for rule, was in places]


def _rules(props: Props) -> dict[str, Any]:
    """The directions that have rules, as the API takes them."""
    return {
        api: [_rule(index, rule) for index, rule in enumerate(props[name])]
        for name, api in DIRECTIONS.items()
        if props.get(name)
    }


def _rule(index: int, rule: Props) -> dict[str, Any]:
    """A rule as the API takes it. Raises ProviderError for what excludes each other."""
    peers = [name for name in _PEERS if rule.get(name)]
    services = [name for name in _SERVICES if rule.get(name)]
    ports = ["protocol + port"] if any(rule.get(name) for name in _PORTS) else []
    for group in (peers, ports + services):
        if len(group) > 1:
            raise ProviderError(f"conflict at rule.{index}, cannot set {','.join(group)} in time")
    made: dict[str, Any] = {"Action": rule["action"]}
    for name, path in {**_PEERS, **_PORTS, **_SERVICES, "description": "PolicyDescription"}.items():
        if rule.get(name):
            block, _, field = path.rpartition(".")
            (made.setdefault(block, {}) if block else made)[field] = rule[name]
    return made


def _shown(rule: dict[str, Any]) -> Props:
    """A rule of an answer. The official provider shows a named group only where the answer has an IPv6 range too."""
    address: dict[str, str] = rule.get("AddressTemplate") or {}
    service: dict[str, str] = rule.get("ServiceTemplate") or {}
    return {
        "policyIndex": rule.get("PolicyIndex") or 0,
        "action": rule["Action"],
        "cidrBlock": rule.get("CidrBlock") or "",
        "ipv6CidrBlock": rule.get("Ipv6CidrBlock") or "",
        "sourceSecurityId": (rule.get("SecurityGroupId") or "") if rule.get("Ipv6CidrBlock") is not None else "",
        "addressTemplateId": address.get("AddressId") or "",
        "addressTemplateGroup": address.get("AddressGroupId") or "",
        "serviceTemplateId": service.get("ServiceId") or "",
        "serviceTemplateGroup": service.get("ServiceGroupId") or "",
        "protocol": (rule.get("Protocol") or "").upper(),
        "port": rule.get("Port") or "",
        "description": rule.get("PolicyDescription") or "",
    }
