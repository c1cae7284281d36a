"""All types of Redis that a stack has."""

from tests.sandbox.plugins.provider_run import REGION, TAGS, Run


def live(run: Run) -> None:
    """Parameters, an instance with a replica in another zone, and when it is backed up."""
    eviction = {"key": "maxmemory-policy", "value": "allkeys-lru"}
    template = run.create("Redis/paramTemplate", name="t", description="d", productType=8, paramsOverrides=[eviction])
    template.refresh()
    template.change(name="u", paramsOverrides=[{**eviction, "value": "noeviction"}])
    vpc_id, subnet_id = run.network()
    group = run.given("vpc", "CreateSecurityGroup", GroupName="g", GroupDescription="g")["SecurityGroup"]
    cache = run.create(
        "Redis/instance",
        availabilityZone=f"{REGION}-3",
        typeId=15,
        memSize=1024,
        redisShardNum=1,
        redisReplicasNum=1,
        replicaZoneIds=[800005],
        password="secret-word-1",
        vpcId=vpc_id,
        subnetId=subnet_id,
        securityGroups=[group["SecurityGroupId"]],
        paramsTemplateId=template.id,
        name="cache",
        forceDelete=True,
        tags=TAGS,
    )
    cache.refresh()
    cache.change(name="other", tags={"env": "x"})
    cache.change(memSize=2048)
    cache.change(password="secret-word-2")
    backups = run.create("Redis/backupConfig", redisId=cache.id, backupTime="02:00-03:00")
    backups.refresh()
    backups.change(backupTime="03:00-04:00")
    for made in (backups, cache, template):
        made.delete()
