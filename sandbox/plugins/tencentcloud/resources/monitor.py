"""Prometheus on machines (Monitor/tmp*). Source: docs/fidelity/monitor.md.

No code of an error means gone: a thing is gone when a good answer lists none. Most of these calls are not repeated.
"""

from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    read_tags,
    resource,
    write_tags,
)

RUNNING, ABNORMAL, ISOLATED = 2, 3, 6
CREATE_WAIT_S, DELETE_WAIT_S = 540.0, 180.0


def once(cloud: Cloud, action: str, params: dict[str, Any]) -> dict[str, Any]:
    """An answer that the provider asks for once, whatever the error."""
    return cloud.call("monitor", action, params, retry_s=0)


def listed(cloud: Cloud, action: str, params: dict[str, Any], key: str) -> dict[str, Any] | None:
    """The first of an answer's list, or None. Asked once."""
    found: list[dict[str, Any]] = once(cloud, action, params)[key]
    return found[0] if found else None


def _find(cloud: Cloud, id: str) -> dict[str, Any] | None:
    params = {"InstanceIds": [id], "Offset": 0, "Limit": 20}
    return listed(cloud, "DescribePrometheusInstances", params, "InstanceSet")


@resource("tencentcloud:Monitor/tmpInstance:TmpInstance")
class TmpInstance(Handler):
    """A Prometheus. Its tags are the tag service's."""

    kind = "monitor.prometheus"
    key = ("InstanceId",)
    immutable = ("vpcId", "subnetId", "zone")

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The id is set when it runs and has its tags: a failure before leaves an orphan."""
        request = {
            "InstanceName": props["instanceName"],
            "VpcId": props["vpcId"],
            "SubnetId": props["subnetId"],
            "DataRetentionTime": props["dataRetentionTime"],
            "Zone": props["zone"],
        }
        id = cloud.call("monitor", "CreatePrometheusMultiTenantInstancePostPayMode", request)["InstanceId"]
        self._wait(cloud, id, RUNNING, CREATE_WAIT_S)
        write_tags(cloud, "monitor", "prom-instance", id, None, props.get("tags"))
        partial.id(id)
        return Created(id)

    def _wait(self, cloud: Cloud, id: str, wanted: int, timeout_s: float) -> None:
        def state() -> int:
            params = {"InstanceIds": [id], "Offset": 0, "Limit": 20}
            answer = cloud.call(
                "monitor", "DescribePrometheusInstances", params, retry=lambda error: error.matches("InternalError")
            )
            found = answer["InstanceSet"]
            return int(found[0]["InstanceStatus"]) if found else 0

        if cloud.wait(state, (wanted, ABNORMAL), timeout_s, what=f"Prometheus {id}") == ABNORMAL:
            raise ProviderError(f"tmpInstance status is {ABNORMAL}, operate failed.")

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """An isolated one is still there."""
        found = _find(cloud, id)
        if found is None:
            return None
        names = {
            "instanceName": "InstanceName",
            "vpcId": "VpcId",
            "subnetId": "SubnetId",
            "dataRetentionTime": "DataRetentionTime",
            "zone": "Zone",
            "ipv4Address": "IPv4Address",
            "remoteWrite": "RemoteWrite",
            "apiRootPath": "ApiRootPath",
            "proxyAddress": "ProxyAddress",
        }
        answer: Props = {name: found[key] for name, key in names.items() if found.get(key) is not None}
        return answer | {"tags": read_tags(cloud, "monitor", "prom-instance", id)}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """The name goes with every change, the retention with its own; then tags."""
        request = {"InstanceId": id, "InstanceName": new["instanceName"]}
        if not changed or "dataRetentionTime" in changed:
            request["DataRetentionTime"] = new["dataRetentionTime"]
        cloud.call("monitor", "ModifyPrometheusInstanceAttributes", request)
        if not changed or "tags" in changed:
            write_tags(cloud, "monitor", "prom-instance", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Isolate, wait, destroy."""
        once(cloud, "TerminatePrometheusInstances", {"InstanceIds": [id]})
        self._wait(cloud, id, ISOLATED, DELETE_WAIT_S)
        once(cloud, "DestroyPrometheusInstance", {"InstanceId": id})


@resource("tencentcloud:Monitor/tmpCvmAgent:TmpCvmAgent")
class TmpCvmAgent(Handler):
    """An agent: id `<prom>#<agent>`."""

    kind = "monitor.agent"
    key = ("_prometheus", "_id")

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The id is the answer's."""
        request = {"InstanceId": props["instanceId"], "Name": props["name"]}
        id = f"{props['instanceId']}#{cloud.call('monitor', 'CreatePrometheusAgent', request)['AgentId']}"
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """By id."""
        instance, agent = id.split("#")
        params = {"InstanceId": instance, "AgentIds": [agent]}
        found = listed(cloud, "DescribePrometheusAgents", params, "AgentSet")
        return found and {"instanceId": found["InstanceId"], "agentId": found["AgentId"], "name": found["Name"]}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Nothing of it changes in place."""

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Does nothing, as in the provider: an agent goes with its instance."""


@resource("tencentcloud:Monitor/tmpScrapeJob:TmpScrapeJob")
class TmpScrapeJob(Handler):
    """A scrape job: id `<job>#<prom>#<agent>`."""

    kind = "monitor.scrape_job"
    key = ("JobId", "_prometheus", "AgentId")
    immutable = ("instanceId", "agentId")

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The id is the answer's."""
        place = {"InstanceId": props["instanceId"], "AgentId": props["agentId"]}
        answer = cloud.call("monitor", "CreatePrometheusScrapeJob", {**place, "Config": props.get("config") or None})
        id = f"{answer['JobId']}#{props['instanceId']}#{props['agentId']}"
        partial.id(id)
        return Created(id)

    def _place(self, id: str) -> tuple[str, dict[str, Any]]:
        job, instance, agent = id.split("#")
        return job, {"InstanceId": instance, "AgentId": agent}

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """By id."""
        job, place = self._place(id)
        found = listed(cloud, "DescribePrometheusScrapeJobs", {**place, "JobIds": [job]}, "ScrapeJobSet")
        if found is None:
            return None
        return {"instanceId": place["InstanceId"], "agentId": found["AgentId"], "config": found["Config"]}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """The configuration."""
        job, place = self._place(id)
        cloud.call("monitor", "UpdatePrometheusScrapeJob", {**place, "JobId": job, "Config": new.get("config") or None})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """By id."""
        job, place = self._place(id)
        once(cloud, "DeletePrometheusScrapeJobs", {**place, "JobIds": [job]})
