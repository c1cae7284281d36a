"""A running API over a plane that only records, and the plugin's handlers against it: for control-plane tests."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox import services
from sandbox.api.testing import LocalCloud, local_cloud
from sandbox.plugins.protocol.values import plain
from sandbox.plugins.tencentcloud import resources
from sandbox.plugins.tencentcloud.check import Failures, check
from sandbox.plugins.tencentcloud.cloud import Cloud, Credentials
from sandbox.plugins.tencentcloud.diff import diff
from sandbox.plugins.tencentcloud.endpoint import Endpoint
from sandbox.plugins.tencentcloud.handler import HANDLERS, Partial, Props
from sandbox.plugins.tencentcloud.schema import schema
from sandbox.services import plane
from tests.sandbox.recording import Recording

REGION = "ap-beijing"


class Network:
    """A cloud with one VPC's worth of shortcuts. `plane` holds what the services asked of the substrate."""

    def __init__(self, cloud: LocalCloud, recorded: Recording) -> None:
        resources.load()
        self.api = cloud
        self.plane = recorded
        endpoint = Endpoint(protocol="http", domain=f"tencentcloudapi.localhost:{cloud.server.port}")
        credentials = Credentials(secret_id=cloud.key.secret_id, secret_key=cloud.key.secret_key)
        self.cloud = Cloud(region=REGION, endpoint=endpoint, credentials=credentials)

    def call(self, service: str, action: str, **params: Any) -> dict[str, Any]:
        """An answer of the API in Beijing."""
        return self.api.call(service, action, params)

    def until(self, happened: Any, what: str) -> None:
        """Wait for what tasks and reconcilers bring about."""
        self.api.until(happened, what)

    def vpc(self, cidr: str = "10.20.0.0/16") -> str:
        """A VPC's id."""
        return self.call("vpc", "CreateVpc", VpcName="core", CidrBlock=cidr)["Vpc"]["VpcId"]

    def subnet(self, vpc_id: str, cidr: str = "10.20.1.0/24", zone: str = f"{REGION}-3") -> str:
        """A subnet's id."""
        params = {"VpcId": vpc_id, "SubnetName": "s", "CidrBlock": cidr, "Zone": zone}
        return self.call("vpc", "CreateSubnet", **params)["Subnet"]["SubnetId"]

    def group(self, ingress: Sequence[Mapping[str, Any]] | None = None) -> str:
        """A security group with these ingress rules."""
        group_id = self.call("vpc", "CreateSecurityGroup", GroupName="g", GroupDescription="d")["SecurityGroup"][
            "SecurityGroupId"
        ]
        if ingress is not None:
            self.rules(group_id, ingress)
        return group_id

    def rules(self, group_id: str, ingress: Sequence[Mapping[str, Any]]) -> None:
        """Replace a group's ingress rules."""
        policies = {"Ingress": list(ingress)}
        self.call("vpc", "ModifySecurityGroupPolicies", SecurityGroupId=group_id, SecurityGroupPolicySet=policies)

    def instance(self, vpc_id: str, subnet_id: str, *groups: str) -> str:
        """A running CVM instance."""
        made = self.call(
            "cvm",
            "RunInstances",
            ImageId="img-sanmengw",
            InstanceType="S5.MEDIUM4",
            Placement={"Zone": f"{REGION}-3"},
            VirtualPrivateCloud={"VpcId": vpc_id, "SubnetId": subnet_id},
            SecurityGroupIds=list(groups),
        )["InstanceIdSet"][0]
        self.until(lambda: self.instance_state(made) == "RUNNING", f"{made} runs")
        return made

    def instance_state(self, instance_id: str) -> str | None:
        """RUNNING and so on; None when it is gone."""
        found = self.call("cvm", "DescribeInstances", InstanceIds=[instance_id])["InstanceSet"]
        return found[0]["InstanceState"] if found else None

    # What the engine does with a resource.

    def checked(self, token: str, inputs: Props) -> Props:
        """Inputs with defaults, as they come to a handler. The preview must accept them."""
        failures = Failures()
        settled = check(token, schema()[token], inputs, failures)
        assert failures == {}
        return {name: plain(value) for name, value in settled.items()}

    def up(self, token: str, inputs: Props) -> tuple[str, Props]:
        """Create and read; what was read must not differ from the inputs."""
        settled = self.checked(token, inputs)
        id = HANDLERS[token].create(self.cloud, settled, Partial()).id
        return id, self.read(token, id, settled)

    def read(self, token: str, id: str, inputs: Props) -> Props:
        """What is, over what was asked."""
        found = HANDLERS[token].read(self.cloud, id, inputs)
        assert found is not None
        outputs = {**inputs, **found}
        differing = diff(token, schema()[token], outputs, inputs)
        assert differing == [], differing
        assert set(found) <= set(schema()[token])
        return outputs

    def change(self, token: str, id: str, outputs: Props, inputs: Props) -> Props:
        """Update to new inputs and read."""
        settled = self.checked(token, inputs)
        changed = frozenset(change.top for change in diff(token, schema()[token], outputs, settled))
        assert changed
        HANDLERS[token].update(self.cloud, id, outputs, settled, changed)
        return self.read(token, id, settled)

    def down(self, token: str, id: str, outputs: Props) -> None:
        """Delete."""
        HANDLERS[token].delete(self.cloud, id, outputs)


@contextmanager
def network(directory: Path) -> Generator[Network]:
    """Everything of one test."""
    services.load()
    recorded = Recording()
    with plane.use(recorded), local_cloud(directory) as running:
        yield Network(running, recorded)
