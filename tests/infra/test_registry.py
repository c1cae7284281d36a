"""Who reaches the registry: clusters to pull, and whoever builds images to push."""

import base64
import json
from typing import Any

import pytest

from tests.infra.engine import OUTPUTS, STACKS, Made, config, real, updated


def test_clusters_pull_images_through_their_vpc_with_a_login_that_can_do_nothing_else() -> None:
    engine = updated("prod")
    (account,) = engine.of("Tcr/serviceAccount")
    assert account.inputs["permissions"] == [{"resource": "sanmen", "actions": ["tcr:PullRepository"]}]
    ways = engine.of("Tcr/vpcAttachment")
    assert all(made.inputs["enablePublicDomainDns"] for made in ways)
    # Where the registry stands, none is named; elsewhere its replica is.
    replicas = {made.name: made.inputs.get("regionName") for made in ways}
    assert replicas == {"prod-bj-registry": None, "prod-sh-registry": "ap-shanghai"}
    (registry,) = engine.of("Tcr/instance")
    assert [each["regionName"] for each in registry.inputs["replications"]] == ["ap-shanghai"]
    password = OUTPUTS["tencentcloud:Tcr/serviceAccount:ServiceAccount"]["password"]
    for name in ("prod-bj", "prod-sh"):
        made = {each.name: each for each in engine.made}
        (secret,) = made[f"{name}-account"].inputs["imagePullSecrets"]
        login = made[f"{name}-registry-login"].inputs
        assert secret["name"] == login["metadata"]["name"]
        assert login["type"] == "kubernetes.io/dockerconfigjson"
        auths = json.loads(login["stringData"][".dockerconfigjson"])["auths"]
        (host,) = {each["image"].partition("/")[0] for each in containers(made[f"{name}-deployment"])}
        assert auths == {
            host: {"username": "tcr$prod-pull", "password": password, "auth": b64(f"tcr$prod-pull:{password}")}
        }


def containers(deployment: Made) -> list[dict[str, Any]]:
    return deployment.inputs["spec"]["template"]["spec"]["containers"]


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_without_clusters_nobody_needs_a_login_and_no_vpc_a_way_to_the_registry() -> None:
    engine = updated("local")
    assert engine.of("Tcr/serviceAccount") == engine.of("Tcr/vpcAttachment") == []
    (registry,) = engine.of("Tcr/instance")
    assert not registry.inputs.get("replications")


@pytest.mark.parametrize("stack", STACKS)
def test_the_registry_admits_from_the_internet_who_pushes_images_alone(stack: str) -> None:
    (registry,) = updated(stack).of("Tcr/instance")
    wanted = (real(stack) or config(stack))["registry"]["push_from"]
    assert [each["cidrBlock"] for each in registry.inputs["securityPolicies"]] == wanted
