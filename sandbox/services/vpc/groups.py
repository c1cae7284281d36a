"""Security groups; their rules stand in policies.py. Source: docs/sources.md, network."""

from typing import Any

from tencentcloud.vpc.v20170312 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.paging import matches, page
from sandbox.api.store import Doc
from sandbox.services.params import check_name, given, public, stamp, tag_set
from sandbox.services.vpc import hosts
from sandbox.services.vpc.kinds import SECURITY_GROUP
from sandbox.services.vpc.networks import check_quota


@action
def create_security_group(ctx: Context, request: models.CreateSecurityGroupRequest) -> dict[str, Any]:
    """A group without rules: nobody gets in, nothing gets out, until a rule says otherwise."""
    asked = given(request)
    check_name("GroupName", asked["GroupName"])
    check_name("GroupDescription", asked.get("GroupDescription", ""), 100, 0)
    with ctx.store.lock:
        check_quota(ctx, "appid-max-security-groups", len(SECURITY_GROUP.list(ctx)))
        doc: Doc = {
            "SecurityGroupId": ctx.store.new_id("sg"),
            "SecurityGroupName": asked["GroupName"],
            "SecurityGroupDesc": asked.get("GroupDescription", ""),
            "ProjectId": str(asked.get("ProjectId", "0")),
            "IsDefault": False,
            "CreatedTime": stamp(ctx),
            "UpdateTime": stamp(ctx),
            "TagSet": tag_set(asked.get("Tags")),
            "_policies": {"Version": "0", "Ingress": [], "Egress": []},
        }
        SECURITY_GROUP.create(ctx, doc)
    return {"SecurityGroup": public(doc)}


_FILTERS = {
    "security-group-id": "SecurityGroupId",
    "project-id": "ProjectId",
    "security-group-name": "SecurityGroupName",
}


@action
def describe_security_groups(ctx: Context, request: models.DescribeSecurityGroupsRequest) -> dict[str, Any]:
    """Groups by ids or filters."""
    docs = SECURITY_GROUP.select(ctx, given(request).get("SecurityGroupIds"))
    docs = [public(doc) for doc in docs if matches(doc, request.Filters, _FILTERS)]
    return {"TotalCount": len(docs), "SecurityGroupSet": page(docs, request.Offset, request.Limit)}


@action
def modify_security_group_attribute(ctx: Context, request: models.ModifySecurityGroupAttributeRequest) -> None:
    """Name and description."""
    asked = given(request)
    with ctx.store.lock:
        doc = SECURITY_GROUP.need(ctx, asked["SecurityGroupId"])
        if "GroupName" in asked:
            check_name("GroupName", asked["GroupName"])
            doc["SecurityGroupName"] = asked["GroupName"]
        if "GroupDescription" in asked:
            check_name("GroupDescription", asked["GroupDescription"], 100, 0)
            doc["SecurityGroupDesc"] = asked["GroupDescription"]
        doc["UpdateTime"] = stamp(ctx)
        SECURITY_GROUP.save(ctx.store, doc)


def referrers(ctx: Context, group_id: str) -> list[str]:
    """Other groups whose rules name this one."""
    return [
        doc["SecurityGroupId"]
        for doc in SECURITY_GROUP.all(ctx.store)
        if doc["SecurityGroupId"] != group_id and group_id in hosts.referred(doc)
    ]


def _users(ctx: Context, group_id: str) -> dict[str, set[str]]:
    """Kind of resource -> ids that carry the group."""
    users: dict[str, set[str]] = {}
    for host in hosts.of_group(ctx.store, group_id):
        users.setdefault(host.kind, set()).add(host.owner)
    return users


@action
def describe_security_group_association_statistics(
    ctx: Context, request: models.DescribeSecurityGroupAssociationStatisticsRequest
) -> dict[str, Any]:
    """How many instances, balancers and groups use a group. Redis is not in the four that are counted by name."""
    answer: list[dict[str, Any]] = []
    for group_id in given(request)["SecurityGroupIds"]:
        SECURITY_GROUP.need(ctx, group_id)
        users = _users(ctx, group_id)
        counts = {name: len(users.get(name, set())) for name in ("CVM", "CLB", "CDB", "ENI")}
        counts["SG"] = len(referrers(ctx, group_id))
        others = [{"InstanceType": kind, "InstanceCount": len(ids)} for kind, ids in users.items()]
        total = sum(len(ids) for ids in users.values())
        answer.append({"SecurityGroupId": group_id, **counts, "InstanceStatistics": others, "TotalCount": total})
    return {"SecurityGroupAssociationStatisticsSet": answer}


@action
def delete_security_group(ctx: Context, request: models.DeleteSecurityGroupRequest) -> None:
    """Not while a resource carries it, a group names it, or a launch configuration would use it."""
    group_id = given(request)["SecurityGroupId"]
    with ctx.store.lock:
        SECURITY_GROUP.need(ctx, group_id)
        used = sorted(id for ids in _users(ctx, group_id).values() for id in ids) + referrers(ctx, group_id)
        if used:
            message = f"The security group `{group_id}` is in use by {', '.join(used[:5])}."
            raise ApiError("ResourceInUse", message)
        SECURITY_GROUP.drop(ctx, group_id)
