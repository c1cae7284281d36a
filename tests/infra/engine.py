"""A recording stand-in for the engine: the program runs in-process, by stack, in preview and update mode."""

import asyncio
import contextvars
import json
import os
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

import pulumi
import yaml
from google.protobuf import json_format
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime.settings import get_root_resource
from pulumi.runtime.stack import run_pulumi_func

from infra.program import run as program

WRAPPED, SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
"""How the protocol marks a secret."""
HUSH = "hush-hush"
"""Stands in whatever the cloud tells that nobody else may read."""
ROOT = Path(__file__).resolve().parents[2]
STACKS = ("local", "dev", "staging", "prod")
SECRETS = {
    "redis_password": "Sandbox-Only-1",
    "tenants": '{"tenants": []}',
}
OUTPUTS: dict[str, dict[str, Any]] = {
    "tencentcloud:Eip/instance:Instance": {"publicIp": "198.51.100.7"},
    "tencentcloud:Redis/instance:Instance": {"ip": "10.0.0.9"},
    "tencentcloud:Clb/listener:Listener": {"listenerId": "lbl-00000001"},
    "tencentcloud:Clb/listenerRule:ListenerRule": {"ruleId": "loc-00000001"},
    "tencentcloud:Clb/customizedConfigV2:CustomizedConfigV2": {"configId": "pz-00000001"},
    "tencentcloud:Monitor/tmpCvmAgent:TmpCvmAgent": {"agentId": "agent-1"},
    "tencentcloud:Monitor/tmpInstance:TmpInstance": {"ipv4Address": "10.0.0.8"},
    "tencentcloud:Igtm/monitor:Monitor": {"monitorId": 7},
    "tencentcloud:Igtm/addressPool:AddressPool": {"poolId": 8},
    "tencentcloud:Tcr/serviceAccount:ServiceAccount": {"password": f"pull-password {HUSH}"},
    "tencentcloud:Kubernetes/addon:Addon": {"rawValues": f"{{}} {HUSH}"},
    "tencentcloud:Kubernetes/cluster:Cluster": {
        key: f"{key} {HUSH}" for key in ("password", "kubeConfig", "kubeConfigIntranet")
    },
    "tencentcloud:Kubernetes/clusterEndpoint:ClusterEndpoint": {
        key: f"{key} {HUSH}" for key in ("password", "kubeConfig", "kubeConfigIntranet")
    },
}
"""What only the cloud knows, by type; in a preview it is unknown."""


@dataclass
class Made:
    """A resource as the program registered it. `inputs`: plain values; unknown ones are absent."""

    type: str
    name: str
    inputs: dict[str, Any]
    custom: bool
    provider: str
    protect: bool
    retain: bool
    delete_first: bool
    replace_on: tuple[str, ...]
    ignored: tuple[str, ...]
    depends: frozenset[str]
    """Names of the resources that are made before it and removed after it, its provider among them."""


class Monitor(pulumi_mocks.MockMonitor):
    """Hands the options of a resource to the recorder; the library's own monitor drops them."""

    def __init__(self, engine: "Engine") -> None:
        super().__init__(engine)
        self._engine = engine
        self.state: dict[str, list[Any]] = {}
        """URN -> its inputs and outputs as they go to the engine, secrets marked."""

    def RegisterResource(self, request: Any) -> Any:
        # Registrations come in threads of their own.
        self._engine.current.request = request
        answer: Any = super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType] untyped in the SDK
        if request.type != "pulumi:pulumi:Stack":
            inputs: dict[str, Any] = json_format.MessageToDict(request.object)
            outputs: dict[str, Any] = json_format.MessageToDict(answer.object)
            # As the engine does: what is asked for is marked, and what went in marked comes out so.
            for key in request.additionalSecretOutputs:
                if outputs.get(key):
                    outputs[key] = {WRAPPED: SECRET, "value": plain(outputs[key])}
            json_format.ParseDict(outputs, answer.object)
            self.state[answer.urn] = [inputs, {key: inputs.get(key, each) for key, each in outputs.items()}]
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:
        self.state.setdefault(request.urn, []).append(json_format.MessageToDict(request.outputs))
        return super().RegisterResourceOutputs(request)  # pyright: ignore[reportUnknownMemberType] untyped in the SDK


@dataclass
class Engine(pulumi_mocks.Mocks):
    """Records; in a preview withholds what only the cloud can know. Only the controller's listener is looked up."""

    preview: bool
    made: list[Made] = field(default_factory=list[Made])
    calls: list[str] = field(default_factory=list[str])
    exports: dict[str, Any] = field(default_factory=dict[str, Any])
    state: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    """URN -> inputs and outputs of a resource, secrets marked."""
    current: threading.local = field(default_factory=threading.local)

    def new_resource(self, args: pulumi_mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        request: Any = self.current.request
        inputs: dict[str, Any] = plain(cast("Any", args.inputs))  # pyright: ignore[reportUnknownMemberType] untyped in the SDK
        self.made.append(
            Made(
                type=args.typ,
                name=args.name,
                inputs=inputs,
                custom=bool(args.custom),
                provider=str(args.provider or ""),
                protect=request.protect,
                retain=request.retainOnDelete,
                delete_first=request.deleteBeforeReplace,
                replace_on=tuple(sorted(request.replaceOnChanges)),
                ignored=tuple(sorted(request.ignoreChanges)),
                depends=frozenset(
                    urn.rpartition("::")[2]
                    for urn in (*request.dependencies, str(args.provider or "").rpartition("::")[0])
                )
                - {""},
            )
        )
        if self.preview:
            return "", dict(inputs)
        extra: dict[str, Any] = dict(OUTPUTS.get(args.typ, {}))
        if args.typ == "tencentcloud:Clb/instance:Instance":
            extra = {"domain": f"{args.name}.clb.tencentclb.com", "clbVips": []}
        if args.typ == "tencentcloud:Tcr/instance:Instance":
            extra = {"publicDomain": f"{inputs['name']}.tencentcloudcr.com"}
        return f"{args.name}-id", {**inputs, **extra}

    def call(self, args: pulumi_mocks.MockCallArgs) -> Any:
        self.calls.append(args.token)
        if args.token == "tencentcloud:Clb/getListeners:getListeners":
            return {"listenerLists": [{"listenerId": "lbl-controller"}]}
        if args.token == "tencentcloud:Clb/getListenerRules:getListenerRules":
            return {"ruleLists": [{"ruleId": "loc-controller"}]}
        raise AssertionError(f"look-up of {args.token}")

    def of(self, kind: str) -> list[Made]:
        """Resources whose type contains `kind`."""
        return [made for made in self.made if kind in made.type]

    def before(self, name: str) -> set[str]:
        """Names of all resources that one depends on, however far away."""
        direct = {made.name: made.depends for made in self.made}
        found: set[str] = set()
        new = {name}
        while new:
            new = {each for one in new for each in direct.get(one, frozenset())} - found
            found |= new
        return found


def plain(value: Any) -> Any:
    """Values without the wrapping of secrets."""
    if isinstance(value, list):
        return [plain(each) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        if mapping.get(WRAPPED) == SECRET:
            return plain(mapping["value"])
        return {key: plain(each) for key, each in mapping.items()}
    return value


def config(stack: str) -> dict[str, Any]:
    """The settings of a stack file, `sanmen:` keys without their namespace."""
    document = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text())
    keys: Mapping[str, Any] = document["config"]
    return {key.removeprefix("sanmen:"): value for key, value in keys.items() if key.startswith("sanmen:")}


def as_given(settings_by_key: Mapping[str, Any]) -> dict[str, str]:
    """As the engine hands settings over: text, or JSON."""
    return {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in settings_by_key.items()
    }


@contextmanager
def environment(values: Mapping[str, str]) -> Generator[None]:
    """Environment variables for a while."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def run(
    stack: str,
    *,
    preview: bool,
    changed: Mapping[str, Any] | None = None,
    secrets: bool = True,
    given_secrets: Mapping[str, str] | None = None,
) -> Engine:
    """Run the program for a stack file (with `changed` keys) and wait for all its resources.

    Raises what the program raises. `secrets` False: none is set anywhere; `given_secrets`: other values than SECRETS.
    The runtime keeps its state in context variables, so each run has a context of its own.
    """
    given = config(stack) | dict(changed or {})
    engine = Engine(preview=preview)
    known = {**SECRETS, **{f"upstream_{name.replace('-', '_')}": "key" for name in given.get("upstreams", {})}}
    known |= dict(given_secrets or {})
    variables = {f"SANMEN_SECRET_{name.upper()}": value for name, value in known.items()} if secrets else {}
    with environment(variables):
        contextvars.Context().run(_run, engine, stack, as_given(given))
    return engine


def _run(engine: Engine, stack: str, given: Mapping[str, str]) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # before the mocks: they make the root resource, whose futures belong to it
    try:
        monitor = Monitor(engine)
        engine.state = monitor.state
        pulumi_mocks.set_mocks(engine, project="sanmen", stack=stack, preview=engine.preview, monitor=monitor)
        pulumi.runtime.set_all_config({f"sanmen:{key}": value for key, value in given.items()}, [])
        loop.run_until_complete(run_pulumi_func(program))
        root: Any = get_root_resource()
        engine.exports = dict(root.outputs)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def real(stack: str) -> dict[str, Any]:
    """What an operator puts where a stack file of the repository has samples."""
    if stack == "local":
        return {}
    given = config(stack)
    given["licence"]["icp_number"] = "京ICP备11018762号"
    for number, upstream in enumerate(given["upstreams"].values()):
        upstream["host"] = f"llm{number}.upstream.test"
    for key in ("image", "nginx_exporter_image", "redis_exporter_image"):
        given["tke"][key] = given["tke"][key].replace("0" * 64, "a" * 64)
    failover = given["edge"]["failover"]
    failover["package_id"] = "ins-package1"
    failover["lines"] = {
        region: {name: number + 1000 for name, number in lines.items()} for region, lines in failover["lines"].items()
    }
    failover["detector_groups"] = [30, 31, 32]
    given["observability"]["alert_receivers"] = ["notice-aaaaaaaa"]
    given["cvm"]["image_ids"] = dict.fromkeys(given["cvm"]["image_ids"], "img-gateway1")
    given["registry"]["push_from"] = ["198.51.100.7/32"]
    wanted = ("licence", "upstreams", "tke", "edge", "observability", "cvm", "registry")
    return {"domain": "gateway.test", **{key: given[key] for key in wanted}}


@cache
def updated(stack: str) -> Engine:
    """The program's run in an update of a stack."""
    return run(stack, preview=False, changed=real(stack))
