"""How fast the API answers a call that only reads: while nothing else happens, and while VPCs are being made.

`make bench`, or `tests/isolated .venv/bin/python -m tests.bench.read_latency`: the whole sandbox without a stack, in a
network and process tree of its own. Each call is signed and sent over one connection that stays open, as SDKs do it;
the time is that of the answer, without the signing.
"""

import hashlib
import hmac
import http.client
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sandbox import layout
from sandbox.api.credentials import AccountKey
from sandbox.api.throttle import DEFAULT_PER_S
from sandbox.commands import plugin, up
from sandbox.substrate import teardown

GOAL_MS = 5.0
"""Of the median, while VPCs are being made."""
ROUNDS = 3
VPCS = 3
"""At once, in each round."""
SUBNETS = 2
"""In each VPC, as small as a cell of the program has it."""
IDLE_CALLS = 500
PAUSE_S = 1.5 / DEFAULT_PER_S
"""Between two reads, so that the API's own limit on requests a second is not met."""


class Client:
    """One connection to the API."""

    def __init__(self) -> None:
        self._key = AccountKey.read(layout.CREDENTIALS)
        self._connection = http.client.HTTPConnection(layout.API_HOST, layout.API_PORT)

    def call(self, action: str, **params: Any) -> tuple[dict[str, Any], float]:
        """A VPC action's answer, and how many ms it took. Raises RuntimeError for the API's own errors."""
        body = json.dumps(params)
        headers = self._signed(action, body)
        began = time.perf_counter()
        self._connection.request("POST", "/", body, headers)
        answer = self._connection.getresponse().read()
        took_ms = (time.perf_counter() - began) * 1000
        found = json.loads(answer)["Response"]
        if "Error" in found:
            raise RuntimeError(f"{action}: {found['Error']}")
        return found, took_ms

    def _signed(self, action: str, body: str) -> dict[str, str]:
        now = int(time.time())
        date = time.strftime("%Y-%m-%d", time.gmtime(now))
        host = f"{layout.API_HOST}:{layout.API_PORT}"
        scope = f"{date}/vpc/tc3_request"
        request = f"POST\n/\n\ncontent-type:application/json\nhost:{host}\n\ncontent-type;host\n{_digest(body)}"
        text = f"TC3-HMAC-SHA256\n{now}\n{scope}\n{_digest(request)}"
        key = f"TC3{self._key.secret_key}".encode()
        for part in (date, "vpc", "tc3_request", text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return {
            "Content-Type": "application/json",
            "Host": host,
            "X-TC-Action": action,
            "X-TC-Version": "2017-03-12",
            "X-TC-Region": "ap-beijing",
            "X-TC-Timestamp": str(now),
            "Authorization": f"TC3-HMAC-SHA256 Credential={self._key.secret_id}/{scope}, "
            f"SignedHeaders=content-type;host, Signature={key.hex()}",
        }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def make_network(number: int) -> None:
    """A VPC with its subnets."""
    client = Client()
    made, _ = client.call("CreateVpc", VpcName=f"bench-{number}", CidrBlock=f"10.{number}.0.0/16")
    for subnet in range(SUBNETS):
        cidr = f"10.{number}.{subnet}.0/24"
        client.call("CreateSubnet", VpcId=made["Vpc"]["VpcId"], SubnetName="s", CidrBlock=cidr, Zone="ap-beijing-3")


def read(client: Client, more: Callable[[int], bool]) -> list[float]:
    """The ms of each read, as long as `more(how many so far)`."""
    took: list[float] = []
    while more(len(took)):
        took.append(client.call("DescribeVpcs")[1])
        time.sleep(PAUSE_S)
    return took


def read_while_making(client: Client, numbers: Sequence[int]) -> list[float]:
    """The ms of each read until all these networks are made, at once."""
    with ThreadPoolExecutor(len(numbers)) as pool:
        making = [pool.submit(make_network, number) for number in numbers]
        took = read(client, lambda _count: not all(each.done() for each in making))
        for each in making:
            each.result()
    return took


def tell(when: str, took: list[float]) -> float:
    """Print p50 and p99 in ms; returns p50."""
    percentiles = statistics.quantiles(took, n=100)
    print(f"{when:<32} p50 {percentiles[49]:6.2f} ms   p99 {percentiles[98]:7.2f} ms   {len(took)} calls", flush=True)
    return percentiles[49]


def main() -> int:
    """Measure; 1 if the goal is missed."""
    try:
        up.start(plugin.home(plugin.OWN)[0])
        client = Client()
        make_network(100)  # code that is loaded when it is first used
        tell("nothing else happens", read(client, lambda count: count < IDLE_CALLS))
        took: list[float] = []
        began = time.monotonic()
        for turn in range(ROUNDS):
            took += read_while_making(client, range(turn * VPCS, (turn + 1) * VPCS))
        seconds = (time.monotonic() - began) / ROUNDS
        p50 = tell(f"{VPCS} VPCs are made, in {seconds:.1f} s", took)
        print(f"goal: p50 of at most {GOAL_MS:.0f} ms meanwhile: {'met' if p50 <= GOAL_MS else 'missed'}")
        return int(p50 > GOAL_MS)
    finally:
        teardown.everything()


if __name__ == "__main__":
    sys.exit(main())
