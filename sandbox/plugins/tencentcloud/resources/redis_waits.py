"""What the official provider waits for at a Redis instance. Source: docs/fidelity/redis.md."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import Cloud, ProviderError

ONLINE = 2
SETTLED_S = 3600.0
TASK_S = 300.0


def described(cloud: Cloud, instance_id: str) -> dict[str, Any]:
    """The instance's row. Raises ProviderError without one."""
    rows: list[dict[str, Any]] = cloud.call("redis", "DescribeInstances", {"InstanceId": instance_id})["InstanceSet"]
    if not rows:
        raise ProviderError(f"instance {instance_id} not exist")
    return rows[0]


def settled(cloud: Cloud, instance_id: str) -> dict[str, Any]:
    """The instance's row once it is neither initialising nor processing; isolated is settled too."""
    return cloud.wait(
        lambda: described(cloud, instance_id),
        lambda row: row["Status"] not in (0, 1),
        SETTLED_S,
        what=f"{instance_id} settled",
    )


def wait_change(cloud: Cloud, instance_id: str) -> None:
    """The status must be seen to leave online, and then be settled."""
    cloud.wait(
        lambda: described(cloud, instance_id)["Status"],
        lambda status: status != ONLINE,
        SETTLED_S,
        what=f"{instance_id} upgrade start",
        interval_s=0.1,
    )
    settled(cloud, instance_id)


def wait_task(cloud: Cloud, number: int, timeout_s: float = TASK_S) -> None:
    """Wait for a task. Raises ProviderError when it failed."""

    def state() -> str:
        return cloud.call("redis", "DescribeTaskInfo", {"TaskId": number})["Status"]

    ended = cloud.wait(state, lambda now: now not in ("preparing", "running"), timeout_s, what=f"redis task {number}")
    if ended != "succeed":
        raise ProviderError(f"redis task exe fail, task status is {ended}")
