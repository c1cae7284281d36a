"""Kinds of documents: one object per kind, owned by the service whose documents they are.

    VPC = Kind(name="vpc", key="VpcId", noun="VPC", tags=TagNames(service="vpc", prefix="vpc"))

    doc = VPC.need(ctx, asked["VpcId"])

Another service reaches a document by importing its kind, never by the kind's name. Methods that take a context look at
its region alone, as ids of another region do not exist in this one; those that take a store look everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.api import tags
from sandbox.api.actions import Context
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc, Docs, Store


@dataclass(frozen=True, kw_only=True)
class TagNames:
    """What the tag service calls a kind, and how the kind's documents show their tags.

    service, prefix: as in the six-segment name `qcs::service:region:uin/:prefix/id`. field: the document's list of
    tags; key, value: the names in its entries.
    """

    service: str
    prefix: str
    field: str = "TagSet"
    key: str = "Key"
    value: str = "Value"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of document.

    name: as it is stored. key: the field that is a document's id. noun: what messages call one. missing: the code of
    the error for one that does not exist. tags: None for what has none.
    """

    name: str
    key: str
    noun: str = "resource"
    missing: str = "ResourceNotFound"
    tags: TagNames | None = None

    def find(self, ctx: Context, id: str) -> Doc | None:
        """The document, if it is in the context's region."""
        doc = ctx.store.find(self.name, id)
        return doc if doc is not None and ctx.store.region_of(self.name, id) == ctx.region else None

    def need(self, ctx: Context, id: str, code: str = "") -> Doc:
        """The document in this region. Raises ApiError with `code`, or else with the kind's own."""
        doc = self.find(ctx, id)
        if doc is None:
            raise self.absent(ctx, id, code)
        return doc

    def absent(self, ctx: Context, id: str, code: str = "") -> ApiError:
        """The error that says there is none with this id."""
        where = f" in {ctx.region}" if ctx.region else ""
        return ApiError(code or self.missing, f"The {self.noun} `{id}` does not exist{where}.")

    def list(self, ctx: Context) -> Docs:
        """The region's documents in the order they were made, with their tags as they are now."""
        return [self._shown(ctx, doc) for doc in ctx.store.list(self.name, ctx.region)]

    def select(self, ctx: Context, ids: Sequence[str] | None, code: str = "") -> Docs:
        """Those with these ids, or all if none are named. Raises ApiError for an id that does not exist."""
        found = self.pick(ctx, ids)
        known = {str(doc[self.key]) for doc in found}
        for id in ids or ():
            if id not in known:
                raise self.absent(ctx, id, code)
        return found

    def pick(self, ctx: Context, ids: Sequence[str] | None) -> Docs:
        """Those with these ids, or all if none are named. Ids that do not exist are left out."""
        docs = self.list(ctx)
        return [doc for doc in docs if doc[self.key] in ids] if ids else docs

    def create(self, ctx: Context, doc: Doc) -> None:
        """Keep a new document in the context's region; the tags in it go to the tag service."""
        id = str(doc[self.key])
        ctx.store.put(self.name, id, doc, ctx.region)
        if self.tags is not None:
            pairs = {str(tag[self.tags.key]): str(tag[self.tags.value]) for tag in doc.get(self.tags.field) or ()}
            tags.write(ctx.store, self.tags.service, self.tags.prefix, ctx.region, id, pairs)

    def drop(self, ctx: Context, id: str) -> None:
        """Forget a document and its tags. Accepts what is already gone."""
        ctx.store.delete(self.name, id)
        if self.tags is not None:
            tags.forget(ctx.store, self.tags.service, self.tags.prefix, ctx.region, id)

    def save(self, store: Store, doc: Doc) -> None:
        """Write a changed document, in the region it is in."""
        store.put(self.name, str(doc[self.key]), doc)

    def anywhere(self, store: Store, id: str) -> Doc | None:
        """The document of any region."""
        return store.find(self.name, id)

    def all(self, store: Store) -> Docs:
        """The documents of all regions in the order they were made, tags as they were at the start."""
        return store.list(self.name)

    def region(self, store: Store, id: str) -> str:
        """The region a document is in; "" for a global one, or none."""
        return store.region_of(self.name, id) or ""

    def _shown(self, ctx: Context, doc: Doc) -> Doc:
        if self.tags is not None:
            names = self.tags
            pairs = tags.read(ctx.store, names.service, names.prefix, ctx.region, str(doc[self.key]))
            doc[names.field] = tags.as_list(pairs, names.key, names.value)
        return doc
