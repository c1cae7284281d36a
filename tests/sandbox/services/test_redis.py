"""Redis: what the plugin's handlers say to the API, what comes of it in the documents and is asked of the substrate."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from sandbox.api import restoring
from sandbox.api.actions import Context
from sandbox.plugins.tencentcloud.handler import HANDLERS, Partial, Props, ProviderError
from sandbox.services.plane import Spec
from sandbox.substrate.specs import Cache
from tests.sandbox.services.spied import actions, documented, params, spied
from tests.sandbox.world import World, checked, world

TAGS = {"env": "local"}
INSTANCE, BACKUP = "tencentcloud:Redis/instance:Instance", "tencentcloud:Redis/backupConfig:BackupConfig"
TEMPLATE = "tencentcloud:Redis/paramTemplate:ParamTemplate"
EVICTION = [{"key": "maxmemory-policy", "value": "allkeys-lru"}]


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[World]:
    monkeypatch.setenv("SANMEN_TIME_SCALE", "0.001")  # codes that the provider repeats for minutes
    with world(tmp_path) as made:
        yield made


def wanted(net: World, **more: object) -> Props:
    """An instance with a replica in another zone."""
    vpc_id, subnet_id = net.network()
    return {
        "availabilityZone": "ap-beijing-3",
        "typeId": 15,
        "memSize": 1024,
        "redisShardNum": 1,
        "redisReplicasNum": 1,
        "replicaZoneIds": [800005],
        "password": "secret-word-1",
        "vpcId": vpc_id,
        "subnetId": subnet_id,
        "securityGroups": [net.group()],
        "name": "cache",
        "forceDelete": True,
        "tags": TAGS,
        **more,
    }


def shown(net: World, id: str) -> dict[str, Any]:
    """The instance's row."""
    return net.call("redis", "DescribeInstances", InstanceId=id)["InstanceSet"][0]


def settle(net: World, id: str) -> None:
    """Until nothing is being done with it."""
    net.until(lambda: shown(net, id)["Status"] == 2, f"{id} is online")


def test_an_instance_is_made_with_what_goes_over_the_wire(net: World) -> None:
    inputs = wanted(net)
    with spied(net.cloud) as calls:
        id, outputs = net.up(INSTANCE, inputs)
    assert actions(calls)[:4] == [
        "redis:DescribeProductInfo",
        "region:DescribeZones",
        "redis:CreateInstances",
        "redis:DescribeInstances",
    ]
    asked = params(calls, "redis:CreateInstances")
    assert asked["ZoneId"] == 800003
    assert asked["NodeSet"] == [{"NodeType": 0, "ZoneId": 800003}, {"NodeType": 1, "ZoneId": 800005}]
    assert not {"ZoneName", "NoAuth", "AutoRenew", "ResourceTags", "ReplicasReadonly"} & asked.keys()
    assert outputs["nodeInfos"] == [
        {"id": 1000, "master": True, "zoneId": 800003},
        {"id": 1001, "master": False, "zoneId": 800005},
    ]
    assert {name: outputs[name] for name in ("status", "wanAddressSwitch", "tags")} == {
        "status": "online",
        "wanAddressSwitch": "close",
        "tags": TAGS,
    }
    assert net.plane.caches[id].hosts == (f"{id}-0", f"{id}-1")


def test_an_instance_is_resized_one_thing_after_the_other(net: World) -> None:
    inputs = wanted(net)
    with spied(net.cloud) as calls:
        id, outputs = net.up(INSTANCE, inputs)
        changed = {
            **inputs,
            "memSize": 2048,
            "redisReplicasNum": 2,
            "replicaZoneIds": [800005, 800006],
            "password": "other-word-2",
            "name": "c",
            "projectId": 3,
            "tags": {"env": "x"},
        }
        outputs = net.change(INSTANCE, id, outputs, changed)
        cache = net.plane.caches[id]
        assert (cache.max_memory_bytes, len(cache.hosts), cache.password) == (2048 * 1024 * 1024, 3, "other-word-2")
        net.down(INSTANCE, id, outputs)
    upgrades = [given for action, given in calls if action == "redis:UpgradeInstance"]
    assert [(each["MemSize"], each["RedisReplicasNum"]) for each in upgrades] == [(2048, 1), (2048, 2)]
    assert upgrades[1]["NodeSet"] == [{"NodeType": 1, "ZoneId": 800006}]
    assert set(actions(calls)) <= documented(INSTANCE, "redis")
    assert [net.plane.caches, net.plane.hosts] == [{}, {}]
    net.call("vpc", "DeleteSubnet", SubnetId=inputs["subnetId"])


def test_a_replica_goes_from_the_zone_that_is_named(net: World) -> None:
    inputs = wanted(net, redisReplicasNum=2, replicaZoneIds=[800005, 800006])
    id, outputs = net.up(INSTANCE, inputs)
    with spied(net.cloud) as calls:
        outputs = net.change(INSTANCE, id, outputs, {**inputs, "redisReplicasNum": 1, "replicaZoneIds": [800006]})
    [gone] = params(calls, "redis:UpgradeInstance")["NodeSet"]
    assert (gone["ZoneId"], gone["NodeId"]) == (800005, 1001)
    assert [node["zoneId"] for node in outputs["nodeInfos"]] == [800003, 800006]
    # The host of the node that went is gone, not the last one; its address is free again.
    assert net.plane.caches[id].hosts == (f"{id}-0", f"{id}-2")
    assert set(net.plane.hosts) == {f"{id}-0", f"{id}-2"}


def test_the_last_replica_stays(net: World) -> None:
    id, outputs = net.up(INSTANCE, wanted(net))
    old = {**outputs, "replicaZoneIds": [800005, 800006]}
    with pytest.raises(ProviderError, match="only replica"):
        HANDLERS[INSTANCE].update(net.cloud, id, old, outputs, frozenset({"replicaZoneIds"}))


def test_groups_template_version_and_network_are_changed_each_by_its_call(net: World) -> None:
    inputs = wanted(net)
    id, outputs = net.up(INSTANCE, inputs)
    template, _ = net.up(TEMPLATE, {"name": "t", "productType": 15, "paramsOverrides": EVICTION})
    group = net.group()
    changed = {**inputs, "securityGroups": [group], "paramsTemplateId": template, "typeId": 17}
    with spied(net.cloud) as calls:
        outputs = net.change(INSTANCE, id, outputs, changed)
        moved = {**changed, "port": 6380, "operationNetwork": "changeVPort"}
        outputs = net.change(INSTANCE, id, outputs, moved)
    assert set(actions(calls)) <= documented(INSTANCE, "redis")
    assert params(calls, "redis:UpgradeInstanceVersion")["TargetInstanceType"] == "17"
    assert params(calls, "redis:ModifyNetworkConfig") == {
        "InstanceId": id,
        "Operation": "changeVPort",
        "VPort": 6380,
    }
    cache = net.plane.caches[id]
    assert (cache.port, cache.parameters) == (6380, {"maxmemory-policy": "allkeys-lru"})
    with pytest.raises(ProviderError, match="operation_network"):
        net.change(INSTANCE, id, outputs, {**changed, "port": 6381})


def test_an_instance_without_forced_deletion_keeps_its_subnet_taken(net: World) -> None:
    inputs = wanted(net, forceDelete=False)
    id, outputs = net.up(INSTANCE, inputs)
    net.down(INSTANCE, id, outputs)
    assert net.plane.caches == {}
    assert HANDLERS[INSTANCE].read(net.cloud, id, inputs) is None
    with pytest.raises(Exception, match="ResourceInUse"):
        net.call("vpc", "DeleteSubnet", SubnetId=inputs["subnetId"])
    net.call("redis", "CleanUpInstance", InstanceId=id)
    net.until(lambda: net.plane.hosts == {}, "the instance is cleaned up")
    net.until(lambda: not net.call("redis", "DescribeInstances", InstanceId=id)["InstanceSet"], "its row is gone")
    with pytest.raises(ProviderError, match="not exist"):
        HANDLERS[INSTANCE].read(net.cloud, id, inputs)


def test_an_instance_comes_back_from_the_recycle_bin(net: World) -> None:
    inputs = wanted(net, forceDelete=False)
    id, outputs = net.up(INSTANCE, inputs)
    net.down(INSTANCE, id, outputs)
    net.call("redis", "StartupInstance", InstanceId=id)
    settle(net, id)
    assert set(net.plane.caches) == {id}
    with pytest.raises(Exception, match="InstanceStatusAbnormal"):
        net.call("redis", "CleanUpInstance", InstanceId=id)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"typeId": 2}, "InvalidInstanceTypeId"),
        ({"typeId": 200}, "type_id `200` be sold out"),
        ({"redisShardNum": 3}, "only supports redis_shard_num : 1"),
        ({"availabilityZone": "ap-beijing-1"}, "all redis in this zone"),
        ({"memSize": 8}, "InvalidMemSize"),
        ({"replicaZoneIds": [800005, 800006]}, "ReplicationGroupNotExists"),
    ],
)
def test_an_instance_that_is_not_on_sale_is_refused(net: World, more: Props, reason: str) -> None:
    with pytest.raises(ProviderError, match=reason):
        net.up(INSTANCE, wanted(net, **more))
    assert net.plane.caches == {}


@pytest.mark.parametrize(
    ("inputs", "property"), [({"redisShardNum": 2}, "redisShardNum"), ({"password": "onlyletters"}, "password")]
)
def test_the_preview_refuses_what_the_provider_refuses(net: World, inputs: Props, property: str) -> None:
    assert property in HANDLERS[INSTANCE].check(inputs)


def _refusing(net: World) -> None:
    def refuses(spec: Spec) -> str | None:
        return "the port is taken" if isinstance(spec, Cache) else None

    net.plane.refuses = refuses


def test_servers_that_do_not_start_end_in_the_recycle_bin(net: World) -> None:
    _refusing(net)
    partial = Partial()
    made = HANDLERS[INSTANCE].create(net.cloud, checked(INSTANCE, wanted(net)), partial)
    # As with the official provider: isolated is settled, so the id is known; and what is isolated is gone.
    assert partial.known == made.id
    assert HANDLERS[INSTANCE].read(net.cloud, made.id, {}) is None
    assert shown(net, made.id)["Status"] == -2


def test_a_change_whose_servers_do_not_start_fails_its_task_and_leaves_it_online(net: World) -> None:
    id, _ = net.up(INSTANCE, wanted(net))
    _refusing(net)
    number = net.call("redis", "ResetPassword", InstanceId=id, Password="other-word-2")["TaskId"]

    def state() -> dict[str, Any]:
        return net.call("redis", "DescribeTaskInfo", TaskId=number)

    net.until(lambda: state()["Status"] == "failed", "the task has failed")
    assert "the port is taken" in state()["TaskMessage"]
    assert shown(net, id)["Status"] == 2


def test_after_a_restart_of_the_machine_what_was_running_stands_again(net: World) -> None:
    id, _ = net.up(INSTANCE, wanted(net))
    binned, outputs = net.up(INSTANCE, wanted(net, name="binned", forceDelete=False))
    net.down(INSTANCE, binned, outputs)
    before = net.plane.caches[id]
    net.plane.caches.clear()
    restoring.restore(Context(store=net.api.store))
    assert net.plane.caches == {id: before}


def test_a_backup_has_its_hour_and_goes_back_to_midnight(net: World) -> None:
    instance, _ = net.up(INSTANCE, wanted(net))
    times: Props = {"redisId": instance, "backupTime": "03:00-04:00"}
    with spied(net.cloud) as calls:
        id, outputs = net.up(BACKUP, times)
        outputs = net.change(BACKUP, id, outputs, {**times, "backupTime": "23:00-00:00"})
        net.down(BACKUP, id, outputs)
    assert set(actions(calls)) <= documented(BACKUP, "redis")
    assert net.call("redis", "DescribeAutoBackupConfig", InstanceId=instance)["TimePeriod"] == "00:00-01:00"
    assert "backupTime" in HANDLERS[BACKUP].check({"backupTime": "23:00-24:00"})
    assert HANDLERS[BACKUP].read(net.cloud, "crs-00000000", {}) is None


def test_a_parameter_template_keeps_values_that_are_taken_out(net: World) -> None:
    first: Props = {"name": "t", "productType": 15, "description": "d", "paramsOverrides": EVICTION}
    with spied(net.cloud) as calls:
        id, outputs = net.up(TEMPLATE, first)
        outputs = net.change(TEMPLATE, id, outputs, {"name": "u", "productType": 15, "paramsOverrides": EVICTION})
    assert set(actions(calls)) <= documented(TEMPLATE, "redis")
    assert params(calls, "redis:ModifyParamTemplate") == {"TemplateId": id, "Name": "u", "Description": ""}
    values = {each["name"]: each["currentValue"] for each in outputs["paramDetails"]}
    assert values["maxmemory-policy"] == "allkeys-lru"
    copied, copy = net.up(TEMPLATE, {"name": "copy", "templateId": id})
    assert "productType" not in copy
    for each in (copied, id):
        net.down(TEMPLATE, each, outputs)
        with pytest.raises(ProviderError, match="InvalidParameter"):
            HANDLERS[TEMPLATE].read(net.cloud, each, outputs)


def test_parameters_of_one_instance_are_set_and_shown(net: World) -> None:
    id, _ = net.up(INSTANCE, wanted(net))
    net.call("redis", "ModifyInstanceParams", InstanceId=id, InstanceParams=[{"Key": "timeout", "Value": "60"}])
    net.until(lambda: net.plane.caches[id].parameters == {"timeout": "60"}, "the servers have it")
    listed = net.call("redis", "DescribeInstanceParams", InstanceId=id)["InstanceIntegerParam"]
    assert {each["ParamName"]: each["CurrentValue"] for each in listed}["timeout"] == "60"
    with pytest.raises(Exception, match="timeout"):
        net.call("redis", "ModifyInstanceParams", InstanceId=id, InstanceParams=[{"Key": "timeout", "Value": "x"}])
