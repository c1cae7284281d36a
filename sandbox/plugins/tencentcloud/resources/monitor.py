"""Prometheus on machines (Monitor/tmp*). Source: docs/sources.md, provider."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import (
    Cloud,
    CloudError,
    Created,
    Handler,
    Partial,
    Props,
    ProviderError,
    read_tags,
    resource,
    tag_list,
    write_tags,
)

RUNNING, ABNORMAL, ISOLATED = 2, 3, 6
CREATE_WAIT_S, DELETE_WAIT_S = 540.0, 180.0


def find(cloud: Cloud, id: str) -> dict[str, Any] | None:
    """The instance as the API tells it, or None."""
    found = cloud.call("monitor", "DescribePrometheusInstances", {"InstanceIds": [id]})["InstanceSet"]
    return found[0] if found else None


def ask(cloud: Cloud, action: str, params: dict[str, Any]) -> dict[str, Any] | None:
    """The answer, or None if the API says that there is no such thing."""
    try:
        return cloud.call("monitor", action, params)
    except CloudError as error:
        if error.matches("ResourceNotFound"):
            return None
        raise


@resource("tencentcloud:Monitor/tmpInstance:TmpInstance")
class TmpInstance(Handler):
    """A Prometheus."""

    immutable = ("vpcId", "subnetId", "zone")

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The id is set when it runs: a failure before leaves an orphan."""
        request = {
            "InstanceName": props["instanceName"],
            "VpcId": props["vpcId"],
            "SubnetId": props["subnetId"],
            "DataRetentionTime": props["dataRetentionTime"],
            "Zone": props["zone"],
            "TagSpecification": tag_list(props.get("tags")),
        }
        id = cloud.call("monitor", "CreatePrometheusMultiTenantInstancePostPayMode", request)["InstanceId"]

        def state() -> int:
            found = find(cloud, id)
            return int(found["InstanceStatus"]) if found else 0

        if cloud.wait(state, (RUNNING, ABNORMAL), CREATE_WAIT_S, what=f"Prometheus {id}") == ABNORMAL:
            raise ProviderError(f"tmpInstance status is {ABNORMAL}, operate failed.")
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """An isolated one is gone."""
        found = find(cloud, id)
        if found is None or found["InstanceStatus"] == ISOLATED:
            return None
        return {
            "instanceName": found["InstanceName"],
            "vpcId": found["VpcId"],
            "subnetId": found["SubnetId"],
            "dataRetentionTime": found["DataRetentionTime"],
            "zone": found["Zone"],
            "ipv4Address": found["IPv4Address"],
            "remoteWrite": found["RemoteWrite"],
            "apiRootPath": found["ApiRootPath"],
            "proxyAddress": found["ProxyAddress"],
            "tags": read_tags(cloud, "monitor", "prom-instance", id),
        }

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Name, retention, tags."""
        if {"instanceName", "dataRetentionTime"} & changed:
            request = {"InstanceName": new["instanceName"], "DataRetentionTime": new["dataRetentionTime"]}
            cloud.call("monitor", "ModifyPrometheusInstanceAttributes", {"InstanceId": id, **request})
        if "tags" in changed:
            write_tags(cloud, "monitor", "prom-instance", id, old.get("tags"), new.get("tags"))

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Isolate, wait, destroy."""
        if find(cloud, id) is None:
            return
        cloud.call("monitor", "TerminatePrometheusInstances", {"InstanceIds": [id]})

        def state() -> int:
            found = find(cloud, id)
            return int(found["InstanceStatus"]) if found else ISOLATED

        cloud.wait(state, (ISOLATED,), DELETE_WAIT_S, what=f"Prometheus {id} to be isolated")
        ask(cloud, "DestroyPrometheusInstance", {"InstanceId": id})


@resource("tencentcloud:Monitor/tmpCvmAgent:TmpCvmAgent")
class TmpCvmAgent(Handler):
    """An agent: id `<prom>#<agent>`."""

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The id is the answer's."""
        request = {"InstanceId": props["instanceId"], "Name": props["name"]}
        id = f"{props['instanceId']}#{cloud.call('monitor', 'CreatePrometheusAgent', request)['AgentId']}"
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """By id."""
        instance, agent = id.split("#")
        answer = ask(cloud, "DescribePrometheusAgents", {"InstanceId": instance, "AgentIds": [agent]})
        if answer is None or not answer["AgentSet"]:
            return None
        return {"instanceId": instance, "agentId": agent, "name": answer["AgentSet"][0]["Name"]}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Nothing of it changes in place."""

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Does nothing, as in the provider: an agent goes with its instance."""


@resource("tencentcloud:Monitor/tmpScrapeJob:TmpScrapeJob")
class TmpScrapeJob(Handler):
    """A scrape job: id `<job>#<prom>#<agent>`."""

    immutable = ("instanceId", "agentId")

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """The id is the answer's."""
        place = {"InstanceId": props["instanceId"], "AgentId": props["agentId"]}
        answer = cloud.call("monitor", "CreatePrometheusScrapeJob", {**place, "Config": props.get("config")})
        id = f"{answer['JobId']}#{props['instanceId']}#{props['agentId']}"
        partial.id(id)
        return Created(id)

    def _place(self, id: str) -> tuple[str, dict[str, Any]]:
        job, instance, agent = id.split("#")
        return job, {"InstanceId": instance, "AgentId": agent}

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """By id."""
        job, place = self._place(id)
        answer = ask(cloud, "DescribePrometheusScrapeJobs", {**place, "JobIds": [job]})
        if answer is None or not answer["ScrapeJobSet"]:
            return None
        config = answer["ScrapeJobSet"][0]["Config"]
        return {"instanceId": place["InstanceId"], "agentId": place["AgentId"], "config": config}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """The configuration."""
        job, place = self._place(id)
        cloud.call("monitor", "UpdatePrometheusScrapeJob", {**place, "JobId": job, "Config": new.get("config")})

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """One that is gone is accepted."""
        job, place = self._place(id)
        ask(cloud, "DeletePrometheusScrapeJobs", {**place, "JobIds": [job]})
