"""What a gateway is told: `gateway.json` (settings, no secret) and `tenants.json` (who may call, hashes only).

The program fills these models and ships `render()`; the machine image reads the JSON without pydantic, so every
default is written out. Times are seconds (`_s`) or milliseconds (`_ms`), sizes carry their unit in the name.
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

SECRETS_DIRECTORY = Path("/run/sanmen/secrets")
"""Where the secrets agent or a Kubernetes Secret puts files. The gateway reads, it never writes there."""
REDIS_PASSWORD_FILE = "redis-password"
TENANTS_FILE = "tenants.json"

HostName = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$", max_length=253
    ),
]
Address = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F.:\[\]]{2,64}$")]
"""An IPv4 or bracketed IPv6 address, optionally with `:port`."""
Port = Annotated[int, Field(ge=1, le=65535)]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]
"""A name that is safe as file name, metric label and Redis key part."""
HeaderName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{1,1024}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=256)]
AbsolutePath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9/._-]{1,254}$")]


class Model(BaseModel):
    """Strict: no unknown key, no silent conversion, no change after the fact."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Shape(StrEnum):
    """Whose API an upstream speaks."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"


class CredentialStyle(StrEnum):
    """The header that carries an upstream's credential: `x-api-key: …` or `authorization: Bearer …`."""

    X_API_KEY = "x-api-key"
    BEARER = "bearer"


class ModelFiling(Model):
    """A model's filing (备案) or registration (登记) number, shown at `/`."""

    model: Text
    number: Text


class Licence(Model):
    """Who runs this site and under which ICP licence; shown at `/` as the law asks."""

    icp_number: Text
    owner: Text
    site_name: Text
    contact: Text
    public_security_number: Text | None = None
    model_filings: tuple[ModelFiling, ...] = ()


class Tls(Model):
    """Certificate chain and key (PEM files) of the gateway's own TLS listener."""

    certificate_file: AbsolutePath
    key_file: AbsolutePath


class Listen(Model):
    """Ports. `status_port` is on the loopback and serves nginx-exporter alone."""

    http_port: Port = 8080
    tls_port: Port = 8443
    metrics_port: Port = 9145
    status_port: Port = 8081
    tls: Tls | None = None
    trusted_proxies: tuple[Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F.:]+/[0-9]{1,3}$")], ...] = ()
    """CIDRs whose X-Forwarded-For is believed: the balancer's subnets."""

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        ports = [self.http_port, self.tls_port, self.metrics_port, self.status_port]
        if len(set(ports)) != len(ports):
            raise ValueError(f"http_port, tls_port, metrics_port and status_port must differ (given {ports})")
        return self


class Upstream(Model):
    """An LLM API that the operator may use. Always TLS: certificate and name of `host` are verified, SNI sent.

    Lower `order` is tried first; among equals `weight` is the share. `credential_file` is a file name below
    SECRETS_DIRECTORY, by default `upstream-<name>`. `headers` are added where the client sent none of that name.
    `mainland`: its servers stand in mainland China; only such serve tenants that are `mainland_only`.
    `read_timeout_s` is the longest silence inside an answer, `first_byte_timeout_s` the one before it.
    """

    name: Label
    host: HostName
    port: Port = 443
    shapes: Annotated[tuple[Shape, ...], Field(min_length=1)]
    order: Annotated[int, Field(ge=0, le=100)] = 0
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    mainland: bool = False
    connect_timeout_s: Annotated[float, Field(gt=0, le=60)] = 5
    send_timeout_s: Annotated[float, Field(gt=0, le=600)] = 60
    first_byte_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 120
    read_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 300
    keepalive: Annotated[int, Field(ge=0, le=1024)] = 32
    keepalive_idle_s: Annotated[float, Field(gt=0, le=3600)] = 60
    credential_file: Label | None = None
    credential_styles: dict[Shape, CredentialStyle] = {
        Shape.ANTHROPIC: CredentialStyle.X_API_KEY,
        Shape.OPENAI: CredentialStyle.BEARER,
    }
    headers: dict[HeaderName, HeaderValue] = {}
    path_prefix: Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._~-]+)*$", max_length=200)] = ""
    """Put before the path, for an upstream that serves `/v1/…` below another path."""

    @model_validator(mode="after")
    def _completed(self) -> Self:
        missing = [shape.value for shape in self.shapes if shape not in self.credential_styles]
        if missing:
            raise ValueError(f"credential_styles has no entry for {', '.join(missing)}")
        secret = {"authorization", "x-api-key", "cookie", "host", "content-length", "transfer-encoding", "connection"}
        if forbidden := sorted(secret & self.headers.keys()):
            raise ValueError(f"headers may not set {', '.join(forbidden)}: the gateway does, from credential_file")
        return self

    @property
    def credential_name(self) -> str:
        """File name of the credential below SECRETS_DIRECTORY."""
        return self.credential_file or f"upstream-{self.name}"


class Redis(Model):
    """Where limits are kept. The password is the file REDIS_PASSWORD_FILE; no file or an empty one: no password."""

    host: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.:-]{1,253}$")]
    port: Port = 6379
    timeout_ms: Annotated[int, Field(ge=1, le=1000)] = 20
    """Longest a request waits for Redis, connecting included; then local limits apply."""
    retry_s: Annotated[float, Field(gt=0, le=60)] = 1
    """While Redis is away, how often it is tried again, off the request path."""
    keepalive: Annotated[int, Field(ge=1, le=1024)] = 32


class Limits(Model):
    """Defaults for tenants. `expected_instances` gateways share a region: without Redis each enforces its part."""

    requests_per_minute: Annotated[int, Field(ge=1, le=10_000_000)] = 600
    expected_instances: Annotated[int, Field(ge=1, le=1000)] = 2


class Retries(Model):
    """How failover is bounded: `attempts` upstreams a request, extra attempts <= `budget_percent` of requests.

    `minimum_per_s`: extra attempts always allowed per second and worker, so that quiet gateways fail over too.
    """

    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    budget_percent: Annotated[int, Field(ge=0, le=100)] = 10
    minimum_per_s: Annotated[int, Field(ge=0, le=1000)] = 10


class Buffers(Model):
    """Sizes. `startup_bytes`: how much of a stream is held back while it has no content, so failover stays possible."""

    header_count: Annotated[int, Field(ge=1, le=64)] = 4
    header_bytes: Annotated[int, Field(ge=1024, le=1_048_576)] = 32_768
    body_limit_bytes: Annotated[int, Field(ge=1024, le=1_073_741_824)] = 67_108_864
    body_memory_bytes: Annotated[int, Field(ge=1024, le=16_777_216)] = 1_048_576
    startup_bytes: Annotated[int, Field(ge=1024, le=1_048_576)] = 65_536


class GatewayConfig(Model):
    """The whole of gateway.json. Holds no secret."""

    env: Label
    region: Label
    domain: HostName
    licence: Licence
    upstreams: Annotated[tuple[Upstream, ...], Field(min_length=1, max_length=32)]
    redis: Redis
    listen: Listen = Listen()
    limits: Limits = Limits()
    retries: Retries = Retries()
    buffers: Buffers = Buffers()
    resolvers: tuple[Address, ...] = ()
    """Name servers; empty: those of /etc/resolv.conf when the gateway starts."""
    resolver_ttl_s: Annotated[int, Field(ge=1, le=3600)] | None = None
    """Overrides the TTL of answers; None keeps it."""
    websocket_idle_s: Annotated[int, Field(ge=300, le=3600)] = 300
    sse_keepalive_s: Annotated[float, Field(ge=1, le=300)] = 15
    """After how much silence of the upstream an SSE comment keeps the client's connection."""
    client_keepalive_s: Annotated[int, Field(ge=1, le=3600)] = 75
    drain_s: Annotated[int, Field(ge=1, le=600)] = 600
    """How long open streams may finish after readiness began to fail."""
    drain_notice_s: Annotated[int, Field(ge=0, le=120)] = 15
    """How long a draining gateway still accepts requests while balancers notice its readiness."""
    workers: Annotated[int, Field(ge=1, le=64)] | None = None
    """nginx worker processes; None: one per core, of the container where it is told its cores, else of the machine."""
    worker_connections: Annotated[int, Field(ge=64, le=1_048_576)] = 16_384
    tenants_poll_s: Annotated[float, Field(gt=0, le=300)] = 2
    """How often the tenant registry and credentials are looked at for changes."""

    @model_validator(mode="after")
    def _upstream_names_differ(self) -> Self:
        names = [upstream.name for upstream in self.upstreams]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"upstreams: each name once (repeated: {', '.join(repeated)})")
        return self

    def render(self) -> str:
        """gateway.json: every default written out, keys sorted, so equal settings give equal bytes."""
        return _render(self)


class Tenant(Model):
    """Who may call. `key_sha256`: lower-case hex SHA-256 of each key that is valid (two while one is replaced)."""

    name: Label
    key_sha256: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=16)]
    requests_per_minute: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """None: the gateway's default."""
    mainland_only: bool = False
    """Only upstreams marked `mainland` serve this tenant, failover included."""
    enabled: bool = True


class TenantRegistry(Model):
    """The whole of tenants.json."""

    tenants: tuple[Tenant, ...] = ()

    @model_validator(mode="after")
    def _names_and_keys_differ(self) -> Self:
        names = [tenant.name for tenant in self.tenants]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"tenants: each name once (repeated: {', '.join(repeated)})")
        keys = [key for tenant in self.tenants for key in tenant.key_sha256]
        if len(set(keys)) != len(keys):
            raise ValueError("tenants: a key belongs to one tenant, once")
        return self

    def render(self) -> str:
        """tenants.json, keys sorted."""
        return _render(self)


def _render(model: Model) -> str:
    return json.dumps(model.model_dump(mode="json"), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
