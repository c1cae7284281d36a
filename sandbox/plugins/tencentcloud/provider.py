"""The engine's resource provider protocol: `pulumirpc.ResourceProvider` for the tencentcloud package.

No Handshake: the flags travel in ConfigureResponse, as other providers do it.
Source: docs/sources.md, engine.
"""

import threading
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import empty_pb2

from sandbox.plugins.protocol.kinds import property_diff
from sandbox.plugins.protocol.refuse import refuse, refuse_half_made
from sandbox.plugins.protocol.server import Engine
from sandbox.plugins.protocol.stubs import plugin_pb2, provider_pb2, provider_pb2_grpc
from sandbox.plugins.protocol.values import Values, decode, encode, has_unknown, plain
from sandbox.plugins.tencentcloud import invokes, resources
from sandbox.plugins.tencentcloud.check import Failures, auto_name, check, is_auto_named
from sandbox.plugins.tencentcloud.cloud import Cloud
from sandbox.plugins.tencentcloud.diff import Change, diff
from sandbox.plugins.tencentcloud.errors import Cancelled, ProviderError
from sandbox.plugins.tencentcloud.inputs import imported_inputs, marked, refreshed_inputs
from sandbox.plugins.tencentcloud.lifecycle import HalfMade, require_known, resource_of
from sandbox.plugins.tencentcloud.schema import VERSION, Fields, planned, schema
from sandbox.plugins.tencentcloud.settings import NO_KEYS, Settings, check_config

CANCEL_GRACE_S = 20.0
"""How long the engine's interrupt leaves running operations alone."""


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """One configured provider: an account, a region, an endpoint. Called from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stopped = threading.Event()
        self._settings = Settings()
        self._cloud: Cloud | None = None
        self._cloud_lock = threading.Lock()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version of the official provider this one stands in for."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def Attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """For PULUMI_DEBUG_PROVIDERS: the engine's address comes late."""
        self._engine = Engine(request.address)
        return empty_pb2.Empty()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Let what has begun come to its end, for a while; then end waits and retries. Answers at once.

        The official provider finishes what it has begun. What is cut off here is half-made, so only what hangs is.
        """
        grace = threading.Timer(CANCEL_GRACE_S, self._stopped.set)
        grace.daemon = True
        grace.start()
        return empty_pb2.Empty()

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Unknown, unsupported and ill-typed provider arguments."""
        failures = check_config(decode(request.news))
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(failures))

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """A changed argument updates the provider; like the official one, it replaces no resource."""
        olds, news = plain(decode(request.old_inputs)), plain(decode(request.news))
        changed = sorted(name for name in {*olds, *news} if olds.get(name) != news.get(name))
        kind = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=kind, diffs=changed)

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Keep the arguments. No call: a preview needs no endpoint. Refuses without a pair of keys, as the official."""
        self._settings = Settings.of(decode(request.args))
        if not self._settings.has_keys:
            refuse(context, grpc.StatusCode.UNKNOWN, NO_KEYS)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        """The complete inputs, or every fault in them."""
        with self._answering(context, request.urn):
            token, fields, logical = _type_of(request)
            resources.load()
            proposed = request.autonaming.proposed_name if request.HasField("autonaming") else None
            news = auto_name(token, logical, decode(request.news), decode(request.olds), request.randomSeed, proposed)
            failures = Failures()
            inputs = check(token, fields, news, failures)
            return provider_pb2.CheckResponse(inputs=encode(inputs), failures=_failures(failures))

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Old state against new inputs."""
        with self._answering(context, request.urn):
            token, fields, logical = _type_of(request)
            resources.load()
            state, news = plain(decode(request.olds)), plain(decode(request.news))
            changes = diff(token, fields, state, news, request.ignoreChanges)
            return _diff_response(changes, _delete_first(fields, logical, state, news))

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        """In preview the inputs, all else unknown; for real, the id and what the cloud says."""
        with self._answering(context, request.urn):
            token, fields, _ = _type_of(request)
            inputs = decode(request.properties)
            if request.preview:
                return provider_pb2.CreateResponse(properties=encode(inputs))
            known = require_known(token, inputs)
            id, outputs = resource_of(token, fields).create(self._connected(), known)
            return provider_pb2.CreateResponse(id=id, properties=encode(marked(fields, outputs)))

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        """Refresh (state and inputs given), import and get (id only). Gone: an answer without id and properties."""
        with self._answering(context, request.urn):
            token, fields, _ = _type_of(request)
            state = require_known(token, decode(request.properties))
            outputs = resource_of(token, fields).read(self._connected(), request.id, state)
            if outputs is None:
                return provider_pb2.ReadResponse()
            stored = decode(request.inputs)
            inputs = refreshed_inputs(fields, stored, outputs) if stored else imported_inputs(fields, outputs)
            return provider_pb2.ReadResponse(
                id=request.id, properties=encode(marked(fields, outputs)), inputs=encode(inputs)
            )

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        """In preview the inputs and what stays; for real, what the cloud says afterwards."""
        with self._answering(context, request.urn):
            token, fields, _ = _type_of(request)
            state, news = plain(decode(request.olds)), decode(request.news)
            if request.preview:
                return provider_pb2.UpdateResponse(properties=encode(marked(fields, planned(fields, state, news))))
            known = require_known(token, news)
            outputs = resource_of(token, fields).update(
                self._connected(), request.id, state, known, list(request.ignoreChanges)
            )
            return provider_pb2.UpdateResponse(properties=encode(marked(fields, outputs)))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Gone afterwards."""
        with self._answering(context, request.urn):
            token, fields, _ = _type_of(request)
            state = plain(decode(request.properties))
            resource_of(token, fields).delete(self._connected(), request.id, state)
            return empty_pb2.Empty()

    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        """The few lookups there are; any other is refused."""
        with self._answering(context, ""):
            found = invokes.invoke(request.tok, plain(decode(request.args)), self._connected)
            response = provider_pb2.InvokeResponse()
            getattr(response, "return").CopyFrom(encode(found))  # the field's name is a Python keyword
            return response

    def _connected(self) -> Cloud:
        with self._cloud_lock:
            if self._cloud is None:
                self._cloud = self._settings.cloud(self._stopped, self._engine.info)
            return self._cloud

    @contextmanager
    def _answering(self, context: grpc.ServicerContext, urn: str) -> Generator[None]:
        """Turn exceptions into statuses: a refusal is FAILED_PRECONDITION, which means that nothing happened."""
        try:
            yield
        except HalfMade as error:
            if not isinstance(error.reason, ProviderError):
                self._engine.debug("".join(traceback.format_exception(error.reason)), urn)
            fields = schema()[urn.split("::")[2].rsplit("$", 1)[-1]]
            refuse_half_made(context, error.id, encode(marked(fields, error.outputs)), [_text(error.reason)])
        except Cancelled as error:
            refuse(context, grpc.StatusCode.CANCELLED, str(error))
        except ProviderError as error:
            refuse(context, grpc.StatusCode.FAILED_PRECONDITION, str(error))
        except Exception as error:
            self._engine.debug(traceback.format_exc(), urn)
            # Nobody knows what the cloud has done by now, and that is what UNKNOWN tells the engine.
            refuse(context, grpc.StatusCode.UNKNOWN, _text(error))


def _text(error: Exception) -> str:
    """An error for the user; an exception nobody planned names its type and asks for a report."""
    if isinstance(error, ProviderError):
        return str(error)
    return f"a mistake in the sandbox's tencentcloud plugin: {type(error).__name__}: {error} (--debug shows where)"


def _type_of(request: Any) -> tuple[str, Fields, str]:
    """Type token, its fields and the logical name, from a request's URN. Raises ProviderError for an unknown type."""
    parts = request.urn.split("::", 3)
    token = parts[2].rsplit("$", 1)[-1]
    if token not in schema():
        raise ProviderError(f"unknown resource type {token}: the tencentcloud provider {VERSION} has no such resource")
    return token, schema()[token], parts[3]


def _failures(found: dict[str, str]) -> list[provider_pb2.CheckFailure]:
    return [provider_pb2.CheckFailure(property=name, reason=reason) for name, reason in sorted(found.items())]


def _delete_first(fields: Fields, logical: str, state: Values, news: Values) -> bool:
    """A name that the program chose is taken until the old resource is gone."""
    name = news.get("name")
    kept = name is not None and not has_unknown(name) and name == state.get("name")
    return "name" in fields and kept and not is_auto_named(logical, name)


def _diff_response(changes: list[Change], delete_first: bool) -> provider_pb2.DiffResponse:
    response = provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE,
        hasDetailedDiff=True,
        diffs=sorted({change.top for change in changes}),
        replaces=sorted({change.top for change in changes if change.replace}),
    )
    response.deleteBeforeReplace = delete_first and bool(response.replaces)
    for change in changes:
        response.detailedDiff[change.path].CopyFrom(property_diff(change.kind, change.replace))
    return response
