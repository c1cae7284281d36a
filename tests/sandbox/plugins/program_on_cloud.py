"""The whole program on the running API, without the engine: every resource goes through the plugin's own handler.

It is to the control plane what `up`, `refresh` and `destroy` are to all of it. Every call is noted with the resource
type and the step that made it.
"""

import asyncio
import contextvars
import re
import threading
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pulumi
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime.stack import run_pulumi_func

from infra.program import run as program
from sandbox.plugins.protocol.values import Values
from sandbox.plugins.protocol.values import plain as without_secrets
from sandbox.plugins.tencentcloud.check import Failures, check
from sandbox.plugins.tencentcloud.cloud import Cloud, Credentials
from sandbox.plugins.tencentcloud.diff import diff
from sandbox.plugins.tencentcloud.endpoint import Endpoint
from sandbox.plugins.tencentcloud.errors import ProviderError
from sandbox.plugins.tencentcloud.lifecycle import Resource, resource_of
from sandbox.plugins.tencentcloud.schema import schema
from tests.infra.engine import SECRETS, Monitor, as_given, config, environment, plain

PROVIDER = "pulumi:providers:tencentcloud"
Call = tuple[str, str, str, str]
"""Resource type, step, service, action."""


@dataclass
class Made:
    """A resource of the cloud: `urn` to find its options by, `inputs` checked, `outputs` as last read."""

    resource: Resource
    name: str
    region: str
    id: str
    inputs: Values
    outputs: Values
    ignored: tuple[str, ...]


class NotedCloud(Cloud):
    """Notes every call under what this thread works on."""

    def __init__(self, calls: dict[Call, list[Mapping[str, Any]]], work: threading.local, **options: Any) -> None:
        super().__init__(**options)
        self._calls, self._work = calls, work

    def call(self, service: str, action: str, params: Mapping[str, Any] | None = None, **options: Any) -> Any:
        self._calls[self._work.token, self._work.step, service, action].append(dict(params or {}))
        return super().call(service, action, params, **options)


@dataclass
class Program(pulumi_mocks.Mocks):
    """A stack on the cloud that answers at `endpoint`."""

    endpoint: Endpoint
    credentials: Credentials
    made: list[Made] = field(default_factory=list[Made])
    calls: dict[Call, list[Mapping[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    current: threading.local = field(default_factory=threading.local)
    _regions: dict[str, str] = field(default_factory=dict[str, str])

    def new_resource(self, args: pulumi_mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        inputs: dict[str, Any] = _whole(plain(cast("Any", args.inputs)))  # pyright: ignore[reportUnknownMemberType] untyped in the SDK
        ignored = tuple(self.current.request.ignoreChanges)
        if args.typ == PROVIDER:
            self._regions[args.name] = inputs["region"]
        if not args.typ.startswith("tencentcloud:") or not args.custom:
            return f"{args.name}-id", inputs
        provider = str(args.provider).split("::")[-2]  # urn::id, and a URN ends with the name
        made = self._create(args.typ, args.name, self._regions[provider], inputs, ignored)
        self.made.append(made)
        return made.id, dict(made.outputs)

    def call(self, args: pulumi_mocks.MockCallArgs) -> Any:
        raise AssertionError(f"look-up of {args.token}")

    def up(self, stack: str) -> None:
        """Run the program to its end. Raises what it raises."""
        given = config(stack)
        known = {**SECRETS, **{f"upstream_{name.replace('-', '_')}": "key" for name in given["upstreams"]}}
        with environment({f"SANMEN_SECRET_{name.upper()}": value for name, value in known.items()}):
            contextvars.Context().run(self._run, stack, as_given(given))

    def _run(self, stack: str, given: Mapping[str, str]) -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)  # before the mocks: they make the root resource, whose futures belong to it
        try:
            pulumi_mocks.set_mocks(
                self, project="sanmen", stack=stack, preview=False, monitor=Monitor(cast("Any", self))
            )
            pulumi.runtime.set_all_config({f"sanmen:{key}": value for key, value in given.items()}, [])
            loop.run_until_complete(run_pulumi_func(program))
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    def _create(self, token: str, name: str, region: str, inputs: Values, ignored: tuple[str, ...]) -> Made:
        resource = resource_of(token, schema()[token])
        failures = Failures()
        settled = {
            key: without_secrets(value) for key, value in check(token, schema()[token], inputs, failures).items()
        }
        assert not failures, f"{name}: {failures}"
        cloud = self._cloud(token, "create", region)
        id, outputs = resource.create(cloud, settled)
        return Made(resource, name, region, id, settled, outputs, ignored)

    def refresh(self) -> dict[str, list[str]]:
        """Read everything again. Returns what then differs from the program, by resource."""
        differing: dict[str, list[str]] = {}
        for made in self.made:
            token = made.resource.token
            found = made.resource.read(self._cloud(token, "read", made.region), made.id, made.outputs)
            if found is None:
                differing[made.name] = ["gone"]
                continue
            made.outputs = found
            changes = diff(token, schema()[token], found, made.inputs, made.ignored)
            if changes:
                differing[made.name] = [f"{change.kind} {change.path}" for change in changes]
        return differing

    def destroy(self, kept: Collection[str]) -> None:
        """Delete everything but the types that are kept, the newest first."""
        for made in reversed(self.made):
            token = made.resource.token
            if token in kept:
                continue
            made.resource.delete(self._cloud(token, "delete", made.region), made.id, made.outputs)

    def is_there(self, made: Made) -> bool:
        """Whether the cloud still has it. For some types the provider's read of what is gone is an error."""
        cloud = self._cloud(made.resource.token, "read", made.region)
        try:
            return made.resource.read(cloud, made.id, made.outputs) is not None
        except ProviderError as error:
            if re.search(r"does not exist|not exist$|NotExist", str(error)):
                return False
            raise

    def _cloud(self, token: str, step: str, region: str) -> Cloud:
        self.current.token, self.current.step = token, step
        return NotedCloud(self.calls, self.current, region=region, endpoint=self.endpoint, credentials=self.credentials)


def _whole(value: Any) -> Any:
    """With integers where the protocol has but numbers."""
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_whole(each) for each in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value
