"""What a gateway is given: its settings file, and for a machine the cloud-config that puts it in place."""

import base64
import json
from collections.abc import Mapping

from gateway.config import (
    REDIS_PASSWORD_FILE,
    TENANTS_FILE,
    Buffers,
    GatewayConfig,
    Licence,
    Limits,
    Listen,
    Redis,
    Upstream,
)
from infra.context import CellContext
from infra.region.firewall import GATEWAY_PORT, HEALTH_CHECKS, METRICS_PORTS
from infra.settings.kinds import RightToUseRegion
from infra.settings.site import Upstream as UpstreamSettings

CONFIG_PATH = "/etc/sanmen/gateway.json"
AGENT_PATH = "/etc/sanmen/agent.json"
START = "/usr/lib/sanmen/start"
INTRANET_API_DOMAIN = "internal.tencentcloudapi.com"
"""What instances inside a VPC call; it needs no way out."""
USER_DATA_LIMIT_BYTES = 16 * 1024
"""The cloud's limit, after base64. Source: docs/sources.md, machines."""


def gateway_json(cell: CellContext, redis_host: str, redis_port: int) -> str:
    """gateway.json of a region. Holds no secret; equal settings give equal text."""
    stack = cell.stack
    return GatewayConfig(
        env=stack.env,
        region=cell.region.value,
        domain=stack.domain,
        licence=Licence(
            icp_number=stack.licence.icp_number,
            owner=stack.licence.owner,
            site_name=stack.licence.site_name,
            contact=stack.licence.contact,
            public_security_number=stack.licence.public_security_number,
            model_filings=stack.licence.filings,
        ),
        upstreams=tuple(_upstream(name, given) for name, given in sorted(stack.upstreams.items())),
        redis=Redis(host=redis_host, port=redis_port, timeout_ms=stack.gateway.redis_timeout_ms),
        listen=Listen(
            http_port=GATEWAY_PORT,
            metrics_port=METRICS_PORTS["gateway"],
            trusted_proxies=(str(stack.regions[cell.region].cidr), HEALTH_CHECKS),
        ),
        limits=Limits(
            requests_per_minute=stack.gateway.requests_per_minute, expected_instances=max(1, cell.size.gateways)
        ),
        buffers=Buffers(body_limit_bytes=stack.gateway.body_limit_mib * 1024 * 1024),
        websocket_idle_s=stack.gateway.websocket_idle_s,
        client_keepalive_s=stack.balancer.keepalive_timeout_s or 75,
        drain_s=stack.gateway.drain_s,
        drain_notice_s=stack.gateway.drain_notice_s,
    ).render()


def _upstream(name: str, given: UpstreamSettings) -> Upstream:
    return Upstream(
        name=name,
        host=given.host,
        port=given.port,
        shapes=given.shapes,
        order=given.order,
        weight=given.weight,
        mainland=given.region_tag is RightToUseRegion.MAINLAND,
        connect_timeout_s=given.connect_timeout_s,
        send_timeout_s=given.send_timeout_s,
        first_byte_timeout_s=given.first_byte_timeout_s,
        read_timeout_s=given.read_timeout_s,
        keepalive=given.keepalive,
        headers=given.headers,
        path_prefix=given.path_prefix,
        credential_styles=given.credential_styles,
    )


def secret_files(secrets: Mapping[str, str]) -> dict[str, str]:
    """Secrets by program name -> files by name, as the gateway reads them (gateway/config.py)."""
    files = {REDIS_PASSWORD_FILE: secrets["redis_password"], TENANTS_FILE: secrets["tenants"]}
    prefix = "upstream_"
    return files | {
        f"upstream-{name.removeprefix(prefix).replace('_', '-')}": text
        for name, text in secrets.items()
        if name.startswith(prefix)
    }


def secret_value(files: Mapping[str, str]) -> str:
    """Secret files as the one value of an SSM secret: a JSON object, file name -> content (gateway/image/agent.py)."""
    return json.dumps(files, sort_keys=True)


def user_data(cell: CellContext, settings: str, *, secret_name: str, role: str) -> str:
    """Base64 cloud-config of a machine: writes its files and starts it. Holds no secret, only the secret's name.

    Raises ValueError when it is larger than the cloud takes.
    """
    agent = {
        "secret_name": secret_name,
        "region": cell.region.value,
        "api_domain": INTRANET_API_DOMAIN,
        "role": role,
        "poll_s": cell.stack.gateway.secrets_poll_s,
    }
    document = {
        "write_files": [
            {"path": CONFIG_PATH, "permissions": "0644", "content": settings},
            {"path": AGENT_PATH, "permissions": "0644", "content": json.dumps(agent, indent=1, sort_keys=True) + "\n"},
        ],
        "runcmd": [[START]],
    }
    # JSON is YAML; cloud-init takes it.
    text = "#cloud-config\n" + json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    encoded = base64.b64encode(text.encode()).decode()
    if len(encoded) > USER_DATA_LIMIT_BYTES:
        raise ValueError(
            f"{cell.name('gateway')}: user data has {len(encoded)} bytes, {USER_DATA_LIMIT_BYTES} allowed: "
            "fewer upstreams or shorter headers"
        )
    return encoded
