"""A running plugin, and the engine's questions to it in plain Python."""

import os
from typing import Any

from pulumi.runtime.proto import provider_pb2

from sandbox.plugins.protocol.values import Values, decode, encode

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("TENCENTCLOUD_", "PULUMI_"))}
SANDBOX = {
    "TENCENTCLOUD_DOMAIN": "tencentcloudapi.localhost:9",
    "TENCENTCLOUD_PROTOCOL": "HTTP",
    "TENCENTCLOUD_SECRET_ID": "id",
    "TENCENTCLOUD_SECRET_KEY": "key",
}
"""Configured, but nothing answers: made-up handlers never call."""


class Plugin:
    """Driven over real gRPC; values as `sandbox.plugins.protocol.values` has them."""

    def __init__(self, stub: Any, package: str) -> None:
        self.stub = stub
        self.package = package

    def urn(self, token: str, name: str = "core") -> str:
        """A URN with a parent, as components make them."""
        return f"urn:pulumi:local::sanmen::sanmen:region:Network${token}::{name}"

    def configure(self, **arguments: Any) -> Any:
        """Configure with these arguments."""
        return self.stub.Configure(provider_pb2.ConfigureRequest(args=encode(arguments), acceptSecrets=True))

    def check(
        self, token: str, news: Values, olds: Values | None = None, name: str = "core"
    ) -> tuple[Values, dict[str, str]]:
        """Inputs, and property -> reason."""
        request = provider_pb2.CheckRequest(
            urn=self.urn(token, name), news=encode(news), olds=encode(olds or {}), randomSeed=b"s" * 32
        )
        answer = self.stub.Check(request)
        return decode(answer.inputs), {failure.property: failure.reason for failure in answer.failures}

    def diff(self, token: str, state: Values, news: Values, ignore: tuple[str, ...] = (), name: str = "core") -> Any:
        """The raw answer; old inputs are the state."""
        request = provider_pb2.DiffRequest(
            urn=self.urn(token, name),
            id="id",
            olds=encode(state),
            old_inputs=encode(state),
            news=encode(news),
            ignoreChanges=ignore,
        )
        return self.stub.Diff(request)

    def changes(self, token: str, state: Values, news: Values, ignore: tuple[str, ...] = ()) -> dict[str, str]:
        """Path -> kind of difference, for example `UPDATE_REPLACE`."""
        answer = self.diff(token, state, news, ignore)
        some = provider_pb2.DiffResponse.DIFF_SOME
        assert (answer.changes == some) == bool(answer.detailedDiff)
        assert answer.hasDetailedDiff
        names = provider_pb2.PropertyDiff.Kind.Name
        return {path: names(entry.kind) for path, entry in answer.detailedDiff.items()}

    def create(self, token: str, inputs: Values, *, preview: bool = False, name: str = "core") -> tuple[str, Values]:
        """Id and outputs."""
        request = provider_pb2.CreateRequest(urn=self.urn(token, name), properties=encode(inputs), preview=preview)
        answer = self.stub.Create(request)
        return answer.id, decode(answer.properties)

    def update(self, token: str, id: str, state: Values, news: Values, *, preview: bool = False) -> Values:
        """Outputs."""
        request = provider_pb2.UpdateRequest(
            urn=self.urn(token), id=id, olds=encode(state), old_inputs=encode(state), news=encode(news), preview=preview
        )
        return decode(self.stub.Update(request).properties)

    def read(self, token: str, id: str, state: Values | None = None, inputs: Values | None = None) -> Any:
        """The raw answer."""
        return self.stub.Read(
            provider_pb2.ReadRequest(
                urn=self.urn(token), id=id, properties=encode(state or {}), inputs=encode(inputs or {})
            )
        )

    def delete(self, token: str, id: str, state: Values) -> None:
        """Delete."""
        self.stub.Delete(provider_pb2.DeleteRequest(urn=self.urn(token), id=id, properties=encode(state)))
