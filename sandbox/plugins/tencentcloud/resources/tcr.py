"""TCR registry instances, namespaces, repositories. Source: docs/sources.md, keys and identity."""

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
    tag_list,
    write_tags,
)

_WAIT_S = 120


def _find(cloud: Cloud, id: str) -> dict[str, Any] | None:
    found = cloud.call("tcr", "DescribeInstances", {"Registryids": [id]})["Registries"]
    return found[0] if found else None


def _endpoint(cloud: Cloud, id: str) -> str:
    return str(cloud.call("tcr", "DescribeExternalEndpointStatus", {"RegistryId": id})["Status"])


def _pairs(policies: Any) -> set[tuple[str, str]]:
    """The ranges of clients as the program gives them."""
    return {(str(each.get("cidrBlock", "")), str(each.get("description") or "")) for each in policies or ()}


@resource("tencentcloud:Tcr/instance:Instance")
class Instance(Handler):
    """Id: `tcr-…`, known before the instance runs."""

    immutable = ("registryChargeType",)
    write_only = ("deleteBucket", "instanceChargeTypePrepaidPeriod", "instanceChargeTypePrepaidRenewFlag")

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        self._check(props)
        names = {"name": "RegistryName", "instanceType": "RegistryType", "registryChargeType": "RegistryChargeType"}
        request = given(props, names)
        if tags := tag_list(props.get("tags")):
            request["TagSpecification"] = {"ResourceType": "instance", "Tags": tags}
        id = str(cloud.call("tcr", "CreateInstance", request)["RegistryId"])
        partial.id(id)
        self._running(cloud, id)
        self._open(cloud, id, {}, props)
        return Created(id)

    def _check(self, props: Props) -> None:
        if props.get("securityPolicies") and not props.get("openPublicOperation"):
            raise ProviderError("`open_public_operation` must be `true` if `security_policies` is set")
        if props.get("replications"):
            raise ProviderError("`replications`: the sandbox does not provide replicas of registries yet")

    def _running(self, cloud: Cloud, id: str) -> None:
        cloud.wait(lambda: (_find(cloud, id) or {}).get("Status"), {"Running"}, _WAIT_S, what=f"registry instance {id}")

    def _open(self, cloud: Cloud, id: str, old: Props, new: Props) -> None:
        """Bring the public endpoint and its list of clients from `old` to `new`."""
        wanted = bool(new.get("openPublicOperation"))
        before = _pairs(old.get("securityPolicies"))
        after = _pairs(new.get("securityPolicies"))
        state = "Opened" if wanted else "Closed"
        if gone := sorted(before - after):
            entries = [{"CidrBlock": cidr, "Description": text} for cidr, text in gone]
            cloud.call("tcr", "DeleteMultipleSecurityPolicy", {"RegistryId": id, "SecurityGroupPolicySet": entries})
        if _endpoint(cloud, id) != state:
            operation = "Create" if wanted else "Delete"
            cloud.call("tcr", "ManageExternalEndpoint", {"RegistryId": id, "Operation": operation})
            cloud.wait(lambda: _endpoint(cloud, id), {state}, _WAIT_S, what=f"public endpoint of {id}")
        if fresh := sorted(after - before):
            entries = [{"CidrBlock": cidr, "Description": text} for cidr, text in fresh]
            cloud.call("tcr", "CreateMultipleSecurityPolicy", {"RegistryId": id, "SecurityGroupPolicySet": entries})

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        registry = _find(cloud, id)
        if registry is None:
            return None
        endpoint = _endpoint(cloud, id)
        policies = cloud.call("tcr", "DescribeSecurityPolicies", {"RegistryId": id})["SecurityPolicySet"]
        return {
            "name": registry["RegistryName"],
            "instanceType": registry["RegistryType"],
            "registryChargeType": 2 if registry["PayMod"] else 1,
            "status": registry["Status"],
            "publicDomain": registry["PublicDomain"],
            "publicStatus": endpoint,
            "internalEndPoint": registry["InternalEndpoint"],
            "expiredAt": registry["ExpiredAt"],
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
            "tags": read_tags(cloud, "tcr", "instance", id),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        self._check(new)
        if not changed:
            self._running(cloud, id)
        if "instanceType" in changed:
            cloud.call("tcr", "ModifyInstance", {"RegistryId": id, "RegistryType": new["instanceType"]})
        if not changed or changed & {"openPublicOperation", "securityPolicies"}:
            before = old if changed else (self.read(cloud, id, old) or {})
            self._open(cloud, id, before, new)
        if not changed or "tags" in changed:
            write_tags(cloud, "tcr", "instance", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        try:
            request = {"RegistryId": id, "DeleteBucket": bool(props.get("deleteBucket"))}
            cloud.call("tcr", "DeleteInstance", request)
        except CloudError as error:
            if not error.matches("ResourceNotFound"):
                raise
        cloud.wait(lambda: _find(cloud, id) is None, {True}, _WAIT_S, what=f"deletion of registry instance {id}")


@resource("tencentcloud:Tcr/namespace:Namespace")
class Namespace(Handler):
    """Id: `<instance>#<name>`."""

    def _request(self, props: Props) -> dict[str, Any]:
        names = {"instanceId": "RegistryId", "name": "NamespaceName", "isPublic": "IsPublic", "severity": "Severity"}
        request = given(props, {**names, "isAutoScan": "IsAutoScan", "isPreventVul": "IsPreventVUL"})
        items = [{"CVEID": each.get("cveId")} for each in props.get("cveWhitelistItems") or ()]
        return {"IsPublic": False, "CVEWhitelistItems": items or None} | request

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        cloud.call("tcr", "CreateNamespace", self._request(props))
        id = f"{props['instanceId']}#{props['name']}"
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        registry, _, name = id.partition("#")
        request = {"RegistryId": registry, "NamespaceName": name, "All": True}
        for found in _listed(cloud, "DescribeNamespaces", request, "NamespaceList"):
            if found["Name"] == name:
                return {
                    "instanceId": registry,
                    "name": name,
                    "isPublic": found["Public"],
                    "isAutoScan": found["AutoScan"],
                    "isPreventVul": found["PreventVUL"],
                    "severity": found["Severity"],
                    "cveWhitelistItems": [{"cveId": each["CVEID"]} for each in found["CVEWhitelistItems"]],
                }
        return None

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        cloud.call("tcr", "ModifyNamespace", self._request(new))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        registry, _, name = id.partition("#")
        _delete(cloud, "DeleteNamespace", {"RegistryId": registry, "NamespaceName": name})


def _listed(cloud: Cloud, action: str, request: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Empty when the registry instance itself is gone."""
    try:
        return cloud.call("tcr", action, request)[key]
    except CloudError as error:
        if error.matches("ResourceNotFound"):
            return []
        raise


def _delete(cloud: Cloud, action: str, request: dict[str, Any]) -> None:
    try:
        cloud.call("tcr", action, request)
    except CloudError as error:
        if not error.matches("ResourceNotFound"):
            raise


@resource("tencentcloud:Tcr/repository:Repository")
class Repository(Handler):
    """Id: `<instance>#<namespace>#<name>`."""

    def _request(self, props: Props) -> dict[str, Any]:
        names = {"instanceId": "RegistryId", "namespaceName": "NamespaceName", "name": "RepositoryName"}
        return given(props, {**names, "briefDesc": "BriefDescription", "description": "Description"})

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        cloud.call("tcr", "CreateRepository", self._request(props))
        id = f"{props['instanceId']}#{props['namespaceName']}#{props['name']}"
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        registry, namespace, name = id.split("#", 2)
        instance = _find(cloud, registry)
        request = {"RegistryId": registry, "NamespaceName": namespace, "RepositoryName": name, "Limit": 100}
        for found in _listed(cloud, "DescribeRepositories", request, "RepositoryList"):
            if instance is not None and found["Name"] == f"{namespace}/{name}":
                return {
                    "instanceId": registry,
                    "namespaceName": namespace,
                    "name": name,
                    "briefDesc": found["BriefDescription"],
                    "description": found["Description"],
                    "createTime": found["CreationTime"],
                    "updateTime": found["UpdateTime"],
                    "isPublic": found["Public"],
                    "url": f"{instance['PublicDomain']}/{found['Name']}",
                }
        return None

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        cloud.call("tcr", "ModifyRepository", self._request(new))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        registry, namespace, name = id.split("#", 2)
        request = {"RegistryId": registry, "NamespaceName": namespace, "RepositoryName": name}
        _delete(cloud, "DeleteRepository", request)
