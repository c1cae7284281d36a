"""What stands on the machine for the documents of this service, after a restart of either."""

from sandbox.api.actions import Context, Order, restores
from sandbox.api.restoring import each
from sandbox.api.store import Doc
from sandbox.services.vpc import hosts, nats, networks, subnets
from sandbox.services.vpc.kinds import HOST, NAT, SUBNET, VPC


@restores(Order.NETWORKS)
def stand_again(ctx: Context) -> None:
    """Routers, then what is on them, then hosts with their rules."""
    each(ctx, VPC, lambda here, doc: networks.ensure_router(here.region, doc))
    each(ctx, SUBNET, lambda here, doc: subnets.apply(here.store, doc))
    each(ctx, NAT, _nat)
    each(ctx, HOST, hosts.stand_again)


def _nat(ctx: Context, doc: Doc) -> None:
    if doc["State"] == "AVAILABLE":  # others are on their way: a task waits
        nats.apply(doc)
