"""Rules for Redis, which holds the limits. Numbers: docs/policies.md, "Redis"."""

from collections.abc import Iterator, Sequence

from policies.rules import Resource, ResourceRule, Rule, StackRule, by_type, given, items, made_of

REDIS = "tencentcloud:Redis/instance:Instance"
BACKUP = "tencentcloud:Redis/backupConfig:BackupConfig"


def redis_asks_password(resource: Resource) -> Iterator[str]:
    """Rule 23."""
    if resource.props.get("noAuth"):
        yield "noAuth is true: anyone in the VPC could read and change the limits. Remove it"
    elif not given(resource.props, "password"):
        yield "password is not set: set the secret sanmen:redis_password"


def redis_is_private(resource: Resource) -> Iterator[str]:
    """Rule 23: a subnet and a security group that only the gateway's tier reaches."""
    for name in ("vpcId", "subnetId", "securityGroups"):
        if not given(resource.props, name):
            yield f"{name} is not set: Redis stands in a private subnet behind its own security group. Set it"


def redis_survives_a_zone(resource: Resource) -> Iterator[str]:
    """Rule 24, first half. A replica's zone is given by number: 800005 is ap-beijing-5."""
    primary = int(str(resource.props["availabilityZone"]).rpartition("-")[2])
    replicas = [int(zone) % 1000 for zone in items(resource.props, "replicaZoneIds")]
    if not replicas or all(replica == primary for replica in replicas):
        yield (
            f"replicaZoneIds names no zone but the primary's ({primary}): its outage would lose the limits. "
            "Change sanmen:regions.<region>.zones"
        )


def redis_is_backed_up(resources: Sequence[Resource]) -> Iterator[tuple[str, str]]:
    """Rule 24, second half."""
    covered = {urn for each in by_type(resources, BACKUP) for urn in made_of(each, "redisId")}
    for instance in by_type(resources, REDIS):
        if instance.urn not in covered:
            yield instance.urn, "it has no automatic backup: add a Redis/backupConfig"


def redis_can_be_recovered(resource: Resource) -> Iterator[str]:
    """Rule 24: in prod a deleted instance stays in the recycle bin."""
    if resource.stack == "prod" and resource.props.get("forceDelete"):
        yield (
            "forceDelete is true in prod: a mistaken destroy could not be taken back. "
            "Change sanmen:protection.redis_force_delete"
        )


def rules() -> list[Rule]:
    """This file's rules."""
    return [
        ResourceRule(
            name="redis-asks-password",
            description="Redis asks for a password.",
            types=(REDIS,),
            check=redis_asks_password,
        ),
        ResourceRule(
            name="redis-is-private",
            description="Redis stands in a private subnet behind its own security group.",
            types=(REDIS,),
            check=redis_is_private,
        ),
        ResourceRule(
            name="redis-survives-a-zone",
            description="Redis has a replica in another zone.",
            types=(REDIS,),
            check=redis_survives_a_zone,
        ),
        StackRule(name="redis-is-backed-up", description="Redis is backed up.", check=redis_is_backed_up),
        ResourceRule(
            name="redis-can-be-recovered",
            description="In prod a deleted Redis stays in the recycle bin.",
            types=(REDIS,),
            check=redis_can_be_recovered,
        ),
    ]
