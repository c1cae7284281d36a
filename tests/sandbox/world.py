"""A running API over a plane that only records, and the plugin's handlers against it: what a program does with them.

After each create and update the outputs must agree with the inputs, or the next preview would show a change.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.plugins.protocol.values import plain
from sandbox.plugins.tencentcloud import resources
from sandbox.plugins.tencentcloud.check import Failures, check
from sandbox.plugins.tencentcloud.cloud import Cloud, Credentials
from sandbox.plugins.tencentcloud.diff import diff
from sandbox.plugins.tencentcloud.endpoint import Endpoint
from sandbox.plugins.tencentcloud.handler import HANDLERS, Partial, Props
from sandbox.plugins.tencentcloud.schema import schema
from tests.sandbox.local_cloud import LocalCloud, local_cloud
from tests.sandbox.recording import Recording

REGION = "ap-beijing"


class World:
    """The API, what the substrate was asked for, and resources as the engine has them made, all in Beijing."""

    def __init__(self, api: LocalCloud, recording: Recording | None = None) -> None:
        resources.load()
        self.api, self._recording = api, recording
        endpoint = Endpoint(protocol="http", domain=f"tencentcloudapi.localhost:{api.server.port}")
        credentials = Credentials(secret_id=api.key.secret_id, secret_key=api.key.secret_key)
        self.cloud = Cloud(region=REGION, endpoint=endpoint, credentials=credentials)

    @property
    def plane(self) -> Recording:
        """What the substrate was asked for; there is none where the substrate is real."""
        assert self._recording is not None
        return self._recording

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

        self.until(ended, f"the task of {action}")
        assert state["Status"] == 0, state["Message"]
        return answer

    def until(self, happened: Callable[[], object], what: str) -> None:
        """Wait for what tasks and reconcilers bring about."""
        self.api.until(happened, what)

    # What others stand on.

    def vpc(self, cidr: str = "10.20.0.0/16") -> str:
        """A VPC's id."""
        return self.call("vpc", "CreateVpc", VpcName="core", CidrBlock=cidr)["Vpc"]["VpcId"]

    def subnet(self, vpc_id: str, cidr: str = "10.20.1.0/24", zone: str = f"{REGION}-3") -> str:
        """A subnet's id."""
        params = {"VpcId": vpc_id, "SubnetName": "s", "CidrBlock": cidr, "Zone": zone}
        return self.call("vpc", "CreateSubnet", **params)["Subnet"]["SubnetId"]

    def network(self, cidr: str = "10.20.0.0/16") -> tuple[str, str]:
        """(VPC, its first subnet, in zone 3)."""
        vpc_id = self.vpc(cidr)
        return vpc_id, self.subnet(vpc_id, cidr.replace("/16", "/24"))

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

    def machine(self, vpc: str, subnet: str, address: str, name: str = "gateway") -> str:
        """The document of an instance that runs, as the CVM service keeps it, with an address of the test's choice."""
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

    # What the engine does with a resource.

    def up(self, token: str, inputs: Props | None = None, /, **more: Any) -> tuple[str, Props]:
        """Create and read back."""
        settled, partial = checked(token, {**(inputs or {}), **more}), Partial()
        id = HANDLERS[token].create(self.cloud, settled, partial).id
        assert partial.known in (None, id)
        self.found(token, id)
        return id, self.agreed(token, id, {**settled, **partial.told})

    def found(self, token: str, id: str) -> None:
        """A create whose answer got lost is found by what the cloud keeps of it, where its type says what that is."""
        handler = HANDLERS[token]
        ids = {found for doc in self.api.store.list(handler.kind) for found in handler.identify(doc)}
        assert id in ids or not handler.kind

    def change(self, token: str, id: str, outputs: Props, inputs: Props | None = None, /, **more: Any) -> Props:
        """Update, and see that it holds."""
        settled = checked(token, {**(inputs or {}), **more})
        changed = frozenset(change.top for change in diff(token, schema()[token], outputs, settled))
        assert changed
        HANDLERS[token].update(self.cloud, id, outputs, settled, changed)
        return self.agreed(token, id, settled)

    def repair(self, token: str, id: str, outputs: Props, inputs: Props) -> None:
        """What the engine does with a resource whose create failed at its end: an update without a change."""
        settled = checked(token, inputs)
        HANDLERS[token].update(self.cloud, id, outputs, settled, frozenset())
        self.agreed(token, id, settled)

    def read(self, token: str, id: str, inputs: Props) -> Props | None:
        """What is, over what was asked; None when it is gone."""
        found = HANDLERS[token].read(self.cloud, id, inputs)
        return None if found is None else {**inputs, **{k: v for k, v in found.items() if v is not None}}

    def agreed(self, token: str, id: str, inputs: Props) -> Props:
        """The outputs; they must be of the schema and show no difference."""
        outputs = self.read(token, id, inputs)
        assert outputs is not None
        assert set(outputs) <= set(schema()[token])
        assert diff(token, schema()[token], outputs, inputs) == []
        return outputs

    def down(self, token: str, id: str, outputs: Props) -> None:
        """Delete."""
        HANDLERS[token].delete(self.cloud, id, outputs)


def checked(token: str, inputs: Props) -> Props:
    """Inputs with defaults, as they come to a handler. The preview must accept them."""
    failures = Failures()
    settled = check(token, schema()[token], inputs, failures)
    assert failures == {}
    found = {name: plain(value) for name, value in settled.items()}
    assert HANDLERS[token].check(found) == {}
    return found


@contextmanager
def world(directory: Path) -> Generator[World]:
    """A world whose files stand in `directory`."""
    recording = Recording()
    with local_cloud(directory, substrate=recording) as running:
        yield World(running, recording)
