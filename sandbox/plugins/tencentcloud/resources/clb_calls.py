"""Calls that the handlers of load balancers share: one writer at a time, tasks, look-ups by id.

Source of all of it: docs/fidelity/clb.md.
"""

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from sandbox.plugins.tencentcloud.cloud import WRITE_RETRY_S
from sandbox.plugins.tencentcloud.handler import Cloud, CloudError, Props, ProviderError

WAIT_S = 720.0
PAGE = 100
GONE = "InvalidParameter.LBIdNotFound"
"""The one code that reads, and the deletion of a balancer, take for "is not there"."""
OPERATING = "FailedOperation.ResourceInOperating"
NEW_IN_LISTENER_ID = "1.47"
"""The provider version since which composite ids are refused where a plain one is wanted."""
_writes = threading.Lock()


@contextmanager
def writing() -> Generator[None]:
    """Balancers, listeners, rules and redirections are written one after another, whatever the engine's parallelism.

    Custom configurations and their attachments are not: their order is the program's to give.
    """
    with _writes:
        yield


def perform(
    cloud: Cloud,
    action: str,
    params: Mapping[str, Any],
    *,
    anew: bool = False,
    retry: Callable[[CloudError], bool] | None = None,
    retry_s: float = WRITE_RETRY_S,
) -> dict[str, Any]:
    """Call an action and wait for its task.

    anew: a look at the task that is refused with a retried code begins with the action again; else it is an error, as
    every other refusal of that look. Raises ProviderError when the task fails.
    """

    def whole() -> dict[str, Any]:
        answer = cloud.call("clb", action, params, retry_s=0)
        await_task(cloud, answer["RequestId"])
        return answer

    if anew:
        return cloud.repeat(whole, retry_s, retry, f"clb {action}")
    answer = cloud.call("clb", action, params, retry_s=retry_s, retry=retry)
    await_task(cloud, answer["RequestId"])
    return answer


def await_task(cloud: Cloud, task: str, timeout_s: float = WAIT_S) -> list[str]:
    """Wait for a task; returns the balancers it names. Raises ProviderError when it fails, CloudError at once."""
    answer: dict[str, Any] = {}

    def state() -> int:
        answer.update(cloud.call("clb", "DescribeTaskStatus", {"TaskId": task}, retry_s=0))
        return int(answer["Status"])

    if cloud.wait(state, (0, 1), timeout_s, what=f"CLB task {task}") == 1:
        raise ProviderError(f"CLB task status is 1(failed), requestId is {task}")
    return answer.get("LoadBalancerIds") or []


def still_working(error: CloudError) -> bool:
    """Messages, whatever the code, after which rules and domains are written again."""
    phrases = (
        "is not in normal status",
        "is not in normal desState",
        "desState is abnormal",
        "des status abnormal",
        "Your task is working",
    )
    return any(phrase in error.message for phrase in phrases)


def find_listener(cloud: Cloud, balancer_id: str, id: str) -> dict[str, Any] | None:
    """The listener as the API tells it, or None."""
    found = unless_gone(cloud, "DescribeListeners", {"LoadBalancerId": balancer_id, "ListenerIds": [id]})
    return found["Listeners"][0] if found and found["Listeners"] else None


def unless_gone(cloud: Cloud, action: str, params: Mapping[str, Any], retry_s: float | None = None) -> Any:
    """The answer, or None when the balancer it is about does not exist."""
    try:
        return cloud.call("clb", action, params, retry_s=retry_s)
    except CloudError as error:
        if error.code == GONE:
            return None
        raise


def all_pages(
    cloud: Cloud, action: str, params: Mapping[str, Any], key: str, retry_s: float | None = None
) -> list[dict[str, Any]]:
    """All documents that an action lists, a hundred at a time."""
    found: list[dict[str, Any]] = []
    while True:
        query = {**params, "Offset": len(found), "Limit": PAGE}
        page: list[dict[str, Any]] = cloud.call("clb", action, query, retry_s=retry_s)[key]
        found += page
        if len(page) < PAGE:
            return found


def rules_of(listener: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """A listener's rules; none for a listener that is gone."""
    rules: list[dict[str, Any]] = (listener.get("Rules") if listener else None) or []
    return rules


def nonzero(props: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Request parameters of the properties that are neither unset nor empty, zero or false."""
    return {parameter: props[name] for name, parameter in names.items() if props.get(name)}


def plain(props: Props, *names: str) -> dict[str, str]:
    """Preview-time reasons for composite ids where plain ones are wanted."""
    return {name: _composite(name, props[name]) for name in names if "#" in str(props.get(name) or "")}


def _composite(name: str, value: str) -> str:
    return (
        f"{value} is the composite id of a listener or rule: since {NEW_IN_LISTENER_ID} `{name}` takes the plain id; "
        "use the `listenerId` or `ruleId` output"
    )


def in_range(props: Props, name: str, low: int, high: int) -> dict[str, str]:
    """A reason if a number is outside its range."""
    value = props.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and not low <= value <= high:
        return {name: f"expected {name} to be in the range ({low} - {high}), got {value}"}
    return {}


def one_of(props: Props, name: str, *allowed: str) -> dict[str, str]:
    """A reason if a text is not allowed."""
    value = props.get(name)
    if value is not None and value not in allowed:
        return {name: f"expected {name} to be one of {list(allowed)}, got {value}"}
    return {}
