"""The interface that resource handlers (`resources/<service>.py`) are written against.

    from sandbox.plugins.tencentcloud.handler import Cloud, Created, Handler, Partial, Props, resource

    @resource("tencentcloud:Subnet/instance:Instance")
    class Subnet(Handler):
        immutable = ("zone",)

        def create(self, cloud, props, partial): ...

The core (`provider.py`) has done the schema's part before a handler is asked: unknown properties, types, required,
defaults and auto-naming at check; replacement by forceNew at diff; numbers are Python ints where the schema says `int`,
secrets are plain, unknown values never arrive. Handler modules import neither gRPC nor a cloud SDK: they are loaded in
every preview, and that must be quick. A handler is one object per process, called from several threads: it keeps
nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from sandbox.plugins.tencentcloud.cloud import Cloud
from sandbox.plugins.tencentcloud.errors import CloudError, Immutable, ProviderError, WaitTimeout
from sandbox.plugins.tencentcloud.tags import read_tags, tag_list, tag_map, write_tags

__all__ = [
    "Cloud",
    "CloudError",
    "Created",
    "Doc",
    "Handler",
    "Immutable",
    "Partial",
    "Props",
    "ProviderError",
    "WaitTimeout",
    "given",
    "nonzero",
    "read_tags",
    "resource",
    "tag_list",
    "tag_map",
    "write_tags",
]

Doc = Mapping[str, Any]
"""A document of the sandbox, as its service keeps it."""
Props = dict[str, Any]
"""A resource's properties by their schema names (camelCase), nested blocks as dicts, as plain Python values."""


@dataclass(frozen=True)
class Created:
    """A create that went through. `id`: the Pulumi id, composite ones joined as the official provider does."""

    id: str


class Partial:
    """Where a handler says which id the resource has before its create is complete."""

    def __init__(self) -> None:
        self.known: str | None = None
        self.told: Props = {}

    def id(self, value: str) -> None:
        """Call it where the official provider calls SetId: a later failure leaves a repairable resource in state.

        A failure before it leaves an orphan in the cloud, exactly as with the official provider.
        """
        self.known = value

    def tell(self, **outputs: Any) -> None:
        """Outputs that only the answer to the creation has, such as a password that is told once."""
        self.told |= outputs


class Handler:
    """What one resource type does against the API. Raise CloudError (or let it pass) or ProviderError to fail."""

    immutable: ClassVar[tuple[str, ...]] = ()
    """Properties whose change passes preview and fails `up` with "argument `x` cannot be changed" (`Immutable`)."""
    write_only: ClassVar[tuple[str, ...]] = ()
    """Properties the official read never sets: refresh keeps what state has, whatever `read` returns."""

    kind: ClassVar[str] = ""
    """The kind of document that a sandbox keeps of one, so that one whose create's answer got lost is found.

    Empty for what is set anew without harm: rule sets, attachments, switches.
    """
    key: ClassVar[tuple[str, ...]] = ()
    """The members of that document that the id is made of."""
    whole: ClassVar[str] = ""
    """For what is to the cloud a part of another resource, and has no time of its own: that one's type token."""
    deletable: ClassVar[bool] = True
    """False: no action deletes one, its owner asks the cloud's support."""

    def identify(self, doc: Doc) -> Iterable[str]:
        """The ids of the resources in a document; none if the cloud made it by itself, or it is on its way out."""
        return ("#".join(str(doc[name]) for name in self.key),)

    def discard(self, cloud: Cloud, id: str) -> None:
        """Delete one that no state knows and that holds nothing."""
        properties = self.read(cloud, id, {})
        if properties is not None:
            self.delete(cloud, id, {**properties, "forceDelete": True, "deleteBucket": True})

    def check(self, props: Props) -> dict[str, str]:
        """More preview-time validators: property -> reason. Properties with any unknown inside are absent."""
        return {}

    def equal(self, name: str, old: Any, new: Any) -> bool:
        """True if two values of a top-level property mean the same (JSON texts, letter case …): no diff then."""
        return False

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """Make it. `props` are the checked inputs; unset ones are absent."""
        raise NotImplementedError

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """All outputs (schema names), or None when it is gone.

        `props`: what state has (after create/update: the inputs; import: empty). Properties left out of the answer are
        carried over from `props` by the core.
        """
        raise NotImplementedError

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Change it. `old`: the last outputs; `new`: the inputs; `changed`: top-level names that differ.

        `changed` is empty when the engine repairs a half-made resource: then bring everything to `new`.
        """
        raise NotImplementedError

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """Delete it. One that is gone is a success for those codes alone that the official provider takes for it."""
        raise NotImplementedError


HANDLERS: dict[str, Handler] = {}
"""Type token -> its handler; filled by `resource` when `resources.load()` imports the service modules."""

H = TypeVar("H", bound=Handler)


def resource(token: str) -> Callable[[type[H]], type[H]]:
    """Register a handler class for a type token. Raises KeyError for a token the schema does not have."""
    from sandbox.plugins.tencentcloud.schema import schema

    def register(handler: type[H]) -> type[H]:
        if token not in schema():
            raise KeyError(f"{token} is not a resource type of the tencentcloud provider {handler.__module__}")
        if token in HANDLERS and type(HANDLERS[token]).__module__ != handler.__module__:
            raise KeyError(f"{token} has two handlers: {type(HANDLERS[token]).__module__} and {handler.__module__}")
        HANDLERS[token] = handler()
        return handler

    return register


def given(props: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Request parameters from properties: {"cidrBlock": "CidrBlock"} -> {"CidrBlock": …}; unset ones are left out."""
    return {parameter: props[name] for name, parameter in names.items() if props.get(name) is not None}


def nonzero(props: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """As `given`, without what the official provider takes for unset: "", 0, false and empty lists."""
    return {parameter: props[name] for name, parameter in names.items() if props.get(name)}
