"""Requests per minute: exact over workers and gateways, local without Redis, told in the called API's shape."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import httpx
import pytest
import redis

from gateway.config import Limits
from gateway.rate_limiter import FUNCTIONS, TIMEOUT_S, RateLimiter
from tests.gateway.conftest import MakeGateway
from tests.gateway.world import KEY, REDIS_PASSWORD, SMALL_KEY, Gateway, World, registry, until


@pytest.fixture
def store(world: World) -> Any:
    """The gateway's Redis, emptied of buckets. Any: the client's annotations are partial."""
    client: Any = redis.Redis(host="127.0.0.1", port=world.redis_port, password=REDIS_PASSWORD)
    client.flushall()
    return client


def test_a_429_has_retry_after_in_the_shape_of_the_api_called(gateway: Gateway, store: Any) -> None:
    for _ in range(5):
        assert gateway.message(SMALL_KEY).status_code == 200
    anthropic = gateway.message(SMALL_KEY)
    openai = gateway.post("/v1/chat/completions", {"model": "m", "messages": []}, SMALL_KEY)
    assert anthropic.status_code == openai.status_code == 429
    assert anthropic.json()["error"]["type"] == "rate_limit_error"
    assert openai.json()["error"]["code"] == "rate_limit_exceeded"
    for answer in (anthropic, openai):
        assert 1 <= int(answer.headers["retry-after"]) <= 12
    assert gateway.message(KEY).status_code == 200, "others are not touched"
    assert gateway.sample("sanmen_limit_decisions_total", tenant="small", decision="refused", mode="exact") == 2


def ask_until_counted(gateway: Gateway, results: Counter[int], barrier: threading.Barrier) -> None:
    """A client of its own, so that connections spread over the workers."""
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=30) as client:
        barrier.wait()
        for _ in range(5):
            body: dict[str, Any] = {"model": "m", "messages": []}
            results[client.post("/v1/messages", json=body, headers={"x-api-key": SMALL_KEY}).status_code] += 1


def test_the_limit_holds_over_workers_and_gateways(make_gateway: MakeGateway, store: Any) -> None:
    gateways = [make_gateway(), make_gateway()]
    for gateway in gateways:
        gateway.write_secret("tenants.json", registry(small=20).render())
        until(lambda it=gateway: "sanmen_tenants 4" in it.metrics(), "the registry is read")
        until(lambda it=gateway: it.message(KEY).status_code == 200, "ready")
    # Another tenant's requests in this test were of the same gateways; the bucket of `small` is full.
    barrier, results = threading.Barrier(8), [Counter[int]() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for index, result in enumerate(results):
            pool.submit(ask_until_counted, gateways[index % 2], result, barrier)
    total = sum(results, Counter[int]())
    # Both gateways may still have read the registry's old limit of 5 for the first requests, never a higher one.
    assert sum(total.values()) == 40
    assert 18 <= total[200] <= 22, total


def test_the_function_is_loaded_again_when_redis_has_forgotten_it(gateway: Gateway, store: Any) -> None:
    store.function_flush("SYNC")
    until(lambda: bool(store.function_list("sanmen_v1")), "the function is back")
    assert gateway.message().status_code == 200


def test_without_redis_each_worker_enforces_its_share_and_says_so_once(
    make_gateway: MakeGateway, world: World, store: Any
) -> None:
    gateway = make_gateway(limits=Limits(requests_per_minute=100_000, expected_instances=1), workers=2)
    gateway.write_secret("tenants.json", registry(small=20).render())
    until(lambda: gateway.message().status_code == 200, "ready")
    world.stop_redis()
    try:
        until(lambda: gateway.sample("sanmen_redis_up") == 0, "the loss is noticed")
        assert gateway.client.get("/readyz").status_code == 200
        assert gateway.message("wrong").status_code == 401, "authentication never opens"
        codes = Counter[int]()
        for _ in range(60):
            with httpx.Client(base_url=gateway.url, trust_env=False) as client:
                body: dict[str, Any] = {"model": "m", "messages": []}
                codes[client.post("/v1/messages", json=body, headers={"x-api-key": SMALL_KEY}).status_code] += 1
        assert 10 <= codes[200] <= 22, codes
        assert codes[429] == 60 - codes[200]
    finally:
        world.start_redis()
    until(lambda: gateway.sample("sanmen_redis_up") == 1, "Redis is back")
    log = gateway.program.text()
    assert log.count("redis: lost") == 1, log
    assert log.count("redis: back") == 1, log


def test_a_redis_that_hangs_costs_a_request_no_more_than_its_time_out(
    make_gateway: MakeGateway, world: World, store: Any
) -> None:
    gateway = make_gateway(workers=1)
    until(lambda: gateway.message().status_code == 200, "ready")

    def calls(**labels: str) -> float:
        kind = "bucket" if labels else "count"
        return gateway.sample(f"sanmen_redis_duration_seconds_{kind}", **labels)

    # The time-out is 20 ms. A loaded machine may add to it, but not the 3 s that Redis is away for.
    before, soon_before = calls(), calls(le="0.5")
    store.client_pause(3000, all=True)
    for _ in range(5):
        started = time.monotonic()
        assert gateway.message().status_code == 200
        assert time.monotonic() - started < 1
    asked = calls() - before
    assert asked >= 1
    assert calls(le="0.5") - soon_before == asked, "each of them, not their mean"
    assert gateway.sample("sanmen_redis_errors_total") >= 1
    until(lambda: gateway.sample("sanmen_redis_up") == 1, "it is back")


def test_a_redis_that_refuses_to_write_is_lost_until_it_writes_again(make_gateway: MakeGateway, store: Any) -> None:
    gateway = make_gateway()
    until(lambda: gateway.message().status_code == 200, "ready")
    before = gateway.sample("sanmen_redis_errors_total")
    store.config_set("maxmemory", 1)
    try:
        # Each request and each probe that fails adds one; once it is lost, only probes ask.
        until(
            lambda: gateway.message().status_code == 200 and gateway.sample("sanmen_redis_errors_total") >= before + 5,
            "some probes have failed",
        )
        assert gateway.sample("sanmen_redis_up") == 0
    finally:
        store.config_set("maxmemory", 0)
    until(lambda: gateway.sample("sanmen_redis_up") == 1, "it is back")
    log = gateway.program.text()
    assert (log.count("redis: lost"), log.count("redis: back")) == (1, 1), log


def test_the_rate_limiter_allows_so_many_and_no_more(world: World, store: Any) -> None:
    limiter = RateLimiter("127.0.0.1", world.redis_port, REDIS_PASSWORD)
    assert [limiter.check_request("ann") for _ in range(12)] == [True] * 10 + [False] * 2
    assert limiter.check_request("bob")
    assert [limiter.check_request("cid", max_requests=2, window_sec=3600) for _ in range(3)] == [True, True, False]
    limiter.close()


def test_the_rate_limiter_loads_the_function_itself(world: World, store: Any) -> None:
    store.function_flush("SYNC")
    limiter = RateLimiter("127.0.0.1", world.redis_port, REDIS_PASSWORD)
    assert limiter.check_request("ann")
    limiter.close()


def test_the_rate_limiter_counts_whole_and_broken_seconds_in_one_bucket(world: World, store: Any) -> None:
    limiter = RateLimiter("127.0.0.1", world.redis_port, REDIS_PASSWORD)
    assert limiter.check_request("ann", max_requests=1, window_sec=60)
    assert not limiter.check_request("ann", max_requests=1, window_sec=60.0)
    limiter.close()


def test_the_rate_limiter_gives_up_soon_and_never_takes_twice(world: World, store: Any) -> None:
    limiter = RateLimiter("127.0.0.1", world.redis_port, REDIS_PASSWORD)
    assert limiter.check_request("ann", window_sec=3600)
    store.client_pause(3000, all=True)
    started = time.monotonic()
    with pytest.raises(redis.RedisError):
        limiter.check_request("ann", window_sec=3600)
    assert time.monotonic() - started < 2 * TIMEOUT_S, "a second try would take as long as the first"
    store.ping()  # answered when the pause is over
    left = sum(limiter.check_request("ann", window_sec=3600) for _ in range(10))
    assert left in (8, 9)
    limiter.close()


def test_the_rate_limiter_refuses_what_makes_no_sense(world: World) -> None:
    limiter = RateLimiter("127.0.0.1", world.redis_port, REDIS_PASSWORD)
    with pytest.raises(ValueError, match="max_requests must be at least 1"):
        limiter.check_request("ann", max_requests=0)
    with pytest.raises(ValueError, match="user_id"):
        limiter.check_request("")


def take(store: Any, *buckets: tuple[str, int, int, int]) -> list[int]:
    """Call the function on (key, limit, window_ms, cost)."""
    store.function_load(FUNCTIONS.read_text(), replace=True)
    keys = [bucket[0] for bucket in buckets]
    numbers = [str(number) for bucket in buckets for number in bucket[1:]]
    return cast("list[int]", store.fcall("sanmen_v1_take", len(keys), *keys, *numbers))


def test_all_buckets_are_taken_from_or_none(store: Any) -> None:
    wide, narrow = ("{t}wide", 10, 3_600_000, 1), ("{t}narrow", 1, 3_600_000, 1)
    assert take(store, wide, narrow)[:3] == [1, 2, 0]
    assert take(store, wide, narrow)[:2] == [0, 2]
    assert take(store, wide)[2] == 8, "the refused call took nothing from the wide one"


def test_a_bucket_refills_evenly_and_says_when(store: Any) -> None:
    bucket = ("{t}b", 2, 1_000, 1)
    assert [take(store, bucket)[0] for _ in range(3)] == [1, 1, 0]
    wait_ms = take(store, bucket)[3]
    assert 0 < wait_ms <= 500
    until(lambda: take(store, bucket)[0] == 1, "one is given back")


def test_a_bucket_leaves_redis_when_it_is_full_again(store: Any) -> None:
    take(store, ("{t}b", 2, 200, 1))
    until(lambda: store.exists("{t}b") == 0, "the key has expired")


def test_a_clock_that_stepped_back_locks_nobody_out_for_longer_than_the_window(store: Any) -> None:
    take(store, ("{t}b", 2, 60_000, 0))
    store.set("{t}b", "9000000000000000")
    refused = take(store, ("{t}b", 2, 60_000, 1))
    assert refused[0] == 0
    assert refused[3] <= 30_001
