"""Settings of what is global: certificate, DNS and failover."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from infra.settings.kinds import PLAN_MINIMUM_TTL_S, DnsPlan, Domain, Region, Settings


class Certificate(Settings):
    """The certificate of api.<domain>."""

    mode: Annotated[str, Field(pattern=r"^(upload|issued)$")]
    """`issued`: a free three-month DV certificate, validated through the DNS zone. `upload`: your own PEM."""
    chain_pem: str | None = None
    """Certificate and intermediates as PEM text (`upload`). Its key is the secret `certificate_key`."""

    @model_validator(mode="after")
    def _chain_where_uploaded(self) -> Self:
        if (self.mode == "upload") != (self.chain_pem is not None):
            raise ValueError("chain_pem is needed with mode upload, and with no other")
        if self.chain_pem is not None and not self.chain_pem.strip().startswith("-----BEGIN CERTIFICATE-----"):
            raise ValueError("chain_pem must begin with -----BEGIN CERTIFICATE-----")
        return self


class Dns(Settings):
    """The zone of the domain at DNSPod."""

    plan: DnsPlan
    """DNSPod plan; it bounds the TTL: free 600 s, personal 120 s, enterprise_basic 60 s, above 1 s."""
    ttl_s: Annotated[int, Field(ge=1, le=604_800)]
    """TTL of records and of failover answers."""
    name_servers: Annotated[tuple[Domain, ...], Field(min_length=1)]
    """Name servers the plan gives; the registrar must hold them."""

    @model_validator(mode="after")
    def _ttl_is_sold(self) -> Self:
        if self.ttl_s < (least := PLAN_MINIMUM_TTL_S[self.plan]):
            raise ValueError(f"ttl_s {self.ttl_s} is below what plan {self.plan.value} allows: {least} or more")
        return self


class Failover(Settings):
    """Nearness and failover by IGTM: api.<domain> answers with a living region near the client."""

    package_id: Annotated[str, Field(pattern=r"^ins-[A-Za-z0-9]{4,32}$")]
    """The bought IGTM package (resource id)."""
    package_type: Annotated[str, Field(pattern=r"^(FREE|STANDARD|ULTIMATE)$")] = "STANDARD"
    """Kind of that package."""
    lines: dict[Region, dict[str, Annotated[int, Field(ge=2)]]]
    """Region -> DNS line name -> IGTM line id: whose clients land there. Ids: igtm DescribeDnsLineList."""
    detector_groups: Annotated[tuple[int, ...], Field(min_length=1)]
    """Groups of detectors that probe (igtm DescribeDetectors)."""
    check_interval_s: int = 15
    """Seconds between probes: 15, 60, 120 or 300."""
    check_timeout_s: int = 2
    """Longest wait for a probe's answer: 2, 3, 5 or 10 seconds."""
    retries: Annotated[int, Field(ge=0, le=2)] = 1
    """Further failed probes before a region is taken out."""
    window_s: Annotated[int, Field(ge=1, le=3600)]
    """Longest time in which clients may be sent to a dead region; the settings must keep it."""

    @model_validator(mode="after")
    def _values_are_sold(self) -> Self:
        if self.check_interval_s not in (15, 60, 120, 300):
            raise ValueError(f"check_interval_s {self.check_interval_s} is not sold: one of 15, 60, 120, 300")
        if self.check_timeout_s not in (2, 3, 5, 10):
            raise ValueError(f"check_timeout_s {self.check_timeout_s} is not sold: one of 2, 3, 5, 10")
        ids = [line for lines in self.lines.values() for line in lines.values()]
        if repeated := sorted({line for line in ids if ids.count(line) > 1}):
            raise ValueError(f"lines: each line once (repeated: {', '.join(map(str, repeated))})")
        return self

    def detection_s(self, ttl_s: int) -> int:
        """Seconds from a region's death until no fresh answer names it: interval x (retries + 1) + time-out + TTL."""
        return self.check_interval_s * (self.retries + 1) + self.check_timeout_s + ttl_s


class Edge(Settings):
    """What is global."""

    certificate: Certificate
    """The certificate of api.<domain>."""
    dns: Dns
    """The zone."""
    failover: Failover
    """Nearness and failover."""

    @model_validator(mode="after")
    def _window_is_kept(self) -> Self:
        took = self.failover.detection_s(self.dns.ttl_s)
        if took > self.failover.window_s:
            raise ValueError(
                f"failover takes {took} s (check_interval_s x (retries + 1) + check_timeout_s + dns.ttl_s), "
                f"above failover.window_s {self.failover.window_s}"
            )
        return self
