"""Clusters and what runs in them, as the program makes them; and what of them stays hidden in the state."""

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest

from tests.infra.engine import HUSH, SECRET, WRAPPED, Engine, Made, updated

CLUSTERS = ("prod-bj", "prod-sh")


def pods(engine: Engine) -> Iterator[dict[str, Any]]:
    """The gateways' pods."""
    for made in engine.of("apps/v1:Deployment"):
        if made.name.endswith("-deployment"):
            yield made.inputs["spec"]["template"]["spec"]


def test_a_pool_begins_with_its_minimum_and_the_autoscaler_goes_on_from_there() -> None:
    pools = updated("prod").of("nativeNodePool")
    assert len(pools) == 2
    for pool in pools:
        native = pool.inputs["native"]
        assert native["replicas"] == native["scaling"]["minReplicas"] >= 3
        assert "native.replicas" in pool.ignored


def test_a_lost_zone_is_no_place_for_pods() -> None:
    for pod in pods(updated("prod")):
        hard = {each["topologyKey"]: each for each in pod["topologySpreadConstraints"]}
        zone = hard["topology.kubernetes.io/zone"]
        assert zone["whenUnsatisfiable"] == "DoNotSchedule"
        assert zone["nodeTaintsPolicy"] == zone["nodeAffinityPolicy"] == "Honor"


def test_no_flaw_that_becomes_known_stops_the_pulls_of_what_serves() -> None:
    (namespace,) = updated("prod").of("Tcr/namespace")
    assert namespace.inputs["isAutoScan"] is True
    assert not namespace.inputs["isPreventVul"]


def test_no_writable_place_of_a_pod_is_memory_and_each_has_a_size() -> None:
    for pod in pods(updated("prod")):
        places = {each["name"]: each["emptyDir"] for each in pod["volumes"] if "emptyDir" in each}
        assert places.keys() == {"run", "tmp"}
        for place in places.values():
            assert place.get("medium", "") == ""
            assert place["sizeLimit"].endswith("Mi")
        (gateway,) = (each for each in pod["containers"] if each["name"] == "gateway")
        mounts = {each["name"]: each["mountPath"] for each in gateway["volumeMounts"]}
        assert {mounts["run"], mounts["tmp"]} == {"/run/sanmen/nginx", "/tmp"}


def test_a_gateway_is_told_its_cores_and_nothing_else_by_environment() -> None:
    for pod in pods(updated("prod")):
        for container in pod["containers"]:
            if container["name"] != "gateway":
                assert "env" not in container
                continue
            (cores,) = container["env"]
            assert cores["name"] == "SANMEN_CORES"
            assert cores["valueFrom"] == {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1"}}


def test_the_agent_of_an_instance_is_meant_by_its_monitors() -> None:
    engine = updated("prod")
    for config in engine.of("tmpTkeConfig"):
        cell = config.name.removesuffix("-scrape")
        monitors = [json.loads(each["config"]) for each in config.inputs["podMonitors"]]
        assert len(monitors) == 3
        assert [each["metadata"]["labels"]["prom_id"] for each in monitors] == [f"{cell}-prometheus-id"] * 3


def test_clients_find_the_same_at_a_clusters_edge_as_at_that_of_machines() -> None:
    engine = updated("prod")
    (machines,) = (made.inputs for made in engine.of("Clb/listenerRule") if made.name == "prod-gz-https-api")
    (config,) = (made.inputs for made in engine.made if made.name == "prod-bj-listener")
    (listener,) = config["spec"]["loadBalancer"]["l7Listeners"]
    (domain,) = listener["domains"]
    (rule,) = domain["rules"]
    check = rule["healthCheck"]
    names = {
        "domain": domain["domain"],
        "url": rule["url"],
        "scheduler": rule["scheduler"],
        "forwardType": rule["forwardType"],
        "http2Switch": domain["http2"],
        "healthCheckSwitch": check["enable"],
        "healthCheckHttpMethod": check["httpCheckMethod"],
        "healthCheckHttpPath": check["httpCheckPath"],
        "healthCheckHttpDomain": check["httpCheckDomain"],
        "healthCheckHttpCode": check["httpCode"],
        "healthCheckIntervalTime": check["intervalTime"],
        "healthCheckTimeOut": check["timeout"],
        "healthCheckHealthNum": check["healthNum"],
        "healthCheckUnhealthNum": check["unHealthNum"],
    }
    assert names == {key: machines[key] for key in names}
    (own,) = (made.inputs for made in engine.of("Clb/listener:") if made.name == "prod-gz-https")
    assert (listener["protocol"], listener["port"], listener["keepaliveEnable"]) == (
        own["protocol"],
        own["port"],
        own["keepaliveEnable"],
    )
    tunings = [made.inputs["configContent"] for made in engine.of("Clb/customizedConfigV2")]
    assert len(tunings) == 3
    assert len(set(tunings)) == 1


def test_what_the_cloud_tells_in_confidence_is_marked_wherever_it_stands_in_the_state() -> None:
    engine = updated("prod")
    seen = 0
    for urn, parts in engine.state.items():
        for part in parts:
            for path, value, secret in leaves(part, ""):
                if HUSH in value:
                    seen += 1
                    assert secret, f"{urn.rpartition('::')[2]}{path} is in the clear"
    # Cluster, endpoint, add-on, the Kubernetes provider, the registry's login and the outputs have something to hide.
    assert seen >= 2 * 10


def leaves(value: Any, path: str, *, secret: bool = False) -> Iterator[tuple[str, str, bool]]:
    """(path, text, is it below the mark of a secret?) of all texts of a value."""
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        hidden = secret or mapping.get(WRAPPED) == SECRET
        for key, each in mapping.items():
            yield from leaves(each, f"{path}.{key}", secret=hidden)
    elif isinstance(value, list):
        for index, each in enumerate(cast("list[Any]", value)):
            yield from leaves(each, f"{path}[{index}]", secret=secret)
    elif isinstance(value, str):
        yield path, value, secret


def test_each_region_of_clusters_tells_how_people_reach_it() -> None:
    regions = updated("prod").exports["regions"]
    assert {region for region, about in regions.items() if "kubeconfig" in about} == {"ap-beijing", "ap-shanghai"}


@pytest.mark.parametrize("cell", CLUSTERS)
def test_what_runs_in_a_cluster_goes_before_what_it_runs_on(cell: str) -> None:
    engine = updated("prod")
    inside: list[Made] = [made for made in engine.of("kubernetes:") if made.name.startswith(f"{cell}-")]
    inside = [made for made in inside if made.custom and not made.type.startswith("pulumi:")]
    assert len(inside) > 10
    below = {"nodes", "cluster", "cluster-endpoint", "cluster-encryption", "addon-networkpolicy", "registry"}
    for made in inside:
        assert {f"{cell}-{role}" for role in below} <= engine.before(made.name), made.name
    # Open streams of the last pods pass the policies, and the controller takes the Service off the balancer.
    assert {f"{cell}-deny", f"{cell}-allow"} <= engine.before(f"{cell}-deployment")
    assert {f"{cell}-ingress", f"{cell}-http", f"{cell}-http-api"} <= engine.before(f"{cell}-service")
