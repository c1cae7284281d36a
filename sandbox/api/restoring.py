"""Brings the data plane back to what the documents say when the server starts."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sandbox.api.actions import RESTORES, Context, Order
from sandbox.api.kinds import Kind
from sandbox.api.store import Doc
from sandbox.substrate.errors import SubstrateError

log = logging.getLogger("sandbox.api.restoring")

AT_ONCE = 4


def restore(context: Context) -> None:
    """Run what services registered, in order. What fails is logged and does not keep the rest from standing up."""
    for order in Order:
        for run in [run for place, run in RESTORES if place is order]:
            try:
                run(context)
            except Exception:  # one service's failure must not keep the others down
                log.exception("%s.%s failed", run.__module__, getattr(run, "__name__", "restore"))


def each(context: Context, kind: Kind, apply: Callable[[Context, Doc], None]) -> None:
    """`apply(context in its region, document)` for every document of a kind, several at once.

    A SubstrateError of one is logged with its id; the document stays as it is.
    """

    def one(doc: Doc) -> None:
        id = str(doc[kind.key])
        try:
            apply(context.within(kind.region(context.store, id)), doc)
        except SubstrateError as error:
            log.error("the %s %s does not stand again: %s", kind.noun, id, error)

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="restore") as pool:
        list(pool.map(one, kind.all(context.store)))
