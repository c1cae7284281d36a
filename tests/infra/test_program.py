"""The program as the engine sees it, in preview and update, for every stack."""

import base64
import json
import re
from collections import Counter
from typing import Any, cast

import pytest

from gateway.config import GatewayConfig
from infra.gateway_files import secret_files
from infra.program import BEGIN
from infra.region.alerts import ALERTS, RECORDING
from infra.settings.kinds import CATALOGUE, Region
from infra.settings.samples import SAMPLE_DETECTORS, SAMPLE_LINES
from infra.settings.stack import SettingsError
from sandbox.services.igtm.catalogue import DETECTORS, LINES
from tests.infra.engine import ROOT, SECRETS, STACKS, Engine, Made, config, real, run, updated

SCHEMA: dict[str, dict[str, Any]] = json.loads((ROOT / "sandbox/plugins/tencentcloud/schema.json").read_text())
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "bool": (bool,),
    "int": (int, float),
    "float": (int, float),
    "map": (dict,),
    "list": (list,),
    "set": (list,),
}


def cloud(engine: Engine) -> list[Made]:
    """Resources of Tencent Cloud."""
    return [made for made in engine.made if made.type.startswith("tencentcloud:")]


def problems(given: dict[str, Any], schema: dict[str, Any], path: str) -> list[str]:
    """What the provider's schema says against these inputs, at any depth."""
    found = [f"{path}.{key}: unknown" for key in given.keys() - schema.keys()]
    found += [f"{path}.{key}: required" for key, s in schema.items() if s.get("required") and given.get(key) is None]
    for key, value in given.items():
        kind: dict[str, Any] = schema.get(key, {})
        wanted = TYPES.get(kind.get("type", ""))
        inner = kind.get("elem")
        # A block that may stand once is an object; one of plain values is that value.
        if kind.get("type") == "object" and isinstance(inner, str):
            wanted = TYPES[inner]
        elif kind.get("type") == "object":
            wanted = (dict,)
        if wanted is not None and (not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted)):
            found.append(f"{path}.{key}: {kind['type']} wanted, {type(value).__name__} given")
        elif isinstance(inner, dict):
            blocks = cast("list[dict[str, Any]]", value if isinstance(value, list) else [value])
            for block in blocks:
                found += problems(block, cast("dict[str, Any]", inner), f"{path}.{key}")
    return found


@pytest.mark.parametrize("stack", STACKS)
def test_every_resource_fits_the_providers_schema(stack: str) -> None:
    found = [
        problem for made in cloud(updated(stack)) for problem in problems(made.inputs, SCHEMA[made.type], made.name)
    ]
    assert found == []


@pytest.mark.parametrize("stack", STACKS)
def test_all_that_can_carry_tags_carries_all_four(stack: str) -> None:
    for made in cloud(updated(stack)):
        if SCHEMA[made.type].get("tags", {}).get("type") == "map":
            assert set(made.inputs["tags"]) == {"env", "owner", "cost-centre", "data-class"}, made.name


@pytest.mark.parametrize("stack", STACKS)
def test_every_resource_has_the_provider_of_its_region(stack: str) -> None:
    shorts = {"bj": "bj-provider", "sh": "sh-provider", "gz": "gz-provider"}
    registry = shorts[CATALOGUE[Region(config(stack)["registry"]["region"])].short]
    for made in cloud(updated(stack)):
        part = made.name.split("-")[1]
        expected = f"{stack}-{shorts[part]}" if part in shorts else f"{stack}-global"
        if made.type.startswith("tencentcloud:Tcr/"):  # its region alone knows the registry
            expected = f"{stack}-{registry}"
        assert f"::{expected}::" in made.provider, (made.name, made.provider)


@pytest.mark.parametrize("stack", STACKS)
def test_no_provider_carries_keys_into_the_state(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("SECRET_ID", "SECRET_KEY", "SECURITY_TOKEN"):
        monkeypatch.setenv(f"TENCENTCLOUD_{key}", "AKIDexample")
    engine = run(stack, preview=True)
    for made in engine.of("pulumi:providers:tencentcloud"):
        assert set(made.inputs) == {"region"}


@pytest.mark.parametrize("stack", STACKS)
def test_a_preview_needs_no_secret_and_looks_nothing_up(stack: str) -> None:
    engine = run(stack, preview=True, secrets=False)
    assert engine.calls == []
    assert len(engine.made) == len(updated(stack).made)


def test_an_update_without_secrets_names_each_and_both_ways_to_give_it_before_anything_is_made() -> None:
    with pytest.raises(SettingsError) as caught:
        run("local", preview=False, secrets=False)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert lines[0] == (
        "sanmen:redis_password: secret missing: `pulumi config set --secret sanmen:redis_password` "
        "or the environment variable SANMEN_SECRET_REDIS_PASSWORD"
    )


def test_an_update_refuses_the_samples_of_the_repository() -> None:
    with pytest.raises(SettingsError) as caught:
        run("prod", preview=False)
    assert "stacks/Pulumi.prod.yaml: sanmen:licence: a sample value stands here" in str(caught.value)


def test_a_beginning_makes_what_people_must_act_on_and_waits_for_no_secret_or_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(BEGIN, "1")
    given: dict[str, Any] = {key: config("prod")[key] for key in ("edge", "registry")} | {"domain": "gateway.test"}
    given["edge"]["failover"]["package_id"] = "ins-package1"
    given["registry"]["push_from"] = ["198.51.100.7/32"]
    engine = run("prod", preview=False, changed=given, secrets=False)
    assert {made.name for made in cloud(engine)} == {
        "prod-zone",
        "prod-registry",
        "prod-registry-sanmen",
        "prod-registry-gateway",
        "prod-registry-nginx-prometheus-exporter",
        "prod-registry-redis-exporter",
        "prod-registry-pull",
        "prod-failover",  # tells the line ids, which are a sample still
    }
    later = {made.name for made in updated("prod").made}
    assert {made.name for made in engine.made} < later
    with pytest.raises(SettingsError) as caught:
        run("prod", preview=False, secrets=False)
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
        "sanmen:domain",
        "sanmen:edge.failover.package_id",
        "sanmen:registry.push_from",
    ]


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_an_update_refuses_the_lines_and_detectors_of_the_sandbox(stack: str) -> None:
    given = real(stack)
    given["edge"]["failover"] |= {key: config(stack)["edge"]["failover"][key] for key in ("lines", "detector_groups")}
    with pytest.raises(SettingsError) as caught:
        run(stack, preview=False, changed=given)
    lines = sorted(str(caught.value).splitlines())
    regions = sorted(config(stack)["regions"])
    start = f"stacks/Pulumi.{stack}.yaml: sanmen:edge.failover."
    assert [line.removeprefix(start).partition(":")[0] for line in lines] == [
        "detector_groups",
        *(f"lines.{region}" for region in regions),
    ]
    run(stack, preview=True, changed=given)


def test_the_lines_that_are_refused_are_those_of_the_sandbox() -> None:
    assert {id: name for id, name in LINES.items() if id > 900} == {id: name for name, id in SAMPLE_LINES.items()}
    assert (DETECTORS[0]["Gid"],) == SAMPLE_DETECTORS


def registry_of(count: int) -> str:
    """A tenant registry, written compactly."""
    tenants = [{"name": f"tenant-{n:05}", "key_sha256": [f"{n:064x}"]} for n in range(count)]
    return json.dumps({"tenants": tenants}, separators=(",", ":"))


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "up"])
def test_secrets_that_one_ssm_secret_cannot_hold_are_refused_before_anything_is_made(preview: bool) -> None:
    with pytest.raises(SettingsError) as caught:
        run("local", preview=preview, given_secrets={"tenants": registry_of(400)})
    (line,) = str(caught.value).splitlines()
    texts = SECRETS | {"tenants": registry_of(400), "upstream_alpha": "key", "upstream_beta": "key"}
    size = len(json.dumps(secret_files(texts)))
    assert line == (
        f"sanmen: SSM secret local-<region>-gateway: {size} bytes, 32768 allowed; the largest part is sanmen:tenants"
    )


def test_the_number_of_tenants_that_the_stack_files_name_fits_and_not_many_more_do() -> None:
    run("local", preview=True, given_secrets={"tenants": registry_of(250)})
    with pytest.raises(SettingsError, match="32768 allowed"):
        run("local", preview=True, given_secrets={"tenants": registry_of(300)})


def test_a_secret_in_plain_text_is_refused() -> None:
    with pytest.raises(SettingsError, match="sanmen:redis_password: stored as plain text: set it with --secret"):
        run("local", preview=True, changed={"redis_password": "Sandbox-Only-1"})


@pytest.mark.parametrize("stack", STACKS)
def test_names_are_unique_by_type_and_none_is_numbered(stack: str) -> None:
    counts = Counter((made.type, made.name) for made in updated(stack).made)
    assert max(counts.values()) == 1
    allowed = {
        f"{use}-{zone.rpartition('-')[2]}"
        for cell in config(stack)["regions"].values()
        for zone in cell["zones"]
        for use in ("compute", "data", "operations", "pods")
    }
    for made in updated(stack).made:
        role = made.name.split("-", 2)[-1]
        assert not role[-1].isdigit() or role in allowed, made.name


def test_machines_get_settings_that_the_gateway_accepts_and_no_secret() -> None:
    for made in updated("local").of("scalingConfig"):
        text = base64.b64decode(made.inputs["userData"]).decode()
        assert text.startswith("#cloud-config\n")
        for secret in ("Sandbox-Only-1", "BEGIN"):
            assert secret not in text
        files = {entry["path"]: entry["content"] for entry in json.loads(text.partition("\n")[2])["write_files"]}
        settings = GatewayConfig.model_validate_json(files["/etc/sanmen/gateway.json"])
        assert settings.redis.host == "10.0.0.9"
        assert [upstream.name for upstream in settings.upstreams] == ["alpha", "beta"]
        agent = json.loads(files["/etc/sanmen/agent.json"])
        assert agent.keys() == {"secret_name", "region", "api_domain", "role", "poll_s"}
        assert agent["secret_name"] == made.name


def test_secrets_travel_as_files_that_the_gateway_looks_for() -> None:
    files = secret_files({"redis_password": "p", "tenants": "t", "upstream_alpha_two": "u"})
    assert files == {"redis-password": "p", "tenants.json": "t", "upstream-alpha-two": "u"}
    (version,) = (made for made in updated("local").of("Ssm/secretVersion") if "-bj-" in made.name)
    assert json.loads(version.inputs["secretString"]).keys() == {
        "redis-password",
        "tenants.json",
        "upstream-alpha",
        "upstream-beta",
    }


@pytest.mark.parametrize("stack", STACKS)
def test_no_port_of_a_balancer_has_two_owners(stack: str) -> None:
    flavours = {region: cell["compute"] for region, cell in config(stack)["regions"].items()}
    machines = sum(flavour == "cvm" for flavour in flavours.values())
    engine = updated(stack)
    ports = Counter(made.inputs["port"] for made in engine.of("Clb/listener:"))
    assert ports == {80: len(flavours), 443: machines}
    for service in engine.of("core/v1:Service"):
        if service.type.endswith(":Service"):
            assert [port["port"] for port in service.inputs["spec"]["ports"]] == [443]


def test_where_the_cluster_owns_the_listener_its_ids_are_looked_up() -> None:
    engine = updated("prod")
    redirects = {made.name: made.inputs["targetListenerId"] for made in engine.of("Clb/redirection")}
    assert redirects == {
        "prod-bj-http-redirect": "lbl-controller",
        "prod-sh-http-redirect": "lbl-controller",
        "prod-gz-http-redirect": "lbl-00000001",
    }


@pytest.mark.parametrize("stack", STACKS)
def test_what_changes_a_balancer_is_ordered_where_the_provider_gives_no_order(stack: str) -> None:
    """It puts listeners, rules and redirections of a balancer in a row, and nothing else: neither configurations, nor
    what a cluster's controller makes for a Service."""
    engine = updated(stack)
    in_a_row = [made for kind in ("listener:", "listenerRule:", "redirection:") for made in engine.of(f"Clb/{kind}")]
    for made in (*engine.of("Clb/customizedConfigV2"), *engine.of("Clb/customizedConfigAttachment")):
        cell = made.name.rsplit("-tuning", 1)[0]
        others = {other.name for other in in_a_row if other.name.startswith(f"{cell}-")}
        assert len(others) >= 3
        assert others <= engine.before(made.name), made.name
    for service in engine.of("core/v1:Service"):
        if service.type.endswith(":Service"):  # its controller makes listener and rule on 443
            cell = service.name.removesuffix("-service")
            assert service.name in engine.before(f"{cell}-http-redirect")
            assert {f"{cell}-http", f"{cell}-http-api"} <= engine.before(service.name)


@pytest.mark.parametrize("stack", STACKS)
def test_no_resource_takes_a_composite_id_where_a_plain_one_is_wanted(stack: str) -> None:
    for made in cloud(updated(stack)):
        for key in ("listenerId", "ruleId", "targetListenerId", "sourceListenerId", "locationId"):
            assert str(made.inputs.get(key, "lbl-")).split("-")[0] in {"lbl", "loc"}, (made.name, key)


def test_what_holds_data_is_kept_in_prod_and_disposable_in_dev() -> None:
    holders = ("Redis/instance", "Kms/key", "Cls/topic", "Dnspod/domainInstance", "Tcr/instance")
    for kind in holders:
        assert all(made.protect and made.retain for made in updated("prod").of(kind)), kind
        assert not any(made.protect or made.retain for made in updated("dev").of(kind)), kind
    for stack in STACKS:
        assert all(made.retain for made in updated(stack).of("Igtm/instance"))


def test_what_the_cloud_refuses_to_change_is_replaced() -> None:
    wanted = {
        "Clb/instance": {"masterZoneId", "slaveZoneId"},
        "Monitor/tmpInstance": {"vpcId", "subnetId", "zone"},
        "Nat/gateway": {"zone"},
        "Cls/topic": {"storageType"},
        "Vpc/flowLog": {"trafficType", "storageType"},
        "Redis/paramTemplate": {"productType"},
        "Ssl/freeCertificate": {"dvAuthMethod", "packageType"},
    }
    for kind, keys in wanted.items():
        for made in updated("staging").of(kind):
            assert keys <= set(made.replace_on), made.name


def test_what_the_cloud_changes_by_itself_is_left_alone() -> None:
    wanted = {
        "Cls/topic": {"partitionCount"},  # splits under load
        "Kubernetes/cluster:": {"clusterLevel", "clusterOs"},  # grows with its nodes
        "Kubernetes/addon": {"rawValues"},  # comes back with the add-on's defaults
        "nativeNodePool": {"native.replicas"},
    }
    for kind, keys in wanted.items():
        found = updated("prod").of(kind)
        assert found, kind
        for made in found:
            assert keys <= set(made.ignored), made.name
            assert not keys & set(made.replace_on), made.name


def test_the_cluster_keeps_its_mark_on_a_balancer_and_no_other_tag_is_left_alone() -> None:
    ignored = {made.name: made.ignored for made in updated("prod").of("Clb/instance")}
    assert ignored == {
        "prod-bj-ingress": ('tags["tke-clusterId"]',),
        "prod-sh-ingress": ('tags["tke-clusterId"]',),
        "prod-gz-ingress": (),  # machines
    }


@pytest.mark.parametrize("stack", STACKS)
def test_every_public_balancer_asks_for_a_domain(stack: str) -> None:
    assert [made.inputs.get("dynamicVip") for made in updated(stack).of("Clb/instance")] == [True] * len(
        config(stack)["regions"]
    )


@pytest.mark.parametrize("stack", STACKS)
def test_clients_of_no_line_go_to_the_regions_by_share(stack: str) -> None:
    engine = updated(stack)
    shares = {
        CATALOGUE[Region(region)].short: cell["share_percent"] for region, cell in config(stack)["regions"].items()
    }
    pools = {
        made.name.rpartition("-")[2]: [each["weight"] for each in made.inputs["addressSets"]]
        for made in engine.of("Igtm/addressPool")
    }
    assert pools.pop("everywhere") == list(shares.values())
    (default,) = (made for made in engine.of("Igtm/strategy") if made.name.endswith("-default"))
    (level,) = default.inputs["mainAddressPoolSets"]
    # IGTM weighs an answer by its pool times its address: the share stands in one of them alone.
    assert [each["weight"] for each in level["addressPools"]] == list(shares.values())
    assert pools == {short: [1] for short in shares}


def test_unique_names_are_freed_before_they_are_taken_again() -> None:
    for kind in ("Clb/instance", "Cam/role:", "Cam/policy", "Ssm/secret:", "Igtm/addressPool", "Igtm/strategy"):
        assert all(made.delete_first for made in updated("prod").of(kind)), kind


@pytest.mark.parametrize("stack", STACKS)
def test_no_group_admits_the_world_but_to_the_balancer(stack: str) -> None:
    for made in updated(stack).of("groupRuleSet"):
        for rule in made.inputs["ingresses"]:
            assert rule["protocol"] == rule["protocol"].upper()
            if rule["cidrBlock"] == "0.0.0.0/0":
                assert "sg-ingress" in made.name
                assert rule["port"] in {"80", "443"}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_every_alert_has_a_severity_and_a_runbook_that_exists(alert: Any) -> None:
    assert alert.severity in {"page", "ticket"}
    assert (ROOT / alert.runbook).is_file()


def test_rules_ask_for_metrics_that_the_gateway_has() -> None:
    known = set(re.findall(r"(?:sanmen|gen_ai)_[a-z_]+", (ROOT / "gateway/lua/sanmen/metrics.lua").read_text()))
    text = RECORDING + "".join(alert.expression for alert in ALERTS)
    asked = {name.removesuffix("_bucket") for name in re.findall(r"(?:sanmen|gen_ai)_[a-z_]+", text)}
    assert asked
    assert asked <= known


def test_the_pods_are_as_restricted_as_pods_can_be() -> None:
    for made in updated("prod").of("apps/v1:Deployment"):
        pod = made.inputs["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["terminationGracePeriodSeconds"] >= 600 + 15
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert "@sha256:" in container["image"]
            assert container["resources"]["requests"]["memory"] == container["resources"]["limits"]["memory"]
        gateway = pod["containers"][0]
        probes = [json.dumps(gateway[f"{kind}Probe"], sort_keys=True) for kind in ("startup", "readiness", "liveness")]
        assert len(set(probes)) == 3


def test_the_stack_exports_what_others_rely_on() -> None:
    exports = updated("local").exports
    assert exports["endpoint"] == "https://api.sanmen.test"
    assert exports["name_servers"] == ["ns1.sandbox-dns.test"]
    assert exports["regions"].keys() == {"ap-beijing", "ap-shanghai", "ap-guangzhou"}
    for region in exports["regions"].values():
        assert region.keys() - {"kubeconfig"} == {"compute", "clb_domain", "clb_vips", "redis", "prometheus"}


def test_the_way_to_the_cloud_names_resources_that_prod_has() -> None:
    text, made = (ROOT / "docs/cloud.md").read_text(), updated("prod").made
    urns = re.findall(r"urn:pulumi:prod::sanmen::([^\s:]+(?::[^\s:]+)*)::([\w-]+)", text)
    assert {name for _, name in urns} == {"prod-dns", "prod-global"}
    assert set(urns) <= {(each.type, each.name) for each in made}
    globs = set(re.findall(r"'\*\*::([\w-]+)'", text))
    assert globs == {"prod-zone", "prod-failover", "prod-certificate", "prod-registry-pull"}
    assert globs <= {each.name for each in made}
