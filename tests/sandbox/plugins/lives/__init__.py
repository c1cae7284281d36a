"""Lives of resources, a module per family: each type is made, read, changed and deleted."""

from collections.abc import Callable, Mapping

from tests.sandbox.plugins.lives import autoscaling, clb, cls, monitor, names, redis, secrets, tcr, vpc
from tests.sandbox.plugins.provider_run import Run

FAMILIES: Mapping[str, Callable[[Run], None]] = {
    "autoscaling": autoscaling.live,
    "clb": clb.live,
    "cls": cls.live,
    "monitor": monitor.live,
    "names": names.live,
    "redis": redis.live,
    "secrets": secrets.live,
    "tcr": tcr.live,
    "vpc": vpc.live,
}
