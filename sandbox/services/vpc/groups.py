"""Security groups; their rules stand in policies.py. Source: docs/sources.md, network."""

from typing import Any

from tencentcloud.vpc.v20170312 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.services.params import check_name, create, drop, given, need, public, select, stamp, tag_set
from sandbox.services.vpc import hosts
from sandbox.services.vpc.networks import check_quota
from sandbox.services.vpc.policies import replace_all


def _create(ctx: Context, asked: dict[str, Any]) -> Doc:
    check_name("GroupName", asked["GroupName"])
    check_name("GroupDescription", asked.get("GroupDescription", ""), 100, 0)
    with ctx.store.lock:
        check_quota(ctx, "appid-max-security-groups", len(ctx.store.list("security_group", ctx.region)))
        group_id = ctx.store.new_id("sg")
        doc: Doc = {
            "SecurityGroupId": group_id,
            "SecurityGroupName": asked["GroupName"],
            "SecurityGroupDesc": asked.get("GroupDescription", ""),
            "ProjectId": str(asked.get("ProjectId", "0")),
            "IsDefault": False,
            "CreatedTime": stamp(ctx),
            "UpdateTime": stamp(ctx),
            "TagSet": tag_set(asked.get("Tags")),
            # No rules: nobody gets in, nothing gets out, until a rule says otherwise.
            "_policies": {"Version": "0", "Ingress": [], "Egress": []},
        }
        create(ctx, "security_group", group_id, doc)
    return doc


@action
def create_security_group(ctx: Context, request: models.CreateSecurityGroupRequest) -> dict[str, Any]:
    """A group without rules."""
    return {"SecurityGroup": public(_create(ctx, given(request)))}


@action
def create_security_group_with_policies(
    ctx: Context, request: models.CreateSecurityGroupWithPoliciesRequest
) -> dict[str, Any]:
    """A group and its rules in one."""
    asked = given(request)
    with ctx.store.lock:
        doc = _create(ctx, asked)
        try:
            replace_all(ctx, doc["SecurityGroupId"], asked.get("SecurityGroupPolicySet", {}))
        except ApiError:
            drop(ctx, "security_group", doc["SecurityGroupId"])
            raise
    return {"SecurityGroup": public(doc)}


_FILTERS = {
    "security-group-id": "SecurityGroupId",
    "project-id": "ProjectId",
    "security-group-name": "SecurityGroupName",
}


@action
def describe_security_groups(ctx: Context, request: models.DescribeSecurityGroupsRequest) -> dict[str, Any]:
    """Groups by ids or filters."""
    docs = select(ctx, "security_group", given(request).get("SecurityGroupIds"), "SecurityGroupId")
    docs = [public(doc) for doc in docs if matches(doc, request.Filters, _FILTERS)]
    return {"TotalCount": len(docs), "SecurityGroupSet": page(docs, request.Offset, request.Limit)}


@action
def modify_security_group_attribute(ctx: Context, request: models.ModifySecurityGroupAttributeRequest) -> None:
    """Name and description."""
    asked = given(request)
    with ctx.store.lock:
        doc = need(ctx, "security_group", asked["SecurityGroupId"])
        if "GroupName" in asked:
            check_name("GroupName", asked["GroupName"])
            doc["SecurityGroupName"] = asked["GroupName"]
        if "GroupDescription" in asked:
            check_name("GroupDescription", asked["GroupDescription"], 100, 0)
            doc["SecurityGroupDesc"] = asked["GroupDescription"]
        doc["UpdateTime"] = stamp(ctx)
        ctx.store.put("security_group", doc["SecurityGroupId"], doc)


def referrers(ctx: Context, group_id: str) -> list[str]:
    """Other groups whose rules name this one."""
    groups = ctx.store.list("security_group", ctx.region)
    return [
        doc["SecurityGroupId"]
        for doc in groups
        if doc["SecurityGroupId"] != group_id and group_id in hosts.referred(doc)
    ]


def _users(ctx: Context, group_id: str) -> dict[str, set[str]]:
    """Kind of resource -> ids that carry the group."""
    users: dict[str, set[str]] = {}
    for host in hosts.of_group(ctx.store, group_id):
        users.setdefault(host["kind"], set()).add(host["owner"])
    return users


@action
def describe_security_group_association_statistics(
    ctx: Context, request: models.DescribeSecurityGroupAssociationStatisticsRequest
) -> dict[str, Any]:
    """How many instances, balancers and groups use a group. Redis is not in the four that are counted by name."""
    answer: list[dict[str, Any]] = []
    for group_id in given(request)["SecurityGroupIds"]:
        need(ctx, "security_group", group_id)
        users = _users(ctx, group_id)
        counts = {name: len(users.get(name, set())) for name in ("CVM", "CLB", "CDB", "ENI")}
        counts["SG"] = len(referrers(ctx, group_id))
        others = [{"InstanceType": kind, "InstanceCount": len(ids)} for kind, ids in users.items()]
        total = sum(len(ids) for ids in users.values()) + counts["SG"]
        answer.append({"SecurityGroupId": group_id, **counts, "InstanceStatistics": others, "TotalCount": total})
    return {"SecurityGroupAssociationStatisticsSet": answer}


@action
def describe_security_group_references(
    ctx: Context, request: models.DescribeSecurityGroupReferencesRequest
) -> dict[str, Any]:
    """Which groups name these groups in their rules."""
    ids: list[str] = given(request)["SecurityGroupIds"]
    for group_id in ids:
        need(ctx, "security_group", group_id)
    return {
        "ReferredSecurityGroupSet": [
            {"SecurityGroupId": group_id, "ReferredSecurityGroupIds": referrers(ctx, group_id)} for group_id in ids
        ]
    }


@action
def delete_security_group(ctx: Context, request: models.DeleteSecurityGroupRequest) -> None:
    """Not while a resource carries it, a group names it, or a launch configuration would use it."""
    group_id = given(request)["SecurityGroupId"]
    with ctx.store.lock:
        need(ctx, "security_group", group_id)
        used = sorted(id for ids in _users(ctx, group_id).values() for id in ids) + referrers(ctx, group_id)
        if used:
            message = f"The security group `{group_id}` is in use by {', '.join(used[:5])}."
            raise ApiError("ResourceInUse", message)
        drop(ctx, "security_group", group_id)
