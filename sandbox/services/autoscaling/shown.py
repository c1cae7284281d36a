"""What `status` does not show of scaling groups."""

from sandbox.services.autoscaling.kinds import ACTIVITY

BOOKKEEPING = (ACTIVITY.name,)
