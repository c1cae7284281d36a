"""What one gateway pod asks for, from its cores and the declared load. Arithmetic; no cloud, no Pulumi.

A pod is sized for as many streams as its cores carry, however many it holds today: the autoscaler adds one when that
number is reached. Memory is requested and limited alike; a pod that passes it dies with all its streams.
"""

import math
from dataclasses import dataclass

from infra.settings.site import Gateway, Load

STREAMS_PER_CORE = 1500
"""Open streams a core serves at 70 % CPU. Assumed: a stream costs about 60 wake-ups/s of some 8 us each."""
AT_CPU_PERCENT = 70
"""The load that STREAMS_PER_CORE speaks of."""
BURST = 2
"""CPU limit over request: a start and a burst may take what the node has to spare. nginx has a worker per such core."""
CONNECTION_KIB = 96
"""Memory of one stream: two connections, one with TLS, and its coroutine. Assumed."""
BODY_COPIES = 2
"""A body in memory stands in nginx's buffer and in a Lua string."""
BODY_MEMORY_KIB = 1024
"""Larger bodies go to disk. Source: gateway/config.py, Buffers.body_memory_bytes."""
WORKER_MIB = 40
"""One nginx worker with its Lua state and nothing to do. Assumed."""
COMMON_MIB = 64
"""nginx's master, the supervisor (Python) and the shared dictionaries. Assumed."""
SPARE = 1.25
"""Fragmentation, and answers that wait for a slow client."""
SIGMAS = 6
LARGEST_AT_ONCE = 4
"""Largest bodies beyond that bound: four people with a film each."""
MEMORY_STEP_MIB, SPOOL_STEP_MIB = 128, 256
EXPORTER_MILLICORES, EXPORTER_MIB = 20, 64
"""What each of the two exporters beside a gateway asks for."""
EXPORTERS = 2


@dataclass(frozen=True, kw_only=True)
class PodSize:
    """Of the gateway's container, but for `all_…`: of the whole pod."""

    millicores: int
    limit_millicores: int
    memory_mib: int
    spool_mib: int
    """Disk for request bodies that memory does not hold."""
    streams: int
    """Open streams it is made for: the autoscaler adds a pod at this mean."""

    @property
    def all_millicores(self) -> int:
        """CPU request of the pod."""
        return self.millicores + EXPORTERS * EXPORTER_MILLICORES

    @property
    def all_memory_mib(self) -> int:
        """Memory request of the pod."""
        return self.memory_mib + EXPORTERS * EXPORTER_MIB


def pod_size(load: Load, gateway: Gateway, *, millicores: int, cpu_percent: int) -> PodSize:
    """A pod with `millicores`, one more of which is added at `cpu_percent` of them."""
    streams = max(1, math.floor(STREAMS_PER_CORE * millicores / 1000 * cpu_percent / AT_CPU_PERCENT))
    limit = millicores * BURST
    workers = math.ceil(limit / 1000)
    in_memory = most_kib(streams, min(load.request_kib, BODY_MEMORY_KIB), BODY_MEMORY_KIB)
    memory_mib = (streams * CONNECTION_KIB + BODY_COPIES * in_memory) / 1024 * SPARE + COMMON_MIB + workers * WORKER_MIB
    largest_kib = gateway.body_limit_mib * 1024
    on_disk = most_kib(streams, min(load.request_kib, largest_kib), largest_kib) + LARGEST_AT_ONCE * largest_kib
    return PodSize(
        millicores=millicores,
        limit_millicores=limit,
        memory_mib=_up(memory_mib, MEMORY_STEP_MIB),
        spool_mib=_up(on_disk / 1024, SPOOL_STEP_MIB),
        streams=streams,
    )


def most_kib(count: int, mean_kib: float, largest_kib: float) -> float:
    """What `count` bodies take together, but for six standard deviations.

    Of all bodies with this mean and this limit, those spread the most that are empty or as large as allowed: their sum
    has the variance count x mean x largest.
    """
    return count * mean_kib + SIGMAS * math.sqrt(count * mean_kib * largest_kib)


def _up(mib: float, step: int) -> int:
    return math.ceil(mib / step) * step
