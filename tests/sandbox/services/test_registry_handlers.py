"""The plugin's handlers for TCR against the running API: what a program does with a registry."""

from collections.abc import Generator
from pathlib import Path

import pytest

from sandbox.plugins.tencentcloud.errors import ProviderError
from sandbox.plugins.tencentcloud.handler import HANDLERS, Props
from tests.sandbox.world import World, checked, world

INSTANCE = "tencentcloud:Tcr/instance:Instance"
NAMESPACE = "tencentcloud:Tcr/namespace:Namespace"
REPOSITORY = "tencentcloud:Tcr/repository:Repository"
ACCOUNT = "tencentcloud:Tcr/serviceAccount:ServiceAccount"
ATTACHMENT = "tencentcloud:Tcr/vpcAttachment:VpcAttachment"
TAGS = {"env": "local", "cell": "bj"}
REGISTRY: Props = {
    "name": "sanmen-images",
    "instanceType": "basic",
    "registryChargeType": 1,
    "openPublicOperation": True,
    "securityPolicies": [{"cidrBlock": "198.19.0.0/16", "description": "clients"}],
    "tags": TAGS,
}


@pytest.fixture
def net(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as running:
        yield running


@pytest.fixture
def registry(net: World) -> str:
    return net.up(INSTANCE, REGISTRY)[0]


def test_a_registry_goes_from_one_list_of_clients_and_type_to_another(net: World) -> None:
    id, outputs = net.up(INSTANCE, REGISTRY)
    assert (outputs["status"], outputs["publicStatus"], outputs["registryChargeType"]) == ("Running", "Opened", 1)
    assert "expiredAt" not in outputs, "only a prepaid one has an end"
    net.repair(INSTANCE, id, outputs, REGISTRY)
    other: Props = {
        **REGISTRY,
        "instanceType": "standard",
        "securityPolicies": [{"cidrBlock": "198.19.128.0/17"}],
        "tags": {"env": "other"},
    }
    outputs = net.change(INSTANCE, id, outputs, other)
    assert [str(rule.peers[0]) for rule in net.plane.firewalls[id].ingress] == ["198.19.128.0/17"]
    net.down(INSTANCE, id, outputs)
    assert HANDLERS[INSTANCE].read(net.cloud, id, {}) is None


def test_a_registry_that_was_half_made_is_brought_to_what_is_wanted(net: World) -> None:
    made, _ = net.up(INSTANCE, {**REGISTRY, "openPublicOperation": False, "securityPolicies": []})
    net.repair(INSTANCE, made, {}, REGISTRY)
    assert net.agreed(INSTANCE, made, checked(INSTANCE, REGISTRY))["publicStatus"] == "Opened"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"openPublicOperation": False}, "must be `true` if `security_policy` set"),
        ({"registryChargeType": 2}, "Must set instance_charge_type_prepaid_period"),
        ({"replications": [{"regionName": "ap-shanghai"}]}, "does not provide replicas"),
    ],
)
def test_registries_that_cannot_be_are_refused_before_they_are_made(net: World, wrong: Props, reason: str) -> None:
    with pytest.raises(ProviderError, match=reason):
        net.up(INSTANCE, {**REGISTRY, **wrong})
    assert net.call("tcr", "DescribeInstances")["Registries"] == []


def test_a_prepaid_registry_is_one_less_on_the_wire(net: World) -> None:
    prepaid: Props = {"instanceChargeTypePrepaidPeriod": 1, "instanceChargeTypePrepaidRenewFlag": 2}
    id, outputs = net.up(INSTANCE, {**REGISTRY, "registryChargeType": 2, **prepaid})
    (shown,) = net.call("tcr", "DescribeInstances", Registryids=[id])["Registries"]
    assert (shown["PayMod"], shown["RenewFlag"]) == (1, 1)
    assert "expiredAt" in outputs
    net.change(
        INSTANCE,
        id,
        outputs,
        {**REGISTRY, "registryChargeType": 2, **prepaid} | {"instanceChargeTypePrepaidPeriod": 12},
    )


def test_namespace_and_repository(net: World, registry: str) -> None:
    space: Props = {"instanceId": registry, "name": "sanmen", "isPublic": False, "severity": "high"}
    namespace, outputs = net.up(NAMESPACE, space)
    image: Props = {"instanceId": registry, "namespaceName": "sanmen", "name": "gateway", "briefDesc": "b"}
    repository, shown = net.up(REPOSITORY, image)
    assert shown["url"] == "sanmen-images.tencentcloudcr.com/sanmen/gateway"
    shown = net.change(REPOSITORY, repository, shown, {**image, "description": "long"})
    items = [{"cveId": "CVE-2020-1"}]
    outputs = net.change(NAMESPACE, namespace, outputs, {**space, "isPublic": True, "cveWhitelistItems": items})
    net.down(REPOSITORY, repository, shown)
    net.down(NAMESPACE, namespace, outputs)
    assert HANDLERS[NAMESPACE].read(net.cloud, namespace, {}) is None


def test_what_was_in_a_registry_that_is_gone_reads_as_gone(net: World, registry: str) -> None:
    net.up(NAMESPACE, {"instanceId": registry, "name": "sanmen"})
    net.down(INSTANCE, registry, REGISTRY)
    assert HANDLERS[NAMESPACE].read(net.cloud, f"{registry}#sanmen", {}) is None
    assert HANDLERS[REPOSITORY].read(net.cloud, f"{registry}#sanmen#gateway", {}) is None
    assert HANDLERS[ATTACHMENT].read(net.cloud, f"{registry}#vpc-1#subnet-1", {}) is None


def test_the_password_of_a_service_account_is_told_once(net: World, registry: str) -> None:
    net.up(NAMESPACE, {"instanceId": registry, "name": "sanmen"})
    wanted: Props = {
        "registryId": registry,
        "name": "pull",
        "permissions": [{"resource": "sanmen", "actions": ["tcr:PullRepository"]}],
        "duration": 30,
        "tags": TAGS,
    }
    id, outputs = net.up(ACCOUNT, wanted)
    assert net.plane.registries[registry].users["tcr$pull"] == outputs["password"]
    chosen = {**wanted, "password": "Chosen-1-word", "description": "d"}
    outputs = net.change(ACCOUNT, id, outputs, chosen)
    assert net.plane.registries[registry].users["tcr$pull"] == "Chosen-1-word"
    net.down(ACCOUNT, id, outputs)
    assert "tcr$pull" not in net.plane.registries[registry].users


def names(net: World) -> set[str]:
    """What the name server knows of registries."""
    (zone,) = (zone for zone in net.plane.zones if zone.domain == "tencentcloudcr.com")
    return {record.name for record in zone.records}


def test_a_vpc_is_attached_by_an_address_in_its_subnet(net: World, registry: str) -> None:
    vpc_id = net.vpc()
    wanted: Props = {
        "instanceId": registry,
        "vpcId": vpc_id,
        "subnetId": net.subnet(vpc_id),
        "enablePublicDomainDns": True,
    }
    id, outputs = net.up(ATTACHMENT, wanted)
    assert outputs["accessIp"] == "10.20.1.4"
    assert names(net) == {"sanmen-images"}
    outputs = net.change(
        ATTACHMENT, id, outputs, {**wanted, "enablePublicDomainDns": False, "enableVpcDomainDns": True}
    )
    assert names(net) == {"sanmen-images", "sanmen-images-vpc"}
    net.down(ATTACHMENT, id, outputs)
    assert HANDLERS[ATTACHMENT].read(net.cloud, id, wanted) is None
    net.call("vpc", "DeleteSubnet", SubnetId=wanted["subnetId"])


def test_a_replica_that_is_not_there_is_not_attached(net: World, registry: str) -> None:
    vpc_id = net.vpc()
    wanted: Props = {"instanceId": registry, "vpcId": vpc_id, "subnetId": net.subnet(vpc_id)}
    with pytest.raises(ProviderError, match="UnsupportedRegion"):
        net.up(ATTACHMENT, {**wanted, "regionName": "ap-shanghai"})


def test_what_an_unfinished_run_left_is_known_by_the_ids_of_the_plugin(net: World, registry: str) -> None:
    vpc_id, subnet_id = net.network()
    place: Props = {"instanceId": registry, "namespaceName": "sanmen"}
    pull = [{"resource": "sanmen", "actions": ["tcr:PullRepository"]}]
    made = {
        INSTANCE: registry,
        NAMESPACE: net.up(NAMESPACE, {"instanceId": registry, "name": "sanmen"})[0],
        REPOSITORY: net.up(REPOSITORY, {**place, "name": "a/b"})[0],
        ACCOUNT: net.up(ACCOUNT, {"registryId": registry, "name": "pull", "permissions": pull})[0],
        ATTACHMENT: net.up(ATTACHMENT, {"instanceId": registry, "vpcId": vpc_id, "subnetId": subnet_id})[0],
    }
    for token, id in made.items():
        (doc,) = net.api.store.list(HANDLERS[token].kind)
        assert list(HANDLERS[token].identify(doc)) == [id]
