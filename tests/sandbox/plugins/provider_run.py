"""Drives a tencentcloud plugin through the lives of resources, and notes every call it makes and every output."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sandbox.api.front import Front
from sandbox.plugins.protocol.values import Secret, Values, decode, encode, is_mapping
from tests.sandbox.local_cloud import LocalCloud, local_cloud
from tests.sandbox.plugins.plugin_driver import CLEAN, Plugin
from tests.sandbox.recording import Recording

Json = Any
Step = dict[str, Json]
REGION = "ap-beijing"
TAGS = {"env": "local", "team": "a"}
OURS = (sys.executable, "-m", "sandbox.plugins.tencentcloud")
_KINDS = (
    *("vpc", "subnet", "rtb", "rti", "nat", "eip", "sg", "fl", "lb", "lbl", "loc", "pz", "asc", "asg", "asp", "ash"),
    *("tcr", "crs", "crs-cfg", "gtm", "prom", "agent", "job", "rrule", "arule"),
)
_ID = re.compile(rf"\b({'|'.join(_KINDS)})-[a-z0-9]{{8}}\b|[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}")
_BARE_ID = re.compile(r"[A-Za-z0-9]{8}")
"""A certificate's: only a create says that such a word is one."""
_OTHERS = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(Z|\+08:00)?"), "<time>"),
    (re.compile(r"\b\d{13}\b"), '"<milliseconds>"'),
    (re.compile(r"(?<=>-)[a-z0-9]{16}(?=\.clb\.)|\b[0-9a-f]{32}\b"), "<random>"),
    (re.compile(r"-----BEGIN.*?-----END [A-Z ]+-----"), "<pem>"),
)
_ENGINES_OWN = ("__defaults", "__meta", "__pulumi_raw_state_delta", "id", "password")
_ASKED_AGAIN = (
    *("DescribeAddresses", "DescribeNatGateways", "DescribeTaskResult", "DescribeVpcTaskResult", "DescribeTaskStatus"),
    *("DescribeAutoScalingGroups", "DeleteAutoScalingGroup", "DescribeInstances", "DescribeExternalEndpointStatus"),
    *("DescribeTaskInfo", "DescribeZones"),
)


class Run:
    """A plugin at work. `steps`: what was done, the calls that it made, and what it gave back."""

    def __init__(self, plugin: Plugin, cloud: LocalCloud, calls: list[tuple[str, Json]]) -> None:
        self.steps: list[Step] = []
        self._cloud, self._plugin, self._calls, self._ids = cloud, plugin, calls, dict[str, str]()

    def given(self, service: str, action: str, **params: Json) -> Json:
        """The answer of a call that is not the plugin's: what others make, and nobody notes."""
        return self._cloud.call(service, action, params, region=REGION)

    def network(self) -> tuple[str, str]:
        """(VPC, its subnet in zone 3) that others made."""
        vpc_id = self.given("vpc", "CreateVpc", VpcName="v", CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        place = {"VpcId": vpc_id, "Zone": f"{REGION}-3"}
        subnet = self.given("vpc", "CreateSubnet", SubnetName="s", CidrBlock="10.20.1.0/24", **place)["Subnet"]
        return vpc_id, subnet["SubnetId"]

    def create(self, kind: str, **inputs: Json) -> "Made":
        """Make one; its inputs by their names in programs."""
        token = token_of(kind)
        news, failures = self._plugin.check(token, inputs)
        assert not failures, failures
        ids: list[str] = []

        def make() -> Json:
            id, outputs = self._plugin.create(token, news)
            ids.append(id)
            if _BARE_ID.fullmatch(id):
                self._ids[id] = f"<{kind} {len(self._ids)}>"
            return outputs

        outputs = self.step(f"create {kind}", make)
        return Made(self, kind, ids[0], news, outputs)

    def ask(self, name: str, message: Json) -> Json:
        """The raw answer of one of the plugin's methods."""
        return getattr(self._plugin.stub, name)(message)

    def urn(self, kind: str) -> str:
        """As the engine names it."""
        return self._plugin.urn(token_of(kind))

    def check(self, kind: str, inputs: Values, olds: Values) -> Values:
        """The inputs as a handler gets them."""
        news, failures = self._plugin.check(token_of(kind), inputs, olds)
        assert not failures, failures
        return news

    def step(self, what: str, work: Callable[[], Json]) -> Json:
        """Do it and note it. `work` returns the outputs."""
        self._calls.clear()
        given = _without_empty_secrets(work())
        calls = [[action, _sorted(params)] for action, params in self._calls]
        once = [call for place, call in enumerate(calls) if place == 0 or not _again(call, calls[place - 1])]
        self.steps.append(self._plain({"step": what, "calls": once, "outputs": _outputs(given)}))
        return given

    def _plain(self, step: Step) -> Step:
        """The same for every run: ids by the order in which they appear, no times, no keys."""
        text = json.dumps(step, sort_keys=True, ensure_ascii=False, default=_opened)
        text = _ID.sub(lambda found: self._ids.setdefault(found[0], f"<{found[1] or 'uuid'} {len(self._ids)}>"), text)
        for id in filter(_BARE_ID.fullmatch, self._ids):
            text = text.replace(id, self._ids[id])
        for pattern, word in _OTHERS:
            text = pattern.sub(word, text)
        return json.loads(text)


class Made:
    """A resource of a run."""

    def __init__(self, run: Run, kind: str, id: str, inputs: Values, outputs: Values) -> None:
        self.id, self.outputs = id, outputs
        self._run, self._kind, self._inputs = run, kind, inputs

    def change(self, *gone: str, **inputs: Json) -> None:
        """Update it; what is not named stays as it was."""
        kept = {name: value for name, value in self._inputs.items() if name not in (*gone, "__defaults")}
        news = self._run.check(self._kind, {**kept, **inputs}, self._inputs)
        request = provider_pb2.UpdateRequest(
            urn=self._run.urn(self._kind),
            id=self.id,
            olds=encode(self.outputs),
            old_inputs=encode(self._inputs),
            news=encode(news),
        )
        self._inputs = news
        self.outputs = self._run.step(
            f"update {self._kind}", lambda: decode(self._run.ask("Update", request).properties)
        )

    def refresh(self) -> None:
        """Read it, as `pulumi refresh` does."""
        request = provider_pb2.ReadRequest(
            urn=self._run.urn(self._kind), id=self.id, properties=encode(self.outputs), inputs=encode(self._inputs)
        )
        self.outputs = self._run.step(f"read {self._kind}", lambda: decode(self._run.ask("Read", request).properties))

    def delete(self) -> None:
        """Delete it, and see that it reads as gone."""
        state = encode(self.outputs)
        request = provider_pb2.DeleteRequest(urn=self._run.urn(self._kind), id=self.id, properties=state)
        self._run.step(f"delete {self._kind}", lambda: self._run.ask("Delete", request) and None)
        read = provider_pb2.ReadRequest(urn=self._run.urn(self._kind), id=self.id, properties=state)

        def gone() -> Json:
            try:
                return {"id": self._run.ask("Read", read).id}
            except grpc.RpcError:
                return {"error": True}

        self._run.step(f"read {self._kind} that is gone", gone)


def token_of(kind: str) -> str:
    """`Vpc/instance` -> `tencentcloud:Vpc/instance:Instance`."""
    name = kind.partition("/")[2]
    return f"tencentcloud:{kind}:{name[0].upper()}{name[1:]}"


def _again(call: Sequence[Json], before: Sequence[Json]) -> bool:
    """A wait asks as often as it takes."""
    return call == before and call[0] in _ASKED_AGAIN


def _sorted(params: Mapping[str, Json]) -> Json:
    """Tags have no order."""
    names = ("Tags", "ReplaceTags", "DeleteTags")
    return {name: sorted(value, key=json.dumps) if name in names else value for name, value in params.items()}


def _without_empty_secrets(given: Json) -> Json:
    """The official plugin gives a secret argument back that was not set; sent again, it cannot be read."""
    if not is_mapping(given):
        return given
    return {name: value for name, value in given.items() if not (isinstance(value, Secret) and value.value is None)}


def _opened(secret: Secret) -> Json:
    return {"secret": secret.value}


def _outputs(given: Json) -> Json:
    """What a plugin gave back, without what is the engine's; tags that are none are left out."""
    if not is_mapping(given):
        return given
    shown = {name: value for name, value in given.items() if name not in _ENGINES_OWN}
    return {name: value for name, value in shown.items() if name != "tags" or value}


@contextmanager
def run(command: Sequence[str], directory: Path) -> Generator[Run]:
    """A plugin that is configured for a cloud of its own."""
    calls: list[tuple[str, Json]] = []
    with _noted(calls), local_cloud(directory, substrate=Recording()) as cloud, _started(command, cloud) as plugin:
        plugin.configure(region=REGION)
        yield Run(plugin, cloud, calls)


@contextmanager
def _noted(calls: list[tuple[str, Json]]) -> Generator[None]:
    answer = Front.answer

    def noted(front: Front, request: Any) -> dict[str, Json]:
        calls.append((request.headers["x-tc-action"], json.loads(request.body or b"{}")))
        return answer(front, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Front, "answer", noted)
        yield


@contextmanager
def _started(command: Sequence[str], cloud: LocalCloud) -> Generator[Plugin]:
    environment: Mapping[str, str] = {
        **CLEAN,
        "TENCENTCLOUD_DOMAIN": f"tencentcloudapi.localhost:{cloud.server.port}",
        "TENCENTCLOUD_PROTOCOL": "HTTP",
        "TENCENTCLOUD_SECRET_ID": cloud.key.secret_id,
        "TENCENTCLOUD_SECRET_KEY": cloud.key.secret_key,
    }
    process = subprocess.Popen([*command, "127.0.0.1:1"], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
            yield Plugin(provider_pb2_grpc.ResourceProviderStub(channel), command[0])
    finally:
        process.terminate()
        process.wait(timeout=10)
