"""Create, read, update and delete of one resource: the handler does the calls, this does what all of them share."""

from dataclasses import dataclass

from sandbox.plugins.protocol.values import Values, has_unknown, plain
from sandbox.plugins.tencentcloud import resources
from sandbox.plugins.tencentcloud.cloud import Cloud
from sandbox.plugins.tencentcloud.diff import diff
from sandbox.plugins.tencentcloud.errors import Immutable, ProviderError
from sandbox.plugins.tencentcloud.handler import HANDLERS, Handler, Partial
from sandbox.plugins.tencentcloud.schema import Fields, planned


class HalfMade(Exception):
    """A create failed after the resource had its id: it goes into the state, and the next run repairs it."""

    def __init__(self, id: str, outputs: Values, reason: Exception) -> None:
        super().__init__(str(reason))
        self.id = id
        self.outputs = outputs
        self.reason = reason


@dataclass(frozen=True)
class Resource:
    """A resource type and its handler. All values here are plain: no Secret, no UNKNOWN."""

    token: str
    fields: Fields
    handler: Handler

    def create(self, cloud: Cloud, inputs: Values) -> tuple[str, Values]:
        """Make it; returns id and outputs. Raises HalfMade, or whatever the handler raised before the id was known."""
        partial = Partial()
        try:
            id = self.handler.create(cloud, dict(inputs), partial).id
            found = self.handler.read(cloud, id, {**inputs, **partial.told})
        except Exception as error:
            if partial.known is None:
                raise
            known = {**inputs, **partial.told}
            raise HalfMade(partial.known, self._outputs_if_readable(cloud, partial.known, known), error) from error
        if not id or found is None:
            raise ProviderError("resource provider reported that the resource did not exist while creating")
        return id, self._outputs({**inputs, **partial.told}, found)

    def read(self, cloud: Cloud, id: str, state: Values) -> Values | None:
        """The outputs as the cloud has them now, or None when it is gone."""
        found = self.handler.read(cloud, id, dict(state))
        return None if found is None else self._outputs(state, found)

    def update(self, cloud: Cloud, id: str, state: Values, inputs: Values, ignore: list[str]) -> Values:
        """Bring it to `inputs`; returns the outputs. Raises Immutable before any call for what the provider refuses."""
        changed = frozenset(change.top for change in diff(self.token, self.fields, state, inputs, ignore))
        refused = changed.intersection(self.handler.immutable)
        if refused:
            raise Immutable(refused)
        self.handler.update(cloud, id, dict(state), dict(inputs), changed)
        found = self.handler.read(cloud, id, {**state, **inputs})
        if found is None:
            raise ProviderError(f"{id} is gone: refresh (pulumi refresh) and run again")
        return self._outputs(planned(self.fields, state, inputs), found)

    def delete(self, cloud: Cloud, id: str, state: Values) -> None:
        """Delete it. Whether one that is not there any more is a success, its handler says."""
        self.handler.delete(cloud, id, dict(state))

    def _outputs(self, before: Values, found: Values) -> Values:
        """`before` with what was read over it, without what is never read; only the schema's names."""
        read = {name: value for name, value in found.items() if name not in self.handler.write_only}
        return {name: value for name, value in {**before, **read}.items() if name in self.fields}

    def _outputs_if_readable(self, cloud: Cloud, id: str, inputs: Values) -> Values:
        try:
            found = self.handler.read(cloud, id, dict(inputs))
        except Exception:
            found = None  # the first failure is the one to report
        return self._outputs(inputs, found or {})


def resource_of(token: str, fields: Fields) -> Resource:
    """The type's resource. Raises ProviderError for one that previews but has no handler."""
    resources.load()
    handler = HANDLERS.get(token)
    if handler is None:
        raise ProviderError(f"the sandbox does not provide {token} yet")
    return Resource(token, fields, handler)


def require_known(token: str, values: Values) -> Values:
    """The values without Secret. Raises ProviderError naming what only another resource's creation can tell."""
    unknown = sorted(name for name, value in values.items() if has_unknown(value))
    if unknown:
        raise ProviderError(f"{token}: {', '.join(unknown)} unknown in a real run")
    return {name: plain(value) for name, value in values.items()}
