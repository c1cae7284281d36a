"""A running API with the services of the edge, a plane that records, and the plugin's handlers against it."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.api.testing import LocalCloud, local_cloud
from sandbox.plugins.tencentcloud import resources
from sandbox.plugins.tencentcloud.cloud import Cloud, Credentials
from sandbox.plugins.tencentcloud.diff import diff
from sandbox.plugins.tencentcloud.endpoint import Endpoint
from sandbox.plugins.tencentcloud.handler import HANDLERS, Partial, Props
from sandbox.plugins.tencentcloud.schema import schema
from sandbox.services import plane
from tests.sandbox.recording import Recording

REGION = "ap-beijing"


class World:
    """The API, what the substrate was asked for, and resources as the engine has them made."""

    def __init__(self, running: LocalCloud, recorded: Recording | None = None) -> None:
        resources.load()
        self.api, self._plane = running, recorded
        endpoint = Endpoint(protocol="http", domain=f"tencentcloudapi.localhost:{running.server.port}")
        credentials = Credentials(secret_id=running.key.secret_id, secret_key=running.key.secret_key)
        self.cloud = Cloud(region=REGION, endpoint=endpoint, credentials=credentials)

    @property
    def plane(self) -> Recording:
        """What the substrate was asked for; there is none where the substrate is real."""
        assert self._plane is not None
        return self._plane

    def call(self, service: str, action: str, **params: Any) -> dict[str, Any]:
        """The body of an answer."""
        return self.api.call(service, action, params, region=REGION)

    def clb(self, action: str, **params: Any) -> dict[str, Any]:
        """A load balancer's action, with its task waited for. Raises AssertionError if the task fails."""
        answer = self.call("clb", action, **params)
        state: dict[str, Any] = {}

        def ended() -> bool:
            state.update(self.call("clb", "DescribeTaskStatus", TaskId=answer["RequestId"]))
            return state["Status"] != 2

        self.api.until(ended, f"the task of {action}")
        assert state["Status"] == 0, state["Message"]
        return answer

    def network(self, cidr: str = "10.20.0.0/16") -> tuple[str, str]:
        """(VPC, subnet in zone 3)."""
        vpc = self.call("vpc", "CreateVpc", VpcName="v", CidrBlock=cidr)["Vpc"]["VpcId"]
        subnet = self.call(
            "vpc",
            "CreateSubnet",
            VpcId=vpc,
            SubnetName="s",
            CidrBlock=cidr.replace("/16", "/24"),
            Zone=f"{REGION}-3",
        )["Subnet"]["SubnetId"]
        return vpc, subnet

    def machine(self, vpc: str, subnet: str, address: str, name: str = "gateway") -> str:
        """The document of an instance that runs, as the CVM service keeps it."""
        id = self.api.store.new_id("ins")
        doc = {
            "InstanceId": id,
            "InstanceName": name,
            "InstanceState": "RUNNING",
            "InstanceType": "S5.MEDIUM4",
            "PrivateIpAddresses": [address],
            "PublicIpAddresses": [],
            "Placement": {"Zone": f"{REGION}-3"},
            "VirtualPrivateCloud": {"VpcId": vpc, "SubnetId": subnet},
            "Tags": [],
        }
        self.api.store.put("cvm.instance", id, doc, REGION)
        return id

    def up(self, token: str, **inputs: Any) -> tuple[str, Props]:
        """Create, read back, and see that the next preview would show no change."""
        inputs = _checked(token, inputs)
        assert HANDLERS[token].check(inputs) == {}
        partial = Partial()
        id = HANDLERS[token].create(self.cloud, inputs, partial).id
        assert partial.known == id
        return id, self.agreed(token, id, inputs)

    def agreed(self, token: str, id: str, inputs: Props) -> Props:
        """The outputs; they must be of the schema and show no difference."""
        found = HANDLERS[token].read(self.cloud, id, inputs)
        assert found is not None
        outputs = {**inputs, **{name: value for name, value in found.items() if value is not None}}
        assert set(outputs) <= set(schema()[token])
        assert diff(token, schema()[token], outputs, inputs) == []
        return outputs

    def change(self, token: str, id: str, outputs: Props, **inputs: Any) -> Props:
        """Update, and see that it holds."""
        inputs = _checked(token, inputs)
        changed = frozenset(change.top for change in diff(token, schema()[token], outputs, inputs))
        assert changed
        HANDLERS[token].update(self.cloud, id, outputs, inputs, changed)
        return self.agreed(token, id, inputs)

    def down(self, token: str, id: str, outputs: Props) -> None:
        """Delete."""
        HANDLERS[token].delete(self.cloud, id, outputs)


def _checked(token: str, inputs: Props) -> Props:
    defaults = {name: field.default for name, field in schema()[token].items() if field.default is not None}
    return {**defaults, **inputs}


@contextmanager
def world(directory: Path) -> Generator[World]:
    """A world whose files stand in `directory`."""
    recorded = Recording()
    with plane.use(recorded), local_cloud(directory) as running:
        yield World(running, recorded)
