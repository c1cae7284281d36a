"""Names and where they lead: all types of DNSPod and IGTM that a stack has."""

from tests.sandbox.plugins.provider_run import Run


def live(run: Run) -> None:
    """A zone with a record; an instance, a probe, two pools and a strategy."""
    zone = run.create("Dnspod/domainInstance", domain="sanmen.test", status="enable", remark="one")
    zone.change(status="disable", remark="")
    zone.refresh()
    record = run.create(
        "Dnspod/record",
        domain="sanmen.test",
        subDomain="a",
        recordType="CNAME",
        recordLine="默认",
        value="b.example.test",
        ttl=60,
        status="ENABLE",
    )
    record.change(value="c.example.test.", remark="r")
    record.refresh()
    _traffic(run)
    for made in (record, zone):
        made.delete()


def _traffic(run: Run) -> None:
    instance = run.create(
        "Igtm/instance",
        domain="api.sanmen.test",
        accessType="CUSTOM",
        accessDomain="sanmen.test",
        accessSubDomain="gtm",
        globalTtl=60,
        packageType="STANDARD",
        instanceName="one",
        resourceId="ins-sanmenigtm",
    )
    instance.change(globalTtl=90, instanceName="two")
    instance.refresh()
    watch = run.create(
        "Igtm/monitor",
        monitorName="m",
        checkProtocol="HTTPS",
        checkInterval=15,
        timeout=2,
        failTimes=1,
        failRate=50,
        detectorStyle="INTERNAL",
        detectorGroupIds=[1],
        host="api.sanmen.test",
        path="/readyz",
        returnCodeThreshold=400,
    )
    watch.change(failTimes=0)
    watch.refresh()
    bare = {"addr": "a.example.test", "isEnable": "ENABLED"}
    weighed = {"trafficStrategy": "WEIGHT", "addressSets": [{**bare, "weight": 10}]}
    pool = run.create("Igtm/addressPool", poolName="p", monitorId=int(watch.id), **weighed)
    pool.change(poolName="q")
    pool.refresh()
    last = run.create("Igtm/addressPool", poolName="all", trafficStrategy="ALL", addressSets=[bare])
    last.refresh()
    level = {"addressPools": [{"poolId": int(pool.id), "weight": 1}], "minSurviveNum": 1, "trafficStrategy": "WEIGHT"}
    strategy = run.create(
        "Igtm/strategy",
        instanceId=instance.id,
        strategyName="s",
        sources=[{"dnsLineId": 1, "name": "默认"}],
        mainAddressPoolSets=[level],
        fallbackAddressPoolSets=[{"addressPools": [{"poolId": int(last.id), "weight": 1}]}],
        switchPoolType="AUTO",
        keepDomainRecords="DISABLED",
    )
    strategy.change(strategyName="t")
    strategy.refresh()
    for made in (strategy, last, pool, watch):
        made.delete()
