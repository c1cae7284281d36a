"""Secrets of the `local` stack: made once per sandbox, kept where only their owner reads them, given by environment."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping

from gateway.config import Tenant, TenantRegistry
from sandbox import layout
from sandbox.substrate import files

KEPT = layout.STATE / "secrets.json"
TENANT = "demo"


def _token(prefix: str) -> str:
    return prefix + base64.b32encode(secrets.token_bytes(20)).decode().lower()


def _make() -> dict[str, str]:
    key = _token("sk-sanmen-")
    tenant = Tenant(name=TENANT, key_sha256=(hashlib.sha256(key.encode()).hexdigest(),))
    shorts = [host.partition(".")[0] for host in layout.UPSTREAMS]
    upstreams = {f"upstream_{short}": _token(f"{short}-") for short in shorts}
    return {
        "redis_password": _token("Aa1-"),
        "tenants": TenantRegistry(tenants=(tenant,)).render(),
        **upstreams,
        "demo_key": key,
    }


def ensure() -> Mapping[str, str]:
    """Secret name -> value. `demo_key` is the tenant's own, which the program never sees."""
    if not KEPT.exists():
        files.write(KEPT, json.dumps(_make(), indent=1))
    return json.loads(KEPT.read_text())
