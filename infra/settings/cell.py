"""Settings of a region's cell, and of the parts that all cells share."""

from typing import Annotated

from pydantic import Field, model_validator

from infra.settings.kinds import Compute, Label, Network, Region, Settings

Slot = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,7}$")]
"""A word that names one of several equal things for good, so that removing one never renames another."""


class Cell(Settings):
    """One region: where it stands, how much of the load it takes, what runs there."""

    cidr: Network
    """Range of its VPC, inside 10.0.0.0/8, prefix 16 to 18, overlapping no other cell."""
    zones: Annotated[tuple[str, ...], Field(min_length=2)]
    """Two or more zones on sale. The first holds the Redis primary, the second its replica."""
    share_percent: Annotated[int, Field(ge=1, le=100)]
    """Its part of the declared load; the shares of all regions make 100."""
    compute: Compute
    """What runs the gateway: cvm or tke."""
    egress: Annotated[tuple[Slot, ...], Field(min_length=1, max_length=10)] = ("one",)
    """A word per fixed egress address. Upstreams list these addresses; sizing says how many are needed."""
    service_cidr: Network | None = None
    """Range of Kubernetes Services (tke alone), outside every VPC."""


class Cvm(Settings):
    """Machines of the cvm flavour."""

    image_ids: dict[Region, Annotated[str, Field(pattern=r"^img-[a-z0-9]{4,16}$")]]
    """Region -> the gateway's machine image there: an image belongs to one region."""
    instance_types: Annotated[tuple[str, ...], Field(min_length=1, max_length=10)]
    """Sizes, best first; the next is tried where one is sold out. All with the same number of cores."""
    cores: Annotated[int, Field(ge=1, le=128)]
    """Cores of each of those sizes."""
    system_disk_type: Annotated[str, Field(pattern=r"^CLOUD_(PREMIUM|BSSD|SSD|HSSD)$")] = "CLOUD_PREMIUM"
    """Disk type; nothing but the system and short logs lives there."""
    system_disk_gib: Annotated[int, Field(ge=50, le=500)] = 50
    """Disk size; 50 is the smallest sold."""
    start_s: Annotated[int, Field(ge=10, le=1800)] = 120
    """How long a machine takes to serve; health checks wait that long."""


class Tke(Settings):
    """Clusters of the tke flavour."""

    version: Annotated[str, Field(pattern=r"^1\.\d{2}\.\d{1,2}$")]
    """Kubernetes version; an even minor that the cloud lists."""
    level: Annotated[str, Field(pattern=r"^L(5|20|50|100|200|500|1000|3000|5000)$")] | None = None
    """Cluster size at creation, it grows by itself; unset: the smallest that holds the computed nodes."""
    instance_types: Annotated[tuple[str, ...], Field(min_length=1, max_length=10)]
    """Node sizes, best first, all with the same number of cores."""
    cores: Annotated[int, Field(ge=2, le=128)]
    """Cores of each of those sizes."""
    memory_gib: Annotated[int, Field(ge=4, le=1024)]
    """Memory of the smallest of those sizes."""
    system_disk_type: Annotated[str, Field(pattern=r"^CLOUD_(PREMIUM|BSSD|SSD|HSSD)$")] = "CLOUD_PREMIUM"
    """Disk type of a node."""
    system_disk_gib: Annotated[int, Field(ge=50, le=2048)] = 100
    """Disk size of a node; images and container logs live there."""
    image: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9./-]+@sha256:[0-9a-f]{64}$")]
    """The gateway's image by digest, in the account's own registry."""
    nginx_exporter_image: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9./-]+@sha256:[0-9a-f]{64}$")]
    """nginx-prometheus-exporter by digest, in the account's own registry."""
    redis_exporter_image: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9./-]+@sha256:[0-9a-f]{64}$")]
    """redis_exporter by digest, in the account's own registry."""
    pod_millicores: Annotated[int, Field(ge=100, le=32_000)] = 2000
    """CPU request of a gateway pod, in thousandths of a core. Its memory and its disk follow from these cores and the
    declared load."""
    addons: dict[Label, str | None] = Field(default={"networkpolicy": None})
    """Add-on -> version (null: the cloud's default). `networkpolicy` enforces NetworkPolicy objects, which VPC-CNI
    alone ignores."""


class Redis(Settings):
    """The cache that holds limits."""

    type_id: Annotated[int, Field(ge=2, le=22)] = 17
    """Tencent's type: 17 is Redis 7.0 standard; Redis functions need 7.0."""
    spare_memory_percent: Annotated[int, Field(ge=30, le=300)] = 30
    """Spare memory above the computed need."""
    backup_hour: Annotated[int, Field(ge=0, le=22)] = 3
    """Start of the daily backup's hour (UTC+8)."""
    parameters: dict[Label, str] = Field(default={"maxmemory-policy": "noeviction"})
    """Parameters that differ from the cloud's defaults. Limits must never be evicted."""

    @model_validator(mode="after")
    def _limits_stay(self) -> "Redis":
        if self.parameters.get("maxmemory-policy") != "noeviction":
            raise ValueError("parameters.maxmemory-policy must be noeviction: an evicted limit is no limit")
        return self


class Balancer(Settings):
    """The public load balancer of a cell."""

    tls_versions: Annotated[tuple[Annotated[str, Field(pattern=r"^TLSv1\.[23]$")], ...], Field(min_length=1)] = (
        "TLSv1.2",
        "TLSv1.3",
    )
    """TLS versions; the cloud's default still admits 1.0."""
    keepalive_timeout_s: Annotated[int, Field(ge=0, le=900)] = 75
    """How long an idle client connection stays open."""
    keepalive_requests: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    """Requests per client connection; 10 000 is the most allowed, the default of 100 cuts HTTP/2 clients often."""
    client_timeout_s: Annotated[int, Field(ge=30, le=120)] = 60
    """Longest pause while a client sends."""
    check_interval_s: Annotated[int, Field(ge=2, le=15)] = 5
    """Seconds between health checks of a target."""
    check_timeout_s: Annotated[int, Field(ge=2, le=14)] = 2
    """Longest wait for a health check's answer; below the interval."""
    healthy_after: Annotated[int, Field(ge=2, le=10)] = 2
    """Good checks in a row before a target gets requests."""
    unhealthy_after: Annotated[int, Field(ge=2, le=10)] = 2
    """Failed checks in a row before a target gets no more."""

    @model_validator(mode="after")
    def _timeout_below_interval(self) -> "Balancer":
        if self.check_timeout_s >= self.check_interval_s:
            raise ValueError(
                f"check_timeout_s {self.check_timeout_s} must be below check_interval_s {self.check_interval_s}"
            )
        return self
