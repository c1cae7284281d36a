"""Drives a tencentcloud plugin through a resource family's life and notes every call it makes and every output.

    python -m tests.sandbox.plugins.provider_run vpc PLUGIN > tests/sandbox/plugins/recordings/vpc.json

PLUGIN: the official plugin's file (0.2.3). It must be able to resolve `<service>.tencentcloudapi.localhost`, as it can
while a sandbox is up. What it does is the recording that our own plugin is held against; nobody edits one by hand.
"""

import json
import re
import subprocess
import sys
import tempfile
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
OURS = (sys.executable, "-m", "sandbox.plugins.tencentcloud")
_ID = re.compile(r"\b(vpc|subnet|rtb|rti|nat|eip|sg|fl|asc|asg|asp|ash|tcr)-[a-z0-9]{8}\b")
_OTHERS = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(Z|\+08:00)?"), "<time>"),
    (re.compile(r"\b\d{13}\b"), '"<milliseconds>"'),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<request>"),
)
_ENGINES_OWN = ("__defaults", "__meta", "__pulumi_raw_state_delta", "id", "password")
_ASKED_AGAIN = (
    *("DescribeAddresses", "DescribeNatGateways", "DescribeTaskResult", "DescribeVpcTaskResult"),
    *("DescribeAutoScalingGroups", "DeleteAutoScalingGroup", "DescribeInstances", "DescribeExternalEndpointStatus"),
)


class Run:
    """A plugin at work. `steps`: what was done, the calls that it made, and what it gave back."""

    def __init__(self, plugin: Plugin, calls: list[tuple[str, Json]]) -> None:
        self.steps: list[Step] = []
        self._plugin, self._calls, self._ids = plugin, calls, dict[str, str]()

    def create(self, kind: str, **inputs: Json) -> "Made":
        """Make one; its inputs by their names in programs."""
        token = token_of(kind)
        news, failures = self._plugin.check(token, inputs)
        assert not failures, failures
        ids: list[str] = []

        def make() -> Json:
            id, outputs = self._plugin.create(token, news)
            ids.append(id)
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
        """The same for every run: ids by the order in which they appear, no times."""
        text = json.dumps(step, sort_keys=True)
        text = _ID.sub(lambda found: self._ids.setdefault(found[0], f"<{found[1]} {len(self._ids)}>"), text)
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
        plugin.configure(region="ap-beijing")
        yield Run(plugin, calls)


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


def main(family: str, *command: str) -> None:
    """Print a family's recording."""
    from tests.sandbox.plugins import provider_lives

    with tempfile.TemporaryDirectory() as directory, run(command, Path(directory)) as plugin:
        getattr(provider_lives, family)(plugin)
        print("[\n" + ",\n".join(json.dumps(step, sort_keys=True) for step in plugin.steps) + "\n]")


if __name__ == "__main__":
    main(*sys.argv[1:])
