"""Settings of the site as a whole: who runs it, what it must carry, which upstreams it may use."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from gateway.config import CredentialStyle, HeaderName, HeaderValue, ModelFiling, Shape
from infra.settings.kinds import (
    Domain,
    IcpNumber,
    Label,
    Network,
    Percent,
    PublicSecurityNumber,
    Region,
    RightToUseRegion,
    Settings,
    Text,
)


class Licence(Settings):
    """Who runs the site and under which ICP licence. Shown at `/`; the law asks for real data."""

    icp_number: IcpNumber
    """ICP filing or licence number as published, for example 京ICP备11018762号."""
    owner: Text
    """The registered owner of the domain, as in the ICP filing."""
    site_name: Text
    """The site's name, as in the ICP filing."""
    contact: Text
    """How a visitor reaches the operator: mail address or telephone."""
    public_security_number: PublicSecurityNumber | None = None
    """Number of the public security filing (公安联网备案), due 30 days after opening."""
    model_filings: dict[Text, Text] = Field(default={})
    """Model name -> its 备案 or 登记 number. A service to the public must show them."""
    made_up: bool = False
    """The data above is made up. Allowed in the stack `local` alone, which nobody outside can reach."""

    @property
    def filings(self) -> tuple[ModelFiling, ...]:
        """`model_filings` as the gateway shows them, by model name."""
        return tuple(ModelFiling(model=model, number=number) for model, number in sorted(self.model_filings.items()))


class Tags(Settings):
    """What every taggable resource carries, beside `env`."""

    owner: Label
    """The team that answers for it."""
    cost_centre: Label
    """Where its bill goes."""
    data_class: Label
    """Classification of what passes through it, for example `confidential`."""


class Load(Settings):
    """The declared peak of all regions together. Sizes follow from it: infra/sizing.py."""

    requests_per_s: Annotated[float, Field(gt=0, le=100_000)]
    """API requests per second at the busiest minute."""
    mean_stream_s: Annotated[float, Field(gt=0, le=600)]
    """How long an answer takes on average, from the first byte asked to the last one given."""
    longest_stream_s: Annotated[int, Field(ge=30, le=3600)]
    """The longest answer that must survive a drain; read time-outs and grace periods follow from it."""
    request_kib: Annotated[float, Field(gt=0, le=10_240)]
    """Mean size of a request: prompts are re-sent with every turn."""
    answer_kib_per_s: Annotated[float, Field(gt=0, le=1_024)]
    """Bytes per second of one streaming answer: tokens/s x about 0.3 KiB of SSE per token."""
    tenants: Annotated[int, Field(ge=1, le=1_000_000)]
    """Tenants with limits in Redis. The tenant registry is one SSM secret: about 250 with a key each fit in it."""


class Upstream(Settings):
    """An LLM API that the operator may use."""

    host: Domain
    """Host name, reached by TLS; its certificate is verified."""
    shapes: Annotated[tuple[Shape, ...], Field(min_length=1)]
    """API shapes it speaks: anthropic, openai or both."""
    right_to_use: Annotated[Text, Field(min_length=20)]
    """Contract, account and terms under which this upstream may be used and offered on."""
    region_tag: RightToUseRegion
    """Where its servers stand: mainland or abroad."""
    port: Annotated[int, Field(ge=1, le=65535)] = 443
    """TCP port of its TLS endpoint."""
    order: Annotated[int, Field(ge=0, le=100)] = 0
    """Lower is tried first."""
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    """Share among upstreams of the same order."""
    connect_timeout_s: Annotated[float, Field(gt=0, le=60)] = 5
    """Longest wait for the connection."""
    send_timeout_s: Annotated[float, Field(gt=0, le=600)] = 60
    """Longest pause while sending the request."""
    first_byte_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 120
    """Longest silence before the answer begins."""
    read_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 300
    """Longest silence inside an answer."""
    keepalive: Annotated[int, Field(ge=0, le=1024)] = 32
    """Idle connections each worker keeps open."""
    credential_styles: dict[Shape, CredentialStyle] = Field(
        default={Shape.ANTHROPIC: CredentialStyle.X_API_KEY, Shape.OPENAI: CredentialStyle.BEARER}
    )
    """Which header carries the credential, per shape."""
    headers: dict[HeaderName, HeaderValue] = Field(default={})
    """Headers that are added where the client sent none of that name."""
    path_prefix: str = ""
    """Put before the path, for an upstream that serves /v1/… below another path."""


class Gateway(Settings):
    """Behaviour of the gateway itself, the same in all regions."""

    requests_per_minute: Annotated[int, Field(ge=1, le=10_000_000)] = 600
    """Limit of a tenant that has none of its own."""
    drain_s: Annotated[int, Field(ge=1, le=600)] = 600
    """How long open streams may finish after readiness began to fail."""
    drain_notice_s: Annotated[int, Field(ge=0, le=120)] = 15
    """How long a draining gateway still takes requests while the load balancer notices."""
    websocket_idle_s: Annotated[int, Field(ge=300, le=3600)] = 300
    """Longest silence on a WebSocket."""
    body_limit_mib: Annotated[int, Field(ge=1, le=256)] = 64
    """Largest request body. Above 256 MiB the load balancer would have to stream requests."""
    redis_timeout_ms: Annotated[int, Field(ge=1, le=1000)] = 20
    """Longest a request waits for Redis; then each gateway enforces its part alone."""
    secrets_poll_s: Annotated[int, Field(ge=1, le=300)] = 30
    """How often an instance asks for changed secrets."""


class Autoscaling(Settings):
    """How many gateways a region runs; sizing asks for a number, these are its bounds."""

    minimum: Annotated[int, Field(ge=1, le=100)] = 2
    """Never fewer: one per zone keeps a region alive when a zone is lost."""
    maximum: Annotated[int, Field(ge=1, le=100)] = 10
    """Never more: what quotas and upstream limits were agreed for."""
    cpu_percent: Percent = 70
    """Mean CPU at which one more is added; leaves room while it starts."""
    scale_down_window_s: Annotated[int, Field(ge=0, le=3600)] = 300
    """How long load must be low before one goes; streams outlive short dips."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}")
        return self


class Protection(Settings):
    """What keeps data and addresses from being deleted by mistake."""

    deletion: bool
    """Refuse to delete load balancers, clusters and what holds data (in Pulumi and in the cloud)."""
    retain_data: bool
    """A destroy leaves Redis, DNS zone, logs, keys and images in the cloud."""
    redis_force_delete: bool
    """A destroy also empties the recycle bin. Without it Redis blocks the deletion of its VPC for days."""
    secret_recovery_days: Annotated[int, Field(ge=0, le=30)]
    """Days in which a deleted secret can be restored (0: gone at once); its name is blocked meanwhile."""
    key_deletion_days: Annotated[int, Field(ge=7, le=30)]
    """Days before a deleted KMS key is destroyed; its alias is blocked meanwhile."""


class Observability(Settings):
    """Metrics, logs and who hears about trouble."""

    metrics_days: int
    """Retention of Prometheus: 15, 30, 45, 90, 180, 365 or 730 days."""
    log_days: Annotated[int, Field(ge=1, le=3600)]
    """Retention of access, flow and audit logs. The law asks for six months: 184 where the public is served."""
    flow_logs: bool
    """Record every connection of the VPC."""
    alert_receivers: Annotated[tuple[Label, ...], Field(min_length=1)]
    """Notice templates (`notice-…`) of Tencent Cloud Monitor that alerts go to."""
    scrape_interval_s: Annotated[int, Field(ge=5, le=300)] = 15
    """How often metrics are read."""

    @model_validator(mode="after")
    def _retention_is_sold(self) -> Self:
        sold = (15, 30, 45, 90, 180, 365, 730)
        if self.metrics_days not in sold:
            raise ValueError(f"metrics_days {self.metrics_days} is not sold: one of {', '.join(map(str, sold))}")
        return self


class Registry(Settings):
    """Where the gateway's images live."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{3,48}[a-z0-9]$")]
    """Name of the TCR instance, unique in all of Tencent Cloud."""
    region: Region
    """The region it stands in."""
    tier: Annotated[str, Field(pattern=r"^(basic|standard|premium)$")]
    """basic, standard or premium; premium alone replicates to other regions, where clusters pull from the replica."""
    push_from: Annotated[tuple[Network, ...], Field(min_length=1, max_length=20)]
    """Public ranges that images are pushed from (your CI). The registry admits no other client from the internet."""
