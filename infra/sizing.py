"""From the declared peak load to sizes. Arithmetic with its reasons; no cloud, no Pulumi.

Every region carries HEADROOM x its share, so that one region's clients can move to the others (design: cells).
What a core, a cache or a balancer carries stands here as constants; measured ones replace the assumed ones.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from infra.pod_sizing import STREAMS_PER_CORE, PodSize, pod_size
from infra.settings.kinds import Compute, Region
from infra.settings.stack import SettingsError, Stack

HEADROOM = 1.5
"""Each region can carry 1.5 x its share: a third of the others' clients can move in."""
REQUESTS_PER_S_PER_CORE = 400
"""New requests a core takes per second at 70 % CPU, TLS to upstreams included. Assumed."""
EIP_CONNECTIONS = 50_000
"""Connections one address carries to one upstream endpoint: 64 511 ports, the rest are in TIME_WAIT."""
EIP_MBPS = 100
"""Bandwidth of one address charged by traffic, in and out each. Source: docs/sources.md, network."""
NAT_CONNECTIONS = (1_000_000, 3_000_000, 10_000_000)
"""Sizes of a traditional NAT gateway. Source: docs/sources.md, network."""
NAT_BANDWIDTH_MBPS = (20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Source: docs/sources.md, network."""
REDIS_MIB = (1024, 2048, 4096, 8192, 12288, 16384, 20480, 24576, 32768, 40960, 49152, 65536)
"""Sizes of a standard instance. Source: docs/sources.md, Redis. 256 MB is for tests only."""
REDIS_BASE_MIB = 200
"""What an empty instance, its replication buffer and the function library take."""
REDIS_KIB_PER_TENANT = 12
"""Buckets, ledgers of a day and a month, leases and idempotency keys of one tenant. Assumed."""
CLUSTER_NODES = {"L5": 5, "L20": 20, "L50": 50, "L100": 100, "L200": 200, "L500": 500, "L1000": 1000, "L3000": 3000}
"""Nodes a cluster level holds. Source: docs/sources.md, TKE."""
NODE_RESERVE_CORES = 0.5
"""What kubelet, CNI, log and metrics agents take of a node."""
NODE_RESERVE_MIB = 1024
"""Memory of the same."""
LOG_BYTES_PER_REQUEST = 1024
"""One access log line, indexed."""
PARTITION_BYTES_PER_S = 5 * 1024 * 1024
"""What one CLS partition takes. Source: docs/sources.md, monitoring and logs."""


@dataclass(frozen=True, kw_only=True)
class BalancerClass:
    """`sla_type` None: the shared kind. Rates per second. Source: docs/sources.md, CLB."""

    sla_type: str | None
    connections_per_minute: int
    new_per_s: int
    requests_per_s: int
    mbps: int


BALANCERS = (
    BalancerClass(
        sla_type="clb.c2.medium", connections_per_minute=100_000, new_per_s=10_000, requests_per_s=10_000, mbps=2_048
    ),
    BalancerClass(
        sla_type="clb.c3.small", connections_per_minute=200_000, new_per_s=20_000, requests_per_s=20_000, mbps=4_096
    ),
    BalancerClass(
        sla_type="clb.c3.medium", connections_per_minute=500_000, new_per_s=50_000, requests_per_s=30_000, mbps=6_144
    ),
    BalancerClass(
        sla_type="clb.c4.small", connections_per_minute=1_000_000, new_per_s=100_000, requests_per_s=50_000, mbps=10_240
    ),
    BalancerClass(
        sla_type="clb.c4.medium",
        connections_per_minute=2_000_000,
        new_per_s=200_000,
        requests_per_s=100_000,
        mbps=20_480,
    ),
)
SHARED_BALANCER = BalancerClass(
    sla_type=None, connections_per_minute=50_000, new_per_s=5_000, requests_per_s=5_000, mbps=2_048
)
"""Best effort: taken while the need is below a twentieth of what it may carry."""


@dataclass(frozen=True, kw_only=True)
class CellSize:
    """What one region gets."""

    requests_per_s: float
    """Peak it can carry, headroom included."""
    streams: int
    """Open streams at that peak."""
    mbps: int
    """Out to clients at that peak."""
    gateways: int
    """Gateways (machines or pods) to start with."""
    balancer_sla: str | None
    balancer_mbps: int
    redis_mib: int
    nat_connections: int
    nat_mbps: int
    egress_addresses: int
    """Fixed addresses needed so that connections to one upstream do not run out of ports."""
    nodes_minimum: int
    """Nodes of a TKE cell (0 in a cvm cell)."""
    nodes_maximum: int
    cluster_level: str | None
    log_partitions: int
    pod: PodSize | None
    """A gateway's pod (None in a cvm cell)."""


def plan(stack: Stack) -> Mapping[Region, CellSize]:
    """Sizes by region. Raises SettingsError with a line for each thing the settings do not allow."""
    sizes: dict[Region, CellSize] = {}
    wrong: list[str] = []
    for region in stack.regions:
        size, mistakes = _cell(stack, region)
        sizes[region] = size
        wrong.extend(f"stacks/Pulumi.{stack.env}.yaml: sanmen:{mistake}" for mistake in mistakes)
    if wrong:
        raise SettingsError("\n".join(wrong))
    return sizes


def _cell(stack: Stack, region: Region) -> tuple[CellSize, list[str]]:
    cell, load, mistakes = stack.regions[region], stack.load, list[str]()
    rate = load.requests_per_s * HEADROOM * cell.share_percent / 100
    streams = math.ceil(rate * load.mean_stream_s)  # Little's law
    mbps = math.ceil(streams * load.answer_kib_per_s * 8 / 1024 * 1.1)  # 10 % for TCP, TLS and HTTP framing
    inbound_mbps = math.ceil(rate * load.request_kib * 8 / 1024 * 1.1)
    gateways = _gateways(stack, region, rate, streams)
    if gateways > stack.autoscaling.maximum:
        mistakes.append(
            f"autoscaling.maximum: {region.value} needs {gateways} gateways for {rate:g} requests/s and {streams} "
            f"streams, {stack.autoscaling.maximum} allowed: raise it, or take more cores per gateway"
        )
    balancer = _balancer(rate, streams, max(mbps, inbound_mbps))
    through_mbps = max(inbound_mbps, mbps)
    addresses = max(math.ceil(streams / EIP_CONNECTIONS), math.ceil(through_mbps / EIP_MBPS))
    if addresses > len(cell.egress):
        mistakes.append(
            f"regions.{region.value}.egress: {addresses} addresses needed for {streams} streams "
            f"and {through_mbps} Mbps, "
            f"{len(cell.egress)} named"
        )
    need_mib = (REDIS_BASE_MIB + load.tenants * REDIS_KIB_PER_TENANT / 1024) * (
        1 + stack.redis.spare_memory_percent / 100
    )
    pod = _pod(stack, region)
    least, most, level = 0, 0, None
    if pod is not None:
        per_node = _pods_per_node(stack, pod)
        if per_node == 0:
            mistakes.append(_no_room(stack, pod))
        least, most, level = _nodes(stack, region, gateways, max(1, per_node))
    return CellSize(
        requests_per_s=rate,
        streams=streams,
        mbps=mbps,
        gateways=gateways,
        balancer_sla=balancer.sla_type,
        balancer_mbps=min(balancer.mbps, _at_least(mbps, NAT_BANDWIDTH_MBPS)),
        redis_mib=_at_least(need_mib, REDIS_MIB),
        # Keep-alive and retries hold about twice the streams' connections.
        nat_connections=_at_least(streams * 2, NAT_CONNECTIONS),
        # Requests leave and answers come back through it.
        nat_mbps=_at_least(through_mbps, NAT_BANDWIDTH_MBPS),
        egress_addresses=addresses,
        nodes_minimum=least,
        nodes_maximum=most,
        cluster_level=level,
        log_partitions=max(1, math.ceil(rate * LOG_BYTES_PER_REQUEST / PARTITION_BYTES_PER_S)),
        pod=pod,
    ), mistakes


def _cores(stack: Stack, region: Region) -> float:
    """Cores of one gateway."""
    if stack.regions[region].compute is Compute.CVM:
        assert stack.cvm is not None
        return stack.cvm.cores
    assert stack.tke is not None
    return stack.tke.pod_millicores / 1000


def _pod(stack: Stack, region: Region) -> PodSize | None:
    if stack.regions[region].compute is not Compute.TKE:
        return None
    assert stack.tke is not None
    return pod_size(
        stack.load,
        stack.gateway,
        millicores=stack.tke.pod_millicores,
        cpu_percent=stack.autoscaling.cpu_percent,
    )


def _pods_per_node(stack: Stack, pod: PodSize) -> int:
    """Pods that fit on a node, by CPU and by memory."""
    assert stack.tke is not None
    by_cpu = (stack.tke.cores - NODE_RESERVE_CORES) * 1000 // pod.all_millicores
    by_memory = (stack.tke.memory_gib * 1024 - NODE_RESERVE_MIB) // pod.all_memory_mib
    return int(max(0, min(by_cpu, by_memory)))


def _no_room(stack: Stack, pod: PodSize) -> str:
    assert stack.tke is not None
    return (
        f"tke.pod_millicores: a pod asks for {pod.all_millicores}m CPU and {pod.all_memory_mib} MiB, more than a node "
        f"of {stack.tke.cores} cores and {stack.tke.memory_gib} GiB has left for pods: smaller pods, or larger nodes"
    )


def _gateways(stack: Stack, region: Region, rate: float, streams: int) -> int:
    """Enough for the peak when one zone is gone: n gateways over z zones keep n x (z - 1) / z of them."""
    cores = _cores(stack, region)
    need = max(streams / (STREAMS_PER_CORE * cores), rate / (REQUESTS_PER_S_PER_CORE * cores))
    zones = len(stack.regions[region].zones)
    return max(stack.autoscaling.minimum, math.ceil(need * zones / (zones - 1)))


def _balancer(rate: float, streams: int, mbps: int) -> BalancerClass:
    """The smallest class that carries it. Every stream may be a connection of its own; HTTP/2 needs fewer."""
    if streams * 20 <= SHARED_BALANCER.connections_per_minute and rate * 20 <= SHARED_BALANCER.requests_per_s:
        return SHARED_BALANCER
    for kind in BALANCERS:
        if (
            streams <= kind.connections_per_minute
            and rate <= min(kind.new_per_s, kind.requests_per_s)
            and mbps <= kind.mbps
        ):
            return kind
    return BALANCERS[-1]


def _nodes(stack: Stack, region: Region, gateways: int, per_node: int) -> tuple[int, int, str]:
    """Nodes for the first and for the most gateways, and the cluster level that holds them."""
    assert stack.tke is not None
    zones = len(stack.regions[region].zones)
    least = max(zones, math.ceil(gateways / per_node))
    most = max(least + 1, math.ceil(stack.autoscaling.maximum / per_node) + 1)  # one more: a node being replaced
    level = stack.tke.level or next(name for name, nodes in CLUSTER_NODES.items() if most <= nodes)
    return least, most, level


def _at_least(need: float, sold: tuple[int, ...]) -> int:
    """The smallest size sold that is enough, or the largest there is."""
    return next((size for size in sold if size >= need), sold[-1])
