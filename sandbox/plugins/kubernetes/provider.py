"""The engine's resource provider protocol for Kubernetes objects, as far as a preview needs it.

Source: docs/sources.md, engine. Where a cluster is not known yet the engine configures nothing and
echoes inputs by itself, so the checks here speak only once the kubeconfig is known.
"""

import re
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2

from sandbox.plugins.kubernetes import objects
from sandbox.plugins.kubernetes.fields import faults
from sandbox.plugins.kubernetes.objects import Kind
from sandbox.plugins.protocol.ignored import is_ignored
from sandbox.plugins.protocol.kinds import property_diff
from sandbox.plugins.protocol.refuse import refuse
from sandbox.plugins.protocol.server import Engine
from sandbox.plugins.protocol.stubs import plugin_pb2, provider_pb2, provider_pb2_grpc
from sandbox.plugins.protocol.values import UNKNOWN, Values, decode, encode, has_unknown, plain

VERSION = "4.34.2"
"""The official provider version that the SDK package asks for."""
PREVIEW_ONLY = (
    "this kubernetes plugin only previews so far: run TKE stacks against the real cloud with the official plugin"
)


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """Previews for one cluster; whatever would touch a cluster is refused."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._namespace = objects.DEFAULT_NAMESPACE

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version of the official provider this one stands in for."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def Attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """For PULUMI_DEBUG_PROVIDERS."""
        return empty_pb2.Empty()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Nothing here waits."""
        return empty_pb2.Empty()

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Anything goes: a wrong kubeconfig is an unreachable cluster, not a wrong argument."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Another cluster replaces everything in it; a rotated token does not."""
        olds, news = plain(decode(request.old_inputs)), plain(decode(request.news))
        changed = sorted(name for name in {*olds, *news} if olds.get(name) != news.get(name))
        if news.get("clusterIdentifier") is not None:
            moved = [name for name in changed if name == "clusterIdentifier"]
        else:
            moved = [name for name in changed if name in ("context", "cluster")]
            if "kubeconfig" in changed and _cluster(olds.get("kubeconfig")) != _cluster(news.get("kubeconfig")):
                moved.append("kubeconfig")
        some = provider_pb2.DiffResponse.DIFF_SOME
        kind = some if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=kind, diffs=changed, replaces=moved)

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Keep the default namespace; no cluster is contacted."""
        namespace = plain(decode(request.args)).get("namespace")
        self._namespace = namespace if isinstance(namespace, str) and namespace else objects.DEFAULT_NAMESPACE
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        """The complete object, or every fault in its fields."""
        token, logical = _type_of(request)
        news, olds = decode(request.news), decode(request.olds)
        found = faults(token, news)
        inputs = objects.completed(Kind.of(token), logical, news, olds, self._namespace, request.randomSeed)
        failures = [provider_pb2.CheckFailure(property=path, reason=reason) for path, reason in sorted(found.items())]
        return provider_pb2.CheckResponse(inputs=encode(inputs), failures=failures)

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Old inputs against new inputs."""
        token, _ = _type_of(request)
        kind = Kind.of(token)
        old, new = plain(decode(request.old_inputs)), plain(decode(request.news))
        found = [
            (path, what) for path, what in objects.changes(old, new) if not is_ignored(path, request.ignoreChanges)
        ]
        replaced = [path for path, _ in found if objects.replaces(kind, path)]
        response = provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if found else provider_pb2.DiffResponse.DIFF_NONE,
            hasDetailedDiff=True,
            diffs=sorted({re.split(r"[.\[]", path, maxsplit=1)[0] for path, _ in found}),
            replaces=replaced,
            deleteBeforeReplace=bool(replaced) and objects.keeps_its_name(old, new),
        )
        for path, what in found:
            response.detailedDiff[path].CopyFrom(property_diff(what, path in replaced, input_diff=True))
        return response

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        """In preview the object as it is; what the cluster adds is unknown."""
        if not request.preview:
            _only_previews(context)
        return provider_pb2.CreateResponse(properties=encode(_echo(decode(request.properties))))

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        """In preview the new object."""
        if not request.preview:
            _only_previews(context)
        return provider_pb2.UpdateResponse(properties=encode(_echo(decode(request.news))))

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        """Refused: there is no cluster to read from."""
        _only_previews(context)

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Refused."""
        _only_previews(context)

    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        """Refused."""
        _only_previews(context)


def _only_previews(context: grpc.ServicerContext) -> NoReturn:
    refuse(context, grpc.StatusCode.FAILED_PRECONDITION, PREVIEW_ONLY)


def _type_of(request: Any) -> tuple[str, str]:
    """Type token and logical name of a request's URN."""
    parts = request.urn.split("::", 3)
    return parts[2].rsplit("$", 1)[-1], parts[3]


def _echo(inputs: Values) -> Values:
    return {name: value for name, value in inputs.items() if name != "status"}


def _cluster(kubeconfig: Any) -> Any:
    """What tells one cluster from another in a kubeconfig: its servers and CAs. An unknown one equals nothing."""
    if kubeconfig is UNKNOWN or has_unknown(kubeconfig):
        return object()
    return sorted(re.findall(r"(?:server|certificate-authority-data)[\"']?:\s*\S+", str(kubeconfig)))
