"""gateway.json and tenants.json: strict, complete, equal for equal settings."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config import GatewayConfig, Licence, Redis, Shape, TenantRegistry, Upstream

LICENCE = Licence(icp_number="京ICP备00000000号", owner="o", site_name="s", contact="c")
UPSTREAM = Upstream(name="alpha", host="alpha.upstream.test", shapes=(Shape.OPENAI,))


def config(**changes: Any) -> GatewayConfig:
    """A small valid one."""
    settings: dict[str, Any] = {"env": "test", "region": "ap-beijing", "domain": "api.sanmen.test"}
    settings |= {"licence": LICENCE, "upstreams": (UPSTREAM,), "redis": Redis(host="10.0.0.3")}
    return GatewayConfig(**(settings | changes))


def test_what_is_rendered_reads_back_as_the_same() -> None:
    assert GatewayConfig.model_validate_json(config().render()) == config()
    assert config().render() == config().render()


def test_the_defaults_are_those_the_design_names() -> None:
    upstream = json.loads(config().render())["upstreams"][0]
    assert (upstream["connect_timeout_s"], upstream["send_timeout_s"], upstream["keepalive"]) == (5, 60, 32)
    written = json.loads(config().render())
    assert written["redis"]["timeout_ms"] == 20
    assert written["websocket_idle_s"] >= 300
    assert written["drain_s"] <= 600


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drain_s": 601}, "less than or equal to 600"),
        ({"websocket_idle_s": 299}, "greater than or equal to 300"),
        ({"upstreams": ()}, "at least 1 item"),
        ({"upstreams": (UPSTREAM, UPSTREAM)}, "repeated: alpha"),
        ({"domain": "API sanmen"}, "should match pattern"),
        ({"unknown": 1}, "Extra inputs are not permitted"),
    ],
)
def test_a_mistake_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        config(**change)


def test_credentials_cannot_be_put_into_headers() -> None:
    with pytest.raises(ValidationError, match="headers may not set authorization"):
        Upstream(name="a", host="a.test", shapes=(Shape.OPENAI,), headers={"authorization": "Bearer x"})


def test_a_key_belongs_to_one_tenant() -> None:
    tenant = {"name": "a", "key_sha256": ["0" * 64]}
    with pytest.raises(ValidationError, match="a key belongs to one tenant"):
        TenantRegistry.model_validate_json(json.dumps({"tenants": [tenant, tenant | {"name": "b"}]}))
